"""The C library's allocator, told what training does."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_NEVER = 2**31 - 1
_LARGEST = 2**30  # bytes


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
