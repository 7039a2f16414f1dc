"""Evidence bundles: one ZIP that says what was filmed, what was found in it, by which rule and models, and stays so.

The original is hashed again at export, before and after the clip is cut from it. The same export, by the same person
at the same moment, gives the same bytes.
"""

import getpass
import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args
from uuid import UUID

from sqlalchemy import Engine

from anyanomaly_core import __version__
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError, StorageError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.review.blurring.detector import BlurTarget
from anyanomaly_core.review.event_record import EventRecord, load_event_record
from anyanomaly_core.review.evidence import signing, zip_format
from anyanomaly_core.review.evidence.contents import File, event_files
from anyanomaly_core.review.evidence.manifest import (
    MANIFEST,
    PUBLIC_KEY,
    README,
    SIGNATURE,
    SUMS,
    BlurReport,
    ListedEvent,
    ListedFile,
    Manifest,
    order,
    utc,
)
from anyanomaly_core.review.evidence.readme import read_me

BEFORE_S, AFTER_S = 10.0, 10.0


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
    blur: Collection[BlurTarget] = (),
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
        blur: cover what detectors find of these, in clips and stills; they miss some.
        progress: told events done, events in all.

    Raises:
        StorageError: there is no such event, the bundle would have too many files, or the disk is full.
        FootageError: an original is gone or holds another content than at ingest.
        ConfigurationError: ``out`` exists or cannot be written; the signing key or the masks cannot be used.
    """
    if not event_ids:
        raise StorageError("Say at least one event to export; `anyanomaly query 'SELECT event_id ... '` finds them.")
    if out.exists():
        raise ConfigurationError(f"{out} exists already; evidence is never written over.")
    hidden = [what for what in get_args(BlurTarget) if what in blur]
    key = signing.signing_key(settings)
    by, at = exported_by or getpass.getuser(), now or datetime.now(UTC)
    with _scratch(settings) as scratch:
        files: list[File] = []
        listed: list[ListedEvent] = []
        wanted = list(dict.fromkeys(event_ids))
        for number, event_id in enumerate(wanted, 1):
            event = load_event_record(engine, event_id)
            folder = f"event-{number:04d}-{str(event_id)[:8]}"
            work = scratch / folder
            work.mkdir()
            own, blurred = event_files(
                engine, settings, event, work, (before_s, after_s), load_models=load_models, blur=hidden
            )
            files += [(f"{folder}/{name}", content) for name, content in own]
            listed.append(_listed(event, folder, blurred))
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
        content = dict([(MANIFEST, encoded), *signature, *files])
        _publish(out, [(name, content[name]) for name in order(content)])
    return manifest


def _listed(event: EventRecord, folder: str, blurred: BlurReport | None) -> ListedEvent:
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
        blurred=blurred,
    )


def _publish(out: Path, files: Sequence[File]) -> None:
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        zip_format.write(part, files)
        part.rename(out)
    except OSError as error:
        raise ConfigurationError(f"The bundle {out} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _scratch(settings: Settings) -> Iterator[Path]:
    """An empty folder, removed afterwards; what cannot be written there is a StorageError."""
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="evidence-", dir=settings.state_dir) as folder:
            yield Path(folder)
    except OSError as error:
        where = settings.state_dir
        raise StorageError(f"The bundle's files cannot be written in {where}: {error.strerror}.") from None


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
