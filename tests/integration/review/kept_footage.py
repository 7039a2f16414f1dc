"""An archive of real footage with made-up scores: what clips, stills and evidence are made of."""

import subprocess
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import imageio_ffmpeg
import numpy as np
from pydantic import SecretStr
from sqlalchemy import Engine, select

from anyanomaly_core.archive.discovery import find_new_files
from anyanomaly_core.archive.register import register_file
from anyanomaly_core.config import Settings
from anyanomaly_core.profile import SamplingSpec
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.schema import events, videos
from anyanomaly_core.results.writer import commit_unit
from anyanomaly_core.review.blurring.detector import BlurTarget
from anyanomaly_core.review.evidence.export import export_evidence
from anyanomaly_core.review.evidence.verify import verify
from tests.integration.archive.small_archive import aged
from tests.integration.results.world import SEGMENT, add_rule, add_scorer, curve_result

FRAMES, FPS = 450, 15
FIRST, LAST = 310, 349  # of the event


@dataclass(frozen=True)
class Kept:
    """An archive with one event in ``gate/2026-03-01/22-00-00.mp4``."""

    engine: Engine
    settings: Settings
    file: Path
    rule: StoredRule
    event_id: UUID


def film(path: Path, *, frames: int = FRAMES, size: str = "320x240") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-v",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        f"testsrc2=size={size}:rate={FPS}",
    ]
    command += ["-frames:v", str(frames), "-c:v", "libx264", "-preset", "veryfast", "-g", "60", "-pix_fmt", "yuv420p"]
    subprocess.run([*command, str(path)], check=True)
    return aged(path)


def make_settings(folder: Path, **more: object) -> Settings:
    return Settings(
        archive_root=str(folder / "archive"),
        database_url=SecretStr("not used"),
        parquet_root=folder / "parquet",
        state_dir=folder / "state",
        time_zone="Europe/Berlin",
        decode_threads=1,
        **more,  # type: ignore[arg-type]
    )


def keep(engine: Engine, folder: Path, *, rationale: bool = True, filmed: Callable[[Path], Path] = film) -> Kept:
    """Film, register and score one file; frames FIRST to LAST are over the threshold."""
    settings = make_settings(folder)
    file = filmed(folder / "archive" / "gate" / "2026-03-01" / "22-00-00.mp4")
    for found in find_new_files(engine, settings):
        register_file(engine, found, settings=settings, sampling=SamplingSpec(segment_frames=SEGMENT))
    rule = add_rule(engine, "fall", description="somebody on the ground", excluded=["a person sits"])
    with engine.connect() as connection:
        [video_id] = connection.execute(select(videos.c.video_id)).scalars()
    curve = np.full(FRAMES, 0.1, np.float32)
    curve[FIRST : LAST + 1] = 0.9 if rationale else 0.5
    curve[:SEGMENT] = np.nan
    commit_unit(engine, curve_result(engine, video_id, rule, add_scorer(engine), curve), settings.parquet_root)
    with engine.connect() as connection:
        [event_id] = connection.execute(select(events.c.event_id)).scalars()
    return Kept(engine, settings, file, rule, event_id)


def export(kept: Kept, folder: Path, *, around_s: float, blur: Collection[BlurTarget] = ()) -> dict[str, bytes]:
    """The event's bundle, whole and verified: file name without its folder -> content."""
    out = folder / "evidence.zip"
    export_evidence(
        kept.engine,
        kept.settings,
        [kept.event_id],
        out,
        before_s=around_s,
        after_s=around_s,
        load_models=False,
        blur=blur,
    )
    assert verify(out).problems == []
    with zipfile.ZipFile(out) as archive:
        return {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}
