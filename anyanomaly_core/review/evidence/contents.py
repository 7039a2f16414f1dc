"""What a bundle holds of one event: clip, stills, tables and facts, blurred where that was asked for."""

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
from anyanomaly_core.review.blurring.blur import HOLD_S, BlurRegions, detect_in_clip, write_blurred_clip
from anyanomaly_core.review.blurring.detector import BlurTarget
from anyanomaly_core.review.clips.clip import ClipSpan, cut_clip, span_around
from anyanomaly_core.review.clips.original import original_file, require_content
from anyanomaly_core.review.clips.stills import StillKind, blurred_still, event_still
from anyanomaly_core.review.event_record import EventRecord
from anyanomaly_core.review.evidence.facts import event_facts
from anyanomaly_core.review.evidence.manifest import BLUR_LIMITS, CHECK_EVERY_FRAME, BlurReport, utc
from anyanomaly_core.review.evidence.score_tables import score_tables

File = tuple[str, Path | bytes]
_STILLS: tuple[StillKind, ...] = ("key", "grid", "attention")


def event_files(
    engine: Engine,
    settings: Settings,
    event: EventRecord,
    work: Path,
    around_s: tuple[float, float],
    *,
    load_models: bool,
    blur: Sequence[BlurTarget],
) -> tuple[list[File], BlurReport | None]:
    """The files of an event's folder in a bundle, and how its clip and stills were blurred.

    Args:
        engine: of the results database.
        settings: of the installation.
        event: the event.
        work: an empty folder for the clip.
        around_s: seconds of the clip before the event and after it.
        load_models: make the attention image, which needs the encoder.
        blur: what to blur in the clip and in the stills.

    Raises:
        FootageError: the original is gone, holds another content than at ingest, or cannot be decoded.
        StorageError: the clip cannot be written.
        ConfigurationError: the file of privacy masks is wrong.
    """
    path = original_file(settings, event.video)
    require_content(event.video, sha256(path))  # hashed now, whatever was seen before
    span = span_around(event, before_s=around_s[0], after_s=around_s[1], max_s=None)
    clip = work / "clip.mp4"
    cut_by = cut_clip(settings, event, span, clip)
    require_content(event.video, sha256(path))
    regions = None
    if blur:
        clip, regions = _blurred_clip(settings, event, span, clip, blur)
    report = None if regions is None else _blur_report(regions, blur)
    facts = event_facts(engine, event)
    facts["clip"] = _clip_facts(settings, event, span, cut_by if regions is None else "encoded")
    facts["clip"]["blurred"] = None if report is None else report.model_dump()
    stills, facts["stills"] = _stills(engine, settings, event, work, regions, load_models=load_models)
    files: list[File] = [
        ("event.json", (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()),
        ("rationale.txt", (event.rationale or "").encode()),
        ("clip.mp4", clip),
        *stills,
        *score_tables(engine, event, span).items(),
    ]
    return files, report


def _blurred_clip(
    settings: Settings, event: EventRecord, span: ClipSpan, clip: Path, blur: Sequence[BlurTarget]
) -> tuple[Path, BlurRegions]:
    limits = Limits.of(settings)
    times = event.segments.times_s()[span.first_frame : span.last_frame + 1]  # [n]
    regions = detect_in_clip(clip, times, span.first_frame, limits, blur)
    target = clip.with_name("clip-blurred.mp4")
    write_blurred_clip(clip, times, regions, target, limits)
    return target, regions


def _blur_report(regions: BlurRegions, blur: Sequence[BlurTarget]) -> BlurReport:
    return BlurReport(
        targets=tuple(blur),
        detector="; ".join(detector.description for detector in regions.detectors),
        frames=len(regions.boxes),
        frames_examined=regions.frames_examined,
        frames_with_detections=regions.frames_with_detections,
        frames_blurred=sum(len(boxes) > 0 for boxes in regions.boxes),
        hold_s=HOLD_S,
        warning=" ".join([*(BLUR_LIMITS[target] for target in blur), CHECK_EVERY_FRAME]),
    )


def _clip_facts(settings: Settings, event: EventRecord, span: ClipSpan, cut_by: str) -> dict[str, Any]:
    mask = footage_mask(settings, event.video)
    copied = "the original's own, copied"
    encoded = "decoded and encoded again as H.264 (x264, CRF 18)"
    return {
        "first_frame": span.first_frame,
        "last_frame": span.last_frame,
        "started_at": utc(span.started_at),
        "ended_at": utc(span.ended_at),
        "pictures": copied if cut_by == "copied" else encoded,
        "cut_with": f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}",
        "sound": "left out",
        "source_sha256_at_export": event.video.content_sha256,
        "privacy_mask": None if mask is None else {"digest": mask.digest, "polygons": mask.polygons},
    }


def _stills(
    engine: Engine,
    settings: Settings,
    event: EventRecord,
    work: Path,
    regions: BlurRegions | None,
    *,
    load_models: bool,
) -> tuple[list[File], dict[str, str]]:
    """The pictures there are, and for each kind ``there`` or the reason why it is missing."""
    files: list[File] = []
    presence: dict[str, str] = {}
    for kind in _STILLS:
        try:
            if regions is None:
                path = event_still(engine, settings, event.event_id, kind, load_models=load_models)
                content = path.read_bytes()
            else:
                content = blurred_still(engine, settings, event, kind, regions, load_models=load_models)
        except (ModelError, StorageError) as error:
            presence[kind] = f"not there: {error}"
            continue
        picture = work / f"{kind}.png"  # on disk: a bundle may have hundreds of events
        picture.write_bytes(content)
        files.append((picture.name, picture))
        presence[kind] = "there"
    return files, presence
