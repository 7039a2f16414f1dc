"""Parquet files that no committed result stands behind, and what killed processes left between them."""

import os
import re
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, Engine, select, text

from anyanomaly_core.result_folder import ResultFolder, is_bucket, list_objects, remove
from anyanomaly_core.results import parquet
from anyanomaly_core.results.catalog import load_videos
from anyanomaly_core.results.event_store import lock_video
from anyanomaly_core.results.rule_store import list_rules
from anyanomaly_core.results.schema import scorers, units
from anyanomaly_core.results.scorer_store import StoredScorer

RELATIONS = ("frame_scores", "segment_scores", "frame_regions")  # the last only where there are regions
_AT_ONCE = 5000  # files compared with the ledger in one go
_RESULT = re.compile(r"([0-9a-f]{16})-[0-9a-f]{12}(?:-[0-9a-f]{16})?\.parquet$")  # the third: in a bucket


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file that nothing needs any more."""

    kind: str
    path: ResultFolder
    size: int
    why: str


def leftover(kind: str, path: ResultFolder, why: str) -> Leftover:
    """A leftover with its size, 0 when it has gone meanwhile."""
    try:
        return Leftover(kind, path, path.stat().st_size, why)
    except OSError:
        return Leftover(kind, path, 0, why)


def is_older_than(path: ResultFolder, seconds: float) -> bool:
    """Whether a file was not changed for so long; one that has gone was not."""
    try:
        return time.time() - path.stat().st_mtime >= seconds
    except OSError:
        return False


def find_orphan_parquet(
    connection: Connection, root: ResultFolder, *, min_age_s: float, expiring: Collection[int] = ()
) -> Iterator[Leftover]:
    """Result files under ``root`` that no unit in the ledger stands behind, and unfinished ones.

    Args:
        connection: a read is enough.
        root: the folder or bucket of ``frame_scores/`` and ``segment_scores/``; nothing else in it is looked at.
        min_age_s: unfinished files younger than this, and objects of a bucket, may be of a commit that is under way.
        expiring: videos whose results are taken to be gone already, to say beforehand what will go.
    """
    files = _files(root)
    while batch := list(islice(files, _AT_ONCE)):
        expected = _ledger_files(connection, root, set(_videos_of(connection, batch)).difference(expiring))
        for path in batch:
            if path.name.startswith("."):
                if is_older_than(path, min_age_s):
                    yield leftover("temporary", path, "the commit that wrote it did not end")
            elif path not in expected and (not is_bucket(path) or is_older_than(path, min_age_s)):
                yield leftover("parquet", path, "no result in the database stands behind it")


def remove_orphan_parquet(engine: Engine, root: ResultFolder, orphan: Leftover) -> bool:
    """Remove an orphan, unless a commit made it wanted meanwhile; says whether it went.

    A commit gives files their names before the ledger knows them, under a lock on the video: so it is looked at once
    more under the same lock.
    """
    with engine.begin() as connection:
        of = _videos_of(connection, [orphan.path])
        for video_id in of:
            lock_video(connection, video_id)
        if orphan.path in _ledger_files(connection, root, of):
            return False
        remove_result(orphan.path, root)
    return True


def remove_result(path: ResultFolder, root: ResultFolder) -> None:
    """Remove a file and the folders that become empty, or an object of a bucket; what is gone already is no error."""
    if isinstance(path, Path) and isinstance(root, Path):
        path.unlink(missing_ok=True)
        remove_empty_folders(path.parent, root)
    else:
        remove(path)


def _ledger_files(connection: Connection, root: ResultFolder, video_ids: Collection[int]) -> set[ResultFolder]:
    """Every file of these videos that the ledger says there is."""
    u, s = units.c, scorers.c
    if is_bucket(root):
        noted = select(u.parquet_files).where(u.video_id.in_(video_ids), u.parquet_files.is_not(None))
        return {root / name for names in connection.execute(noted).scalars() for name in names}
    query = select(u.video_id, u.scoring_id, s.scorer_id, s.digest, s.profile_name, s.code_version)
    rows = connection.execute(query.join(scorers).where(u.video_id.in_(video_ids))).all()
    rules = {rule.scoring_id: rule for rule in list_rules(connection, all_versions=True)}
    known = {video.video_id: video for video in load_videos(connection, list(video_ids))}
    return {
        parquet.file_path(root, relation, rules[row.scoring_id], known[row.video_id], StoredScorer(*row[2:]))
        for row in rows
        for relation in RELATIONS
    }


def _videos_of(connection: Connection, paths: Sequence[ResultFolder]) -> list[int]:
    """Videos that result files are named after: the name begins with the first digits of the content's hash."""
    names = (_RESULT.match(path.name) for path in paths)
    begins = sorted({name[1] for name in names if name})
    # A range for each, which the unique index knows; g comes after every hexadecimal digit.
    query = text("""SELECT video_id FROM unnest(CAST(:begins AS text[])) AS b(digits)
                    JOIN videos v ON v.content_sha256 >= b.digits AND v.content_sha256 < b.digits || 'g'
                    ORDER BY video_id""")
    return list(connection.execute(query, {"begins": begins}).scalars())


def _files(root: ResultFolder) -> Iterator[ResultFolder]:
    for relation in RELATIONS:
        if not isinstance(root, Path):
            yield from list_objects(root / relation)
            continue
        for folder, folders, names in os.walk(root / relation):
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names))


def remove_empty_folders(folder: Path, root: Path) -> None:
    """Remove empty folders upwards, as far as nothing else is in them."""
    while folder != root and folder.is_relative_to(root):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
