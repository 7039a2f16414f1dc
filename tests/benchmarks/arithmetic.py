"""How fast a scan could be at best: its networks' arithmetic, at the rate at which this processor multiplies matrices.

No program that computes the same numbers can be faster, but for algorithms that need fewer multiplications.
"""

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

SIDE = 1024  # of the matrices
ROUNDS = 20


def operations(work: Callable[[], object]) -> float:
    """Floating point operations of the matrix products and convolutions in ``work``, a multiplication and an addition
    being two. Attention is left out where the processor has a kernel of its own for it.
    """
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())


@torch.inference_mode()
def operations_per_second(precision: torch.dtype, clock: Callable[[], float]) -> float:
    """Of a product of large square matrices, the best of a few rounds."""
    left, right = (torch.randn(SIDE, SIDE).to(precision) for _ in range(2))
    torch.matmul(left, right)  # warm up
    best = float("inf")
    for _ in range(ROUNDS):
        before = clock()
        torch.matmul(left, right)
        best = min(best, clock() - before)
    return 2 * SIDE**3 / best
