"""Scores as Parquet: the same facts as the tables, for analysts and for DuckDB.

``frame_scores/rule=<name>/version=<n>/date=<yyyy-mm-dd>/camera=<id>/<video>-<scorer>.parquet`` and
``segment_scores/…`` alike, and ``frame_regions/…`` where something was marked:
the date is the recording's in the camera's time zone, the version the first of the rule
that asked the models this, <id> is quoted as in a URL and cut when very long, <video> begins the SHA-256 of its content
and <scorer> the scorer's digest. In a bucket the name ends with the digest of the file's bytes, so that a worker that
is late replaces nobody's object; which are a unit's, the ledger says. The bytes of a file depend on what was scored and
by what, never on when, by which run or under which database id.
"""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from anyanomaly_core.config import ParquetCodec
from anyanomaly_core.errors import StorageError
from anyanomaly_core.result_folder import ResultFolder, is_bucket, put
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.parquet_tables import MOMENT, MOMENTS, tables, writer_options
from anyanomaly_core.results.rows import RuleRows, RuleScores
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scorer_store import StoredScorer

# Waiting for the disk in turns is most of what many small files cost; it takes several at once.
_FLUSHES = 8
_LONGEST_NAME = 200  # of a folder, beside "camera="; file systems take 255 bytes, and a letter may become nine


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that is written, under another name than its own; for a bucket, on this machine's disk."""

    temporary: Path
    final: ResultFolder
    unit: tuple[int, int]  # ids of scoring and scorer


def file_path(
    root: ResultFolder, relation: str, rule: StoredRule, video: StoredVideo, scorer: StoredScorer
) -> ResultFolder:
    """Where the file of a rule's scores of a video lies; in a bucket its name goes on with the digest of its bytes."""
    folders = f"rule={quote(rule.name, safe='')}", f"version={rule.scoring_version}"
    place = f"date={video.local_date}", f"camera={_folder_name(video.camera_id)}"
    return root.joinpath(relation, *folders, *place, f"{video.content_sha256[:16]}-{scorer.digest[:12]}.parquet")


def _folder_name(name: str) -> str:
    """Quoted as in a URL; of a name that is too long for a folder the beginning, and a hash of the whole."""
    kept = name
    while len(quote(kept, safe="")) > (_LONGEST_NAME if kept == name else _LONGEST_NAME - 17):
        kept = kept[:-1]  # by letters: half of one could not be read
    ending = "" if kept == name else f"~{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return quote(kept, safe="") + ending


def stage(
    root: ResultFolder,
    video: StoredVideo,
    scorer: StoredScorer,
    of_rule: RuleRows,
    *,
    compression: ParquetCodec = "zstd",
) -> list[StagedFile]:
    """Write a rule's files next to where they will be; they need not be on disk yet.

    Raises:
        StorageError: when they cannot be written, a full disk included; nothing is left behind then.
    """
    staged: list[StagedFile] = []
    try:
        for relation, table in tables(video, scorer, of_rule).items():
            file = _staged_file(
                file_path(root, relation, of_rule.rule, video, scorer), (of_rule.rule.scoring_id, scorer.scorer_id)
            )
            staged.append(file)
            _write(file.temporary, table, compression)
            staged[-1] = _with_digest_name(file)
    except (OSError, pa.ArrowException) as error:
        discard(staged)
        raise _write_error(video, root, error) from error
    return staged


class Staging:
    """A unit's files, written beside its transaction: one rule's at a time, so that memory holds no more of them.

    Leaving it removes what was not published.
    """

    def __init__(
        self, root: ResultFolder, video: StoredVideo, scorer: StoredScorer, *, compression: ParquetCodec = "zstd"
    ) -> None:
        self._root, self._video, self._scorer, self._compression = root, video, scorer, compression
        self._writer, self._flushers = ThreadPoolExecutor(1), ThreadPoolExecutor(_FLUSHES)
        self._written: list[Future[None]] = []
        self._flushed: list[Future[None]] = []
        self._files: list[StagedFile] = []

    def __enter__(self) -> Self:
        """Nothing is written yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for what is under way, and remove it if it was not published."""
        self._writer.shutdown()
        self._flushers.shutdown()
        discard(self._files)

    def add(self, of_rule: RuleRows) -> None:
        """Have a rule's files written, after those of the rule before. What goes wrong is said by ``finish``."""
        wait(self._written)
        self._written.append(self._writer.submit(self._stage, of_rule))

    def finish(self) -> list[StagedFile]:
        """The files, on disk.

        Raises:
            StorageError: when one could not be written.
        """
        try:
            for step in (*self._written, *self._flushed):
                step.result()
        except OSError as error:
            raise _write_error(self._video, self._root, error) from error
        return self._files

    def _stage(self, of_rule: RuleRows) -> None:
        files = stage(self._root, self._video, self._scorer, of_rule, compression=self._compression)
        self._files += files
        self._flushed += [self._flushers.submit(_flush, file.temporary) for file in files]


