"""The learning rate at each step: a pure function of the step, so that resuming needs no state."""

import math
from collections.abc import Callable

from disvae.options import RunOptions


def rate_by_step(options: RunOptions, last: int) -> Callable[[int], float] | None:
    """Return the share of the learning rates at each step, from 1 to `last`; None: always 1.

    Up linearly over ``lr_warmup`` steps, the first of which has one part of so many. From there
    on constant, or down by half a cosine (Loshchilov and Hutter 2017, equation 5, without
    restarts, from 1 to 0), which would reach 0 one step after the last.
    """
    warmup, falls = options.lr_warmup, options.lr_schedule == "cosine"
    if not warmup and not falls:
        return None

    def share(step: int) -> float:
        if step <= warmup:
            return step / warmup
        if not falls:
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (step - 1 - warmup) / (last - warmup)))

    return share
