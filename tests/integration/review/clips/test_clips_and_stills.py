"""Clips and stills of events: exact, cached within bounds, safe side by side, never of another content."""

import fcntl
import gc
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import fsspec
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine, select, text, update

from anyanomaly_core.errors import FootageError, ModelError, StorageError
from anyanomaly_core.footage.decode import decode, read_frames
from anyanomaly_core.footage.index import index_frames
from anyanomaly_core.footage.masks import load_masks
from anyanomaly_core.footage.nearby import read_nearby
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.results.region_store import frame_regions
from anyanomaly_core.results.schema import events, segment_scores
from anyanomaly_core.review.clips.clip import ClipSpan, event_clip, span_around
from anyanomaly_core.review.clips.stills import event_still
from anyanomaly_core.review.event_record import load_event_record
from anyanomaly_core.scoring.regions import frame_region
from tests.integration.review.kept_footage import FIRST, FPS, LAST, Kept, film


def span_of(kept: Kept, *, before_s: float, max_s: float | None = None) -> ClipSpan:
    event = load_event_record(kept.engine, kept.event_id)
    return span_around(event, before_s=before_s, after_s=3, max_s=max_s)


def test_a_clip_shows_the_event_and_the_seconds_around_it(kept: Kept) -> None:
    clip = event_clip(kept.engine, kept.settings, kept.event_id)
    span = span_of(kept, before_s=3)
    assert (span.first_frame, span.last_frame, span.is_whole) == (FIRST - 3 * FPS, LAST + 3 * FPS, True)
    # Filmed at ten in the evening of 1 March in Berlin.
    assert span.started_at.isoformat(timespec="milliseconds") == "2026-03-01T21:00:17.666+00:00"
    length = span.ended_at - span.started_at
    assert abs(length - timedelta(seconds=(LAST - FIRST + 1) / FPS + 6)) < timedelta(milliseconds=1)
    assert index_frames(clip).frame_count == span.last_frame - span.first_frame + 1
    originals = read_frames(kept.file, [span.first_frame, span.last_frame])
    images = [frame.image for frame in decode(clip)]
    for mine, theirs in ((images[0], span.first_frame), (images[-1], span.last_frame)):
        assert np.abs(mine.astype(int) - originals[theirs].astype(int)).mean() < 4


def test_a_clip_is_cut_once_however_many_ask(kept: Kept) -> None:
    def ask(_: int) -> tuple[Path, int]:
        path = event_clip(kept.engine, kept.settings, kept.event_id, before_s=1, after_s=1)
        return path, path.stat().st_ino

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ask, range(6)))) == 1
    assert not [path for path in (kept.settings.state_dir / "clips").iterdir() if path.name.endswith(".part.mp4")]


def test_a_long_event_gives_its_first_seconds_and_says_so(kept: Kept) -> None:
    span = span_of(kept, before_s=1, max_s=2.0)
    assert (span.first_frame, span.last_frame, span.is_whole) == (FIRST - FPS, FIRST + FPS - 1, False)


def test_an_unknown_event_is_said(kept: Kept) -> None:
    with pytest.raises(StorageError, match="There is no event"):
        event_clip(kept.engine, kept.settings, uuid4())


def test_replaced_or_missing_footage_gives_no_clip_and_no_still(own: Kept) -> None:
    film(own.file, size="160x120")
    for make in (
        lambda: event_clip(own.engine, own.settings, own.event_id),
        lambda: event_still(own.engine, own.settings, own.event_id, "key"),
    ):
        with pytest.raises(FootageError, match="no longer holds what was scored"):
            make()
    own.file.unlink()
    with pytest.raises(FootageError, match="is not there"):
        event_clip(own.engine, own.settings, own.event_id)


def test_footage_behind_a_bucket_goes_the_same_way(own: Kept) -> None:
    memory = fsspec.filesystem("memory")
    root = f"/review-{os.getpid()}"
    memory.pipe(f"{root}/gate/2026-03-01/22-00-00.mp4", own.file.read_bytes())
    own.file.unlink()
    settings = own.settings.model_copy(update={"archive_root": f"memory:/{root}"})
    clip = event_clip(own.engine, settings, own.event_id)
    assert index_frames(clip).frame_count == LAST - FIRST + 1 + 6 * FPS
    assert Image.open(event_still(own.engine, settings, own.event_id, "key")).size == (320, 240)
    gc.collect()
    [copy] = [path for path in (settings.state_dir / "footage-cache").iterdir() if path.is_file()]
    with copy.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds it any more, so it can make room


