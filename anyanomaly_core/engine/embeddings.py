"""Embeddings of a video, kept: what one scan has encoded, a later rule, scorer or repetition finds here.

    <embeddings>/<first 2 digits of the content>/<content sha256>/<what was encoded, and how>/<part>/
        frames.npy   float16 [f, d]      frame_numbers.npy   int64 [f], ascending
        windows.npy  float16 [w, K, d]   window_numbers.npy  int64 [w], ascending

A part appears as a whole (folder renamed into place) and never changes. Arrays are memory-mapped, so reading costs what
is looked at. The store is a cache: losing it, or a part of it, costs work, never results.
"""

import hashlib
import json
import logging
import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.config import ArchiveSettings
from anyanomaly_core.errors import StorageError
from anyanomaly_core.footage.masks import Mask
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.profile import PIXELS, Profile
from anyanomaly_core.result_folder import ResultFolder, get, list_objects, put
from anyanomaly_core.scoring.encoding import STORED_DTYPE
from anyanomaly_core.scoring.types import EncodedSegment, SegmentFrames

log = logging.getLogger(__name__)

PART_BYTES = 64 << 20  # held in memory before a part is written; a kill loses at most these
_LEFT_OVER_S = 86_400.0  # an unfinished part this old has no writer any more

Half = NDArray[np.float16]
Numbers = NDArray[np.int64]


def encoding_digest(profile: Profile, revision: str, mask_digest: str | None) -> str:
    """64 hex digits over everything an embedding depends on besides the frame: model, windows, picture size, mask."""
    spec = profile.encoder
    body: dict[str, Any] = {
        "model": spec.model,
        "pretrained": spec.pretrained,
        "revision": revision,
        "precision": spec.precision,
        "windows": [*profile.contexts.window_sizes],
        "half_strides": profile.contexts.half_strides,
        "max_side": profile.sampling.max_side,
        "mask": mask_digest,
        "pixels": PIXELS,
    }
    if profile.contexts.same_level > 0:  # then a window may be that of another frame of its segment
        body["same"] = [profile.contexts.same_level, profile.sampling.segment_frames, profile.sampling.fps]
        if profile.sampling.segment_s is not None:
            body["segment_s"] = profile.sampling.segment_s
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Rows:
    """Embeddings by source frame number."""

    numbers: Numbers  # [n], ascending
    values: Half  # [n, ...], memory-mapped

    def find(self, number: int) -> Half | None:
        place = int(np.searchsorted(self.numbers, number))
        return self.values[place] if place < len(self.numbers) and self.numbers[place] == number else None


@dataclass(slots=True)
class _Kind:
    """All that is known of one kind, frames or windows: in parts, and not written yet."""

    name: str
    parts: list[_Rows] = field(default_factory=list)
    fresh: dict[int, Half] = field(default_factory=dict)

    def find(self, number: int) -> Half | None:
        if number in self.fresh:
            return self.fresh[number]
        return next((row for part in self.parts if (row := part.find(number)) is not None), None)

    def add(self, number: int, row: NDArray[np.float32]) -> int:
        """Bytes that were new."""
        if self.find(number) is not None:
            return 0
        self.fresh[number] = row.astype(STORED_DTYPE)
        return self.fresh[number].nbytes


