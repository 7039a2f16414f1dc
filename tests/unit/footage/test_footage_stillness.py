"""Noise, flicker, compression and a clock leave a scene still; what comes, goes, moves or creeps does not."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anyanomaly_core.footage.decode import decode
from anyanomaly_core.footage.stillness import StillScene, cells, still_scene

Frames = NDArray[np.uint8]  # [n, 360, 480, 3]
LEVEL, N, H, W = 6.0, 24, 360, 480


@pytest.fixture(scope="module")
def scene() -> NDArray[np.float64]:
    """[H, W] a street of smooth and sharp parts."""
    rng = np.random.default_rng(4)
    coarse = np.kron(rng.uniform(40, 200, (9, 12)), np.ones((40, 40)))
    fine = np.kron(rng.uniform(-20, 20, (90, 120)), np.ones((4, 4)))
    return np.asarray((coarse + fine).clip(0, 255))


def film(scene: NDArray[np.float64], count: int = N, *, noise: float = 5.0, seed: int = 0) -> NDArray[np.float64]:
    """[count, H, W] the scene with sensor noise."""
    rng = np.random.default_rng(seed)
    return scene + rng.normal(0, noise, (count, H, W))


def seen(grey: NDArray[np.float64]) -> NDArray[np.float32]:
    frames = np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, -1)
    return cells(list(frames))


def anchor(scene: NDArray[np.float64]) -> StillScene:
    found = still_scene(seen(film(scene)), LEVEL)
    assert found is not None
    return found


def test_cells_are_means_of_their_part_of_the_picture(scene: NDArray[np.float64]) -> None:
    wide = np.repeat(scene[:, :448, None].astype(np.uint8), 3, -1)  # 448 = 64 * 7, 360 = 36 * 10: whole pixels
    expected = wide[..., 0].reshape(36, 10, 64, 7).mean((1, 3))
    assert np.abs(cells([wide])[0] - expected).max() <= 1  # rounded to whole grey levels, twice


def test_noise_and_flicker_are_no_change(scene: NDArray[np.float64]) -> None:
    waves = 4 * np.sin(np.arange(N) * 2.1)[:, None, None]
    assert anchor(scene).goes_on(seen(film(scene, seed=1)))
    assert anchor(scene).goes_on(seen(film(scene, seed=2, noise=9) + waves))


def test_compression_is_no_change(scene: NDArray[np.float64], tmp_path: Path) -> None:
    raw = np.repeat(film(scene, 8 * N, noise=4).clip(0, 255).astype(np.uint8)[..., None], 3, -1)
    target = tmp_path / "still.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{W}x{H}"]
    command += ["-r", "12", "-i", "-", "-c:v", "libx264", "-crf", "28", "-g", "50", "-pix_fmt", "yuv420p", str(target)]
    subprocess.run(command, input=raw.tobytes(), check=True)
    images = [frame.image for frame in decode(target)]
    first = still_scene(cells(images[:N]), LEVEL)
    assert first is not None
    assert all(first.goes_on(cells(images[start : start + N])) for start in range(N, 8 * N, N))


def test_a_clock_at_the_edge_is_no_change_and_what_happens_elsewhere_still_is(scene: NDArray[np.float64]) -> None:
    def ticking(seed: int) -> NDArray[np.float64]:
        frames = film(scene, seed=seed)
        for n in range(N):
            frames[n, 4:18, 150:160] = 255 * ((n // 12 + seed) % 2)  # seconds
            frames[n, 4:18, 136:146] = 255 * (seed % 2)  # their tens
        return frames

    first = still_scene(seen(ticking(0)), LEVEL)
    assert first is not None
    assert first.goes_on(seen(ticking(1)))
    moved = ticking(1)
    moved[:, 200:212, 300:310] += 40
    assert not first.goes_on(seen(moved))


@pytest.mark.parametrize("contrast", [-30.0, 30.0])
@pytest.mark.parametrize(("height", "width"), [(10, 8), (24, 16)])
def test_something_small_that_stays_is_a_change(height: int, width: int, contrast: float) -> None:
    mid = np.full((H, W), 120.0)
    frames = film(mid, seed=3)
    frames[:, 100 : 100 + height, 201 : 201 + width] += contrast
    assert not anchor(mid).goes_on(seen(frames))


def test_something_that_crosses_in_two_frames_is_a_change(scene: NDArray[np.float64]) -> None:
    frames = film(scene, seed=3)
    frames[10:12, 150:200, 220:240] += 60
    assert not anchor(scene).goes_on(seen(frames))
    assert still_scene(seen(frames), LEVEL) is None  # nor may anything be taken over from it


def test_darkness_is_a_change_however_slowly_it_falls(scene: NDArray[np.float64]) -> None:
    first, lasted = anchor(scene), 0
    while first.goes_on(seen(film(scene - 0.5 * (lasted + 1), seed=lasted))):
        lasted += 1
    assert 8 <= lasted <= 12  # at half a level a segment, 6 levels are 12 segments


@given(st.floats(0.2, 3.0))
def test_a_thing_that_fades_in_is_seen_before_it_is_plain(per_segment: float) -> None:
    mid = np.full((36, 64), 100.0, np.float32)
    first = still_scene(np.repeat(mid[None], N, 0), LEVEL)
    assert first is not None
    added = 0.0
    while added <= LEVEL:
        now = mid.copy()
        now[20, 30] += added
        if not first.goes_on(np.repeat(now[None], N, 0)):
            break
        added += per_segment
    assert added <= LEVEL  # against the anchor; from one segment to the next it never was more than per_segment


def test_a_picture_that_only_changes_at_its_edge_a_lot_is_not_a_clock(scene: NDArray[np.float64]) -> None:
    frames = film(scene)
    frames[12:, :30, :] += 50  # the whole upper edge
    assert still_scene(seen(frames), LEVEL) is None


def test_a_single_frame_is_a_scene(scene: NDArray[np.float64]) -> None:
    alone = still_scene(seen(film(scene, 1)), LEVEL)
    assert alone is not None
    assert alone.goes_on(seen(film(scene, 1, seed=5)))
