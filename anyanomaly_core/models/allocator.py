"""Memory of large arrays is used again instead of given back: on a CPU that is a tenth to a fifth of a scan.

As it starts, glibc maps an array of some megabytes anew each time, and the kernel zeroes it page by page before a
network writes its numbers there. What is kept is memory that the next batch needs anyway.
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
KEPT = 256 << 20  # bytes at the end of the heap
LARGEST = 32 << 20  # bytes of an array that is still taken from the heap: the most that glibc allows


def keep_freed_memory() -> None:
    """For this process, from now on; nothing happens where the C library is another than glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, KEPT)
        mallopt(_MMAP_THRESHOLD, LARGEST)
