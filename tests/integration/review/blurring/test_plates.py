"""Number plates in exported clips and stills."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anyanomaly_core.footage.decode import decode
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.review.blurring.text import TextDetector
from tests.conftest import TestDatabase
from tests.integration.review.blurring.drawn_plate import PLATES, draw_plate, draw_street, film_plate, place_of
from tests.integration.review.kept_footage import FIRST, FPS, LAST, Kept, export, keep

AROUND_S = 0.2
AROUND = round(AROUND_S * FPS)


@pytest.fixture(scope="module")
def plates(module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    engine = make_engine(module_database.url(), pool_size=4)
    yield keep(engine, tmp_path_factory.mktemp("plates"), filmed=film_plate)
    engine.dispose()


@pytest.fixture(scope="module")
def bundle(plates: Kept, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return export(plates, tmp_path_factory.mktemp("covered"), around_s=AROUND_S, blur=["plates", "faces"])


def strokes(image: NDArray[np.uint8], number: int) -> float:
    """How much neighbouring pixels differ on the plate of a frame."""
    left, top = place_of(number)
    return float(np.abs(np.diff(image[top : top + 17, left : left + 80].astype(float), axis=1)).mean())


def test_no_plate_can_be_read_in_any_frame(bundle: dict[str, bytes], plates: Kept, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(bundle["clip.mp4"])
    hidden = [frame.image for frame in decode(tmp_path / "clip.mp4")]
    shown = {frame.number: frame.image for frame in decode(plates.file)}
    assert len(hidden) == LAST - FIRST + 1 + 2 * AROUND
    for number, image in enumerate(hidden, FIRST - AROUND):
        assert strokes(image, number) < strokes(shown[number], number) / 4, number
        assert np.abs(shown[number][:100].astype(int) - image[:100]).mean() < 3, "the rest stays as it was"


def test_the_key_frame_is_covered_too(bundle: dict[str, bytes]) -> None:
    key = np.asarray(Image.open(io.BytesIO(bundle["key.png"])).convert("RGB"))
    assert len(TextDetector().detect(key)) == 0


def test_the_bundle_says_what_was_looked_for_and_what_it_misses(bundle: dict[str, bytes]) -> None:
    said = json.loads(bundle["manifest.json"])["events"][0]["blurred"]
    assert said["targets"] == ["faces", "plates"]
    assert "YuNet" in said["detector"]
    assert "PP-OCRv6" in said["detector"]
    assert "misses faces" in said["warning"]
    assert "misses number plates" in said["warning"]
    read_me = " ".join(bundle["README.txt"].decode().split())
    assert "recorder's clock" in read_me
    assert "Look at every frame" in read_me


@pytest.mark.parametrize("country", PLATES)
@pytest.mark.parametrize("width", [70, 100])
def test_a_plate_of_any_country_is_found(country: str, width: int) -> None:
    plate = draw_plate(width, country)
    left, top = 200, 150
    found = TextDetector().detect(draw_street(left, top, plate))
    middle = np.array([left + width / 2, top + plate.shape[0] / 2])
    assert any(np.all(box[:2] < middle) and np.all(middle < box[2:]) for box in found)


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_large_pictures_are_looked_at_in_parts(size: tuple[int, int], width: int) -> None:
    plate = draw_plate(width)
    for left, top in ((200, 300), (size[0] // 2 - width // 2, size[1] // 2), (size[0] - 2 * width, size[1] - 60)):
        found = TextDetector().detect(draw_street(left, top, plate, size))
        middle = np.array([left + width / 2, top + plate.shape[0] / 2])
        assert any(np.all(box[:2] < middle) and np.all(middle < box[2:]) for box in found), (left, top)


def test_a_slanted_plate_is_not_taken_for_something_high() -> None:
    street = Image.fromarray(draw_street(300, 300, draw_plate(300), (1280, 720)))
    turned = np.asarray(street.rotate(25, Image.Resampling.BICUBIC, center=(450, 332), fillcolor=(120, 122, 118)))
    found = TextDetector().detect(turned)
    assert any(np.all(box[:2] < (450, 332)) and np.all(box[2:] > (450, 332)) for box in found)


@pytest.mark.parametrize("shape", [(20, 4000), (4000, 20), (1, 1), (2, 40), (31, 31)])
def test_a_strip_is_looked_at_like_any_picture(shape: tuple[int, int]) -> None:
    assert len(TextDetector().detect(np.full((*shape, 3), 90, np.uint8))) == 0


def test_a_street_without_writing_has_none() -> None:
    blank = np.full((17, 80, 3), 250, np.uint8)
    assert len(TextDetector().detect(draw_street(200, 150, blank))) == 0
