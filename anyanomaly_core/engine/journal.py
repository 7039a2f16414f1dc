"""The journal of a unit of work: segment scores that are done but not committed yet.

A unit (a video, its rules, a scorer) is committed in one transaction at its end. A killed task would lose
hours of model time, so finished segments are appended here first; the next try reads them and goes on.
The journal is a cache: losing it costs work, never results.
"""

import dataclasses
import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from anyanomaly_core.errors import StorageError
from anyanomaly_core.scoring.regions import FrameRegion
from anyanomaly_core.scoring.types import SegmentScore, SelectionReason, Status


class ScoreJournal(Protocol):
    """What scoring needs of a journal, wherever it lies."""

    def read(self) -> list[SegmentScore]:
        """Scores of an earlier try."""
        ...

    def append(self, scores: Sequence[SegmentScore]) -> None:
        """Keep the scores of a batch; raises StorageError when they cannot be kept."""
        ...

    def discard(self) -> None:
        """Remove what is kept, once the unit is committed."""
        ...


class Journal:
    """An append-only file of segment scores, held under an exclusive lock while open.

    A second worker that opens the same journal waits until the first is done.

    Args:
        folder: where journals lie; made if absent.
        key: a digest of everything the scores depend on, so that no other unit's scores are ever read.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._path = folder / f"{key}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        """Open and lock; raises OSError when the folder cannot be written."""
        while True:
            self._file = self._path.open("a+b")
            fcntl.flock(self._file, fcntl.LOCK_EX)
            if _still_named(self._file.fileno(), self._path):
                return self
            self._file.close()  # the worker before us finished and removed it while we waited

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unlock. The file stays unless it was discarded."""
        self._file.close()

    def read(self) -> list[SegmentScore]:
        """Scores of an earlier try. A line torn by a crash ends the reading and is cut off."""
        self._file.seek(0)
        scores: list[SegmentScore] = []
        good = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            try:
                scores.extend(from_line(line))
            except (ValueError, KeyError, TypeError):
                break
            good += len(line)
        self._file.truncate(good)
        return scores

    def append(self, scores: Sequence[SegmentScore]) -> None:
        """Keep scores across a crash; they are one line, so they are there wholly or not at all.

        Raises:
            StorageError: when they cannot be written, a full disk included.
        """
        line = to_line(scores) + "\n"
        try:
            _write(self._file.fileno(), line.encode())
        except OSError as error:
            raise StorageError(f"The journal {self._path} could not be written: {error}. Make room there.") from error

    def discard(self) -> None:
        """Remove the file; called once the unit is committed."""
        self._path.unlink(missing_ok=True)


def to_line(scores: Sequence[SegmentScore]) -> str:
    """Scores as one line of JSON."""
    return json.dumps([_to_json(score) for score in scores], separators=(",", ":"))


def from_line(line: str | bytes) -> list[SegmentScore]:
    """The scores of a line; raises ValueError, KeyError or TypeError when it is none."""
    return [_from_json(item) for item in json.loads(line)]


def _write(descriptor: int, data: bytes) -> None:
    """To the disk, past Python's buffer: what did not fit there would be tried again when the file is closed."""
    while data:
        data = data[os.write(descriptor, data) :]
    os.fsync(descriptor)


def _still_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _to_json(score: SegmentScore) -> dict[str, Any]:
    chosen = None if score.chosen is None else score.chosen.value
    return {**dataclasses.asdict(score), "status": score.status.value, "chosen": chosen}


def _from_json(item: dict[str, Any]) -> SegmentScore:
    window, chosen = item["window"], item.get("chosen")
    return SegmentScore(
        **{
            **item,
            "status": Status(item["status"]),
            "grid_frames": tuple(item["grid_frames"]),
            "window": None if window is None else (window[0], window[1], window[2], window[3]),
            "frame_scores": tuple(item["frame_scores"]),
            "regions": tuple(map(_region, item.get("regions", ()))),
            "chosen": None if chosen is None else SelectionReason(chosen),
        }
    )


def _region(item: dict[str, Any]) -> FrameRegion:
    left, top, right, bottom = item["box"]
    x, y = item["centre"]
    rows, columns = item["mask_size"]
    return FrameRegion(**{**item, "box": (left, top, right, bottom), "centre": (x, y), "mask_size": (rows, columns)})