def stage_with_new_time(
    source: ResultFolder,
    final: ResultFolder,
    recorded_at: datetime,
    *,
    unit: tuple[int, int],
    compression: ParquetCodec = "zstd",
) -> StagedFile:
    """Write the rows of a published file once more as if its video had begun at another time.

    The file's own footer says when it was taken to begin; so a file that was moved before stays as it is.

    Args:
        source: the file as it is.
        final: where it belongs then.
        recorded_at: when the video began.
        unit: ids of scoring and scorer.
        compression: codec.

    Raises:
        StorageError: when it cannot be read or written; nothing is left behind then.
    """
    file = _staged_file(final, unit)
    try:
        with source.open("rb") as stream:
            table = pq.ParquetFile(stream).read()
        footer = dict(table.schema.metadata)
        by = recorded_at - datetime.fromisoformat(footer[b"anyanomaly.recorded_at"].decode())
        for place, field in enumerate(table.schema):
            if field.name in MOMENTS:
                micros = table[place].cast(pa.int64()).combine_chunks().to_numpy() + by // timedelta(microseconds=1)
                table = table.set_column(place, field.name, pa.array(micros).cast(MOMENT))
            elif pa.types.is_list(field.type):  # its parts are read under another name than they were written under
                table = table.set_column(place, field.name, table[place].cast(pa.list_(field.type.value_type)))
        footer[b"anyanomaly.recorded_at"] = recorded_at.isoformat().encode()
        _write(file.temporary, table.replace_schema_metadata(footer), compression)
        _flush(file.temporary)
        file = _with_digest_name(file)
    except (OSError, pa.ArrowException) as error:
        discard([file])
        raise StorageError(f"{source} could not be written anew as {final}: {error}") from error
    return file


def publish(staged: Sequence[StagedFile]) -> None:
    """Give staged files their own names, each replacing its predecessor at once; put those of a bucket there.

    Raises:
        StorageError: when a bucket does not take one.
    """
    for file in staged:
        if isinstance(file.final, Path):
            file.temporary.replace(file.final)
    with ThreadPoolExecutor(_FLUSHES) as pool:
        folders = {file.final.parent for file in staged if isinstance(file.final, Path)}
        list(pool.map(_flush, folders))
        list(pool.map(lambda file: put(file.temporary, file.final), filter(_is_for_bucket, staged)))


def remove_regions_of_before(
    root: ResultFolder, video: StoredVideo, scorer: StoredScorer, rules: Sequence[RuleScores]
) -> None:
    """Regions of an earlier pass that marked something where this one marks nothing; of a bucket the ledger knows."""
    for of_rule in rules:
        path = file_path(root, "frame_regions", of_rule.rule, video, scorer)
        if isinstance(path, Path) and not any(score.regions for score in of_rule.scores):
            path.unlink(missing_ok=True)


def names(staged: Sequence[StagedFile], root: ResultFolder) -> dict[tuple[int, int], list[str]]:
    """Names of the files under the root by scoring and scorer; none of a folder, where they need not be known."""
    found: dict[tuple[int, int], list[str]] = {}
    for file in filter(_is_for_bucket, staged):
        found.setdefault(file.unit, []).append(str(file.final)[len(str(root)) + 1 :])
    return found


def discard(staged: Sequence[StagedFile]) -> None:
    """Remove staged files that were not published, and of those in a bucket the copies here."""
    for file in staged:
        with suppress(NotADirectoryError):  # what was in the way of its folder, so that it was never written
            file.temporary.unlink(missing_ok=True)


def _is_for_bucket(file: StagedFile) -> bool:
    return is_bucket(file.final)


def _staged_file(final: ResultFolder, unit: tuple[int, int]) -> StagedFile:
    name = f".{final.name}.{os.getpid()}-{secrets.token_hex(4)}"
    temporary = final.with_name(name) if isinstance(final, Path) else Path(tempfile.gettempdir(), name)
    return StagedFile(temporary, final, unit)


def _with_digest_name(file: StagedFile) -> StagedFile:
    """The file with the digest of the written bytes in its name, as a bucket needs it."""
    if isinstance(file.final, Path):
        return file
    with file.temporary.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()[:16]
    return replace(file, final=file.final.with_name(f"{file.final.stem}-{digest}.parquet"))


def _write_error(video: StoredVideo, root: ResultFolder, error: Exception) -> StorageError:
    return StorageError(f"Parquet files of video {video.video_id} could not be written to {root}: {error}")


def _write(path: Path, table: pa.Table, compression: ParquetCodec) -> None:
    with _new(path) as file:
        pq.write_table(table, file, compression=compression, **writer_options(set(table.column_names)))


def _new(path: Path) -> IO[bytes]:
    """A new file, open for writing, in a folder that is made if it is not there."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return path.open("xb")
        except FileNotFoundError:
            continue  # maintenance removed the empty folder in between


def _flush(path: Path) -> None:
    """Make sure that a file, or a folder's names, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
