"""What every model asks of an image before it is shown to it."""

import numpy as np
from PIL import Image as PilImage

from anyanomaly_core.models.protocols import Image


def image_problem(image: Image) -> str | None:
    """Why ``image`` cannot be shown to a model; None when it can: uint8 [H, W, 3] with H, W >= 1."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        return f"an image must be a uint8 array, this is {getattr(image, 'dtype', type(image).__name__)}"
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:  # noqa: PLR2004
        return f"an image must have shape [H, W, 3], this one has {image.shape}"
    return None


def limit_side(image: Image, longest: int | None) -> Image:
    """``image`` shrunk (bicubic, aspect kept) until its longest side is at most ``longest`` pixels; None: as it is.

    The result is writable, which torch asks for.
    """
    height, width = image.shape[:2]
    if longest is None or max(height, width) <= longest:
        return image if image.flags.writeable else image.copy()
    factor = longest / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.array(PilImage.fromarray(image).resize(size, PilImage.Resampling.BICUBIC))
