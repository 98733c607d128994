"""Every option once: name, type, default, bounds, help.

The command line, ``specs.json`` and Python (``disvae.train(...)``) all read these records.
"""

from disvae.options.common import GENERAL, PLOT, SCORES, Computing
from disvae.options.plotting import PlotOptions
from disvae.options.run import INCIDENTAL, Options, resolve
from disvae.options.scoring import ScoreOptions
from disvae.options.sweeping import SweepOptions

__all__ = [
    "GENERAL",
    "INCIDENTAL",
    "PLOT",
    "SCORES",
    "Computing",
    "Options",
    "PlotOptions",
    "ScoreOptions",
    "SweepOptions",
    "resolve",
]
