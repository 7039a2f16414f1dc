from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from anyanomaly_core.errors import RuleError
from anyanomaly_core.results import catalog, event_store, rule_store
from anyanomaly_core.results.rehearsal import EventInterval, pair, rehearse
from anyanomaly_core.results.writer import commit_unit
from anyanomaly_core.rules.definition import RuleDefinition
from tests.integration.results import world


def curve(*parts: tuple[int, float]) -> np.ndarray:  # type: ignore[type-arg]
    return np.concatenate([np.full(frames, value, np.float32) for frames, value in parts])


def test_a_draft_finds_loses_and_moves(engine: Engine, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    video_id = world.add_video(engine, "gate/1.mp4", frames=500)
    unscored_id = world.add_video(engine, "gate/2.mp4", frames=100)
    rule, scorer = world.add_rule(engine, threshold=0.5, max_gap_s=0.0), world.add_scorer(engine)
    # One event of 4 s at 0.9, one of 2 s at 0.6 after it, and a bump at 0.4.
    scores = curve((100, 0.1), (50, 0.45), (50, 0.9), (100, 0.1), (50, 0.6), (50, 0.1), (75, 0.4), (25, 0.0))
    commit_unit(engine, world.curve_result(engine, video_id, rule, scorer, scores), tmp_path)

    def kinds(**changes: object) -> Counter[str]:
        draft = RuleDefinition.model_validate({**rule.definition.model_dump(), **changes})
        with engine.connect() as connection:
            videos = catalog.load_videos(connection)
            outcome = rehearse(connection, draft, videos)
        assert [video.video_id for video in outcome.unscored] == [unscored_id]
        return Counter(difference.kind for difference in outcome.differences)

    assert kinds() == {"same": 2}
    assert kinds(threshold=0.7) == {"same": 1, "lost": 1}
    assert kinds(threshold=0.4) == {"moved": 1, "same": 1, "found": 1}
    assert kinds(release_threshold=0.05) == {"moved": 1, "lost": 1}  # both grow together
    assert kinds(cameras=("yard",)) == {"lost": 2}
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM rule_versions")).scalar() == 1
        assert event_store.count_events(connection, rule.rule_version_id) == 2


def test_other_texts_are_scored_for_the_rehearsal_only(engine: Engine, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    video_id = world.add_video(engine, "gate/1.mp4", frames=100)
    rule, scorer = world.add_rule(engine), world.add_scorer(engine)
    commit_unit(engine, world.curve_result(engine, video_id, rule, scorer, curve((100, 0.9))), tmp_path)
    draft = RuleDefinition(name="fall", texts=("a person lies on the floor",))
    new = RuleDefinition(name="dog", texts=("a dog",))
    with engine.connect() as connection:
        videos = catalog.load_videos(connection)
        stored = event_store.load_scored(connection, videos[0], rule.scoring_id)
        assert stored is not None
        with pytest.raises(RuleError, match="rehearse it with scoring"):
            rehearse(connection, draft, videos)
        nothing = rehearse(connection, draft, videos, lambda _: replace(stored, scores=stored.scores * 0))
        assert [d.kind for d in nothing.differences] == ["lost"]
        assert [d.kind for d in rehearse(connection, new, videos, lambda _: stored).differences] == ["found"]
        assert rehearse(connection, new, videos, lambda _: None).unscored == tuple(videos)
        assert [r.name for r in rule_store.list_rules(connection)] == ["fall"]


moments = st.lists(st.integers(0, 60), max_size=12, unique=True).map(sorted)


@given(moments, moments)
def test_every_event_is_in_one_pair(before: list[int], after: list[int]) -> None:
    def made(edges: list[int]) -> list[EventInterval]:
        at = [world.START + timedelta(seconds=edge) for edge in edges]
        return [EventInterval(start, end, 0.5, start) for start, end in zip(at[::2], at[1::2], strict=False)]

    old, new = made(before), made(after)
    pairs = pair(None, old, new)  # type: ignore[arg-type]
    assert sorted(p.before.started_at for p in pairs if p.before) == [span.started_at for span in old]
    assert sorted(p.after.started_at for p in pairs if p.after) == [span.started_at for span in new]
    for p in pairs:
        if p.before and p.after:
            assert p.before.started_at < p.after.ended_at
            assert p.after.started_at < p.before.ended_at
    lost = [p.before for p in pairs if p.after is None]
    found = [p.after for p in pairs if p.before is None]
    assert not any(a.started_at < b.ended_at and b.started_at < a.ended_at for a in lost for b in found if a and b)
