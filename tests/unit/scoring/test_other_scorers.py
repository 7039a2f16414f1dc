from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import CountingLvlm, RandomProjection, random_answer

from anyanomaly_core.errors import ConfigurationError, FootageError, RuleError
from anyanomaly_core.footage.pace import Pace
from anyanomaly_core.models.protocols import Answer, AnswerKind, Request
from anyanomaly_core.profile import Smoothing
from anyanomaly_core.scoring.anyanomaly import AnyAnomalyScorer
from anyanomaly_core.scoring.baseline import BaselineScorer
from anyanomaly_core.scoring.clip import ClipScorer, as_score
from anyanomaly_core.scoring.encoding import round_to_stored
from anyanomaly_core.scoring.explain import explain
from anyanomaly_core.scoring.scorers import make_scorer
from anyanomaly_core.scoring.smoothing import frame_scores
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, Status

Make = Callable[..., Any]
RULES = [RuleTexts(1, "one", ("a dog",)), RuleTexts(2, "two", ("a cat", "a dog"))]


def expected(answer: Answer) -> float:
    assert answer.distribution is not None
    return sum(p * tenth / 10 for tenth, p in enumerate(answer.distribution))


def test_baseline_asks_about_every_frame_once(make_profile: Make, make_segments: Make, lvlm: CountingLvlm) -> None:
    profile = make_profile(scoring={"scorer": "baseline", "rationale_threshold": 1.0})
    segments = make_segments(11, 4)
    rows = BaselineScorer(profile, lvlm).score(segments, RULES)
    assert len(lvlm.calls[0]) == 11 * 2  # two texts in all: the dog of both rules is one question
    for row, (segment, rule) in zip(rows, [(s, r) for s in segments for r in RULES], strict=True):
        frames = [
            max(
                expected(random_answer(request))
                for request in lvlm.calls[0]
                if request.image is image and any(f'"{text}"' in request.prompt for text in rule.texts)
            )
            for image in segment.images
        ]
        assert row.frame_scores == pytest.approx(frames)
        assert row.score == pytest.approx(max(frames))
        assert row.key_frame == segment.segment.sampled[int(np.argmax(frames))]
    values = frame_scores([s.segment for s in segments], rows[::2], Pace.steady(11, 25), Smoothing(0, in_seconds=False))
    np.testing.assert_allclose(values, [f for row in rows[::2] for f in row.frame_scores], atol=1e-6)


def test_baseline_frame_that_cannot_be_read_fails_its_segment_and_rule(make_profile: Make, make_segments: Make) -> None:
    segments = make_segments(8, 4)
    bad = segments[1].images[2]

    def answer(request: Request) -> Answer:
        if np.array_equal(request.image, bad) and '"a cat"' in request.prompt:
            return Answer(text="no idea")
        return random_answer(request)

    profile = make_profile(scoring={"scorer": "baseline", "readout": "generate"})
    rows = BaselineScorer(profile, CountingLvlm(answer)).score(segments, RULES)
    assert [row.status for row in rows] == [Status.SCORED] * 3 + [Status.FAILED]
    assert rows[3].reason is not None
    assert rows[3].reason.startswith("frame 6, text 'a cat': ")
    assert rows[3].raw_answer == "no idea"
    assert rows[3].frame_scores == ()
    assert rows[0].rationale is not None
    assert rows[0].rationale.startswith("Reason")


def test_baseline_reason_is_of_the_best_frame(make_profile: Make, make_segments: Make, lvlm: CountingLvlm) -> None:
    profile = make_profile(scoring={"scorer": "baseline", "rationale_threshold": 0.0})
    segments = make_segments(4, 4)
    row = BaselineScorer(profile, lvlm).score(segments, RULES[:1])[0]
    assert [r.want for r in lvlm.calls[1]] == [AnswerKind.TEXT]
    assert lvlm.calls[1][0].image is segments[0].images[row.key_frame or 0]
    assert row.rationale