def test_a_mask_is_in_clips_and_stills_from_when_it_is_set(own: Kept) -> None:
    open_key = event_still(own.engine, own.settings, own.event_id, "key")
    masks = own.settings.state_dir.parent / "masks.yaml"
    masks.write_text("cameras: {'ga*': [{rectangle: [0, 0, 0.5, 1]}]}")
    settings = own.settings.model_copy(update={"privacy_masks": masks})
    assert load_masks(masks).of("gate") is not None
    key = event_still(own.engine, settings, own.event_id, "key")
    assert key != open_key
    assert np.asarray(Image.open(key))[:, :150].max() == 0
    clip = event_clip(own.engine, settings, own.event_id)
    assert max(frame.image[:, :150].max() for frame in decode(clip)) < 8


def test_stills_need_no_model(kept: Kept) -> None:
    thumbnail = Image.open(event_still(kept.engine, kept.settings, kept.event_id, "thumbnail"))
    assert (thumbnail.format, max(thumbnail.size)) == ("JPEG", 320)
    key = np.asarray(Image.open(event_still(kept.engine, kept.settings, kept.event_id, "key")))
    with kept.engine.connect() as connection:
        peak = connection.execute(events.select()).mappings().one()["segment_index"]
    number = peak * 24  # the key frame that the made-up scores state
    assert (key == read_frames(kept.file, [number])[number]).all()
    assert Image.open(event_still(kept.engine, kept.settings, kept.event_id, "grid")).size == (224, 224)
    with pytest.raises(ModelError, match="was not made yet"):
        event_still(kept.engine, kept.settings, kept.event_id, "attention")


def test_what_a_scorer_marked_is_outlined_on_its_frame(own: Kept, owner_engine: Engine) -> None:
    with pytest.raises(StorageError, match="Nothing is marked"):
        event_still(own.engine, own.settings, own.event_id, "outline")
    logits = np.full((30, 40), -1.0, np.float32)
    logits[10:20, 10:30] = 1.0
    region = frame_region(FIRST + 3, 0.9, logits)
    assert region is not None
    box = dict(zip(("x0", "y0", "x1", "y1", "centre_x", "centre_y"), (*region.box, *region.centre), strict=True))
    with owner_engine.begin() as connection:
        event = connection.execute(events.select()).mappings().one()
        scoring = connection.execute(select(segment_scores.c.scoring_id).limit(1)).scalar_one()
        moment = event["started_at"] + timedelta(seconds=3 / FPS)
        connection.execute(text("SELECT ensure_region_partition(:moment)"), {"moment": moment})
        values = {"video_id": event["video_id"], "scoring_id": scoring, "scorer_id": event["scorer_id"]} | box
        values |= {"frame": region.frame, "frame_at": moment, "score": 0.9, "area": region.area, "mask": region.mask}
        connection.execute(frame_regions.insert().values(**values, mask_height=30, mask_width=40))
    drawn = np.asarray(Image.open(event_still(own.engine, own.settings, own.event_id, "outline")))
    filmed = read_frames(own.file, [FIRST + 3])[FIRST + 3]
    changed = (drawn != filmed).any(2)
    rows, columns = np.nonzero(changed)
    assert (columns.min(), columns.max()) == pytest.approx((80, 239), abs=6)
    assert (rows.min(), rows.max()) == pytest.approx((80, 159), abs=6)
    assert not changed[100:140, 100:220].any()  # inside, the frame is as it was filmed


def test_a_scorer_without_a_grid_says_so(own: Kept, owner_engine: Engine) -> None:
    with owner_engine.begin() as connection:
        connection.execute(update(segment_scores).values(grid_frames=None, winning_window=None))
    with pytest.raises(StorageError, match="looked at no grid"):
        event_still(own.engine, own.settings, own.event_id, "grid")


def test_frames_far_into_a_file_are_the_same_pixels_as_from_its_start(kept: Kept) -> None:
    times = index_frames(kept.file).times_s
    numbers = [331, 300, 302, 340]
    slow = read_frames(kept.file, numbers, size=(64, 48))
    fast = read_nearby(kept.file, times, numbers, size=(64, 48), limits=Limits(threads=1))
    assert fast.keys() == slow.keys()
    assert all((fast[n] == slow[n]).all() for n in numbers)
