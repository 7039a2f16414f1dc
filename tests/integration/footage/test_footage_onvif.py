"""The start time that ONVIF exports state in a box of their own."""

import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anyanomaly_core.footage.sources import discover, with_recording_time
from tests.integration.footage.conftest import Make


def box(kind: bytes, contents: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(contents), kind) + contents


def start_box(at: datetime, *, tracks: int = 1) -> bytes:
    """`cstb` as ONVIF's Export File Format 26.06 defines it: tracks, and 100 ns since 1601."""
    ticks = (at - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10
    return box(b"cstb", struct.pack(">I", tracks) + b"".join(struct.pack(">IQ", n + 1, ticks) for n in range(tracks)))


START = datetime(2026, 10, 25, 0, 30, 0, 250000, UTC)
HANDLER = box(b"hdlr", bytes(24) + b"\0")
WRONG = start_box(START + timedelta(days=1))


@pytest.mark.parametrize(
    "meta",
    [
        box(b"meta", bytes(4) + HANDLER + start_box(START)),
        box(b"meta", HANDLER + start_box(START, tracks=2)),  # as QuickTime writes it
        box(b"meta", bytes(4) + HANDLER + WRONG + box(b"ipro", bytes(6) + box(b"sinf", start_box(START)))),  # corrected
        box(b"free", WRONG[8:]) + struct.pack(">I4sQ", 1, b"meta", 20 + len(HANDLER + start_box(START))) + bytes(4)
        + HANDLER + start_box(START),
    ],
    ids=["meta", "QuickTime", "corrected", "64 bits"],
)  # fmt: skip
def test_recording_time_of_an_onvif_export(make: Make, tmp_path: Path, meta: bytes) -> None:
    path = make("gate.mp4", "-metadata", "creation_time=2026-11-28T12:00:00Z")  # when it was exported
    with path.open("ab") as file:
        file.write(meta)
    (file,) = discover(str(tmp_path), "{camera}.{ext}", "UTC")
    assert with_recording_time(file, path, "refuse").recorded_at == START


@pytest.mark.parametrize(
    "meta",
    [
        box(b"meta", bytes(4) + box(b"cstb", b"\xff" * 16)),
        box(b"meta", bytes(4) + start_box(datetime(1601, 1, 1, tzinfo=UTC))),
        box(b"meta", bytes(4) + start_box(START)[:-4]),
        struct.pack(">I4s", 0xFFFFFFF0, b"meta") + start_box(START),
        struct.pack(">I4sQ", 1, b"meta", 1 << 63) + start_box(START),
        struct.pack(">I4s", 4, b"meta") * 100,
        b"".join(struct.pack(">I4s", 8 * (30 - n), b"moov") for n in range(30)),
    ],
)
def test_a_box_that_is_no_start_changes_nothing(make: Make, tmp_path: Path, meta: bytes) -> None:
    path = make("gate.mp4", "-metadata", "creation_time=2025-03-01T07:30:00Z")
    with path.open("ab") as file:
        file.write(meta)
    (file,) = discover(str(tmp_path), "{camera}.{ext}", "UTC")
    assert with_recording_time(file, path, "refuse").recorded_at == datetime(2025, 3, 1, 7, 30, tzinfo=UTC)
