"""The camera's burnt-in name and time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from anyanomaly_core.demo.world.types import FRAME_SIZE, Bytes, Floats


@lru_cache(maxsize=64)
def _stamp(text: str, size: int) -> tuple[Floats, Floats]:
    """Brightness and coverage of a line of text with a dark rim [h, w]."""
    font = ImageFont.load_default(size)
    box = font.getbbox(text)
    shape = (int(box[2]) + 4, int(box[3]) + 4)
    ink, rim = Image.new("L", shape), Image.new("L", shape)
    ImageDraw.Draw(ink).text((2, 2), text, 235, font)
    ImageDraw.Draw(rim).text((2, 2), text, 255, font, stroke_width=1, stroke_fill=255)
    brightness, cover = np.asarray(ink, np.float32), np.asarray(rim, np.float32)
    cover = cover / np.float32(255)
    return brightness, cover


def burn_in(image: Bytes, lines: tuple[tuple[str, str], ...], size: int = 13) -> None:
    """Write (corner, text) lines into an image [H, W, 3] in place; corners are "tl", "tr", "bl", "br"."""
    for corner, text in lines:
        ink, rim = _stamp(text, size)
        h, w = ink.shape
        if w > FRAME_SIZE[0] - 8:
            continue
        x = 6 if corner[1] == "l" else FRAME_SIZE[0] - w - 6
        y = 4 if corner[0] == "t" else FRAME_SIZE[1] - h - 5
        patch = image[y : y + h, x : x + w]
        patch[:] = (patch * (1 - rim[..., None]) + ink[..., None] * rim[..., None]).astype(np.uint8)
