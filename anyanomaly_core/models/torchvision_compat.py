"""Makes ``import torchvision`` work beside a CPU-only torch; does nothing where it works already.

The published torchvision wheel registers its operators from a CUDA library. Next to a CPU build of torch that
library does not load, the import dies while it registers shape functions for operators nobody declared, and it takes
open_clip and the Auto classes of transformers with it. Declaring the missing operators lets the Python half
(transforms, image processors) load. The operators themselves stay without a kernel: calling one raises. So their
arguments need not be known here, and an operator that a later torchvision adds is declared like the others.

Import this module before open_clip or transformers.
"""

import re
import sys
from functools import lru_cache

import torch

from anyanomaly_core.errors import ModelError

_MISSING = re.compile(r"operator torchvision::(\w+) does not exist")
_DECLARED: list[torch.library.Library] = []  # a Library takes its operators with it when it is collected


@lru_cache(maxsize=1)
def ensure_torchvision() -> None:
    """Import torchvision, declaring the operators it misses; raises ModelError when that does not help."""
    declared: set[str] = set()
    while (missing := _missing_operator()) is not None:
        if missing in declared:
            raise ModelError(
                f"torchvision cannot be imported: its operator {missing} does not work. Install the torchvision that "
                "belongs to the installed torch."
            )
        _forget_half_imported()
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        library.define(f"{missing}(...) -> ...")  # type: ignore[no-untyped-call]
        _DECLARED.append(library)
        declared.add(missing)


def _missing_operator() -> str | None:
    """None when torchvision imports; else the name of an operator it misses."""
    try:
        import torchvision  # type: ignore[import-untyped]  # noqa: F401, PLC0415
    except RuntimeError as error:
        found = _MISSING.search(str(error))
        if found is None:
            raise ModelError(
                f"torchvision cannot be imported: {error}. Install the one that belongs to torch."
            ) from error
        return found[1]
    return None


def _forget_half_imported() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]


ensure_torchvision()
