"""The paper's baseline: the LVLM on every sampled frame with ``P``, no selection and no context (paper section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from anyanomaly_core.models.protocols import VisionLanguageModel
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.outcomes import Stopwatch, check, failed
from anyanomaly_core.scoring.questions import Question
from anyanomaly_core.scoring.readouts import Reader, Reading
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore, Status


@dataclass(frozen=True, slots=True)
class _Case:
    segment: SegmentFrames
    rule: RuleTexts

    def questions(self) -> list[Question]:
        """Frames outer, texts inner: questions of one image side by side."""
        return [
            Question(image, text, self.rule.excluded, temporal=False)
            for image in self.segment.images
            for text in self.rule.texts
        ]


class BaselineScorer:
    """Each sampled frame has its own score: the best of the rule's texts. The segment has that of its best frame."""

    def __init__(self, profile: Profile, lvlm: VisionLanguageModel) -> None:
        self._reader = Reader(lvlm, profile.scoring)

    def score(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> list[SegmentScore]:
        """One row per (segment, rule), segments outer; one unreadable frame fails the segment for that rule."""
        checked, watch = check(segments, rules), Stopwatch()
        cases = [_Case(segments[s], rule) for s in checked.usable_segments for rule in checked.usable_rules]
        asked = [case.questions() for case in cases]
        with watch.stage("answers"):
            readings = iter(self._reader.read(list(chain.from_iterable(asked))))
            read = [[next(readings) for _ in questions] for questions in asked]
        rows = [_row(case, own) for case, own in zip(cases, read, strict=True)]
        with watch.stage("reasons"):
            rows = self._with_reasons(rows, asked, read)
        return watch.shared(checked.in_order(rows))

    def _with_reasons(
        self, rows: list[SegmentScore], asked: list[list[Question]], read: list[list[Reading]]
    ) -> list[SegmentScore]:
        scored = [n for n, row in enumerate(rows) if row.score is not None]
        told = []
        for n in scored:
            best = _best(read[n])
            told.append((asked[n][best], read[n][best], rows[n].score or 0.0))
        reasons = dict(zip(scored, self._reader.reasons(told), strict=True))
        return [replace(row, rationale=reasons.get(n)) for n, row in enumerate(rows)]


def _row(case: _Case, readings: list[Reading]) -> SegmentScore:
    segment, rule, texts = case.segment, case.rule, len(case.rule.texts)
    for n, reading in enumerate(readings):
        if reading.problem is not None:
            reason = f"frame {segment.segment.sampled[n // texts]}, text {rule.texts[n % texts]!r}: {reading.problem}"
            return failed(segment, rule, reason, reading.raw)
    best = _best(readings)
    scores = [reading.score or 0.0 for reading in readings]  # all are scored here
    return SegmentScore(
        segment_index=segment.segment.index,
        rule_version_id=rule.rule_version_id,
        status=Status.SCORED,
        score=scores[best],
        key_score=scores[best],
        key_frame=segment.segment.sampled[best // texts],
        text=rule.texts[best % texts],
        frame_scores=tuple(max(scores[n : n + texts]) for n in range(0, len(scores), texts)),
    )


def _best(readings: list[Reading]) -> int:
    return max(range(len(readings)), key=lambda n: readings[n].score or 0.0)
