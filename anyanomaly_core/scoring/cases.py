"""A case: one segment and one rule, from the questions asked about it to its row."""

from dataclasses import dataclass, field, replace
from itertools import chain

from anyanomaly_core.models.protocols import Image
from anyanomaly_core.scoring.context_images import ContextImages
from anyanomaly_core.scoring.fusion import ContextValues, best_of_texts, fuse
from anyanomaly_core.scoring.outcomes import failed_row
from anyanomaly_core.scoring.questions import Question
from anyanomaly_core.scoring.readouts import Judgement, Readout, uncertainty_note
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore, Status

IMAGES = ContextValues._fields  # "key", "position", "temporal"
ImageKey = tuple[int, str]  # which text of the rule, which image


@dataclass(slots=True)
class Case:
    """Questions about one segment for one rule, and the judgements on them."""

    segment: SegmentFrames
    rule: RuleTexts
    contexts: list[ContextImages]  # one per text of the rule
    judgements: dict[ImageKey, Judgement] = field(default_factory=dict)

    def questions(self) -> dict[ImageKey, Question]:
        """Everything to ask: one to three images per text."""
        return {
            (t, name): self._question(t, name) for t, images in enumerate(self.contexts) for name in _images(images)
        }

    def row(self, weights: ContextValues) -> SegmentScore:
        """The outcome without rationale: SCORED, or FAILED when one of the answers could not be read."""
        for (t, name), judgement in self.judgements.items():
            if judgement.problem is not None:
                reason = f"{name} image, text {self.contexts[t].text!r}: {judgement.problem}"
                return self._with_images(failed_row(self.segment, self.rule, reason, judgement.raw), t)
        best = best_of_texts([self._scores(t) for t in range(len(self.contexts))])
        row = SegmentScore(
            segment_index=self.segment.segment.index,
            rule_version_id=self.rule.rule_version_id,
            status=Status.SCORED,
            score=fuse(best, weights),
            reason=uncertainty_note(self._uncertainty(weights)),
            key_score=best.key,
            position_score=best.position,
            temporal_score=best.temporal,
        )
        return self._with_images(row, self.winner(weights))

    def winner(self, weights: ContextValues) -> int:
        """Which text of the rule has the highest fused score of its own; ties go to the first."""
        return max(range(len(self.contexts)), key=lambda t: fuse(self._scores(t), weights))

    def clearest(self, weights: ContextValues) -> tuple[Question, Judgement]:
        """The question whose reason is worth reading: the winning text in the image that shows it most clearly.

        Among equals the key frame goes before the position context, that before the temporal context.
        """
        t = self.winner(weights)
        name = max(_images(self.contexts[t]), key=lambda image: self.judgements[t, image].score or 0.0)
        return self._question(t, name), self.judgements[t, name]

    def _question(self, t: int, name: str) -> Question:
        images = self.contexts[t]
        return Question(_images(images)[name], images.text, self.rule.excluded, temporal=name == "temporal")

    def _scores(self, t: int) -> ContextValues:
        scores = {name: self.judgements[t, name].score for name in _images(self.contexts[t])}
        return ContextValues(*(scores.get(name) for name in IMAGES))

    def _uncertainty(self, weights: ContextValues) -> float:
        """By how much the fused score may be off: the best of several texts by no more than the worst known of them."""
        worst = dict.fromkeys(IMAGES, 0.0)
        for (_, name), judgement in self.judgements.items():
            worst[name] = max(worst[name], judgement.uncertainty)
        return sum(worst[name] * (weight or 0.0) for name, weight in zip(IMAGES, weights, strict=True))

    def _with_images(self, row: SegmentScore, t: int) -> SegmentScore:
        images, sampled = self.contexts[t], self.segment.segment.sampled
        return replace(
            row,
            text=images.text,
            key_frame=sampled[images.frames.key],
            grid_frames=tuple(sampled[p] for p in images.frames.grid),
            window=images.window,
        )


def judge_cases(cases: list[Case], readout: Readout) -> None:
    """Ask all questions of all cases at once and give each case its judgements."""
    questions = [case.questions() for case in cases]
    judgements = iter(readout.judge(list(chain.from_iterable(own.values() for own in questions))))
    for case, own in zip(cases, questions, strict=True):
        case.judgements = {key: next(judgements) for key in own}


def add_reasons(
    cases: list[Case], rows: list[SegmentScore], weights: ContextValues, readout: Readout
) -> list[SegmentScore]:
    """The rows with rationales, where the readout has them."""
    scored = [n for n, row in enumerate(rows) if row.score is not None]
    judged = [(*cases[n].clearest(weights), rows[n].score or 0.0) for n in scored]
    reasons = dict(zip(scored, readout.reasons(judged), strict=True))
    return [replace(row, rationale=reasons.get(n)) for n, row in enumerate(rows)]


def _images(contexts: ContextImages) -> dict[str, Image]:
    images = zip(IMAGES, (contexts.key_image, contexts.position_image, contexts.temporal_image), strict=True)
    return {name: image for name, image in images if image is not None}
