"""Evidence bundles: one ZIP that states what was filmed, what was found in it, and by which rule and models.

The original is hashed again at export, before and after the clip is cut from it. The same export, by the same person
at the same moment, gives the same bytes; a time stamp is the one part that differs.
"""

import getpass
import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from anyanomaly_core.review.event_record import EventRecord, load_event_records
from anyanomaly_core.review.evidence import signing, zip_format
from anyanomaly_core.review.evidence.contents import BundleOptions, EventFiles, File, event_files
from anyanomaly_core.review.evidence.manifest import (
    MANIFEST,
    PUBLIC_KEY,
    README,
    SIGNATURE,
    SUMS,
    TIMESTAMP,
    ListedEvent,
    ListedFile,
    Manifest,
    TimestampEntry,
    order,
    sums,
    utc,
)
from anyanomaly_core.review.evidence.timestamps import TimestampAuthority
from anyanomaly_core.review.rendering import environment

BEFORE_S, AFTER_S = 10.0, 10.0


@dataclass(frozen=True, slots=True)
class Exporter:
    """Who exports, and when."""

    name: str
    at: datetime  # aware


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
    originals: bool = False,
    reveal: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Manifest:
    """Write a bundle of some events to ``out``. It appears whole or not at all.

    Args:
        engine: of the results database; reading is enough.
        settings: of the installation.
        event_ids: at least one.
        out: a file that does not exist.
        exported_by: None: the user of this process.
        now: aware; None: this moment.
        before_s: seconds of each clip before its event.
        after_s: and after it.
        load_models: make attention images, which needs the encoder.
        blur: blur what detectors find of these, in clips and stills. They miss some.
        originals: add the camera's own packets, which are neither blurred nor masked.
        reveal: add them even where the clip is blurred or masked.
        progress: is called with the events done and the events in all.

    Raises:
        StorageError: there is no such event, the bundle would have too many files, or the disk is full.
        FootageError: an original is gone or holds another content than at ingest.
        ConfigurationError: ``out`` exists or cannot be written, the signing key, the masks or the certificates of the
            time stamp authority cannot be used, or originals would reveal what is hidden.
        TimestampError: the time stamp authority does not answer or refuses.
    """
    if not event_ids:
        raise StorageError("State at least one event to export; `anyanomaly query 'SELECT event_id ... '` finds them.")
    if out.exists():
        raise ConfigurationError(f"{out} exists already; evidence is never written over.")
    key, authority = signing.signing_key(settings), TimestampAuthority.of(settings)
    exporter = Exporter(exported_by or getpass.getuser(), now or datetime.now(UTC))
    targets = [target for target in get_args(BlurTarget) if target in blur]
    options = BundleOptions(before_s, after_s, load_models, targets, originals, reveal)
    with _scratch(settings) as scratch:
        files: list[File] = []
        events: list[ListedEvent] = []
        wanted = list(dict.fromkeys(event_ids))
        for number, event_id in enumerate(wanted, 1):
            for place, event in enumerate(load_event_records(engine, event_id), 1):
                folder = f"event-{number:04d}-{str(event_id)[:8]}" + (f"-file-{place:03d}" if event.files > 1 else "")
                (scratch / folder).mkdir()
                own = event_files(engine, settings, event, scratch / folder, options)
                files += [(f"{folder}/{name}", content) for name, content in own.files]
                events.append(_listed_event(event, folder, own))
            if progress is not None:
                progress(number, len(wanted))
        manifest, files = _complete(events, files, exporter, key, authority)
        encoded = manifest.encoded()
        signature = [] if key is None else [(SIGNATURE, key.sign(encoded))]
        content = dict([(MANIFEST, encoded), *signature, *files])
        _publish(out, [(name, content[name]) for name in order(content)])
    return manifest


def _complete(
    events: Sequence[ListedEvent],
    files: list[File],
    exporter: Exporter,
    key: signing.PrivateKey | None,
    authority: TimestampAuthority | None,
) -> tuple[Manifest, list[File]]:
    """The manifest, and the files with those that speak of the bundle as a whole."""
    fingerprint = None
    if key is not None:
        fingerprint = signing.fingerprint(key.public_key())
        files = [*files, (PUBLIC_KEY, signing.public_pem(key.public_key()).encode())]
    read_me = (
        environment()
        .get_template("evidence_readme.txt.jinja")
        .render(
            events=events,
            by=exporter.name,
            at=exporter.at.astimezone(UTC),
            fingerprint=fingerprint,
            authority=None if authority is None else authority.url,
        )
    )
    files = [*files, (README, read_me.encode())]
    listed = sums(map(_listed_file, files))
    files = [*files, (SUMS, listed)]
    time_stamp = None
    if authority is not None:
        reply, stated = authority.stamp(listed)
        time_stamp = TimestampEntry(moment=utc(stated.moment), authority=stated.authority)
        files = [*files, (TIMESTAMP, reply)]
    manifest = Manifest(
        made_with=f"anyanomaly {__version__}",
        exported_by=exporter.name,
        exported_at=utc(exporter.at.astimezone(UTC)),
        signed_with=fingerprint,
        time_stamp=time_stamp,
        events=tuple(events),
        files=tuple(sorted(map(_listed_file, files), key=lambda file: file.name)),
    )
    return manifest, files


def _listed_event(event: EventRecord, folder: str, files: EventFiles) -> ListedEvent:
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
        blurred=files.blurred,
        original_packets=files.original_packets,
    )


def _listed_file(file: File) -> ListedFile:
    name, content = file
    if isinstance(content, Path):
        return ListedFile(name=name, size=content.stat().st_size, sha256=sha256(content))
    return ListedFile(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


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
    """An empty folder, removed afterwards. What cannot be written there is a StorageError."""
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="evidence-", dir=settings.state_dir) as folder:
            yield Path(folder)
    except OSError as error:
        where = settings.state_dir
        raise StorageError(f"The bundle's files cannot be written in {where}: {error.strerror}.") from None
