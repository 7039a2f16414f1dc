"""Privacy masks: nothing of what lies inside reaches a decoded picture, everything else stays as it was."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.footage.decode import decode, read_frames
from anyanomaly_core.footage.masks import MARGIN, Mask, boxes, load_masks

TRIANGLE = Mask((((0.2, 0.1), (0.7, 0.3), (0.35, 0.8)),))


def lossless(path: Path, inside: str, *, extra: tuple[str, ...] = ()) -> Path:
    """A test pattern; where the triangle lies, another pattern named ``inside`` (its bounding box, cut by geq)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    edges = [(0.2, 0.1, 0.7, 0.3), (0.7, 0.3, 0.35, 0.8), (0.35, 0.8, 0.2, 0.1)]
    left_of = [f"gte(({x1 - x0})*(Y/H-{y0})-({y1 - y0})*(X/W-{x0}),0)" for x0, y0, x1, y1 in edges]
    alpha = f"format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*{'*'.join(left_of)}'"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x240:rate=5",
    ]
    command += ["-f", "lavfi", "-i", f"{inside}=size=320x240:rate=5"]
    command += ["-filter_complex", f"[1:v]{alpha}[top];[0:v][top]overlay=format=yuv444,format=yuv420p"]
    subprocess.run([*command, "-frames:v", "4", "-c:v", "ffv1", *extra, str(path)], check=True)
    return path


@pytest.mark.parametrize("size", [None, (160, 120), (100, 75)], ids=str)
def test_footage_that_differs_only_inside_the_mask_decodes_to_the_same_pixels(
    tmp_path: Path, size: tuple[int, int] | None
) -> None:
    # overlay is exact: outside the triangle the two files are equal, bit by bit, up to 4:2:0 colour at its edge
    one = lossless(tmp_path / "one.mkv", "smptebars")
    two = lossless(tmp_path / "two.mkv", "mandelbrot")
    seen = [list(decode(path, size=size)) for path in (one, two)]
    assert any((a.image != b.image).any() for a, b in zip(*seen, strict=True))
    masked = [list(decode(path, size=size, mask=TRIANGLE)) for path in (one, two)]
    for a, b, plain in zip(*masked, seen[0], strict=True):
        assert (a.image == b.image).all()
        height, width = a.image.shape[:2]
        black = np.zeros((height, width), bool)
        for x, y, w, h in boxes(TRIANGLE, width, height):
            black[y : y + h, x : x + w] = True
        assert (a.image[black] == 0).all()
        assert (a.image[~black] == plain.image[~black]).all()


def test_single_frames_are_masked_as_the_stream_is(tmp_path: Path) -> None:
    path = lossless(tmp_path / "one.mkv", "smptebars")
    stream = {frame.number: frame.image for frame in decode(path, mask=TRIANGLE)}
    found = read_frames(path, [2], mask=TRIANGLE)
    assert (found[2] == stream[2]).all()


shares = st.floats(0, 1, allow_nan=False)


@given(
    polygon=st.lists(st.tuples(shares, shares), min_size=3, max_size=8),
    size=st.tuples(st.integers(16, 400), st.integers(16, 700)),
)
def test_boxes_cover_every_corner_and_edge_with_a_margin(
    polygon: list[tuple[float, float]], size: tuple[int, int]
) -> None:
    width, height = size
    found = boxes(Mask((tuple(polygon),)), width, height)
    ends = zip(polygon, [*polygon[1:], polygon[0]], strict=True)
    for (x0, y0), (x1, y1) in ends:
        for t in np.linspace(0, 1, 9):
            x, y = (x0 + t * (x1 - x0)) * (width - 1), (y0 + t * (y1 - y0)) * (height - 1)
            near = [(x + dx, y + dy) for dx in (-MARGIN + 2, 0, MARGIN - 2) for dy in (-MARGIN + 2, 0, MARGIN - 2)]
            for px, py in near:
                if 0 <= px < width and 0 <= py < height:
                    assert any(l <= px < l + w and top <= py < top + h for l, top, w, h in found)  # noqa: E741


def test_cameras_find_their_masks_by_name_and_pattern(tmp_path: Path) -> None:
    path = tmp_path / "masks.yaml"
    path.write_text(
        "cameras:\n  gate: [{rectangle: [0, 0, 0.5, 1]}]\n"
        "  'yard-*': [{polygon: [[0, 0], [1, 0], [1, 1]]}]\n  '*-2': [{rectangle: [0.5, 0, 1, 1]}]\n"
    )
    masks = load_masks(path)
    gate, both = masks.of("gate"), masks.of("yard-2")
    assert gate is not None
    assert both is not None
    assert (len(gate.polygons), len(both.polygons), masks.of("hall")) == (1, 2, None)
    assert gate.digest != both.digest
    assert load_masks(None).of("gate") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("gate: []", "one mapping `cameras:`"),
        ("cameras: {gate: []}", "camera 'gate': needs a list"),
        ("cameras: {gate: [{rectangle: [0, 0, 200, 1]}]}", "from 0 to 1"),
        ("cameras: {gate: [{rectangle: [0.5, 0, 0.2, 1]}]}", "left < right"),
        ("cameras: {gate: [{polygon: [[0, 0], [1, 1]]}]}", "3 to 200"),
        ("cameras: {gate: [{circle: [0, 0, 1]}]}", "a shape is"),
        ("cameras: {gate: [{rectangle: [0, 0, 1]}]}", "a shape is"),
        ("cameras: {gate: [{rectangle: [0, true, 1, 1]}]}", "True is not a number from 0 to 1"),
        ("cameras: {gate: [{rectangle: [0, .nan, 1, 1]}]}", "nan is not a number from 0 to 1"),
        ("cameras: {gate: [{rectangle: [0, 0, 1, 1], polygon: [[0, 0], [1, 0], [1, 1]]}]}", "a shape is"),
        ("cameras: {01: [{rectangle: [0, 0, 1, 1]}]}", "in quotes"),
        ("cameras: [", "not YAML"),
    ],
)
def test_a_wrong_mask_file_stops_everything(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "masks.yaml"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        load_masks(path)


def test_a_mask_of_a_thousand_slits_is_refused_and_not_cut_short() -> None:
    teeth = tuple(
        (((n + 0.2) / 40, n % 2 * 0.9), ((n + 0.9) / 40, n % 2 * 0.9), ((n + 0.9) / 40, 1.0)) for n in range(40)
    )
    with pytest.raises(ConfigurationError, match="too intricate"):
        boxes(Mask(teeth), 3840, 2160)


def test_a_mask_file_that_is_gone_is_an_error_and_not_no_mask(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_masks(tmp_path / "none.yaml")
