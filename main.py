"""Train and evaluate: `python main.py NAME ...` is `disvae train NAME ...`."""

import sys

from disvae.cli import main

sys.exit(main(program="main.py"))
