"""Display matrices, container times, motion and the decoder's complaints."""

import struct
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyanomaly_core.display import display_text
from anyanomaly_core.footage.complaints import LONGEST, MOST, Complaints
from anyanomaly_core.footage.header import Orientation, creation_time, orientation
from anyanomaly_core.footage.index import _no_memory
from anyanomaly_core.footage.motion import GRID_HEIGHT, GRID_WIDTH, change

ONE = 1 << 16


def matrix(a: int, b: int, c: int, d: int) -> bytes:
    return struct.pack("=9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)


@pytest.mark.parametrize(
    ("given_matrix", "expected"),
    [
        (matrix(ONE, 0, 0, ONE), Orientation(0)),
        (matrix(0, ONE, -ONE, 0), Orientation(90, ("transpose=clock",))),
        (matrix(-ONE, 0, 0, -ONE), Orientation(180, ("hflip", "vflip"))),
        (matrix(0, -ONE, ONE, 0), Orientation(270, ("transpose=cclock",))),
        (matrix(ONE, 0, 0, -ONE), Orientation(0, ("vflip",))),
        (matrix(-ONE, 0, 0, ONE), Orientation(180, ("hflip",))),
        (matrix(0, 2 * ONE, -ONE, 0), Orientation(90, ("transpose=clock",))),
        (matrix(0, 0, 0, 0), Orientation()),
        (matrix(ONE, ONE, ONE, ONE), Orientation()),
        (b"short", Orientation()),
        (None, Orientation()),
    ],
)
def test_display_matrix(given_matrix: bytes | None, expected: Orientation) -> None:
    assert orientation(given_matrix) == expected


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=9, max_size=9))
def test_any_matrix_is_a_quarter_turn(numbers: list[int]) -> None:
    assert orientation(struct.pack("=9i", *numbers)).rotation in {0, 90, 180, 270}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-09-14T05:31:45.000000Z", datetime(2022, 9, 14, 5, 31, 45, tzinfo=UTC)),
        ("2022-09-14T05:31:45", datetime(2022, 9, 14, 5, 31, 45, tzinfo=UTC)),
        ("2022-09-14T07:31:45+02:00", datetime(2022, 9, 14, 5, 31, 45, tzinfo=UTC)),
        ("1904-01-01T00:00:00.000000Z", None),
        ("1970-01-01T00:00:00.000000Z", None),
        ("last Tuesday", None),
        ("", None),
        (None, None),
    ],
)
def test_container_time(text: str | None, expected: datetime | None) -> None:
    assert creation_time(text) == expected


def grey(value: int) -> np.ndarray:
    return np.full((GRID_HEIGHT, GRID_WIDTH), value, np.uint8)


def test_motion_by_hand() -> None:
    moved = grey(100)
    moved[10, :23] = 140  # 23 of 2304 cells: exactly those that count
    assert change(grey(100), moved) == 40
    assert change(moved, grey(100)) == 40
    moved[10, 10:23] = 100
    assert change(grey(100), moved) == pytest.approx(10 * 40 / 23)
    assert change(grey(0), grey(255)) == 255
    assert change(grey(7), grey(7)) == 0


def test_a_distant_person_stands_out_from_noise() -> None:
    """Cells of 30x30 pixels whose sensor noise has deviation 5: their means deviate by 1/6."""
    rng = np.random.default_rng(0)
    still = [np.round(100 + rng.normal(0, 5 / 30, (GRID_HEIGHT, GRID_WIDTH))).astype(np.uint8) for _ in range(2)]
    walker = still[1].copy()
    walker[20:22, 30] += 40  # two cells: 30 x 60 pixels of a 1080p picture
    assert change(still[0], walker) > change(still[0], still[1]) + 2


@given(st.lists(st.binary(max_size=300), max_size=60))
def test_complaints_are_bounded_and_printable(chunks: list[bytes]) -> None:
    complaints = Complaints()
    for chunk in chunks:
        complaints.feed(chunk)
    lines = complaints.lines()
    assert len(lines) <= MOST + 1
    assert all(display_text(line) == line and len(line) <= LONGEST + 30 for line in lines)


def test_complaints_of_a_kind_are_counted() -> None:
    complaints = Complaints()
    said = (
        b"[h264 @ 0x55d3] [error] error while decoding MB 3",
        b" 7\n[h264 @ 0x1] [error] error while decoding ",
        b"MB 12 9\n[mov @ 0x2] [error] partial file\n[vost#0:0/rawvideo @ 0x3] [error] ours\nlast",
    )
    for chunk in said:
        complaints.feed(chunk)
    expected = ("[h264] error while decoding MB 3 7 (2 times)", "[mov] partial file", "last")
    assert complaints.lines() == expected


def test_want_of_memory_is_named() -> None:
    assert "ANYANOMALY_DECODE_MEMORY_MB" in str(_no_memory(("[h264] x", "[h264] get_buffer() failed (3 times)")))
    assert _no_memory(("[h264] no frame!",)) is None
