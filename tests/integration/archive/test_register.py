"""What the ledger says of every kind of file after registering it."""

import os
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, func, select, text, update

from anyanomaly_core.archive import discovery
from anyanomaly_core.archive.discovery import find_new_files
from anyanomaly_core.archive.register import Registration, RegistrationOutcome, register_file
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import FootageError
from anyanomaly_core.profile import SamplingSpec
from anyanomaly_core.results import catalog
from anyanomaly_core.results.schema import cameras, segments, video_files, videos
from tests.integration.archive.small_archive import DAY, aged, film


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "archive").mkdir()
    return Settings(
        archive_root=str(tmp_path / "archive"),
        database_url=SecretStr("not used"),
        parquet_root=tmp_path / "parquet",
        state_dir=tmp_path / "state",
        time_zone="Europe/Berlin",
    )


@pytest.fixture
def hall(settings: Settings) -> Path:
    return Path(settings.archive_root) / "hall" / DAY


def ingest(engine: Engine, settings: Settings) -> dict[str, Registration]:
    sampling = SamplingSpec(segment_frames=8)
    found = find_new_files(engine, settings)
    return {f.uri: register_file(engine, f, settings=settings, sampling=sampling) for f in found}


def states(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        return {row.uri: row.state for row in connection.execute(select(videos.c.uri, videos.c.state))}


def count(engine: Engine, what: object) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(what)).scalar_one())  # type: ignore[arg-type]


def test_a_new_file_is_a_video_with_segments_and_is_not_looked_at_again(
    engine: Engine, settings: Settings, hall: Path
) -> None:
    film(hall / "10-00-00.mp4", 30)
    [result] = ingest(engine, settings).values()
    assert (result.outcome, result.frames, result.reason) == (RegistrationOutcome.NEW, 30, None)
    assert count(engine, segments) == 4  # 8 + 8 + 8 + 6 frames
    with engine.connect() as connection:
        [video] = catalog.load_videos(connection)
    assert (video.camera_id, video.frame_count) == ("hall", 30)
    assert video.recorded_at.isoformat() == f"{DAY}T09:00:00+00:00"  # ten o'clock in Berlin
    assert ingest(engine, settings) == {}


def test_the_same_content_under_two_names_is_one_video(engine: Engine, settings: Settings, hall: Path) -> None:
    first = film(hall / "10-00-00.mp4", 30)
    copy = hall / "10-30-00.mp4"
    copy.write_bytes(first.read_bytes())
    aged(copy)
    outcomes = {uri: result.outcome for uri, result in ingest(engine, settings).items()}
    assert sorted(outcome.value for outcome in outcomes.values()) == ["duplicate", "new"]
    assert (count(engine, videos), count(engine, video_files)) == (1, 2)
    assert ingest(engine, settings) == {}
    first.unlink()  # the video is then read under its other name
    ingest(engine, settings)
    assert states(engine) == {f"hall/{DAY}/10-30-00.mp4": "ready"}


def test_files_that_are_no_usable_footage_are_findings_with_reasons(
    engine: Engine, settings: Settings, hall: Path
) -> None:
    film(hall / "10-00-00.mp4", 30)
    (hall / "11-00-00.mp4").write_text("this is no video\n" * 100)
    film(Path(settings.archive_root) / "nobody-knows.mp4", 30, pattern="smptebars")  # no camera in its path
    for path in hall.iterdir():
        aged(path)
    results = ingest(engine, settings)
    assert results[f"hall/{DAY}/11-00-00.mp4"].outcome is RegistrationOutcome.UNREADABLE
    assert results["nobody-knows.mp4"].outcome is RegistrationOutcome.PROBLEM
    assert all(result.reason for result in results.values() if result.outcome is not RegistrationOutcome.NEW)
    assert states(engine) == {f"hall/{DAY}/10-00-00.mp4": "ready", f"hall/{DAY}/11-00-00.mp4": "unreadable"}
    with engine.connect() as connection:
        problems = {r.uri: r.problem for r in connection.execute(text("SELECT uri, problem FROM footage_problems"))}
    assert set(problems) == {f"hall/{DAY}/11-00-00.mp4", "nobody-knows.mp4"}
    assert all(problems.values())


