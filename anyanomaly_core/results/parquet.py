"""Scores as Parquet: the same facts as the tables, for analysts and for DuckDB.

``frame_scores/rule=<name>/version=<n>/date=<yyyy-mm-dd>/camera=<id>/<video>-<scorer>.parquet`` and
``segment_scores/…`` alike: the date is the recording's in the camera's time zone, the version the first of the rule
that asked the models this, <id> is quoted as in a URL and cut when very long, <video> begins the SHA-256 of its content
and <scorer> the scorer's digest. The bytes of a file depend on what was scored and by what, never on when, by which run
or under which database id.
"""

import hashlib
import os
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.rows import RuleRows
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scorer_store import StoredScorer

_MOMENT = pa.timestamp("us", tz="UTC")
_SCORES = ("score", "key_score", "position_score", "temporal_score")
_NUMBERS = ["frame", "segment", "first_frame", "last_frame", "key_frame"]
# Waiting for the disk in turns is most of what many small files cost; it takes several at once.
_FLUSHES = 8
_LONGEST_NAME = 200  # of a folder, beside "camera="; file systems take 255 bytes, and a letter may become nine
_MOMENTS = ["frame_at", "started_at", "ended_at"]


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A file that is written and on disk, under another name than its own."""

    temporary: Path
    final: Path


def file_path(root: Path, relation: str, rule: StoredRule, video: StoredVideo, scorer: StoredScorer) -> Path:
    """Where the file of a rule's scores of a video lies."""
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
    root: Path, video: StoredVideo, scorer: StoredScorer, rules: Sequence[RuleRows], *, compression: str = "zstd"
) -> list[StagedFile]:
    """Write a unit's files next to where they will be, and make sure they are on disk.

    Raises:
        StorageError: when they cannot be written, a full disk included; nothing is left behind then.
    """
    staged: list[StagedFile] = []
    try:
        with ThreadPoolExecutor(_FLUSHES) as pool:
            flushed = []
            for of_rule in rules:
                footer = _provenance(of_rule.rule, video, scorer)
                tables = {"frame_scores": _frames(video, of_rule), "segment_scores": _segments(video, of_rule)}
                for relation, table in tables.items():
                    final = file_path(root, relation, of_rule.rule, video, scorer)
                    file = StagedFile(final.with_name(f".{final.name}.{os.getpid()}-{secrets.token_hex(4)}"), final)
                    staged.append(file)
                    _write(file.temporary, table.replace_schema_metadata(footer), compression)
                    flushed.append(pool.submit(_flush, file.temporary))
            for flush in flushed:
                flush.result()
    except (OSError, pa.ArrowException) as error:
        discard(staged)
        raise StorageError(
            f"Parquet files of video {video.video_id} could not be written to {root}: {error}"
        ) from error
    return staged


def stage_moved(source: Path, final: Path, recorded_at: datetime, *, compression: str = "zstd") -> StagedFile:
    """Write the rows of a published file once more as if its video had begun at another time.

    The file's own footer says when it was taken to begin; so a file that was moved before stays as it is.

    Args:
        source: the file as it is.
        final: where it belongs then.
        recorded_at: when the video began.
        compression: codec.

    Raises:
        StorageError: when it cannot be read or written; nothing is left behind then.
    """
    file = StagedFile(final.with_name(f".{final.name}.{os.getpid()}-{secrets.token_hex(4)}"), final)
    try:
        table = pq.ParquetFile(source).read()
        footer = dict(table.schema.metadata)
        by = recorded_at - datetime.fromisoformat(footer[b"anyanomaly.recorded_at"].decode())
        for place, field in enumerate(table.schema):
            if field.name in _MOMENTS:
                micros = table[place].cast(pa.int64()).combine_chunks().to_numpy() + by // timedelta(microseconds=1)
                table = table.set_column(place, field.name, pa.array(micros).cast(_MOMENT))
            elif pa.types.is_list(field.type):  # its parts are read under another name than they were written under
                table = table.set_column(place, field.name, table[place].cast(pa.list_(field.type.value_type)))
        footer[b"anyanomaly.recorded_at"] = recorded_at.isoformat().encode()
        _write(file.temporary, table.replace_schema_metadata(footer), compression)
        _flush(file.temporary)
    except (OSError, pa.ArrowException) as error:
        discard([file])
        raise StorageError(f"{source} could not be written anew as {final}: {error}") from error
    return file


