"""The command line as a module: ``python -m ase_rfhgn``."""

import sys

from ase_rfhgn.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
