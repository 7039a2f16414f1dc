"""From a decoded file to batches of segments ready to score, in constant memory."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from anyanomaly_core.footage.decode import decode_ranges
from anyanomaly_core.footage.masks import Mask
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import Segment, sampled_ranges
from anyanomaly_core.footage.types import Frame
from anyanomaly_core.scoring.types import SegmentFrames

BATCH_BYTES = 256 << 20  # decoded images of one batch; two exist at a time, see _Prefetch
MAX_BATCH_SEGMENTS = 8

Item = TypeVar("Item")
Result = TypeVar("Result")


def scaled_size(width: int, height: int, max_side: int) -> tuple[int, int] | None:
    """(width, height), both even, with the longer side at most ``max_side``; None: the file's own size will do."""
    longest = max(width, height)
    if longest <= max_side or longest == 0:
        return None
    return max(2, round(width * max_side / longest / 2) * 2), max(2, round(height * max_side / longest / 2) * 2)


def segment_batches(
    path: Path,
    segments: Sequence[Segment],
    *,
    size: tuple[int, int] | None,
    limits: Limits,
    mask: Mask | None = None,
    stated_frames: int | None = None,
) -> Iterator[list[SegmentFrames]]:
    """Decode ``segments`` (consecutive ones of one video, in order) once, and yield them in batches.

    A segment whose frames do not all come out of the decoder is not yielded; so are all after it.

    Args:
        path: a local file.
        segments: which.
        size: (width, height) of the images; none: as displayed.
        limits: what the decoding child may use.
        mask: what is black in every image.
        stated_frames: see ``decode_ranges``.

    Raises:
        FootageError: when decoding breaks off; what was decoded before has been yielded.
    """
    batch: list[SegmentFrames] = []
    if not segments:
        return
    frames = decode_ranges(
        path, sampled_ranges(segments), size=size, mask=mask, limits=limits, stated_frames=stated_frames
    )
    for segment in _whole_segments(segments, frames, to_end=stated_frames is not None):
        batch.append(segment)
        if len(batch) >= _batch_segments(segment):
            yield batch
            batch = []
    if batch:
        yield batch


class _Prefetcher(Generic[Item]):
    """A thread that makes one item ahead; ``None`` ends the items, an exception is handed over."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = items
        self._ready: queue.SimpleQueue[Item | BaseException | None] = queue.SimpleQueue()
        self._wanted = threading.Semaphore(1)  # the next item is not begun before the last was taken
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._produce, name="decode", daemon=True)
        self._thread.start()

    def take(self) -> Item | BaseException | None:
        item = self._ready.get()
        self._wanted.release()
        return item

    def close(self) -> None:
        self._stop.set()
        self._wanted.release()
        self._thread.join()

    def _produce(self) -> None:
        items = iter(self._items)
        try:
            while self._wanted.acquire() and not self._stop.is_set():
                self._ready.put(item := next(items, None))
                if item is None:
                    return
        except BaseException as error:  # noqa: BLE001  (handed to the consumer, who raises it)
            self._ready.put(error)


def prefetch(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, the next one made in a thread while this one is worked on.

    An error of the source is raised here, after the items before it.
    """
    prefetcher = _Prefetcher(items)
    try:
        while (entry := prefetcher.take()) is not None:
            if isinstance(entry, BaseException):
                raise entry
            yield entry
    finally:
        prefetcher.close()


def map_ahead(work: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Iterator[Result]:
    """``work`` of every item, in order; while a result is waited for, ``ahead`` further items are worked on.

    With 0 nothing runs beside the caller. An error of the source comes after the results of the items before it, an
    error of ``work`` in the place of its result; what is under way then is left to itself, and nothing else is begun.
    """
    source = iter(items)
    if ahead == 0:
        yield from map(work, source)
        return
    under_way: deque[queue.SimpleQueue[Result | _Failure]] = deque()
    failure: Exception | None = None
    while failure is None:
        try:
            under_way.append(_begin(work, next(source)))
        except StopIteration:
            break
        except Exception as error:  # noqa: BLE001  (raised when what came before it is done)
            failure = error
        if failure is None and len(under_way) > ahead:
            yield _result(under_way.popleft())
    while under_way:
        yield _result(under_way.popleft())
    if failure is not None:
        raise failure


@dataclass(frozen=True, slots=True)
class _Failure:
    error: BaseException


def _begin(work: Callable[[Item], Result], item: Item) -> "queue.SimpleQueue[Result | _Failure]":
    """A daemon does the work, so that a program that ends does not wait for a server that is silent."""
    outcome: queue.SimpleQueue[Result | _Failure] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put(work(item))
        except BaseException as error:  # noqa: BLE001  (raised by whoever waits)
            outcome.put(_Failure(error))

    threading.Thread(target=run, name="score", daemon=True).start()
    return outcome


def _result(outcome: "queue.SimpleQueue[Result | _Failure]") -> Result:
    found = outcome.get()
    if isinstance(found, _Failure):
        raise found.error
    return found


def _whole_segments(
    segments: Sequence[Segment], frames: Generator[Frame, None, None], *, to_end: bool
) -> Iterator[SegmentFrames]:
    try:
        for segment in segments:
            images = _images_of(segment, frames)
            if len(images) < len(segment.sampled):
                return
            yield SegmentFrames(segment, tuple(frame.image for frame in images))
        if to_end:  # of the file, where the number of frames shows
            next(frames, None)
    finally:
        frames.close()


def _images_of(segment: Segment, frames: Iterator[Frame]) -> list[Frame]:
    images = []
    for number in segment.sampled:
        frame = next(frames, None)
        if frame is None:
            break
        if frame.number != number:
            raise AssertionError(f"decoder gave frame {frame.number} where {number} was due")
        images.append(frame)
    return images


def _batch_segments(segment: SegmentFrames) -> int:
    size = sum(image.nbytes for image in segment.images)
    return max(1, min(MAX_BATCH_SEGMENTS, BATCH_BYTES // max(1, size)))
