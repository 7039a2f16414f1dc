import dataclasses
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from naive_paper import NaivePaper
from small_models import CountingLvlm, RandomProjection, random_answer, smooth_answer

from anyanomaly_core.models.protocols import Answer, AnswerKind, Request
from anyanomaly_core.scoring.anyanomaly import AnyAnomalyScorer
from anyanomaly_core.scoring.outcomes import check_batch
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore, Status

Make = Callable[..., Any]
RULES = [
    RuleTexts(1, "bikes", ("a bicycle",)),
    RuleTexts(2, "acts", ("jumping", "falling"), ("a person sitting",)),
    RuleTexts(3, "bikes too", ("a bicycle",)),
]


def same(a: SegmentScore, b: SegmentScore) -> bool:
    return dataclasses.replace(a, timings_ms={}) == dataclasses.replace(b, timings_ms={})


@pytest.mark.parametrize("readout", ["generate", "likelihood"])
def test_equals_the_paper_as_a_plain_loop(
    readout: str, make_profile: Make, make_segments: Make, encoder: RandomProjection
) -> None:
    profile, lvlm = make_profile(scoring={"readout": readout}), CountingLvlm(smooth_answer)
    segments = [*make_segments(51, seed=1), *make_segments(27, 27, seed=2), *make_segments(2, seed=3)]
    rows = AnyAnomalyScorer(profile, encoder, lvlm).score(segments, RULES[:2])
    shown = np.stack([r.image for r in lvlm.calls[0] if r.image.shape[0] == 224]).astype(int)
    naive = NaivePaper(profile, RandomProjection(), CountingLvlm(smooth_answer))
    pairs = [(segment, rule) for segment in segments for rule in RULES[:2]]
    assert len(rows) == len(pairs)
    for row, (segment, rule) in zip(rows, pairs, strict=True):
        expected = naive.score(segment, rule)
        assert row.status is Status.SCORED
        assert (row.segment_index, row.rule_version_id) == (segment.segment.index, rule.rule_version_id)
        assert (row.key_frame, row.window) == (expected.key_frame, expected.window)
        assert list(row.grid_frames) == expected.grid
        got = (row.score, row.key_score, row.position_score, row.temporal_score)
        assert got == pytest.approx((expected.score, expected.key, expected.position, expected.temporal), abs=1e-3)
        for image in (expected.position_image, expected.temporal_image):
            assert np.abs(shown - image).max((1, 2, 3)).min() <= 1  # a float on the edge of a whole number


def test_nothing_is_encoded_twice_for_ten_rules(
    make_profile: Make, make_segments: Make, encoder: RandomProjection, lvlm: CountingLvlm
) -> None:
    segments = make_segments(48, seed=4)
    rules = [RuleTexts(i, f"r{i}", (f"thing {i}", f"other thing {i}"), (f"no thing {i}",)) for i in range(10)]
    scorer = AnyAnomalyScorer(make_profile(), encoder, lvlm)
    rows = scorer.score(segments, rules)
    needed = {(row.segment_index, frame % 6) for row in rows for frame in [row.key_frame or 0]}
    windows = encoder.images_seen - 48
    assert windows % 38 == 0
    assert 4 * len(needed) <= windows // 38 <= 48  # at most every frame once
    assert encoder.text_calls == 1
    assert len(encoder.texts_seen) == len(set(encoder.texts_seen))
    scorer.score(make_segments(24, seed=5), rules)
    assert encoder.text_calls == 1  # texts are kept


def test_one_rule_costs_what_the_specification_says(
    make_profile: Make, make_segments: Make, encoder: RandomProjection, lvlm: CountingLvlm
) -> None:
    AnyAnomalyScorer(make_profile(), encoder, lvlm).score(make_segments(24), RULES[:1])
    assert encoder.images_seen == 24 + 4 * 38  # not 24 + 38 + 152: the key frame is one of the grid frames
    assert len(lvlm.calls[0]) == 3


def test_one_call_for_all_scores_and_one_for_reasons(
    make_profile: Make, make_segments: Make, encoder: RandomProjection, lvlm: CountingLvlm
) -> None:
    profile = make_profile(scoring={"rationale_threshold": 0.0})
    rows = AnyAnomalyScorer(profile, encoder, lvlm).score(make_segments(72), RULES)
    assert len(lvlm.calls) == 2
    assert {r.want for r in lvlm.calls[0]} == {AnswerKind.SCORE}
    assert {r.want for r in lvlm.calls[1]} == {AnswerKind.TEXT}
    assert all(row.rationale for row in rows)
    # rules 1 and 3 hold the same text: their questions are asked once. 3 segments x (1 + 2 texts) x 3 images.
    assert len(lvlm.calls[0]) == 27
    assert len(lvlm.calls[1]) == 6
    images = [r.image.tobytes() for r in lvlm.calls[0]]
    assert sum(x != y for x, y in pairwise(images)) + 1 == len(set(images))  # equal images are neighbours
    assert same(dataclasses.replace(rows[0], rule_version_id=3), rows[2])


