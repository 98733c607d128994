"""All that runs need, imported by the process of which the workers of a sweep are forks."""

import gc

gc.disable()  # nothing of what is loaded here goes

from disvae.sweep.work import perform  # noqa: E402
from disvae.training.train import train  # noqa: E402

__all__ = ["perform", "train"]
gc.freeze()  # so that no collection of a worker copies the pages that it shares
gc.enable()