def test_clip_is_the_best_similarity_on_a_straight_line(
    make_profile: Make, make_segments: Make, encoder: RandomProjection
) -> None:
    segments = make_segments(48)
    rows = ClipScorer(make_profile(), encoder).score(segments, RULES)
    assert encoder.images_seen == 48
    assert encoder.texts_seen == ["a dog", "a cat"]
    for row, (segment, rule) in zip(rows, [(s, r) for s in segments for r in RULES], strict=True):
        kept = round_to_stored(encoder.encode_images(segment.images))
        cosines = kept @ encoder.encode_texts(list(rule.texts)).T
        assert row.score == pytest.approx((1 + cosines.max()) / 2, abs=1e-6)
        assert row.key_frame == segment.segment.sampled[int(cosines.max(1).argmax())]
        assert row.text == rule.texts[int(cosines.max(0).argmax())]
        assert row.rationale is None


@given(st.floats(-1.001, 1.001), st.floats(-1.001, 1.001))
def test_clip_mapping_is_monotone_and_within_0_and_1(a: float, b: float) -> None:
    assert 0 <= as_score(a) <= 1
    assert (a <= b) == (as_score(a) <= as_score(b)) or as_score(a) == as_score(b)


def test_scorers_by_name(make_profile: Make, encoder: RandomProjection, lvlm: CountingLvlm) -> None:
    by_name = {name: make_profile(scoring={"scorer": name}) for name in ("anyanomaly", "baseline", "clip")}
    assert isinstance(make_scorer(by_name["anyanomaly"], encoder, lvlm), AnyAnomalyScorer)
    assert isinstance(make_scorer(by_name["baseline"], None, lvlm), BaselineScorer)
    assert isinstance(make_scorer(by_name["clip"], encoder, None), ClipScorer)
    for name, models in [("anyanomaly", (None, lvlm)), ("anyanomaly", (encoder, None)), ("baseline", (encoder, None))]:
        with pytest.raises(ConfigurationError, match=f"The {name} scorer needs"):
            make_scorer(by_name[name], *models)


def test_windows_that_do_not_tile_are_refused_before_any_work(
    make_profile: Make, encoder: RandomProjection, lvlm: CountingLvlm
) -> None:
    with pytest.raises(ConfigurationError, match="window_sizes"):
        make_scorer(make_profile(contexts={"window_sizes": (50,)}), encoder, lvlm)


def test_explanation_shows_what_the_scorer_showed(
    make_profile: Make, make_segments: Make, encoder: RandomProjection, lvlm: CountingLvlm
) -> None:
    segment = make_segments(24)[0]
    row = AnyAnomalyScorer(make_profile(), encoder, lvlm).score([segment], RULES[1:])[0]
    shown = {(request.image.tobytes()) for request in lvlm.calls[0]}
    for text in RULES[1].texts:
        seen = explain(segment, RULES[1], profile=make_profile(), encoder=encoder, text=text)
        assert seen.text == text
        assert {seen.key_image.tobytes(), seen.position_image.tobytes(), seen.grid_image.tobytes()} <= shown
        assert (seen.attention.min(), seen.attention.max()) == (0, 1)
        assert seen.similarities.shape == (24,)
        assert seen.similarities.argmax() == seen.key_frame
        if text == row.text:
            assert (seen.key_frame, seen.grid_frames, seen.window) == (row.key_frame, row.grid_frames, row.window)


def test_explanation_of_the_most_similar_text_also_of_contexts_switched_off(
    make_profile: Make, make_segments: Make, encoder: RandomProjection
) -> None:
    segment = make_segments(5)[0]
    profile = make_profile(contexts={"position": False, "temporal": False})
    seen = explain(segment, RULES[1], profile=profile, encoder=encoder)
    cosines = encoder.encode_images(segment.images) @ encoder.encode_texts(RULES[1].texts).T
    assert seen.text == RULES[1].texts[int(cosines.max(0).argmax())]
    assert seen.position_image.shape == seen.grid_image.shape == (224, 224, 3)


def test_explanation_refuses_what_it_cannot_show(
    make_profile: Make, make_segments: Make, encoder: RandomProjection
) -> None:
    segment = make_segments(5)[0]
    with pytest.raises(RuleError, match="no text 'a bird'"):
        explain(segment, RULES[0], profile=make_profile(), encoder=encoder, text="a bird")
    with pytest.raises(FootageError, match="Segment 0"):
        explain(SegmentFrames(segment.segment, ()), RULES[0], profile=make_profile(), encoder=encoder)