def test_reason_is_of_the_winning_text_in_its_clearest_image(
    make_profile: Make, make_segments: Make, encoder: RandomProjection
) -> None:
    def answer(request: Request) -> Answer:
        if request.want is AnswerKind.TEXT:
            return Answer(
                text=f"0.9. {'falling' if 'falling' in request.prompt else 'jumping'} {request.image.shape[0]}."
            )
        high = "falling" in request.prompt and "sequence" in request.prompt
        return Answer(distribution=(0,) * 10 + (1,) if high else (0.4,) + (0,) * 9 + (0.6,))

    lvlm = CountingLvlm(answer)
    row = AnyAnomalyScorer(make_profile(), encoder, lvlm).score(make_segments(24), RULES[1:2])[0]
    assert row.text == "falling"
    assert row.rationale == "falling 224."
    assert "sequence" in lvlm.calls[1][0].prompt
    assert row.score == pytest.approx(0.6 * 0.6 + 0.3 * 0.6 + 0.1 * 1.0)


def test_likelihood_writes_no_reason_below_the_threshold(
    make_profile: Make, make_segments: Make, encoder: RandomProjection, lvlm: CountingLvlm
) -> None:
    profile = make_profile(scoring={"rationale_threshold": 0.5})
    rows = AnyAnomalyScorer(profile, encoder, lvlm).score(make_segments(24 * 8), RULES)
    scores = [row.score or 0 for row in rows]
    assert min(scores) < 0.5 < max(scores)
    for row in rows:
        assert (row.rationale is not None) == ((row.score or 0) >= 0.5)


@pytest.mark.parametrize("readout", ["generate", "likelihood"])
def test_one_bad_answer_fails_only_its_segment_and_rule(
    readout: str, make_profile: Make, make_segments: Make, encoder: RandomProjection
) -> None:
    def answer(request: Request) -> Answer:
        if "jumping" in request.prompt and request.image.shape[0] == 60:  # the key frame
            return Answer(error="out of memory") if request.want is AnswerKind.SCORE else Answer(text="I cannot say.")
        return random_answer(request)

    rows = AnyAnomalyScorer(make_profile(scoring={"readout": readout}), encoder, CountingLvlm(answer)).score(
        make_segments(48), RULES
    )
    good = AnyAnomalyScorer(make_profile(scoring={"readout": readout}), encoder, CountingLvlm()).score(
        make_segments(48), RULES
    )
    for row, intact in zip(rows, good, strict=True):
        if row.rule_version_id != 2:
            assert same(row, intact)
            continue
        assert row.status is Status.FAILED
        assert (row.score, row.key_score, row.position_score, row.temporal_score) == (None,) * 4
        assert row.reason is not None
        assert "key image, text 'jumping'" in row.reason
        assert row.raw_answer == (None if readout == "likelihood" else "I cannot say.")
        assert row.key_frame is not None


def test_what_cannot_be_scored_fails_alone(
    make_profile: Make, make_segments: Make, encoder: RandomProjection, lvlm: CountingLvlm
) -> None:
    first, second, third, fourth = make_segments(96)
    damaged = SegmentFrames(second.segment, second.images[:5])
    empty = SegmentFrames(third.segment, ())
    grey = SegmentFrames(fourth.segment, (fourth.images[0][:, :, 0], *fourth.images[1:]))
    rules = [RULES[0], RuleTexts(9, "empty", ("",)), RuleTexts(8, "none", ())]
    rows = AnyAnomalyScorer(make_profile(), encoder, lvlm).score([first, damaged, empty, grey], rules)
    assert len(rows) == 12
    assert [row.status for row in rows] == [Status.SCORED] + [Status.FAILED] * 11
    assert rows[1].reason is not None
    assert "empty" in rows[1].reason
    assert rows[3].reason == "only 5 of 24 sampled frames were decoded"
    assert rows[6].reason == "only 0 of 24 sampled frames were decoded"
    assert rows[9].reason is not None
    assert "no RGB image" in rows[9].reason
    alone = AnyAnomalyScorer(make_profile(), RandomProjection(), CountingLvlm()).score([first], rules[:1])
    assert same(rows[0], alone[0])


def test_nothing_in_nothing_out(
    make_profile: Make, make_segments: Make, encoder: RandomProjection, lvlm: CountingLvlm
) -> None:
    scorer = AnyAnomalyScorer(make_profile(), encoder, lvlm)
    assert scorer.score([], RULES) == []
    assert scorer.score(make_segments(24), []) == []
    assert lvlm.calls == []


