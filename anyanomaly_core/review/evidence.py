"""Evidence bundles: one ZIP that says what was filmed, what was found in it, by which rule and models, and stays so.

The original is hashed again at export, before and after the clip is cut from it. The same export, by the same person
at the same moment, gives the same bytes.
"""

import getpass
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import imageio_ffmpeg
from sqlalchemy import Engine

from anyanomaly_core import __version__
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError, ModelError, StorageError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.review import evidence_zip, signing
from anyanomaly_core.review.clips import Span, cut_clip, span
from anyanomaly_core.review.evidence_facts import event_facts
from anyanomaly_core.review.evidence_manifest import (
    MANIFEST,
    PUBLIC_KEY,
    README,
    SIGNATURE,
    SUMS,
    ListedEvent,
    ListedFile,
    Manifest,
    utc,
)
from anyanomaly_core.review.evidence_readme import read_me
from anyanomaly_core.review.evidence_tables import score_tables
from anyanomaly_core.review.found_event import FoundEvent, find_event
from anyanomaly_core.review.originals import check, original
from anyanomaly_core.review.stills import Kind, event_still
from anyanomaly_core.scanning.privacy import camera_mask

File = tuple[str, Path | bytes]
BEFORE_S, AFTER_S = 10.0, 10.0
_STILLS: tuple[Kind, ...] = ("key", "grid", "attention")


def export_evidence(
    engine: Engine,
    settings: Settings,
    event_ids: Sequence[UUID],
    out: Path,
    *,
    exported_by: str | None = None,
    now: datetime | None = None,
    before_s: float = BEFORE_S,
    after_s: float = AFTER_S,
    load_models: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Write a bundle of some events to ``out``; it appears whole or not at all.

    Args:
        engine: of the results database; reading is enough.
        settings: of the installation.
        event_ids: at least one.
        out: a file that does not exist.
        exported_by: none: the user of this process.
        now: aware; none: this moment.
        before_s: seconds of each clip before its event.
        after_s: and after it.
        load_models: make attention images, which needs the encoder.
        progress: told events done, events in all.

    Raises:
        StorageError: there is no such event, or the bundle would be too large.
        FootageError: an original is gone or holds another content than at ingest.
        ConfigurationError: ``out`` exists or cannot be written; the signing key or the masks cannot be used.
    """
    if not event_ids:
        raise StorageError("Say at least one event to export; `anyanomaly query 'SELECT event_id ... '` finds them.")
    if out.exists():
        raise ConfigurationError(f"{out} exists already; evidence is never written over.")
    key = signing.signing_key(settings)
    by, at = exported_by or getpass.getuser(), now or datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="evidence-", dir=_folder(settings)) as scratch:
        files: list[File] = []
        listed: list[ListedEvent] = []
        wanted = list(dict.fromkeys(event_ids))
        for number, event_id in enumerate(wanted, 1):
            event = find_event(engine, event_id)
            folder = f"event-{number:04d}-{str(event_id)[:8]}"
            work = Path(scratch) / folder
            work.mkdir()
            own = _event_files(engine, settings, event, work, (before_s, after_s), load_models=load_models)
            files += [(f"{folder}/{name}", content) for name, content in own]
            listed.append(_listed(event, folder))
            if progress is not None:
                progress(number, len(wanted))
        public = None if key is None else key.public_key()
        if public is not None:
            files.append((PUBLIC_KEY, signing.public_pem(public).encode()))
        print_of = None if public is None else signing.fingerprint(public)
        files.append((README, read_me(listed, by, at, print_of).encode()))
        files.append((SUMS, _sums(files)))
        manifest = Manifest(
            made_with=f"anyanomaly {__version__}",
            exported_by=by,
            exported_at=utc(at.astimezone(UTC)),
            signed_with=print_of,
            events=tuple(listed),
            files=tuple(
                ListedFile(name=name, size=_size(c), sha256=_digest(c)) for name, c in sorted(files, key=_name)
            ),
        )
        encoded = manifest.encoded()
        signature = [] if key is None else [(SIGNATURE, key.sign(encoded))]
        _publish(out, [(MANIFEST, encoded), *signature, *sorted(files, key=_name)])
    return manifest


def _event_files(
    engine: Engine,
    settings: Settings,
    event: FoundEvent,
    work: Path,
    around_s: tuple[float, float],
    *,
    load_models: bool,
) -> list[File]:
    path = original(settings, event.video)
    check(event.video, sha256(path))  # hashed now, whatever was seen before
    shown = span(event, before_s=around_s[0], after_s=around_s[1], most_s=None)
    clip = work / "clip.mp4"
    how = cut_clip(settings, event, shown, clip)
    check(event.video, sha256(path))
    facts = event_facts(engine, event)
    facts["clip"] = _clip_facts(settings, event, shown, how)
    stills, facts["stills"] = _stills(engine, settings, event, load_models=load_models)
    tables = score_tables(engine, event, shown)
    told = "" if event.rationale is None else event.rationale
    return [
        ("event.json", (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()),
        ("rationale.txt", told.encode()),
        ("clip.mp4", clip),
        *stills,
        *tables.items(),
    ]


def _clip_facts(settings: Settings, event: FoundEvent, shown: Span, how: str) -> dict[str, Any]:
    mask = camera_mask(settings, event.video.camera_id)
    return {
        "first_frame": shown.first_frame,
        "last_frame": shown.last_frame,
        "started_at": utc(shown.started_at),
        "ended_at": utc(shown.ended_at),
        "pictures": "the original's own, copied"
        if how == "copied"
        else "decoded and encoded again as H.264 (x264, CRF 18)",
        "cut_with": f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}",
        "sound": "left out",
        "source_sha256_at_export": event.video.content_sha256,
        "privacy_mask": None if mask is None else {"digest": mask.digest, "polygons": mask.polygons},
    }


def _stills(
    engine: Engine, settings: Settings, event: FoundEvent, *, load_models: bool
) -> tuple[list[File], dict[str, str]]:
    """The pictures there are, and for each kind ``there`` or the reason why not."""
    files: list[File] = []
    said: dict[str, str] = {}
    for kind in _STILLS:
        try:
            path = event_still(engine, settings, event.event_id, kind, load_models=load_models)
            files.append((f"{kind}.png", path.read_bytes()))  # the cache may drop it before the bundle is written
            said[kind] = "there"
        except (ModelError, StorageError) as error:
            said[kind] = f"not there: {error}"
    return files, said


def _listed(event: FoundEvent, folder: str) -> ListedEvent:
    return ListedEvent(
        event_id=str(event.event_id),
        folder=folder,
        rule=event.rule,
        version=event.version,
        camera=event.video.camera_id,
        time_zone=event.video.time_zone,
        started_at=utc(event.started_at),
        ended_at=utc(event.ended_at),
        source_file=event.video.uri,
        source_sha256=event.video.content_sha256,
    )


def _publish(out: Path, files: Sequence[File]) -> None:
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        evidence_zip.write(part, files)
        part.rename(out)
    except OSError as error:
        raise ConfigurationError(f"The bundle {out} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


def _folder(settings: Settings) -> Path:
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    return settings.state_dir


def _sums(files: Sequence[File]) -> bytes:
    """As ``sha256sum --check`` reads it."""
    return "".join(f"{_digest(content)}  {name}\n" for name, content in sorted(files, key=_name)).encode()


def _name(file: File) -> str:
    return file[0]


def _size(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def _digest(content: Path | bytes) -> str:
    if isinstance(content, Path):
        return sha256(content)
    return hashlib.sha256(content).hexdigest()
