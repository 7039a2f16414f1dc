"""What work that is over, or was killed, leaves in the state folder and beside the results.

========== =============================================================== ====================================
kind       where                                                           when it goes
========== =============================================================== ====================================
parquet    ``parquet_root``                                                no result stands behind it
journal    ``state_dir/journal``                                           its unit is done, given up or forgotten
clip       ``state_dir/clips``                                             the results of its video have expired
still      ``state_dir/stills``                                            likewise
embedding  the folder of embeddings                                        likewise, or no rule uses its encoder
temporary  hidden, ``.part`` and ``.tmp`` files of these and the caches    its writer has had time enough
========== =============================================================== ====================================
"""

import fcntl
import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, groupby, islice
from pathlib import Path

from sqlalchemy import Connection, Engine, select

from anyanomaly_core.archive.wanted_encodings import WantedEncodings, wanted_encodings
from anyanomaly_core.config import Settings
from anyanomaly_core.result_folder import ResultFolder, list_objects
from anyanomaly_core.results import orphans
from anyanomaly_core.results.catalog import load_videos
from anyanomaly_core.results.orphans import Leftover, is_older_than, leftover
from anyanomaly_core.results.planning import MAX_ATTEMPTS
from anyanomaly_core.results.schema import rule_versions, scorers, units, videos

FORGOTTEN_S = 30 * 86400.0  # nobody went on with a journal for so long
_JOURNAL = re.compile(r"([0-9a-f]{64})-([0-9a-f]{16})(?:-[0-9a-f]{16})?\.jsonl$")  # the third: of a privacy mask
_CONTENT = re.compile(r"([0-9a-f]{64})-")
_CONTENTS_AT_ONCE = 1000
_ENCODING = re.compile(r"[0-9a-f]{16}")


def find_leftovers(
    engine: Engine, settings: Settings, *, min_age_s: float, expiring: Collection[int] = ()
) -> Iterator[Leftover]:
    """Every file that nothing needs any more.

    Args:
        engine: of the results database.
        settings: say where files lie.
        min_age_s: an unfinished file that was changed more recently may still be written to.
        expiring: videos whose results are taken to be gone already, to say beforehand what will go.
    """
    with engine.connect() as connection:
        yield from orphans.find_orphan_parquet(
            connection, settings.parquet_root, min_age_s=min_age_s, expiring=expiring
        )
        yield from _journals(connection, settings.state_dir / "journal", expiring)
        yield from _pictures(connection, settings.state_dir, expiring)
        wanted = wanted_encodings(connection, settings, recent_s=min_age_s)
        yield from _embeddings(connection, settings.embeddings_folder, expiring, wanted, min_age_s)
    yield from _drafts(settings.state_dir, min_age_s)


def remove_leftover(engine: Engine, settings: Settings, found: Leftover) -> bool:
    """Remove a file; False: it is in use, or wanted after all."""
    if found.kind == "parquet" or _is_below(found.path, settings.parquet_root):
        return orphans.remove_orphan_parquet(engine, settings.parquet_root, found)
    if found.kind == "journal" and isinstance(found.path, Path):
        return _remove_unlocked(found.path)
    if found.kind == "embedding":
        orphans.remove_result(found.path, settings.embeddings_folder)
    else:
        found.path.unlink(missing_ok=True)
    return True


def _is_below(path: ResultFolder, folder: ResultFolder) -> bool:
    return str(path).startswith(f"{folder}/")


def _journals(connection: Connection, folder: Path, expiring: Collection[int]) -> Iterator[Leftover]:
    for path in sorted(folder.glob("*.jsonl")):
        why = _why_finished(connection, path, expiring)
        if why is not None and not _in_use(path):
            yield leftover("journal", path, why)


def _why_finished(connection: Connection, path: Path, expiring: Collection[int]) -> str | None:
    name = _JOURNAL.match(path.name)
    if is_older_than(path, FORGOTTEN_S):
        return "nobody went on with it for 30 days"
    if name is None:
        return None
    content = videos.c.content_sha256 == name[1]
    video = connection.execute(select(videos.c.video_id, videos.c.expired_at).where(content)).first()
    if video is None:
        return "its video is not known"
    if video.expired_at is not None or video.video_id in expiring:
        return "the results of its video have expired"
    wanted = _rules_in(path)
    return (
        "its unit is done or was given up" if wanted <= _finished_rules(connection, video.video_id, name[2]) else None
    )


def _finished_rules(connection: Connection, video_id: int, scorer: str) -> set[int]:
    """Rule versions that this scorer, known by the start of its digest, will not score the video for any more."""
    u, rv = units.c, rule_versions.c
    over = (u.state == "done") | (u.attempts >= MAX_ATTEMPTS)
    query = select(rv.rule_version_id).join(units, u.scoring_id == rv.scoring_id).join(scorers)
    query = query.where(u.video_id == video_id, scorers.c.digest.startswith(scorer), over)
    return set(connection.execute(query).scalars())


