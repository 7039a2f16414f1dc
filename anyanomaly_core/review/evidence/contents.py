"""What a bundle holds of one event: clip, stills, tables and facts; what was to be hidden is covered."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from sqlalchemy import Engine

from anyanomaly_core.archive.footage import footage_mask
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ModelError, StorageError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.review.blurring.blur import HOLD_S, Covering, find_in_clip, write_covered
from anyanomaly_core.review.blurring.detector import Hidden
from anyanomaly_core.review.clips.clip import Span, cut_clip, span
from anyanomaly_core.review.clips.original import check, original
from anyanomaly_core.review.clips.stills import Kind, covered_still, event_still
from anyanomaly_core.review.event_record import FoundEvent
from anyanomaly_core.review.evidence.facts import event_facts
from anyanomaly_core.review.evidence.manifest import LOOK, MISSED, Blurring, utc
from anyanomaly_core.review.evidence.score_tables import score_tables

File = tuple[str, Path | bytes]
_STILLS: tuple[Kind, ...] = ("key", "grid", "attention")


def event_files(
    engine: Engine,
    settings: Settings,
    event: FoundEvent,
    work: Path,
    around_s: tuple[float, float],
    *,
    load_models: bool,
    blur: Sequence[Hidden],
) -> tuple[list[File], Blurring | None]:
    """What stands in an event's folder of a bundle, and how what it shows was covered.

    Args:
        engine: of the results database.
        settings: of the installation.
        event: the event.
        work: an empty folder for the clip.
        around_s: seconds of the clip before the event and after it.
        load_models: make the attention image, which needs the encoder.
        blur: what to cover in the clip and in the stills.

    Raises:
        FootageError: the original is gone, holds another content than at ingest, or cannot be decoded.
        StorageError: the clip cannot be written.
        ConfigurationError: the file of privacy masks is wrong.
    """
    path = original(settings, event.video)
    check(event.video, sha256(path))  # hashed now, whatever was seen before
    shown = span(event, before_s=around_s[0], after_s=around_s[1], most_s=None)
    clip = work / "clip.mp4"
    how = cut_clip(settings, event, shown, clip)
    check(event.video, sha256(path))
    covering = None
    if blur:
        clip, covering = _blurred(settings, event, shown, clip, blur)
    blurred = None if covering is None else _blurring(covering, blur)
    facts = event_facts(engine, event)
    facts["clip"] = _clip_facts(settings, event, shown, how if covering is None else "encoded")
    facts["clip"]["blurred"] = None if blurred is None else blurred.model_dump()
    stills, facts["stills"] = _stills(engine, settings, event, work, covering, load_models=load_models)
    tables = score_tables(engine, event, shown)
    told = "" if event.rationale is None else event.rationale
    files: list[File] = [
        ("event.json", (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()),
        ("rationale.txt", told.encode()),
        ("clip.mp4", clip),
        *stills,
        *tables.items(),
    ]
    return files, blurred


def _blurred(
    settings: Settings, event: FoundEvent, shown: Span, clip: Path, blur: Sequence[Hidden]
) -> tuple[Path, Covering]:
    limits = Limits.of(settings)
    times = event.segments.times_s()[shown.first_frame : shown.last_frame + 1]  # [n]
    covering = find_in_clip(clip, times, shown.first_frame, limits, blur)
    target = clip.with_name("clip-blurred.mp4")
    write_covered(clip, times, covering, target, limits)
    return target, covering


def _blurring(covering: Covering, blur: Sequence[Hidden]) -> Blurring:
    return Blurring(
        what=", ".join(blur),
        detector="; ".join(finder.described for finder in covering.finders),
        frames=len(covering.boxes),
        frames_looked_at=covering.looked_at,
        frames_found=covering.found_in,
        frames_covered=sum(len(boxes) > 0 for boxes in covering.boxes),
        held_s=HOLD_S,
        warning=" ".join([*(MISSED[what] for what in blur), LOOK]),
    )


def _clip_facts(settings: Settings, event: FoundEvent, shown: Span, how: str) -> dict[str, Any]:
    mask = footage_mask(settings, event.video)
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
    engine: Engine,
    settings: Settings,
    event: FoundEvent,
    work: Path,
    covering: Covering | None,
    *,
    load_models: bool,
) -> tuple[list[File], dict[str, str]]:
    """The pictures there are, and for each kind ``there`` or the reason why not."""
    files: list[File] = []
    said: dict[str, str] = {}
    for kind in _STILLS:
        try:
            if covering is None:
                path = event_still(engine, settings, event.event_id, kind, load_models=load_models)
                content = path.read_bytes()  # the cache may drop the file before the bundle is written
            else:
                content = covered_still(engine, settings, event, kind, covering, load_models=load_models)
            kept = work / f"{kind}.png"  # not in memory: a bundle may have hundreds of events
            kept.write_bytes(content)
            files.append((kept.name, kept))
            said[kind] = "there"
        except (ModelError, StorageError) as error:
            said[kind] = f"not there: {error}"
    return files, said
