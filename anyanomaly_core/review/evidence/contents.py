"""What a bundle holds of one event: clip, stills, tables, facts and, if asked for, the original packets."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import imageio_ffmpeg
from sqlalchemy import Engine

from anyanomaly_core.archive.footage import footage_mask
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError, FootageError, ModelError, StorageError
from anyanomaly_core.footage.content import sha256
from anyanomaly_core.footage.packets import copy_packets
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.review.blurring.blur import HOLD_S, BlurRegions, detect_in_clip, write_blurred_clip
from anyanomaly_core.review.blurring.detector import BlurTarget
from anyanomaly_core.review.clips.clip import ClipSpan, cut_clip, span_around
from anyanomaly_core.review.clips.original import original_file, require_content
from anyanomaly_core.review.clips.stills import StillKind, blurred_still, still_of
from anyanomaly_core.review.event_record import EventRecord
from anyanomaly_core.review.evidence.facts import event_facts
from anyanomaly_core.review.evidence.manifest import (
    BLUR_LIMITS,
    CHECK_EVERY_FRAME,
    BlurReport,
    OriginalPackets,
    Revealed,
    utc,
)
from anyanomaly_core.review.evidence.score_tables import score_tables

File = tuple[str, Path | bytes]
_STILLS: tuple[StillKind, ...] = ("key", "outline", "grid", "attention")


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """What is to be exported of each event."""

    before_s: float  # of the clip before the event
    after_s: float
    load_models: bool  # make the attention image, which needs the encoder
    blur: Sequence[BlurTarget] = ()  # in the clip and in the stills
    originals: bool = False  # add the camera's own packets
    reveal: bool = False  # even where the clip is blurred or masked


@dataclass(frozen=True, slots=True)
class EventFiles:
    """The files of an event's folder, and what the manifest states of them."""

    files: list[File]
    blurred: BlurReport | None
    original_packets: OriginalPackets | None


def event_files(
    engine: Engine, settings: Settings, event: EventRecord, work: Path, options: BundleOptions
) -> EventFiles:
    """Everything that a bundle holds of an event.

    Args:
        engine: of the results database.
        settings: of the installation.
        event: the event.
        work: an empty folder for the clip.
        options: what is exported.

    Raises:
        FootageError: the original is gone, holds another content than at ingest, or cannot be decoded.
        StorageError: the clip cannot be written.
        ConfigurationError: the file of privacy masks is wrong, or originals would reveal what is hidden.
    """
    reveals = _hidden_content(settings, event, options)
    path = original_file(settings, event.video)
    require_content(event.video, sha256(path))  # hashed now, whatever was seen before
    span = span_around(event, before_s=options.before_s, after_s=options.after_s, max_s=None)
    clip = work / "clip.mp4"
    cut_by = cut_clip(settings, event, span, clip)
    packets, missing = None, ""
    if options.originals:
        try:
            packets = _original_packets(settings, event, span, work, reveals)
        except FootageError as error:
            missing = f"not there: {error}"
    require_content(event.video, sha256(path))
    regions = None
    if options.blur:
        clip, regions = _blurred_clip(settings, event, span, clip, options.blur)
    report = None if regions is None else _blur_report(regions, options.blur)
    facts = event_facts(engine, event)
    facts["original_packets"] = missing or (None if packets is None else packets.model_dump())
    facts["clip"] = _clip_facts(settings, event, span, cut_by if regions is None else "encoded")
    facts["clip"]["blurred"] = None if report is None else report.model_dump()
    stills, facts["stills"] = _stills(engine, settings, event, work, regions, load_models=options.load_models)
    files: list[File] = [
        ("event.json", (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()),
        ("rationale.txt", (event.rationale or "").encode()),
        ("clip.mp4", clip),
        *stills,
        *score_tables(engine, event, span).items(),
        *([] if packets is None else [(packets.file, work / packets.file)]),
    ]
    return EventFiles(files, report, packets)


def _hidden_content(settings: Settings, event: EventRecord, options: BundleOptions) -> tuple[Revealed, ...]:
    """What the original packets would show that the clip hides. Raises ConfigurationError unless that is asked for."""
    masked = footage_mask(settings, event.video) is not None
    reveals = (*(["blurred areas"] if options.blur else []), *(["masked areas"] if masked else []))
    if options.originals and reveals and not options.reveal:
        raise ConfigurationError(
            f"The original packets of event {event.event_id} would show the {' and the '.join(reveals)} of its clip. "
            "Leave them out, or say explicitly that they are to be shown: --reveal-originals."
        )
    return cast("tuple[Revealed, ...]", reveals)


def _original_packets(
    settings: Settings, event: EventRecord, span: ClipSpan, work: Path, reveals: tuple[Revealed, ...]
) -> OriginalPackets:
    """Write the packets to ``work``; raises FootageError where they cannot be had as they are."""
    path, draft = original_file(settings, event.video), work / "packets.part"
    limits = dataclasses.replace(Limits.of(settings), written_mb=settings.review_cache_mb)
    copied = copy_packets(path, event.segments.times_s(), span.first_frame, span.last_frame, draft, limits=limits)
    name = f"original-packets.{copied.suffix}"
    draft.rename(work / name)
    begin, end = (
        None if seconds is None else utc(event.video.recorded_at + timedelta(seconds=seconds))
        for seconds in (copied.begin_s, copied.end_s)
    )
    return OriginalPackets(
        file=name,
        container=copied.container,
        packets=len(copied.packets),
        key_frames=sum(packet.is_key_frame for packet in copied.packets),
        begin_at=begin,
        end_at=end,
        reveals=reveals,
    )


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
                path = still_of(engine, settings, event, kind, load_models=load_models)
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
