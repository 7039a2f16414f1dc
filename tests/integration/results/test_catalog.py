from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import numpy as np
import pytest
from sqlalchemy import Engine, func, select, text

from anyanomaly_core.errors import StorageError
from anyanomaly_core.footage.types import Probe
from anyanomaly_core.profile import SamplingSpec
from anyanomaly_core.results import catalog, segment_store
from tests.integration.results import world


def state(engine: Engine, video_id: int) -> str:
    with engine.connect() as connection:
        return catalog.load_video(connection, video_id).state


def test_registering_again_changes_nothing(engine: Engine) -> None:
    world.add_camera(engine, "gate")
    first = world.add_video(engine, "gate/1.mp4")
    assert world.add_video(engine, "gate/1.mp4") == first
    with engine.connect() as connection:
        assert [video.video_id for video in catalog.load_videos(connection)] == [first]
        assert connection.execute(text("SELECT count(*) FROM segments")).scalar() == 5
        known = world.found("gate/1.mp4", "gate")
        others = [replace(known, uri="gate/2.mp4"), replace(known, size=999), replace(known, modified=1.5)]
        assert catalog.changed_files(connection, [others[0], known, *others[1:]]) == others
        assert catalog.changed_files(connection, []) == []


def test_the_same_content_under_two_names_is_one_video(engine: Engine) -> None:
    world.add_camera(engine, "gate")
    world.add_camera(engine, "yard")
    first = world.add_video(engine, "gate/1.mp4")
    again = world.add_video(engine, "yard/copy.mp4", "yard", content="gate/1.mp4")
    assert again == first
    with engine.connect() as connection:
        names = connection.execute(text("SELECT uri FROM video_files WHERE video_id = :id"), {"id": first})
        assert set(names.scalars()) == {"gate/1.mp4", "yard/copy.mp4"}
        video = catalog.load_video(connection, first)
    assert (video.uri, video.camera_id, video.frame_count, video.duration_s) == (
        "gate/1.mp4",
        "gate",
        100,
        pytest.approx(4),
    )


def test_files_that_go_and_come_back(engine: Engine) -> None:
    world.add_camera(engine, "gate")
    video_id = world.add_video(engine, "gate/1.mp4")
    world.add_video(engine, "gate/copy.mp4", content="gate/1.mp4")
    with engine.begin() as connection:
        now = connection.execute(select(func.now())).scalar_one()
    with engine.begin() as connection:
        assert catalog.touch_files(connection, ["gate/copy.mp4", "gate/never seen.mp4"]) == 1
        assert catalog.mark_missing(connection, now) == 1
        assert catalog.mark_missing(connection, now) == 0
    with engine.connect() as connection:
        gone = connection.execute(text("SELECT uri FROM video_files WHERE missing_since IS NOT NULL"))
        assert gone.scalars().all() == ["gate/1.mp4"]
        assert catalog.load_video(connection, video_id).uri == "gate/copy.mp4"  # still readable
    with engine.begin() as connection:
        assert catalog.mark_missing(connection, now + timedelta(days=1)) == 1
    assert state(engine, video_id) == "missing"
    with engine.begin() as connection:
        catalog.touch_files(connection, ["gate/1.mp4"])
    assert state(engine, video_id) == "ready"


def test_a_name_that_gets_another_content(engine: Engine) -> None:
    world.add_camera(engine, "gate")
    copied, lonely = world.add_video(engine, "gate/1.mp4"), world.add_video(engine, "gate/2.mp4")
    world.add_video(engine, "gate/copy.mp4", content="gate/1.mp4")
    world.add_video(engine, "gate/3.mp4")
    new = [world.add_video(engine, f"gate/{n}.mp4", content=f"other {n}") for n in (1, 2)]
    with engine.connect() as connection:
        found = {video.video_id: (video.uri, video.state) for video in catalog.load_videos(connection)}
    assert found[copied] == ("gate/copy.mp4", "ready")
    assert found[lonely] == ("gate/2.mp4", "missing")
    assert [found[video_id] for video_id in new] == [("gate/1.mp4", "ready"), ("gate/2.mp4", "ready")]
    assert len(found) == 5


def test_a_damaged_and_an_unreadable_video_come_back_as_such(engine: Engine) -> None:
    world.add_camera(engine, "gate")
    damaged = world.add_video(engine, "gate/1.mp4", index=world.frame_index(30, damage=("broken header",)))
    unreadable = world.add_video(engine, "gate/2.mp4")
    with engine.begin() as connection:
        catalog.mark_unreadable(connection, unreadable, "no frame", Probe("h264", 1, 1, 0, Fraction(0, 1), 12.5, None))
        now = connection.execute(select(func.now())).scalar_one()
        catalog.mark_missing(connection, now + timedelta(days=1))
    assert (state(engine, damaged), state(engine, unreadable)) == ("missing", "missing")
    with engine.begin() as connection:
        catalog.store_file(connection, world.found("gate/1.mp4", "gate"), world.digest("gate/1.mp4"))
        catalog.store_file(connection, world.found("gate/2.mp4", "gate"), world.digest("gate/2.mp4"))
    assert (state(engine, damaged), state(engine, unreadable)) == ("damaged", "unreadable")


def test_a_file_with_a_problem_is_remembered_with_it(engine: Engine) -> None:
    lost = replace(world.found("x.mp4", "gate"), camera=None, recorded_at=None, problem="no camera stated")
    with engine.begin() as connection:
        assert catalog.store_file(connection, lost, None) is None
        assert catalog.changed_files(connection, [replace(lost, problem=None)]), "looked at again every time"
        assert connection.execute(text("SELECT uri, problem, state FROM footage_problems")).all() == [
            ("x.mp4", "no camera stated", "not registered")
        ]
    with engine.begin() as connection, pytest.raises(StorageError, match="must be known"):
        catalog.store_file(connection, replace(lost, problem=None), None)


@pytest.mark.parametrize("even", [True, False])
@pytest.mark.parametrize("layout", [(24, 1), (5, 3), (1, 1), (1000, 7)])
def test_another_layout_is_derived_without_decoding(engine: Engine, layout: tuple[int, int], even: bool) -> None:
    world.add_camera(engine, "gate")
    index = world.frame_index(101, even=even)
    video_id = world.add_video(engine, "gate/1.mp4", index=index)
    with engine.begin() as connection:
        sampling = SamplingSpec(segment_frames=layout[0], fps=25 / layout[1])
        derived = segment_store.load_segments(connection, video_id, sampling)
        assert segment_store.load_segments(connection, video_id, sampling) == derived
        assert derived.frame_count == 101
        ends = [row.end_s for row in derived.rows]
        assert [row.start_s for row in derived.rows] == [0.0, *ends[:-1]]
        assert derived.duration_s == catalog.load_video(connection, video_id).duration_s
    np.testing.assert_allclose(derived.times_s(), index.times_s, atol=1.1e-3)
    if not even:
        np.testing.assert_allclose(derived.times_s(), index.times_s, atol=1e-6)