def _rules_in(path: Path) -> set[int]:
    """Rule versions that a journal holds scores of; a torn or foreign line ends the reading."""
    found: set[int] = set()
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                found |= {int(item["rule_version_id"]) for item in json.loads(line)}
    except (OSError, ValueError, KeyError, TypeError):
        return found
    return found


def _in_use(path: Path) -> bool:
    """Whether a worker has the journal open and locked."""
    return not _with_lock(path, remove=False)


def _remove_unlocked(path: Path) -> bool:
    return _with_lock(path, remove=True)


def _with_lock(path: Path, *, remove: bool) -> bool:
    """Whether the lock could be had. A worker that waits for it sees that the file has lost its name."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return not path.exists()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if remove:
            path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _pictures(connection: Connection, state_dir: Path, expiring: Collection[int]) -> Iterator[Leftover]:
    """Clips and stills, whose names begin with the content they were made of."""
    for kind in ("clip", "still"):
        folder = state_dir / f"{kind}s"
        named = {path: found[1] for path in _files(folder) if (found := _CONTENT.match(path.name))}
        kept = _kept_contents(connection, sorted(set(named.values())), expiring)
        for path, content in named.items():
            if content not in kept:
                yield leftover(kind, path, "the results of its video have expired, or nobody knows the video")


def _embeddings(
    connection: Connection,
    folder: ResultFolder,
    expiring: Collection[int],
    wanted: WantedEncodings | None,
    min_age_s: float,
) -> Iterator[Leftover]:
    """Files in folders that are named after the content they were made of, and in it after how they were made."""
    contents = groupby(_embedding_files(folder), key=lambda found: found[0][1])
    while batch := [(content, [*found]) for content, found in islice(contents, _CONTENTS_AT_ONCE)]:
        kept = _kept_contents(connection, [content for content, _ in batch], expiring)
        for content, found in batch:
            for parts, path in found:
                if (why := _why_unwanted(parts, path, kept.get(content), wanted, min_age_s)) is not None:
                    yield leftover("embedding", path, why)


def _why_unwanted(
    parts: Sequence[str],
    path: ResultFolder,
    cameras: frozenset[str] | None,
    wanted: WantedEncodings | None,
    min_age_s: float,
) -> str | None:
    """Why a file of embeddings is not needed, by its place, the cameras of its content and the encodings in use."""
    if cameras is None:
        return "its video has expired, or nobody knows it"
    encoding, part = parts[2], parts[-2]
    if not (_ENCODING.fullmatch(encoding) and is_older_than(path, min_age_s)):
        return None
    if wanted is not None and encoding not in wanted.of(cameras):
        return "no rule in use has its encoder, windows, picture size and privacy mask"
    return "the scan that wrote it did not end" if part.startswith(".") else None


def _embedding_files(folder: ResultFolder) -> Iterator[tuple[tuple[str, ...], ResultFolder]]:
    """(parts of its name, path) of every file of embeddings, those of a content one after the other."""
    found = (
        list_objects(folder)
        if not isinstance(folder, Path)
        else chain.from_iterable(map(_files, sorted(folder.glob("??/*"))))
    )
    for path in found:
        parts = tuple(str(path)[len(str(folder)) + 1 :].split("/"))
        if len(parts) > 3 and _CONTENT.match(f"{parts[1]}-"):  # noqa: PLR2004  (digits, content, encoding, then files)
            yield parts, path


def _kept_contents(
    connection: Connection, contents: Sequence[str], expiring: Collection[int]
) -> dict[str, frozenset[str]]:
    """The contents whose results have not expired, each with the cameras that it was found under."""
    v = videos.c
    kept: dict[str, frozenset[str]] = {}
    for first in range(0, len(contents), 1000):
        some = v.content_sha256.in_(contents[first : first + 1000])
        there = select(v.video_id).where(some, v.expired_at.is_(None), v.video_id.not_in(expiring))
        found = load_videos(connection, connection.execute(there).scalars().all())
        kept |= {video.content_sha256: frozenset({video.camera_id, *video.cameras}) for video in found}
    return kept


def _drafts(folder: Path, min_age_s: float) -> Iterator[Leftover]:
    for path in _files(folder):
        export = path.relative_to(folder).parts[0].startswith("evidence-")  # a bundle that was being put together
        draft = export or path.suffix in {".part", ".tmp"} or path.name.startswith(".")
        if draft and is_older_than(path, min_age_s):
            yield leftover("temporary", path, "the process that wrote it did not end")


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (Path(place, name) for name in sorted(names))
