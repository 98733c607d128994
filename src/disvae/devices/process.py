"""Settings of a process that computes; programs make them, functions of this package do not."""

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_NEVER = 2**31 - 1
_LARGEST = 2**30  # bytes
_SPINS = "10000"  # some 10 microseconds; fewer cost time where nothing else runs


def keep_freed_memory() -> None:
    """Let freed memory stay with the process, where the next step takes it again.

    By default glibc gives tensors of megabytes back to the system as they are freed. Each
    training step then takes some thousand page faults, a fifth of its time. Elsewhere than
    with glibc nothing is done.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have none
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, _NEVER)


def spin_briefly() -> None:
    """Let threads that wait for others of PyTorch's sleep soon; call it before it is imported.

    GNU's OpenMP lets them spin for milliseconds. Where another process has one of the cores, they
    spin at every barrier instead of letting the last one work, and a step takes ten times as
    long. What the user set for this is kept.
    """
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = _SPINS