def test_a_truncated_file_gives_the_frames_it_still_has(engine: Engine, settings: Settings, hall: Path) -> None:
    whole = film(hall / "10-00-00.avi", 60).read_bytes()
    (hall / "10-00-00.avi").write_bytes(whole[: len(whole) // 2])
    aged(hall / "10-00-00.avi")
    [result] = ingest(engine, settings).values()
    assert result.outcome is RegistrationOutcome.DAMAGED
    assert result.reason
    assert 0 < result.frames < 60
    assert states(engine) == {f"hall/{DAY}/10-00-00.avi": "damaged"}


def test_another_content_under_the_same_name_is_another_video(engine: Engine, settings: Settings, hall: Path) -> None:
    path = film(hall / "10-00-00.mp4", 30)
    ingest(engine, settings)
    film(path, 40, pattern="smptebars")
    [result] = ingest(engine, settings).values()
    assert (result.outcome, result.frames) == (RegistrationOutcome.NEW, 40)
    with engine.connect() as connection:
        found = connection.execute(select(videos.c.frame_count, videos.c.state).order_by(videos.c.video_id)).all()
    assert [tuple(row) for row in found] == [(30, "missing"), (40, "ready")]


def test_a_file_that_went_and_came_back_is_what_it_was(engine: Engine, settings: Settings, hall: Path) -> None:
    film(hall / "10-00-00.mp4", 30)
    gone = film(hall / "11-00-00.mp4", 40, pattern="smptebars")
    ingest(engine, settings)
    uri = f"hall/{DAY}/11-00-00.mp4"
    away = gone.rename(hall.parent.parent.parent / "away.mp4")
    assert ingest(engine, settings) == {}
    assert states(engine)[uri] == "missing"
    away.rename(gone)
    ingest(engine, settings)
    assert states(engine)[uri] == "ready"
    assert count(engine, videos) == 2


def test_an_archive_that_is_empty_at_once_is_not_believed(engine: Engine, settings: Settings, hall: Path) -> None:
    path = film(hall / "10-00-00.mp4", 30)
    ingest(engine, settings)
    path.unlink()
    with pytest.raises(FootageError, match=r"holds no footage, though 1 files are known.*mounted"):
        find_new_files(engine, settings)
    assert set(states(engine).values()) == {"ready"}


def test_an_archive_of_many_batches_is_compared_file_by_file(
    engine: Engine, settings: Settings, hall: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "_BATCH", 4)
    for number in range(30):
        film(hall / f"10-00-{number:02d}.mp4", 2, pattern="smptebars" if number % 2 else "testsrc2")
    assert len(find_new_files(engine, settings, most=11)) == 11
    assert len(ingest(engine, settings)) == 30
    assert find_new_files(engine, settings) == []
    assert len(find_new_files(engine, settings, rescan=True)) == 30
    assert find_new_files(engine, settings, cameras=["yard*"], rescan=True) == []
    for number in (0, 13, 29):
        (hall / f"10-00-{number:02d}.mp4").unlink()
    os.utime(hall / "10-00-14.mp4", (1, 1))
    film(hall / "09-00-00.mp4", 2)
    assert [Path(found.uri).name for found in find_new_files(engine, settings)] == ["09-00-00.mp4", "10-00-14.mp4"]
    with engine.connect() as connection:
        gone = select(video_files.c.uri).where(video_files.c.missing_since.is_not(None)).order_by(video_files.c.uri)
        names = [Path(uri).name for uri in connection.execute(gone).scalars()]
    assert names == ["10-00-00.mp4", "10-00-13.mp4", "10-00-29.mp4"]


def test_a_camera_keeps_the_zone_that_somebody_gave_it(engine: Engine, settings: Settings, hall: Path) -> None:
    zone = select(cameras.c.time_zone).where(cameras.c.camera_id == "hall")
    first = film(hall / "10-00-00.mp4", 30)
    ingest(engine, settings)
    with engine.begin() as connection:
        assert connection.execute(zone).scalar_one() == "Europe/Berlin"
        connection.execute(update(cameras).where(cameras.c.camera_id == "hall").values(time_zone="Asia/Tokyo"))
    film(hall / "11-00-00.mp4", 40)
    (hall / "12-00-00.mp4").write_bytes(first.read_bytes())
    aged(hall / "12-00-00.mp4")
    assert len(ingest(engine, settings)) == 2
    with engine.connect() as connection:
        assert connection.execute(zone).scalar_one() == "Asia/Tokyo"
