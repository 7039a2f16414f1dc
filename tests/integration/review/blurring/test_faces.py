"""Faces in exported clips and stills: covered in every frame, said in the manifest, and gone for good."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from anyanomaly_core.cli.app import app
from anyanomaly_core.errors import FootageError, StorageError
from anyanomaly_core.footage.decode import decode
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.review.blurring.blur import BlurRegions, write_blurred_clip
from anyanomaly_core.review.blurring.detector import NO_BOXES
from anyanomaly_core.review.blurring.faces import FaceDetector
from tests.conftest import TestDatabase
from tests.integration.review.blurring.drawn_face import HEIGHT, SIDE, WIDTH, draw_face, film_face, place_of
from tests.integration.review.kept_footage import FIRST, FPS, LAST, Kept, export, keep

AROUND_S = 0.4
AROUND = round(AROUND_S * FPS)


@pytest.fixture(scope="module")
def faces(module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    engine = make_engine(module_database.url(), pool_size=4)
    yield keep(engine, tmp_path_factory.mktemp("faces"), filmed=film_face)
    engine.dispose()


@pytest.fixture(scope="module")
def covered(faces: Kept, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return export(faces, tmp_path_factory.mktemp("covered"), around_s=AROUND_S, blur=["faces"])


@pytest.fixture(scope="module")
def plain(faces: Kept, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return export(faces, tmp_path_factory.mktemp("plain"), around_s=AROUND_S)


def detail(image: NDArray[np.uint8], number: int) -> float:
    """How much neighbouring pixels differ where the eyes are drawn in a frame."""
    left, top = place_of(number)
    eyes = image[top + SIDE // 3 : top + SIDE // 2, left + SIDE // 3 : left + 2 * SIDE // 3].astype(float)
    return float(np.abs(np.diff(eyes, axis=1)).mean())


def pictures(content: bytes, path: Path) -> list[NDArray[np.uint8]]:
    path.write_bytes(content)
    return [frame.image for frame in decode(path)]


def test_no_face_is_left_in_any_frame(covered: dict[str, bytes], plain: dict[str, bytes], tmp_path: Path) -> None:
    shown = pictures(plain["clip.mp4"], tmp_path / "plain.mp4")
    hidden = pictures(covered["clip.mp4"], tmp_path / "covered.mp4")
    assert len(shown) == len(hidden) == LAST - FIRST + 1 + 2 * AROUND
    detector = FaceDetector()
    for place, (before, after) in enumerate(zip(shown, hidden, strict=True)):
        number = FIRST - AROUND + place
        assert detail(after, number) < detail(before, number) / 4, number
        left, top = place_of(number)
        middles = [(box[:2] + box[2:]) / 2 for box in detector.detect(after)]
        assert not [m for m in middles if left < m[0] < left + SIDE and top < m[1] < top + SIDE], number
        assert np.abs(before[:, 280:].astype(int) - after[:, 280:]).mean() < 3, "the rest stays as it was"


def test_frames_keep_their_times(covered: dict[str, bytes], plain: dict[str, bytes], tmp_path: Path) -> None:
    times = []
    for name, files in (("a", plain), ("b", covered)):
        (tmp_path / f"{name}.mp4").write_bytes(files["clip.mp4"])
        times.append(index_frames(tmp_path / f"{name}.mp4").times_s)
    np.testing.assert_allclose(times[1], times[0], atol=1e-4)
    assert covered["clip.mp4"].index(b"moov") < covered["clip.mp4"].index(b"mdat"), "playing can begin at once"


def test_the_key_frame_and_the_grid_are_covered_too(covered: dict[str, bytes], plain: dict[str, bytes]) -> None:
    detector = FaceDetector()
    before, after = (np.asarray(Image.open(io.BytesIO(files["key.png"])).convert("RGB")) for files in (plain, covered))
    assert len(detector.detect(before)) > 0
    assert len(detector.detect(after)) == 0
    assert covered["grid.png"] != plain["grid.png"]


def test_the_bundle_says_how_it_was_blurred_and_that_faces_are_missed(covered: dict[str, bytes]) -> None:
    manifest = json.loads(covered["manifest.json"])
    said = manifest["events"][0]["blurred"]
    assert said["targets"] == ["faces"]
    assert said["detector"].startswith("YuNet 2023mar")
    assert said["frames"] == said["frames_blurred"] == LAST - FIRST + 1 + 2 * AROUND
    assert 0 < said["frames_with_detections"] <= said["frames_examined"]
    assert "It misses faces" in said["warning"]
    assert json.loads(covered["event.json"])["clip"]["blurred"] == said
    assert "Look at every frame" in " ".join(covered["README.txt"].decode().split())


def test_without_blurring_the_manifest_says_so(plain: dict[str, bytes]) -> None:
    assert json.loads(plain["manifest.json"])["events"][0]["blurred"] is None


def test_the_command_refuses_what_it_cannot_find() -> None:
    answer = CliRunner().invoke(
        app, ["evidence", "export", "0" * 32, "--out", "x.zip", "--blur", "faces,tattoos"], catch_exceptions=True
    )
    assert answer.exit_code != 0
    assert "tattoos cannot be found" in answer.output + str(answer.exception)


@pytest.mark.parametrize("side", [60, 120, 200])
def test_a_drawn_face_is_found_where_it_is(side: int) -> None:
    image = np.full((240, 320, 3), 125, np.uint8)
    image[20 : 20 + side, 60 : 60 + side] = draw_face(side)
    found = FaceDetector().detect(image)
    middle = np.array([60 + side / 2, 20 + side / 2])
    assert any(np.all(box[:2] < middle) and np.all(middle < box[2:]) for box in found)


def test_a_clip_with_other_frames_than_said_is_not_passed_on(faces: Kept, tmp_path: Path) -> None:
    times = index_frames(faces.file).times_s
    for wrong in (times[:-1], np.append(times, times[-1] + 1)):
        regions = BlurRegions((FaceDetector(),), 0, (WIDTH, HEIGHT), [NO_BOXES] * len(wrong), 0, 0)
        with pytest.raises(FootageError, match=f"does not have the {len(wrong)} frames"):
            write_blurred_clip(faces.file, wrong, regions, tmp_path / "clip.mp4", Limits())


def test_a_full_disk_is_said(faces: Kept) -> None:
    times = index_frames(faces.file).times_s
    regions = BlurRegions((FaceDetector(),), 0, (WIDTH, HEIGHT), [NO_BOXES] * len(times), 0, 0)
    with pytest.raises(StorageError, match="No space left"):
        write_blurred_clip(faces.file, times, regions, Path("/dev/full"), Limits())
