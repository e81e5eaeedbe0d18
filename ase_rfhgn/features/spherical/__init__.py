"""Invariant features of atomic neighbourhoods: random fields on the sphere."""
