"""A week of ten-second files over a change of clocks: ``python -m tests.benchmarks.week_of_files``.

Three recorders name their files each in its own way, one camera of each stands in Berlin and one in New York. The week
around the end of summer time has 60,480 files a camera. All names are read as an ingest reads them, and their times
compared with what the recorder meant. The files of the quarter of an hour around the change are real clips, which are
registered and get made-up scores: over the threshold from two and a half minutes before the change to as long after
it. That has to be one event of five minutes.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import imageio_ffmpeg
import numpy as np
from pydantic import SecretStr
from sqlalchemy import Engine, text

from anyanomaly_core.archive.discovery import find_new_files
from anyanomaly_core.archive.register import register_file
from anyanomaly_core.config import Settings
from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.footage.local_time import RepeatedHour, Zones
from anyanomaly_core.footage.sources import discover
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.migrate import upgrade
from anyanomaly_core.results.writer import commit_unit
from tests.benchmarks.figures import Figures, add_save_option
from tests.integration.results.world import SAMPLING, add_rule, add_scorer, curve_result
from tests.unit.footage.test_footage_recorders import STRETCH

FILE_S, DAYS, FPS = 10, 7, 5
REAL, HOT = timedelta(minutes=7, seconds=30), timedelta(seconds=150)  # before and after the change
LAYOUT = " | ".join(STRETCH)
CHANGES = {  # the end of summer time in 2026
    "gate": ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    "ny-gate": ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
}
ABOUT = """\
Three recorders, two cameras each, a week of ten-second files around the end of summer time: every name is read, and its
time compared with the one that was meant. Dahua states local times and no offset. What was complete before the second
hour began is of the first; of the rest the name states no time, unless `ANYANOMALY_REPEATED_HOUR=modified` lets the
file's time of change decide."""


@dataclass(frozen=True)
class Recorded:
    """A camera of a recorder."""

    recorder: str
    camera: str  # as the recorder is told
    zone: str
    change: datetime

    @property
    def label(self) -> str:
        """Of its folder, which makes the cameras of the recorders different."""
        return f"{self.camera}-{self.recorder}"

    def files(self, around: timedelta) -> Iterator[tuple[str, datetime]]:
        """Name and begin of each file."""
        steps = int(around.total_seconds()) // FILE_S
        for step in range(-steps, steps):
            at = self.change + timedelta(seconds=FILE_S * step)
            local = at.astimezone(ZoneInfo(self.zone))
            # The second hour's names may be those of the first: a download of its own.
            yield ("second/" if local.fold else "") + STRETCH[self.recorder](self.label, local), at


SITES = [Recorded(recorder, camera, *change) for recorder in STRETCH for camera, change in CHANGES.items()]


def main() -> None:
    """Make, read, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_save_option(parser, "week-of-files")
    arguments = parser.parse_args()
    figures = Figures("A week of ten-second files over a change of clocks", ABOUT)
    with tempfile.TemporaryDirectory(prefix="anyanomaly-week-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        read_names(folder / "week", figures)
        with stored(folder) as engine:
            follow_event(engine, folder, figures)
    figures.save(arguments.save)


def read_names(archive: Path, figures: Figures) -> None:
    """Every name of the week, live and as somebody decides it."""
    meant: dict[str, tuple[str, datetime]] = {}
    for site in SITES:
        for uri, at in site.files(timedelta(days=DAYS / 2)):
            meant[uri] = site.recorder, at
            _make_empty(archive / uri, at)
    caption = f"{len(meant):,} files of {len(SITES)} cameras"
    figures.table("recorder", "repeated hour", "right", "no time", "wrong", "all files in", caption=caption)
    decisions: tuple[RepeatedHour, ...] = ("refuse", "modified")
    for decided in decisions:
        zones = Zones("Europe/Berlin", (("ny-*", "America/New_York"),), decided)
        counts = {recorder: [0, 0, 0] for recorder in STRETCH}
        began = time.perf_counter()
        for found in discover(str(archive), LAYOUT, zones):
            recorder, at = meant[found.uri]
            counts[recorder][0 if found.recorded_at == at else 1 if found.recorded_at is None else 2] += 1
        took = time.perf_counter() - began
        for recorder, (right, none, wrong) in counts.items():
            figures.row(recorder, decided, f"{right:,}", f"{none:,}", wrong, f"{took:.0f} s")
            assert (wrong, right + none) == (0, 2 * DAYS * 86_400 // FILE_S), "wrong, or not seen"
            assert none == (2 * 3600 // FILE_S if (recorder, decided) == ("dahua", "refuse") else 0)


def _make_empty(path: Path, at: datetime) -> None:
    """Complete when it ended."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    ended = at.timestamp() + FILE_S
    os.utime(path, (ended, ended))


