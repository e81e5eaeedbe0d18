"""The command `ase-rfhgn`."""