def publish(staged: Sequence[StagedFile]) -> None:
    """Give staged files their own names, each replacing its predecessor at once."""
    for file in staged:
        file.temporary.replace(file.final)
    with ThreadPoolExecutor(_FLUSHES) as pool:
        list(pool.map(_flush, {file.final.parent for file in staged}))


def discard(staged: Sequence[StagedFile]) -> None:
    """Remove staged files that were not published."""
    for file in staged:
        with suppress(NotADirectoryError):  # what was in the way of its folder, so that it was never written
            file.temporary.unlink(missing_ok=True)


def _frames(video: StoredVideo, of_rule: RuleRows) -> Any:  # noqa: ANN401  pyarrow has no types
    rows = of_rule.rows
    lengths = [len(row.frames) for row in rows]
    scores = of_rule.frames  # [F]
    statuses = pa.array([row.score.status.value for row in rows]).dictionary_encode()
    which = np.repeat(np.arange(len(rows), dtype=np.int32), lengths)  # [F] segment of each frame
    columns = {
        "video": pa.array([video.content_sha256]).dictionary_encode().take(pa.array(np.zeros_like(which), pa.int32())),
        "frame": pa.array(np.arange(len(scores), dtype=np.int32)),
        "frame_at": pa.array(of_rule.moments).cast(_MOMENT),
        "score": pa.array(scores, mask=np.isnan(scores)),
        "segment": pa.array(which),
        "status": statuses.take(pa.array(which, pa.int32())),
    }
    return pa.table(columns)


def _segments(video: StoredVideo, of_rule: RuleRows) -> Any:  # noqa: ANN401  pyarrow has no types
    rows = of_rule.rows
    columns = {
        "video": pa.array([video.content_sha256] * len(rows)).dictionary_encode(),
        "segment": pa.array([row.stored.segment.index for row in rows], pa.int32()),
        "first_frame": pa.array([row.stored.segment.first_frame for row in rows], pa.int32()),
        "last_frame": pa.array([row.stored.segment.last_frame for row in rows], pa.int32()),
        "started_at": pa.array([row.started_us for row in rows], pa.int64()).cast(_MOMENT),
        "ended_at": pa.array([row.ended_us for row in rows], pa.int64()).cast(_MOMENT),
        "status": pa.array([row.score.status.value for row in rows]).dictionary_encode(),
        **{name: pa.array([getattr(row.score, name) for row in rows], pa.float32()) for name in _SCORES},
        "peak": pa.array([row.peak for row in rows], pa.float32()),
        "key_frame": pa.array([row.score.key_frame for row in rows], pa.int32()),
        "grid_frames": pa.array([list(row.score.grid_frames) or None for row in rows], pa.list_(pa.int32())),
        "winning_window": pa.array([row.score.window for row in rows], pa.list_(pa.int16())),
        "winning_text": pa.array([row.winning_text for row in rows], pa.string()),
        "rationale": pa.array([row.rationale for row in rows], pa.string()),
        "reason": pa.array([row.reason for row in rows], pa.string()),
    }
    return pa.table(columns)


def _write(path: Path, table: Any, compression: str) -> None:  # noqa: ANN401  pyarrow has no types
    names = set(table.column_names)
    encodings = dict.fromkeys(names & {*_SCORES, "peak"}, "BYTE_STREAM_SPLIT")
    encodings |= dict.fromkeys(names & {*_NUMBERS, *_MOMENTS}, "DELTA_BINARY_PACKED")
    repeated = sorted(names & {"video", "status", "winning_text", "rationale", "reason"})
    options: dict[str, Any] = {"use_dictionary": repeated, "column_encoding": encodings, "compression": compression}
    with _new(path) as file:
        pq.write_table(table, file, **options)


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


def _provenance(rule: StoredRule, video: StoredVideo, scorer: StoredScorer) -> dict[str, str]:
    """Footer metadata: which question, which models and code, which footage."""
    return {
        "anyanomaly.rule": rule.name,
        "anyanomaly.version": str(rule.scoring_version),
        "anyanomaly.scoring_digest": rule.definition.scoring_digest(),
        "anyanomaly.scorer_digest": scorer.digest,
        "anyanomaly.profile": scorer.profile_name,
        "anyanomaly.code_version": scorer.code_version,
        "anyanomaly.camera": video.camera_id,
        "anyanomaly.recorded_at": video.recorded_at.isoformat(),
        "anyanomaly.video_sha256": video.content_sha256,
    }