def follow_event(engine: Engine, folder: Path, figures: Figures) -> None:
    """The event that goes on while clocks are set back, in the files of each camera."""
    archive = folder / "archive"
    clip = _film(folder / "clip.mp4")
    for site in SITES:
        for uri, at in site.files(REAL):
            path = archive / uri
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_clip(path, clip, uri)
            os.utime(path, (at.timestamp() + FILE_S,) * 2)
    settings = Settings(
        archive_root=str(archive),
        archive_layout=LAYOUT,
        database_url=SecretStr("not used"),
        parquet_root=folder / "parquet",
        state_dir=folder / "state",
        time_zone="Europe/Berlin",
        camera_time_zones={"ny-*": "America/New_York"},
        repeated_hour="modified",
        settle_s=0,
    )
    rule, scorer = add_rule(engine, "long", min_duration_s=200, max_gap_s=1.0), add_scorer(engine)
    began, known = time.perf_counter(), find_new_files(engine, settings)
    for found in known:
        register_file(engine, found, settings=settings, sampling=SAMPLING)
    registered = time.perf_counter() - began
    began = time.perf_counter()
    with engine.connect() as connection:
        videos = connection.execute(text("SELECT video_id, camera_id, recorded_at, frame_count FROM videos")).all()
    for video in videos:
        change = CHANGES["ny-gate" if video.camera_id.startswith("ny-") else "gate"][1]
        level = 0.9 if change - HOT <= video.recorded_at < change + HOT else 0.1
        curve = np.full(video.frame_count, level, np.float32)
        commit_unit(engine, curve_result(engine, video.video_id, rule, scorer, curve), settings.parquet_root)
    committed = time.perf_counter() - began
    with engine.connect() as connection:
        query = "SELECT camera, started_at, ended_at, files, started_local, ended_local FROM event_list ORDER BY camera"
        events = connection.execute(text(query)).all()
    figures.table("camera", "files", "began", "ended", "by the clock", caption="**The event over the change**")
    for event in events:
        change = CHANGES["ny-gate" if event.camera.startswith("ny-") else "gate"][1]
        assert (event.started_at, event.ended_at, event.files) == (change - HOT, change + HOT, 30), event
        clock = f"{event.started_local:%H:%M:%S} to {event.ended_local:%H:%M:%S}"
        figures.row(event.camera, event.files, f"{event.started_at:%H:%M:%S} UTC", f"{event.ended_at:%H:%M:%S}", clock)
    assert len(events) == len(SITES)
    figures.result(
        f"{len(known)} real files were registered in {registered:.0f} s ({1000 * registered / len(known):.0f} ms each) "
        f"and their scores committed in {committed:.0f} s ({1000 * committed / len(known):.0f} ms each, events over "
        "neighbours included)."
    )


def _film(path: Path) -> bytes:
    source = f"testsrc2=size=160x120:rate={FPS}:duration={FILE_S}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", source]
    subprocess.run([*command, "-c:v", "libx264", "-bf", "0", "-pix_fmt", "yuv420p", str(path)], check=True)
    return path.read_bytes()


def _write_clip(path: Path, clip: bytes, uri: str) -> None:
    """The same pictures with a box behind them that nobody reads, so that the content is one of its own."""
    word = uri.encode()
    path.write_bytes(clip + (len(word) + 8).to_bytes(4, "big") + b"free" + word)


@contextmanager
def stored(folder: Path) -> Iterator[Engine]:
    """An empty results database."""
    server = PostgresServer(folder / "pg")
    try:
        server.start()
        upgrade(server.url())
        engine = make_engine(server.url())
        yield engine
        engine.dispose()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
