"""A film of a drawn face that walks: no footage of real people is in this repository."""

from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from tests.integration.archive.small_archive import aged
from tests.integration.review.kept_footage import FPS, FRAMES

WALL = (120, 130, 125)
HAIR, SKIN, LIPS, DARK, WHITE = (60, 40, 30), (222, 178, 150), (180, 80, 80), (10, 10, 10), (250, 250, 250)
WIDTH, HEIGHT = 320, 240
SIDE = 90  # of the square that a face is drawn in


def draw_face(side: int = SIDE) -> NDArray[np.uint8]:
    """[side, side, 3] a face with soft edges."""
    picture = Image.new("RGB", (360, 360), WALL)
    pen = ImageDraw.Draw(picture)
    pen.ellipse((90, 20, 270, 310), fill=HAIR)
    pen.ellipse((105, 55, 255, 315), fill=SKIN)
    pen.ellipse((105, 35, 255, 115), fill=HAIR)
    for x in (145, 215):
        pen.arc((x - 24, 125, x + 24, 160), 200, 340, fill=HAIR, width=6)
        pen.ellipse((x - 18, 153, x + 18, 175), fill=WHITE)
        pen.ellipse((x - 8, 154, x + 8, 174), fill=HAIR)
        pen.ellipse((x - 4, 160, x + 4, 168), fill=DARK)
    pen.polygon([(180, 165), (168, 220), (192, 220)], fill=(205, 155, 128))
    pen.ellipse((150, 245, 210, 272), fill=LIPS)
    pen.line((152, 258, 208, 258), fill=(110, 40, 45), width=3)
    small = picture.filter(ImageFilter.GaussianBlur(2)).resize((side, side), Image.Resampling.LANCZOS)
    return np.asarray(small)


def place_of(number: int) -> tuple[int, int]:
    """Left and top of the face's square in a frame."""
    return 10 + number * 4 // 10, 40 + number % 30


def film_face(path: Path) -> Path:
    """As ``kept_footage.film``, but what is filmed is the face."""
    path.parent.mkdir(parents=True, exist_ok=True)
    face = draw_face()
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "15", "g": "60"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), WALL, np.uint8)
            left, top = place_of(number)
            image[top : top + SIDE, left : left + SIDE] = face
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode(None))
    return aged(path)
