"""Makes ``import torchvision`` work beside a CPU-only torch; does nothing where it works already.

The published torchvision wheel registers its operators from a CUDA library. Next to a CPU build of torch that
library does not load, the import dies while it registers shape functions for operators nobody declared, and it takes
open_clip and the Auto classes of transformers with it. Declaring the missing operators lets the Python half
(transforms, image processors) load. The operators themselves stay without a kernel: calling one raises.

Import this module before open_clip or transformers.
"""

import re
import sys
from functools import lru_cache

import torch

from anyanomaly_core.errors import ModelError

# Schemas of the operators whose fake kernels torchvision registers at import.
_SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_MISSING = re.compile(r"operator torchvision::(\w+) does not exist")


@lru_cache(maxsize=1)
def ensure_torchvision() -> None:
    """Import torchvision, declaring the operators it misses; raises ModelError when that does not help."""
    library: torch.library.Library | None = None
    for _ in range(len(_SCHEMAS) + 1):
        missing = _try_import()
        if missing is None:
            return
        _forget_half_imported()
        library = library or torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        library.define(_SCHEMAS[missing])  # type: ignore[no-untyped-call]
        _KEPT_ALIVE.append(library)
    raise ModelError("torchvision cannot be imported. Install the torchvision that belongs to the installed torch.")


_KEPT_ALIVE: list[torch.library.Library] = []  # a Library takes its operators with it when it is collected


def _try_import() -> str | None:
    """None when torchvision imports; else the name of an operator it misses and we can declare."""
    try:
        import torchvision  # type: ignore[import-untyped]  # noqa: F401, PLC0415
    except RuntimeError as error:
        found = _MISSING.search(str(error))
        if found is None or found[1] not in _SCHEMAS:
            raise ModelError(
                f"torchvision cannot be imported: {error}. Install the one that belongs to torch."
            ) from error
        return found[1]
    return None


def _forget_half_imported() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]


ensure_torchvision()
