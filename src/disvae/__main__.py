"""``python -m disvae``: the command line."""

import sys

from disvae.cli import main

if __name__ == "__main__":
    sys.exit(main())
