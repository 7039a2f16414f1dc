"""The two ways to read a score out of an LVLM: ``generate`` (the paper) and ``likelihood``.

An answer that cannot be read is a problem with its raw text, never a score.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from anyanomaly_core.models.protocols import Answer, VisionLanguageModel, Want
from anyanomaly_core.profile import ScoringSpec
from anyanomaly_core.scoring.answers import expected_score, parse_answer
from anyanomaly_core.scoring.prompts import SCENERY, WITH_REASON
from anyanomaly_core.scoring.questions import Question, ask
from anyanomaly_core.scoring.rationales import clean_rationale, one_line

log = logging.getLogger(__name__)

MAX_ERROR_CHARS = 500
MAX_RAW_CHARS = 2000  # of an unreadable answer kept for the ledger


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer says. Either ``score`` or ``problem`` is set."""

    score: float | None = None
    rationale: str | None = None
    problem: str | None = None
    raw: str | None = None  # the unreadable answer, on one line, without control characters


class Reader:
    """Reads scores and reasons the way a profile says."""

    def __init__(self, lvlm: VisionLanguageModel, scoring: ScoringSpec) -> None:
        self._lvlm, self._scoring = lvlm, scoring

    def read(self, questions: Sequence[Question]) -> list[Reading]:
        """One reading per question, in order; one call of the model, two if an answer had to be asked for again."""
        read = read_generated if self._scoring.readout == "generate" else read_likelihoods
        return read(self._lvlm, questions, self._scoring.prompt_variant)

    def reasons(self, told: Sequence[tuple[Question, Reading, float]]) -> list[str | None]:
        """One reason per (question, its reading, fused score), in order.

        Generated answers bring their own under prompt variants that ask for one. The likelihood readout has reasons
        written now, from the profile's rationale threshold upwards.
        """
        if self._scoring.readout == "generate":
            return [reading.rationale for _, reading, _ in told]
        worth = [n for n, (_, _, score) in enumerate(told) if score >= self._scoring.rationale_threshold]
        written = write_rationales(self._lvlm, [told[n][0] for n in worth], self._scoring.prompt_variant)
        reasons: list[str | None] = [None] * len(told)
        for n, reason in zip(worth, written, strict=True):
            reasons[n] = reason
        return reasons


def read_generated(lvlm: VisionLanguageModel, questions: Sequence[Question], variant: int) -> list[Reading]:
    """Scores and, under variants 2 and 3, rationales from generated text.

    What cannot be read is asked once more for a number and nothing else, all in one call. A request that failed in the
    model is not repeated: the implementation has its own retries.
    """
    readings = [_parse(answer) for answer in ask(lvlm, questions, variant, Want.TEXT)]
    again = [number for number, reading in enumerate(readings) if reading.problem and reading.raw is not None]
    second = ask(lvlm, [questions[number] for number in again], variant & SCENERY, Want.TEXT)
    for number, answer in zip(again, second, strict=True):
        readings[number] = _after_retry(readings[number], _parse(answer))
    return readings


def read_likelihoods(lvlm: VisionLanguageModel, questions: Sequence[Question], variant: int) -> list[Reading]:
    """Scores as the expected value over the eleven answers; no rationale."""
    return [_expect(answer) for answer in ask(lvlm, questions, variant, Want.SCORE)]


def write_rationales(lvlm: VisionLanguageModel, questions: Sequence[Question], variant: int) -> list[str | None]:
    """Generated reasons, whatever the variant for scores; None (and a warning in the log) where none came."""
    answers = ask(lvlm, questions, variant | WITH_REASON, Want.TEXT)
    return [_reason(question, answer) for question, answer in zip(questions, answers, strict=True)]


def _parse(answer: Answer) -> Reading:
    if answer.text is None:
        return _unanswered(answer, "the model gave no text")
    parsed = parse_answer(answer.text)
    if parsed.problem is not None:
        return Reading(problem=parsed.problem, raw=one_line(answer.text)[:MAX_RAW_CHARS])
    return Reading(score=parsed.score, rationale=parsed.rationale)


def _unanswered(answer: Answer, otherwise: str) -> Reading:
    """What a server says of an error is as foreign as an answer: bounded, on one line."""
    return Reading(problem=one_line(answer.error or "")[:MAX_ERROR_CHARS] or otherwise)


def _after_retry(first: Reading, second: Reading) -> Reading:
    if second.problem is None:
        return second
    return Reading(problem=f"{first.problem}; asked again, {second.problem}", raw=second.raw or first.raw)


def _expect(answer: Answer) -> Reading:
    if answer.distribution is None:
        return _unanswered(answer, "the model gave no distribution over the answers")
    try:
        return Reading(score=expected_score(answer.distribution))
    except ValueError as error:
        return Reading(problem=str(error), raw=repr(answer.distribution)[:MAX_RAW_CHARS])


def _reason(question: Question, answer: Answer) -> str | None:
    if answer.text is None:
        log.warning("No rationale for %r: %s", question.text, answer.error)
        return None
    return parse_answer(answer.text).rationale or clean_rationale(answer.text)
