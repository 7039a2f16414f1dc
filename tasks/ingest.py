"""Tasks of the DAG ``ingest_archive``."""

import dataclasses
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from anyanomaly_core.archive.clocks import correct_clocks
from anyanomaly_core.archive.discovery import find_new_files
from anyanomaly_core.archive.register import Registration, RegistrationOutcome, register_file
from anyanomaly_core.config import get_settings
from anyanomaly_core.engine.progress import LoggedProgress
from anyanomaly_core.errors import StorageError
from anyanomaly_core.footage.types import FoundFile
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results.arrivals import footage_of_files
from anyanomaly_core.results.waiting import with_database_retry
from tasks.context import database, stall_watchdog

log = logging.getLogger(__name__)

MAX_CHUNKS = 500  # Airflow maps at most 1024 tasks
MIN_CHUNK_FILES = 20
MAX_FILES = 50_000  # of one run; a first ingest of more goes on in the next
NAMED_IN_SUMMARY = 50

Chunk = dict[str, Any]


def discover_files(*, cameras: Sequence[str] = (), rescan: bool = False) -> list[Chunk]:
    """List the archive; new and changed files, divided into chunks for :func:`register_files`.

    Files that are gone are marked missing, unless only some cameras are looked at. Known videos are moved in time
    when the file of clock corrections has changed.

    Raises:
        ConfigurationError: when that file is wrong.
        FootageError: when the archive root is not there, or is empty although it was not (not mounted?).
    """
    settings = get_settings()
    engine = database(settings)
    with stall_watchdog(settings):
        correct_clocks(engine, settings)
        waiting = find_new_files(engine, settings, cameras=cameras, rescan=rescan, most=MAX_FILES)
    engine.dispose()
    if len(waiting) == MAX_FILES:
        log.warning("Only the first %d files are registered in this run; the next run goes on.", MAX_FILES)
    return _chunks(waiting, rescan=rescan)


def register_files(chunk: Chunk) -> dict[str, Any]:
    """Register the files of one chunk. A file that is no usable footage is a finding and stops no other.

    Returns:
        Counts by outcome, frames, and the files that are not plainly fine, with reasons.
    """
    settings = get_settings()
    engine = database(settings)
    sampling = load_profile(settings.profile).sampling
    progress = LoggedProgress(chunk["name"], "files")
    results: list[Registration] = []
    files = [_from_json(item) for item in chunk["files"]]
    progress(0, len(files))
    with stall_watchdog(settings):
        for found in files:
            do = partial(register_file, engine, found, settings=settings, sampling=sampling, again=chunk["rescan"])
            result = with_database_retry(engine, settings.database_patience_s, do)
            results.append(result)
            if result.reason:
                log.warning("%s: %s: %s", result.uri, result.outcome.value, result.reason)
            progress(len(results), len(files))
    with engine.connect() as connection:
        footage = footage_of_files(connection, [result.uri for result in results if result.frames])
    engine.dispose()
    return {**_report(results), "footage": footage}


def summarize_ingest(chunks: Sequence[Chunk] | None, results: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """Add the chunks up. Raises StorageError when a chunk gave no result, so that the run is seen to have failed."""
    if chunks is None:
        raise StorageError("The archive was not listed; the log of discover_files says why.")
    finished = [result for result in results if result is not None]
    counts: Counter[str] = Counter()
    for result in finished:
        counts.update(result["counts"])
    named = [item for result in finished for item in result["named"]]
    summary = {
        "files": sum(counts.values()),
        "frames": sum(result["frames"] for result in finished),
        "counts": {outcome.value: counts[outcome.value] for outcome in RegistrationOutcome},
        "named": named[:NAMED_IN_SUMMARY],
    }
    log.info("Registered %d files: %s", summary["files"], summary["counts"])
    for item in summary["named"]:
        log.info("%s: %s: %s", item["outcome"], item["uri"], item["reason"])
    if len(finished) < len(chunks):
        raise StorageError(
            f"{len(chunks) - len(finished)} of {len(chunks)} chunks were not registered; see their logs."
        )
    return summary


def _chunks(waiting: Sequence[FoundFile], *, rescan: bool) -> list[Chunk]:
    size = max(MIN_CHUNK_FILES, -(-len(waiting) // MAX_CHUNKS))
    chunks, files = [], iter(waiting)
    while part := list(islice(files, size)):
        name = f"{part[0].camera or part[0].uri} and on, {len(part)} files" if len(part) > 1 else part[0].uri
        chunks.append({"name": name, "rescan": rescan, "files": [_to_json(found) for found in part]})
    return chunks


def _report(results: Iterable[Registration]) -> dict[str, Any]:
    results = list(results)
    return {
        "counts": dict(Counter(result.outcome.value for result in results)),
        "frames": sum(result.frames for result in results),
        "named": [
            {"uri": result.uri, "outcome": result.outcome.value, "reason": result.reason}
            for result in results
            if result.reason
        ][:NAMED_IN_SUMMARY],
    }


def _to_json(found: FoundFile) -> dict[str, Any]:
    at = found.recorded_at
    return {**dataclasses.asdict(found), "recorded_at": None if at is None else at.isoformat()}


def _from_json(item: dict[str, Any]) -> FoundFile:
    at = item["recorded_at"]
    return FoundFile(**{**item, "recorded_at": None if at is None else datetime.fromisoformat(at)})