def test_segments_of_several_videos_in_one_batch_do_not_mix(make_profile: Make, make_segments: Make) -> None:
    a, b = make_segments(30, seed=1), make_segments(50, seed=2, size=(90, 50))
    together = AnyAnomalyScorer(make_profile(), RandomProjection(), CountingLvlm()).score([*a, *b], RULES)
    apart = [
        row
        for video in (a, b)
        for row in AnyAnomalyScorer(make_profile(), RandomProjection(), CountingLvlm()).score(video, RULES)
    ]
    assert all(same(x, y) for x, y in zip(together, apart, strict=True))


def test_rules_do_not_change_each_others_scores(make_profile: Make, make_segments: Make) -> None:
    segments = make_segments(48)
    together = AnyAnomalyScorer(make_profile(), RandomProjection(), CountingLvlm()).score(segments, RULES)
    for r, rule in enumerate(RULES):
        alone = AnyAnomalyScorer(make_profile(), RandomProjection(), CountingLvlm()).score(segments, [rule])
        assert all(same(x, y) for x, y in zip(together[r::3], alone, strict=True))


@pytest.mark.parametrize(("position", "temporal", "images"), [(True, False, 2), (False, True, 2), (False, False, 1)])
def test_contexts_switched_off(
    position: bool, temporal: bool, images: int, make_profile: Make, make_segments: Make
) -> None:
    encoder, lvlm = RandomProjection(), CountingLvlm()
    profile = make_profile(contexts={"position": position, "temporal": temporal})
    row = AnyAnomalyScorer(profile, encoder, lvlm).score(make_segments(24), RULES[:1])[0]
    assert len(lvlm.calls[0]) == images
    assert (row.position_score is not None) == position
    assert (row.temporal_score is not None) == temporal
    assert (row.window is not None) == temporal
    assert encoder.images_seen == 24 + 38 * (4 if temporal else 1 if position else 0)
    parts = [(0.6, row.key_score), (0.3, row.position_score), (0.1, row.temporal_score)]
    used = [(w, s) for w, s in parts if s is not None]
    assert row.score == pytest.approx(sum(w * s for w, s in used) / sum(w for w, _ in used))


@pytest.mark.parametrize("strategy", ["random", "clip", "grouping_then_clip", "clip_then_grouping"])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 24])
def test_every_strategy_and_length(
    strategy: str, n: int, make_profile: Make, make_segments: Make, encoder: RandomProjection
) -> None:
    profile = make_profile(contexts={"strategy": strategy})
    for row in AnyAnomalyScorer(profile, encoder, CountingLvlm()).score(make_segments(n, 24, step=1), RULES[:1]):
        assert row.status is Status.SCORED
        assert row.key_frame in row.grid_frames
        assert 0 <= (row.score or -1) <= 1


def test_source_frame_numbers_follow_the_sampling_step(
    make_profile: Make, make_segments: Make, encoder: RandomProjection, lvlm: CountingLvlm
) -> None:
    rows = AnyAnomalyScorer(make_profile(), encoder, lvlm).score(make_segments(100, 8, step=5), RULES[:1])
    for row in rows:
        assert all(frame % 5 == 0 for frame in row.grid_frames)
        assert all(row.segment_index * 40 <= frame < row.segment_index * 40 + 40 for frame in row.grid_frames)


def test_uniform_frames_are_scored_with_the_whole_frame_in_sight(
    make_profile: Make, encoder: RandomProjection, lvlm: CountingLvlm, make_segments: Make
) -> None:
    segment = make_segments(24)[0]
    grey = SegmentFrames(segment.segment, (np.full((60, 80, 3), 120, np.uint8),) * 24)
    row = AnyAnomalyScorer(make_profile(), encoder, lvlm).score([grey], RULES[:1])[0]
    assert row.status is Status.SCORED
    assert row.window == (0, 0, 48, 48)
    position_image = next(r.image for r in lvlm.calls[0] if r.image.shape[0] == 224 and "sequence" not in r.prompt)
    assert (position_image == 120).all()


def test_stages_can_be_run_apart_with_kept_embeddings(make_profile: Make, make_segments: Make) -> None:
    segments, encoder = make_segments(48), RandomProjection()
    scorer = AnyAnomalyScorer(make_profile(), encoder, CountingLvlm())
    batch = check_batch(segments, RULES)
    encoded = scorer.encode(batch)
    seen = encoder.images_seen
    rows = scorer.judge(batch, encoded)
    assert encoder.images_seen == seen
    at_once = AnyAnomalyScorer(make_profile(), RandomProjection(), CountingLvlm()).score(segments, RULES)
    assert all(same(x, y) for x, y in zip(rows, at_once, strict=True))


def test_timings_are_told(
    make_profile: Make, make_segments: Make, encoder: RandomProjection, lvlm: CountingLvlm
) -> None:
    row = AnyAnomalyScorer(make_profile(), encoder, lvlm).score(make_segments(24), RULES)[0]
    assert set(row.timings_ms) == {"encode", "windows", "contexts", "answers", "reasons"}
    assert all(spent >= 0 for spent in row.timings_ms.values())
