"""Quotes against sums done by hand, from rows with known timings."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, Engine

from anyanomaly_core.archive.missing import FootageSelection, missing_work
from anyanomaly_core.archive.quote import calls_per_segment, make_quote
from anyanomaly_core.archive.rates import load_rates
from anyanomaly_core.archive.scan import Budget
from anyanomaly_core.profile import Profile, load_profile
from anyanomaly_core.results import catalog, scorer_store
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.spending import Meter, spending_of
from anyanomaly_core.results.writer import commit_unit
from anyanomaly_core.scoring.types import SegmentScore, Status
from tests.integration.results import world


def commit(
    engine: Engine,
    video: int,
    rules: tuple[StoredRule, ...],
    run_id: int,
    root: Path,
    *,
    ms: tuple[float, float, float],
) -> None:
    """A pass of the only scorer over a video: a row has its share of frames and windows, judging by its texts."""
    result = world.unit_result(engine, video, rules, world.add_scorer(engine), failing=0)
    texts = {rule.rule_version_id: len(rule.definition.texts) for rule in rules}
    encode, windows, judge = ms
    scores = [
        replace(
            s,
            rationale=None,
            timings_ms={"encode": encode, "windows": windows, "answers": judge * texts[s.rule_version_id]},
        )
        for s in result.scores
    ]
    commit_unit(engine, replace(result, scores=scores, run_id=run_id), root)


def missing_videos(connection: Connection, rule: StoredRule, scorer_id: int | None) -> list[StoredVideo]:
    return [unit.video for unit in missing_work(connection, [rule], scorer_id, FootageSelection())]


def start_run(engine: Engine) -> int:
    with engine.begin() as connection:
        return scorer_store.start_run(connection, "scan", code_version="test")


def note(engine: Engine, run_id: int, scorer_id: int, *, start: float, video: float, work: float, rows: int) -> None:
    """As a task does it that took so many seconds to start and for a video; no test waits for that long."""
    meter = Meter(engine, run_id, scorer_id, datetime.now(UTC) - timedelta(seconds=start))
    meter.record_start()
    meter._last -= video
    meter.record_video(rows, 2, work)


def test_the_quote_is_the_sum_of_what_was_measured(engine: Engine, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    seen = world.add_video(engine, "gate/1.mp4", frames=100)  # 5 segments of 24
    world.add_video(engine, "gate/2.mp4", frames=60)  # 3 segments
    one = world.add_rule(engine, "one")
    two = world.add_rule(engine, "two", texts=("a bicycle", "a cyclist"))
    three = world.add_rule(engine, "three", texts=("a dog",))
    new = world.add_rule(engine, "new", texts=("a cat", "a lion"))
    profile, scorer = load_profile("demo"), world.add_scorer(engine)
    nights = [start_run(engine), start_run(engine)]
    # The first night both rules share the encoding, 2 x 30 ms a segment and 2 x 15 ms of windows for three texts; the
    # next night most of it is found again.
    commit(engine, seen, (one, two), nights[0], tmp_path, ms=(30, 15, 100))
    commit(engine, seen, (three,), nights[1], tmp_path, ms=(10, 5, 100))
    with engine.connect() as connection:
        rates = load_rates(connection, scorer.scorer_id)
        assert load_rates(connection, scorer.scorer_id + 1) is None
    assert rates is not None
    assert (rates.encode_s, rates.encode_again_s, rates.judge_s) == pytest.approx((0.06, 0.01, 0.1))
    assert (rates.windows_s, rates.windows_again_s) == pytest.approx((0.03 / 3**0.5, 0.005))
    assert (rates.start_s, rates.other_s, rates.told, rates.segments, rates.tasks) == (0, 0, 0, 10, 0)

    note(engine, nights[0], scorer.scorer_id, start=6, video=7, work=4.5, rows=10)  # 5 passes, 2.5 s beside the models
    note(engine, nights[1], scorer.scorer_id, start=2, video=1, work=9, rows=10)  # resumed: its work took longer
    with engine.connect() as connection:
        rates = load_rates(connection, scorer.scorer_id)
        videos = missing_videos(connection, new, scorer.scorer_id)
        spent = spending_of(connection, nights[0])
    assert rates is not None
    assert (rates.start_s, rates.other_s) == pytest.approx((4, 0.25), abs=0.05)
    assert (spent.seconds, spent.segments) == (pytest.approx(13, abs=0.2), 10)
    quote = make_quote(videos, 2, profile, rates, tasks=2)
    assert (quote.videos, quote.segments, quote.lvlm_calls) == (2, 8, 8 * 2 * 3)
    again, first = 0.01 + 0.005 * 2**0.5, 0.06 + 0.03 * (2 / 3) ** 0.5
    by_hand = 2 * 4 + 5 * (again + 0.25 + 2 * 0.1) + 3 * (first + 0.25 + 2 * 0.1)
    assert quote.seconds == pytest.approx(by_hand, abs=0.5)
    assert make_quote(videos, 2, profile, None, tasks=2).seconds is None, "never a made-up time"


@pytest.mark.parametrize(
    ("changes", "calls"),
    [
        ({}, 2 * 3 + 0.25),  # key, position and temporal image for each text; a reason for a quarter
        ({"scorer": "clip"}, 0),
        ({"scorer": "baseline"}, 2 * 24 + 0.25),
        ({"readout": "generate"}, 2 * 3),  # reasons come with the answers
    ],
)
def test_calls_of_the_language_model(changes: dict[str, str], calls: float) -> None:
    demo = load_profile("demo")
    profile = Profile.model_validate({**demo.model_dump(), "scoring": {**demo.scoring.model_dump(), **changes}})
    assert calls_per_segment(profile, 2, 0.25) == calls
    no_context = profile.model_copy(
        update={"contexts": profile.contexts.model_copy(update={"position": False, "temporal": False})}
    )
    if not changes:
        assert calls_per_segment(no_context, 2, 0) == 2


def test_a_retry_counts_what_both_tries_spent(engine: Engine) -> None:
    run = start_run(engine)
    for _ in range(2):
        note(engine, run, 1, start=1, video=2, work=1, rows=4)
    with engine.begin() as connection:
        scorer_store.finish_run(connection, run, "success", {"videos": 1})
        spent = spending_of(connection, run)
    assert (spent.seconds, spent.segments) == (pytest.approx(6, abs=0.2), 8), "and stays when the run is summed up"
    assert Budget(segments=9).allows(spent, 1, 0)
    assert not Budget(segments=9).allows(spent, 2, 0)
    assert not Budget(gpu_hours=6 / 3600).allows(spent, 0, 1)
    with engine.connect() as connection:
        assert catalog.load_videos(connection) == []


def test_a_quote_has_the_price_with_and_without_a_cascade(engine: Engine, tmp_path: Path) -> None:
    world.add_camera(engine, "gate")
    seen = world.add_video(engine, "gate/1.mp4", frames=20 * 24)
    rule = world.add_rule(engine, "one", texts=("a bicycle", "a cyclist"))
    world.add_video(engine, "gate/2.mp4", frames=10 * 24)
    plain, run = load_profile("demo"), start_run(engine)
    cascaded = Profile.model_validate(
        {**plain.model_dump(), "scoring": {**plain.scoring.model_dump(), "cascade": {"share": 0.2, "audit": 0.1}}}
    )
    with engine.connect() as connection:
        videos = missing_videos(connection, rule, None)
    quote = make_quote(videos, 2, plain, None, tasks=1)
    assert (quote.lvlm_calls, quote.without_cascade.lvlm_calls) == (30 * 6, 30 * 6)
    assert quote.with_cascade is not None
    assert quote.with_cascade.judged == pytest.approx(0.2 + 0.8 * 0.05)  # the default's share and audit
    assert quote.with_cascade.lvlm_calls == round(30 * 6 * 0.24)
    assert make_quote(videos, 2, cascaded, None, tasks=1).lvlm_calls == round(30 * 6 * 0.28)
    clip = plain.model_copy(update={"scoring": plain.scoring.model_copy(update={"scorer": "clip"})})
    assert make_quote(videos, 2, clip, None, tasks=1).with_cascade is None

    # Measured: 20 segments ranked at 50 ms, 8 of them judged at 30 ms of windows and 100 ms a text, 12 pruned.
    scorer = world.add_scorer(engine, profile=cascaded)
    made = world.unit_result(engine, seen, (rule,), scorer, failing=0)
    judged = {"rank": 50.0, "windows": 30.0, "answers": 200.0}
    scores = [
        replace(s, rationale=None, timings_ms=judged)
        if s.segment_index < 8
        else SegmentScore(s.segment_index, s.rule_version_id, Status.PRUNED, reason="left", timings_ms={"rank": 50.0})
        for s in made.scores
    ]
    frames = made.frame_scores[rule.rule_version_id].copy()
    frames[8 * 24 :] = np.nan
    commit_unit(engine, replace(made, scores=scores, frame_scores={rule.rule_version_id: frames}, run_id=run), tmp_path)
    with engine.connect() as connection:
        rates = load_rates(connection, scorer.scorer_id)
        videos = missing_videos(connection, rule, scorer.scorer_id)
    assert rates is not None
    assert (rates.rank_s, rates.encode_s, rates.judge_s, rates.pruned) == pytest.approx((0.05, 0, 0.1, 0.6))
    assert rates.windows_s == pytest.approx(0.03 / 2**0.5)
    quote = make_quote(videos, 2, cascaded, rates, tasks=1)
    assert quote.with_cascade is not None
    assert quote.seconds == quote.with_cascade.seconds == pytest.approx(10 * (0.05 + 0.4 * (0.03 + 0.2)))
    assert quote.without_cascade.seconds == pytest.approx(10 * (0.05 + 0.03 + 0.2))
    said = quote.as_dict()
    assert (said["lvlm_calls"], said["lvlm_calls_with_cascade"], said["lvlm_calls_without_cascade"]) == (24, 24, 60)
