"""What a library has no name for costs that one item, never the file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anyanomaly_core.errors import UnreadableFootageError
from anyanomaly_core.footage.decode import decode
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.probe import probe
from tests.integration.footage.conftest import Make, run_ffmpeg

# Exif's orientations: what the picture below becomes when it is shown; (x, y) is where its white corner goes.
CORNERS = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}


def test_pictures_one_behind_the_other(make: Make) -> None:
    """Without its name ffmpeg takes .mjpeg for a pipe of JPEGs."""
    path = make("x.mjpeg", "-c:v", "mjpeg", source="testsrc2=size=320x240:rate=15:duration=10")
    assert probe(path).codec == "mjpeg"
    assert index_frames(path).frame_count == 150
    assert [frame.number for frame in decode(path, step=50, size=(16, 12))] == [0, 50, 100]


@pytest.mark.parametrize("orientation", CORNERS)
def test_jpeg_with_exif(tmp_path: Path, orientation: int) -> None:
    """PyAV cannot name Exif data; the display matrix beside it still counts, mirroring included."""
    picture = np.zeros((48, 80, 3), np.uint8)
    picture[:16, :16] = 255
    exif = Image.Exif()
    exif[0x0110], exif[0x0112] = "camera", orientation
    for number in range(4):
        Image.fromarray(picture).save(tmp_path / f"{number}.jpg", quality=95, exif=exif)
    path = tmp_path / "x.avi"
    run_ffmpeg("-framerate", "5", "-i", str(tmp_path / "%d.jpg"), "-c", "copy", str(path))
    header, index = probe(path), index_frames(path)
    assert index.frame_count == 4
    assert (header.width, header.height) == ((80, 48) if orientation < 5 else (48, 80))
    image = next(decode(path)).image.mean(axis=2)  # [H, W]
    corners = {(x, y): image[-y * 16 :][:16, -x * 16 :][:, :16].mean() for x in (0, 1) for y in (0, 1)}
    assert max(corners, key=lambda corner: corners[corner]) == CORNERS[orientation]


def test_codec_without_decoder(make: Make) -> None:
    """Nobody has a decoder: the file is said to have a video stream, and why it cannot be read."""
    path = make("x.mkv", "-c:v", "mpeg4")
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/ASP", b"V_MPEG9/ISO/ASP"))
    with pytest.raises(UnreadableFootageError, match="in a codec that no decoder here knows"):
        index_frames(path)
