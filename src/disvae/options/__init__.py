"""Every option once: name, type, default, bounds, help.

The command line, ``specs.json`` and Python (``disvae.train(...)``) all read these records.
"""

from disvae.options.common import GENERAL, PLOT, SCORES, Computing, Device, Opening
from disvae.options.composition import Options, resolve
from disvae.options.plotting import PlotOptions
from disvae.options.run import INCIDENTAL, RunOptions
from disvae.options.scoring import ScoreOptions
from disvae.options.sweeping import SweepOptions
from disvae.options.user_code import UserCode, taken

__all__ = [
    "GENERAL", "INCIDENTAL", "PLOT", "SCORES", "Computing", "Device", "Opening", "Options",
    "PlotOptions", "RunOptions", "ScoreOptions", "SweepOptions", "UserCode", "resolve", "taken",
]  # fmt: skip
