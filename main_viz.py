"""Draw: `python main_viz.py NAME PLOTS ...` is `disvae plot NAME PLOTS ...`."""

import sys

from disvae.cli import main

sys.exit(main(program="main_viz.py"))
