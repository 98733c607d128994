"""All that runs need, imported by the process of which the workers of a sweep are forks."""

import gc

gc.disable()  # nothing of what is loaded here goes

import joblib  # type: ignore[import-untyped]  # noqa: E402
from PIL import Image  # noqa: E402

from disvae.models import burgess  # noqa: E402
from disvae.runs import model  # noqa: E402
from disvae.sweep.work import perform  # noqa: E402
from disvae.training.train import train  # noqa: E402

__all__ = ["burgess", "joblib", "model", "perform", "train"]
Image.preinit()  # the usual formats of images
gc.freeze()  # so that no collection of a worker copies the pages that it shares
gc.enable()
