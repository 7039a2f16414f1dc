"""Ingest reads packets only; the first scan's decoding confirms what they stated, or corrects it and goes on."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest
from sqlalchemy import text

from anyanomaly_core.archive.reindexing import index_by_decoding
from anyanomaly_core.config import get_settings
from anyanomaly_core.errors import FootageError
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results.catalog import load_videos
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.holds import hold_event
from tasks import scan
from tests.conftest import TestDatabase
from tests.integration.archive.conftest import World
from tests.integration.archive.small_archive import DAY, aged
from tests.integration.archive.test_scan import as_xcom, ingest_all, scan_all

VIDEO = "SELECT state, frame_count, decoder, damage, complete FROM videos"
SCORED = "SELECT status, count(*) FROM segment_scores GROUP BY status"
FEWER = """UPDATE videos SET frame_count = 38;
           UPDATE segments SET last_frame = 37 WHERE last_frame = 39;
           UPDATE video_stretches SET frame_count = 38"""  # as its owner may


@pytest.fixture
def recording(world: World) -> Path:
    """One file of 40 frames, as a camera writes it: no picture refers to a later one."""
    for file in world.archive.rglob("*.mp4"):
        file.unlink()
    path = world.archive / "hall" / DAY / "10-00-00.mp4"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10"]
    subprocess.run([*command, "-frames:v", "40", "-pix_fmt", "yuv420p", "-bf", "0", str(path)], check=True)
    return aged(path)


@pytest.mark.usefixtures("recording")
def test_a_night_decodes_a_whole_file_once(world: World) -> None:
    ingest_all(world)
    assert _video(world) == ("ready", 40, None, [], True)
    scan_all(as_xcom(scan.plan_units()))
    assert _video(world) == ("ready", 40, None, [], True)
    assert _rows(world, SCORED) == [("scored", 5 * 2)]


def test_damage_that_only_a_decoder_sees_is_noted_by_the_first_scan(world: World, recording: Path) -> None:
    content = bytearray(recording.read_bytes())
    content[2000:2008] = b"\x55" * 8
    recording.write_bytes(content)
    aged(recording)
    ingest_all(world)
    assert _video(world)[0] == "ready"
    scan_all(as_xcom(scan.plan_units()))
    state, frames, decoder, damage, _ = _video(world)
    assert (state, frames) == ("damaged", 40)
    assert decoder.startswith("ffmpeg ")
    assert damage
    assert _rows(world, SCORED) == [("scored", 5 * 2)]


@pytest.mark.usefixtures("recording")
def test_another_number_of_frames_than_the_packets_stated_is_corrected(world: World, database: TestDatabase) -> None:
    ingest_all(world)
    owner = make_engine(database.url("anyanomaly"))
    with owner.begin() as connection:
        connection.execute(text(FEWER))
    owner.dispose()
    scan_all(as_xcom(scan.plan_units()))
    state, frames, _, damage, _ = _video(world)
    assert (state, frames) == ("damaged", 40)
    assert damage[0].startswith("the packets stated 38 frames, 40 were decoded")
    assert _rows(world, SCORED) == [("scored", 5 * 2)]
    assert _rows(world, "SELECT max(last_frame) FROM segments") == [(39,)]


def test_what_is_under_hold_is_not_indexed_anew(world: World, recording: Path, database: TestDatabase) -> None:
    ingest_all(world)
    scan_all(as_xcom(scan.plan_units()))
    [(event_id,), *_] = _rows(world, "SELECT event_id FROM events")
    owner = make_engine(database.url("anyanomaly"))
    hold_event(owner, event_id, reason="case 7", person="anna")
    with owner.begin() as connection:
        connection.execute(text(FEWER))
        [video] = load_videos(connection)
    owner.dispose()
    settings, sampling = get_settings(), load_profile(get_settings().profile).sampling
    with pytest.raises(FootageError, match="under legal hold"):
        index_by_decoding(world.engine, video, recording, settings=settings, sampling=sampling, why="a test")
    assert _rows(world, "SELECT max(last_frame) FROM segments") == [(37,)]


def _video(world: World) -> tuple:  # type: ignore[type-arg]
    [found] = _rows(world, VIDEO)
    return found


def _rows(world: World, statement: str) -> list[tuple]:  # type: ignore[type-arg]
    with world.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]
