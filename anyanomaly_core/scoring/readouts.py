"""The two ways to read a score out of an LVLM: ``generate`` (the paper) and ``likelihood``.

An answer that cannot be read is a problem with its raw text, never a score.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from anyanomaly_core.models.protocols import Answer, AnswerKind, VisionLanguageModel
from anyanomaly_core.profile import ScoringSpec
from anyanomaly_core.scoring.answers import expected_score, first_number, parse_answer
from anyanomaly_core.scoring.prompts import SCENERY, WITH_REASON
from anyanomaly_core.scoring.questions import Question, ask
from anyanomaly_core.scoring.rationales import clean_rationale, one_line

log = logging.getLogger(__name__)

MAX_ERROR_CHARS = 500
MAX_RAW_CHARS = 2000  # of an unreadable answer kept for the ledger
CERTAIN_ENOUGH = 0.05  # a score that may be off by no more needs no note


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one answer says. Either ``score`` or ``problem`` is set."""

    score: float | None = None
    rationale: str | None = None
    problem: str | None = None
    raw: str | None = None  # the unreadable answer, on one line, without control characters
    uncertainty: float = 0.0  # the score is off by at most this


class Readout:
    """Scores and reasons out of a model's answers, the way a profile says."""

    def __init__(self, lvlm: VisionLanguageModel, scoring: ScoringSpec) -> None:
        self._lvlm, self._scoring = lvlm, scoring

    def judge(self, questions: Sequence[Question]) -> list[Judgement]:
        """One judgement per question, in order; one call of the model, two if an answer had to be asked for again."""
        if self._scoring.answers == "first_number":
            return judge_first_numbers(self._lvlm, questions, self._scoring.prompt_variant)
        judge = judge_generated if self._scoring.readout == "generate" else judge_likelihoods
        return judge(self._lvlm, questions, self._scoring.prompt_variant)

    def reasons(self, judged: Sequence[tuple[Question, Judgement, float]]) -> list[str | None]:
        """One reason per (question, its judgement, fused score), in order.

        Generated answers bring their own under prompt variants that ask for one. The likelihood readout has reasons
        written now, from the profile's rationale threshold upwards.
        """
        if self._scoring.readout == "generate":
            return [judgement.rationale for _, judgement, _ in judged]
        worth = [n for n, (_, _, score) in enumerate(judged) if score >= self._scoring.rationale_threshold]
        written = write_rationales(self._lvlm, [judged[n][0] for n in worth], self._scoring.prompt_variant)
        reasons: list[str | None] = [None] * len(judged)
        for n, reason in zip(worth, written, strict=True):
            reasons[n] = reason
        return reasons


def judge_generated(lvlm: VisionLanguageModel, questions: Sequence[Question], variant: int) -> list[Judgement]:
    """Scores and, under variants 2 and 3, rationales from generated text.

    What cannot be read is asked once more for a number and nothing else, all in one call. A request that failed in the
    model is not repeated: the implementation has its own retries.
    """
    judgements = [_parse(answer) for answer in ask(lvlm, questions, variant, AnswerKind.TEXT)]
    again = [n for n, judgement in enumerate(judgements) if judgement.problem and judgement.raw is not None]
    second = ask(lvlm, [questions[n] for n in again], variant & SCENERY, AnswerKind.TEXT)
    for n, answer in zip(again, second, strict=True):
        judgements[n] = _after_retry(judgements[n], _parse(answer))
    return judgements


def judge_first_numbers(lvlm: VisionLanguageModel, questions: Sequence[Question], variant: int) -> list[Judgement]:
    """The reference implementation's reading, for comparison: the first number of each text, whatever it is, else 0."""
    return [
        _failed_judgement(answer, "the model gave no text")
        if answer.text is None
        else Judgement(score=first_number(answer.text), rationale=clean_rationale(answer.text))
        for answer in ask(lvlm, questions, variant, AnswerKind.TEXT)
    ]


def judge_likelihoods(lvlm: VisionLanguageModel, questions: Sequence[Question], variant: int) -> list[Judgement]:
    """Scores as the expected value over the eleven answers; no rationale."""
    return [_expect(answer) for answer in ask(lvlm, questions, variant, AnswerKind.SCORE)]


def write_rationales(lvlm: VisionLanguageModel, questions: Sequence[Question], variant: int) -> list[str | None]:
    """Generated reasons, whatever the variant for scores; None (and a warning in the log) where none came."""
    answers = ask(lvlm, questions, variant | WITH_REASON, AnswerKind.TEXT)
    return [_reason(question, answer) for question, answer in zip(questions, answers, strict=True)]


def uncertainty_note(uncertainty: float) -> str | None:
    """What a row says of a score that is known only within bounds; None where that need not be said."""
    if uncertainty <= CERTAIN_ENOUGH:
        return None
    return f"the score is off by at most {uncertainty:.2f}: the model server does not show how probable each answer is"


def _parse(answer: Answer) -> Judgement:
    if answer.text is None:
        return _failed_judgement(answer, "the model gave no text")
    parsed = parse_answer(answer.text, is_cut=answer.is_cut)
    if parsed.problem is not None:
        return Judgement(problem=parsed.problem, raw=one_line(answer.text)[:MAX_RAW_CHARS])
    return Judgement(score=parsed.score, rationale=parsed.rationale)


def _failed_judgement(answer: Answer, otherwise: str) -> Judgement:
    """What a server says of an error is as foreign as an answer: bounded, on one line."""
    return Judgement(problem=one_line(answer.error or "")[:MAX_ERROR_CHARS] or otherwise)


def _after_retry(first: Judgement, second: Judgement) -> Judgement:
    if second.problem is None:
        return second
    return Judgement(problem=f"{first.problem}; asked again, {second.problem}", raw=second.raw or first.raw)


def _expect(answer: Answer) -> Judgement:
    if answer.distribution is None:
        return _failed_judgement(answer, "the model gave no distribution over the answers")
    try:
        return Judgement(score=expected_score(answer.distribution), uncertainty=answer.uncertainty)
    except ValueError as error:
        return Judgement(problem=str(error), raw=repr(answer.distribution)[:MAX_RAW_CHARS])


def _reason(question: Question, answer: Answer) -> str | None:
    if answer.text is None:
        log.warning("No rationale for %r: %s", question.text, answer.error)
        return None
    return parse_answer(answer.text).rationale or clean_rationale(answer.text)
