"""A film of a drawn car that passes with its number plate, and plates as several countries have them."""

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.integration.archive.small_archive import aged
from tests.integration.review.kept_footage import FPS, FRAMES

WIDTH, HEIGHT = 480, 270
STREET, BODY, WINDOW = (120, 122, 118), (60, 80, 120), (30, 36, 44)
# What stands on it, width by height, ground, letters.
PLATES = {
    "German": ("B AB 1234", 4.7, (250, 250, 250), (10, 10, 10)),
    "British": ("AB12 CDE", 4.7, (245, 205, 40), (10, 10, 10)),
    "American": ("7ABC123", 2.0, (240, 240, 250), (30, 40, 120)),
    "Russian": ("A123BC 77", 4.6, (250, 250, 250), (10, 10, 10)),
    "Chinese": ("A 12345", 3.1, (20, 60, 190), (250, 250, 250)),
    "Japanese": ("12-34", 2.0, (250, 250, 250), (20, 90, 30)),
}


def draw_plate(width: int, country: str = "German") -> NDArray[np.uint8]:
    """[h, width, 3]."""
    text, shape, ground, letters = PLATES[country]
    large = 8 * width, round(8 * width / shape)
    picture = Image.new("RGB", large, ground)
    pen = ImageDraw.Draw(picture)
    size = large[1]
    while pen.textlength(text, font=ImageFont.load_default(size)) > 0.9 * large[0]:
        size -= 4
    pen.text((large[0] / 2, large[1] / 2), text, letters, ImageFont.load_default(size), anchor="mm")
    return np.asarray(picture.resize((width, round(width / shape)), Image.Resampling.BOX))


def draw_street(
    left: int, top: int, plate: NDArray[np.uint8], size: tuple[int, int] = (WIDTH, HEIGHT)
) -> NDArray[np.uint8]:
    """[size[1], size[0], 3] a car from behind, its plate at this place."""
    picture = Image.new("RGB", size, STREET)
    pen = ImageDraw.Draw(picture)
    height, width = plate.shape[:2]
    middle, half = left + width // 2, round(1.6 * width)
    pen.rounded_rectangle((middle - half, top - round(1.7 * width), middle + half, top + width // 2), 15, BODY)
    pen.rectangle((middle - half + 20, top - round(1.5 * width), middle + half - 20, top - round(0.7 * width)), WINDOW)
    image = np.array(picture)
    image[top : top + height, left : left + width] = plate
    return image


def place_of(number: int) -> tuple[int, int]:
    """Left and top of the plate in a frame."""
    return 120 + number // 2, 150 + number // 8


def film_plate(path: Path) -> Path:
    """As ``kept_footage.film``, but what is filmed is the car."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plate = draw_plate(80)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "18", "g": "60"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(FRAMES):
            image = draw_street(*place_of(number), plate)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode(None))
    return aged(path)
