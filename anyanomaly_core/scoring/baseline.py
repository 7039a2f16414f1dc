"""The paper's baseline: the LVLM on every sampled frame with ``P``, no selection and no context (paper section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from anyanomaly_core.models.protocols import VisionLanguageModel
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.outcomes import Stopwatch, check_batch, failed_row
from anyanomaly_core.scoring.questions import Question
from anyanomaly_core.scoring.readouts import Judgement, Readout, uncertainty_note
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore, Status


@dataclass(frozen=True, slots=True)
class _FrameQuestions:
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
        self._readout = Readout(lvlm, profile.scoring)

    def score(self, segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> list[SegmentScore]:
        """One row per (segment, rule), segments outer; one unreadable frame fails the segment for that rule."""
        batch, watch = check_batch(segments, rules), Stopwatch()
        cases = [_FrameQuestions(segments[s], rule) for s in batch.usable_segments for rule in batch.usable_rules]
        questions_of = [case.questions() for case in cases]
        with watch.stage("answers"):
            judgements = iter(self._readout.judge(list(chain.from_iterable(questions_of))))
            judged = [[next(judgements) for _ in questions] for questions in questions_of]
        rows = [_row(case, own) for case, own in zip(cases, judged, strict=True)]
        with watch.stage("reasons"):
            rows = self._with_reasons(rows, questions_of, judged)
        return watch.share_among(batch.in_order(rows))

    def _with_reasons(
        self, rows: list[SegmentScore], questions_of: list[list[Question]], judged: list[list[Judgement]]
    ) -> list[SegmentScore]:
        scored = [n for n, row in enumerate(rows) if row.score is not None]
        best_judged = []
        for n in scored:
            best = _best(judged[n])
            best_judged.append((questions_of[n][best], judged[n][best], rows[n].score or 0.0))
        reasons = dict(zip(scored, self._readout.reasons(best_judged), strict=True))
        return [replace(row, rationale=reasons.get(n)) for n, row in enumerate(rows)]


def _row(case: _FrameQuestions, judgements: list[Judgement]) -> SegmentScore:
    segment, rule, texts = case.segment, case.rule, len(case.rule.texts)
    for n, judgement in enumerate(judgements):
        if judgement.problem is not None:
            reason = f"frame {segment.segment.sampled[n // texts]}, text {rule.texts[n % texts]!r}: {judgement.problem}"
            return failed_row(segment, rule, reason, judgement.raw)
    best = _best(judgements)
    scores = [judgement.score or 0.0 for judgement in judgements]  # all are scored here
    return SegmentScore(
        segment_index=segment.segment.index,
        rule_version_id=rule.rule_version_id,
        status=Status.SCORED,
        score=scores[best],
        reason=uncertainty_note(max(judgement.uncertainty for judgement in judgements)),
        key_score=scores[best],
        key_frame=segment.segment.sampled[best // texts],
        text=rule.texts[best % texts],
        frame_scores=tuple(max(scores[n : n + texts]) for n in range(0, len(scores), texts)),
    )


def _best(judgements: list[Judgement]) -> int:
    return max(range(len(judgements)), key=lambda n: judgements[n].score or 0.0)