class VideoEmbeddings:
    """Embeddings of one content under one encoding; use as a context manager, leaving it writes what is new.

    Safe to use from several threads at once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock, self._closed = threading.RLock(), False
        self._frames, self._windows = _Kind("frame"), _Kind("window")
        self._unwritten = 0
        for part in _parts(folder):
            self._open(part)

    def __enter__(self) -> Self:
        """Ready."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is new, after an error too: it was encoded all the same."""
        with self._lock:
            self.flush()
            self._closed = True

    def known(self, segment: Segment) -> EncodedSegment:
        """What is known of a segment, as float32; its frames only when all are."""
        found = EncodedSegment()
        with self._lock:
            rows = [self._frames.find(number) for number in segment.sampled]
            windows = [self._windows.find(number) for number in segment.sampled]
        whole = [row for row in rows if row is not None]
        if len(whole) == len(rows):
            found.frames = np.stack(whole).astype(np.float32)
        found.windows = {
            place: window_rows.astype(np.float32)
            for place, window_rows in enumerate(windows)
            if window_rows is not None
        }
        return found

    def learn(self, segments: Sequence[SegmentFrames]) -> None:
        """Keep what scorers have added to ``SegmentFrames.encoded``; a scorer that ends too late is not heard."""
        with self._lock:
            if self._closed:
                return
            for segment in segments:
                sampled, encoded = segment.segment.sampled, segment.encoded
                for number, row in zip(sampled, encoded.frames, strict=False):  # none, or all
                    self._unwritten += self._frames.add(number, row)
                for place, rows in encoded.windows.items():
                    self._unwritten += self._windows.add(sampled[place], rows)
            if self._unwritten >= PART_BYTES:
                self.flush()

    def flush(self) -> None:
        """Write what is new as a part of its own. A full disk costs the cache, not the scan."""
        with self._lock:
            if self._unwritten > 0:
                self._write_part()

    def _write_part(self) -> None:
        part = self._folder / f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
        unfinished = self._folder / f".{part.name}"
        try:
            unfinished.mkdir(parents=True)
            for kind in (self._frames, self._windows):
                _write(unfinished, kind)
            unfinished.rename(part)
        except OSError as error:
            log.warning("Embeddings could not be kept under %s (%s); scanning goes on.", self._folder, error.strerror)
            shutil.rmtree(unfinished, ignore_errors=True)
        else:
            self._open(part)
        self._unwritten = 0
        self._frames.fresh, self._windows.fresh = {}, {}

    def _open(self, part: Path) -> None:
        try:
            opened = [_read(part, kind.name) for kind in (self._frames, self._windows)]
        except (OSError, ValueError, EOFError) as error:
            log.warning("%s is not readable (%s); what it held is encoded again.", part, error)
            return
        for kind, rows in zip((self._frames, self._windows), opened, strict=True):
            if len(rows.numbers):
                kind.parts.append(rows)


def _parts(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if not entry.name.startswith("."):
            yield entry
        elif time.time() - entry.stat().st_mtime > _LEFT_OVER_S:
            shutil.rmtree(entry, ignore_errors=True)


def _write(part: Path, kind: _Kind) -> None:
    numbers = sorted(kind.fresh)
    values = np.stack([kind.fresh[number] for number in numbers]) if numbers else np.zeros((0, 0), STORED_DTYPE)
    for name, array in ((f"{kind.name}s", values), (f"{kind.name}_numbers", np.array(numbers, np.int64))):
        with (part / f"{name}.npy").open("wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())


def _read(part: Path, kind: str) -> _Rows:
    """Raises OSError, ValueError or EOFError when the files are not what ``_write`` wrote."""
    numbers = np.load(part / f"{kind}_numbers.npy", allow_pickle=False)
    empty = numbers.shape == (0,)  # an array without bytes cannot be mapped
    values = np.load(part / f"{kind}s.npy", mmap_mode=None if empty else "r", allow_pickle=False)
    if numbers.dtype != np.int64 or values.dtype != STORED_DTYPE or numbers.shape != values.shape[:1]:
        raise ValueError(f"{kind}s and their numbers do not fit: {values.dtype} {values.shape}, {numbers.shape}")
    return _Rows(numbers, values)


def open_embeddings(
    settings: ArchiveSettings, content_sha256: str, profile: Profile, revision: str | None, mask: Mask | None
) -> AbstractContextManager[VideoEmbeddings | None]:
    """The kept embeddings of a content; None inside where nothing is kept.

    Args:
        settings: say whether and where.
        content_sha256: of the file.
        profile: how it is encoded.
        revision: of the encoder; None: the scorer uses none.
        mask: what the encoder does not see.
    """
    if revision is None or not settings.keep_embeddings or profile.encoder.reference_preprocessing:
        return nullcontext()
    digest = encoding_digest(profile, revision, None if mask is None else mask.digest)
    kept = settings.embeddings_folder / content_sha256[:2] / content_sha256 / digest[:16]
    return VideoEmbeddings(kept) if isinstance(kept, Path) else _in_bucket(kept, settings.state_dir)


@contextmanager
def _in_bucket(bucket: ResultFolder, state_dir: Path) -> Iterator[VideoEmbeddings]:
    """Embeddings that lie in a bucket: copied here while the video is scored; at its end what is new is put there.

    A store that does not answer costs the cache, not the scan.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".embeddings-", dir=state_dir) as name:
        here = Path(name)
        try:
            for path in list_objects(bucket):
                part = here / path.parent.name
                part.mkdir(exist_ok=True)
                get(path, part / path.name)
        except StorageError as error:
            log.warning("%s What it held is encoded again.", error)
        known = {part.name for part in here.iterdir()}
        try:
            with VideoEmbeddings(here) as embeddings:
                yield embeddings
        finally:
            try:
                for part in (part for part in _parts(here) if part.name not in known):
                    for file in sorted(part.iterdir()):
                        put(file, bucket / part.name / file.name)
            except StorageError as error:
                log.warning("%s Scanning goes on.", error)
