import logging
from collections.abc import Callable

import numpy as np
import pytest
from pydantic import ValidationError
from small_models import CountingLvlm

from anyanomaly_core.models.protocols import Answer, AnswerKind, Request
from anyanomaly_core.profile import ScoringSpec
from anyanomaly_core.scoring.prompts import OUTPUT_NUMBER, OUTPUT_REASON
from anyanomaly_core.scoring.questions import Question
from anyanomaly_core.scoring.readouts import Judgement, Readout

QUESTIONS = [Question(np.full((2, 2, 3), v, np.uint8), "a dog", (), temporal=False) for v in range(3)]
GENERATE = ScoringSpec(readout="generate")
LIKELIHOOD = ScoringSpec(readout="likelihood")


def says(texts: dict[int, list[str]]) -> Callable[[Request], Answer]:
    """Answers by the grey level of the image, one after the other."""

    def answer(request: Request) -> Answer:
        return Answer(text=texts[int(request.image[0, 0, 0])].pop(0))

    return answer


def test_generated_answers_are_read() -> None:
    lvlm = CountingLvlm(says({0: ["0.1. No dog."], 1: ["0.9. A dog."], 2: ["1.0"]}))
    judged = Readout(lvlm, GENERATE).judge(QUESTIONS)
    assert judged == [Judgement(0.1, "No dog."), Judgement(0.9, "A dog."), Judgement(1.0)]
    assert len(lvlm.calls) == 1
    assert all(r.want is AnswerKind.TEXT for r in lvlm.calls[0])


def test_unreadable_answers_are_asked_once_more_with_variant_0() -> None:
    lvlm = CountingLvlm(says({0: ["0.1"], 1: ["maybe", "0.4"], 2: ["7", "no"]}))
    judged = Readout(lvlm, GENERATE).judge(QUESTIONS)
    assert judged[:2] == [Judgement(0.1), Judgement(0.4)]
    assert judged[2].score is None
    assert judged[2].raw == "no"
    assert judged[2].problem == (
        "the answer's score is 7, not between 0 and 1: '7'; "
        "asked again, the answer holds no number that is clearly its score: 'no'"
    )
    assert [len(call) for call in lvlm.calls] == [3, 2]
    assert lvlm.calls[0][0].prompt.endswith(OUTPUT_REASON)
    assert all(r.prompt.endswith(OUTPUT_NUMBER) for r in lvlm.calls[1])


def test_a_failed_request_is_not_repeated_here() -> None:
    lvlm = CountingLvlm(lambda _: Answer(error="server said 500"))
    judged = Readout(lvlm, GENERATE).judge(QUESTIONS[:1])
    assert judged == [Judgement(problem="server said 500")]
    assert len(lvlm.calls) == 1


def test_what_is_kept_of_foreign_text_can_be_stored() -> None:
    lvlm = CountingLvlm(
        lambda r: Answer(text="no\x00\ud800\n" * 9999) if r.image[0, 0, 0] else Answer(error="\x00" + "e" * 9999)
    )
    error, babble, _ = Readout(lvlm, GENERATE).judge(QUESTIONS)
    assert error.problem == "e" * 500
    assert babble.raw is not None
    assert len(babble.raw) == 2000
    assert babble.raw.startswith("no no")
    assert babble.raw.isprintable()


def test_likelihoods_become_expected_values() -> None:
    lvlm = CountingLvlm(lambda _: Answer(distribution=(0.5, *[0.0] * 9, 0.5)))
    assert Readout(lvlm, LIKELIHOOD).judge(QUESTIONS) == [Judgement(0.5)] * 3
    assert all(r.want is AnswerKind.SCORE for r in lvlm.calls[0])


@pytest.mark.parametrize(
    "answer", [Answer(error="too long"), Answer(text="0.5"), Answer(), Answer(distribution=(float("nan"),) * 11)]
)
def test_no_distribution_is_a_problem_never_a_score(answer: Answer) -> None:
    judged = Readout(CountingLvlm(lambda _: answer), LIKELIHOOD).judge(QUESTIONS[:1])[0]
    assert judged.score is None
    assert judged.problem


def test_reasons_are_written_from_the_threshold_upwards() -> None:
    lvlm = CountingLvlm(lambda r: Answer(text=f"0.9. Grey {r.image[0, 0, 0]}."))
    readout = Readout(lvlm, LIKELIHOOD)
    questions = [(q, Judgement(s), s) for q, s in zip(QUESTIONS, (0.49, 0.5, 0.8), strict=True)]
    assert readout.reasons(questions) == [None, "Grey 1.", "Grey 2."]
    assert lvlm.asked == 2
    assert all(r.want is AnswerKind.TEXT and r.prompt.endswith(OUTPUT_REASON) for r in lvlm.calls[0])


@pytest.mark.parametrize("variant", [0, 1])
def test_reasons_are_asked_for_whatever_the_variant_for_scores(variant: int) -> None:
    lvlm = CountingLvlm()
    readout = Readout(lvlm, ScoringSpec(readout="likelihood", prompt_variant=variant))  # type: ignore[arg-type]
    readout.reasons([(QUESTIONS[0], Judgement(1.0), 1.0)])
    assert lvlm.calls[0][0].prompt.endswith(OUTPUT_REASON)


def test_generated_answers_bring_their_own_reason() -> None:
    lvlm = CountingLvlm()
    assert Readout(lvlm, GENERATE).reasons([(QUESTIONS[0], Judgement(0.1, "No."), 0.1)]) == ["No."]
    assert lvlm.calls == []


def test_a_reason_without_number_is_kept_and_a_lost_one_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    lvlm = CountingLvlm(lambda r: Answer(error="timeout") if r.image[0, 0, 0] else Answer(text="A dog.\n\x07<script>"))
    questions = [(q, Judgement(0.9), 0.9) for q in QUESTIONS[:2]]
    with caplog.at_level(logging.WARNING):
        assert Readout(lvlm, LIKELIHOOD).reasons(questions) == ["A dog. <script>", None]
    assert "timeout" in caplog.text


def test_the_papers_reading_takes_the_first_number_whatever_it_is() -> None:
    """For comparison with published figures: nothing is asked again, nothing fails."""
    lvlm = CountingLvlm(says({0: ["70%, a dog"], 1: ["No dog."], 2: ["Between -0.5 and 1"]}))
    judged = Readout(lvlm, ScoringSpec(readout="generate", answers="first_number")).judge(QUESTIONS)
    assert [own.score for own in judged] == [70.0, 0.0, 0.5]
    assert len(lvlm.calls) == 1
    failed = CountingLvlm(lambda _: Answer(error="server said 500"))
    assert Readout(failed, ScoringSpec(readout="generate", answers="first_number")).judge(QUESTIONS[:1]) == [
        Judgement(problem="server said 500")
    ]
    with pytest.raises(ValidationError, match="set readout: generate"):
        ScoringSpec(readout="likelihood", answers="first_number")
