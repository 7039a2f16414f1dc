"""A case: one segment and one rule, from the questions asked about it to its row."""

from dataclasses import dataclass, field, replace
from itertools import chain

from anyanomaly_core.models.protocols import Image
from anyanomaly_core.scoring.fusion import Triple, best_of_texts, fuse
from anyanomaly_core.scoring.outcomes import failed
from anyanomaly_core.scoring.questions import Question
from anyanomaly_core.scoring.readouts import Reader, Reading
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore, Status
from anyanomaly_core.scoring.views import View

IMAGES = Triple._fields  # "key", "position", "temporal"
Place = tuple[int, str]  # which text of the rule, which image


@dataclass(slots=True)
class Case:
    """Questions about one segment for one rule, and what was read."""

    segment: SegmentFrames
    rule: RuleTexts
    views: list[View]  # one per text of the rule
    readings: dict[Place, Reading] = field(default_factory=dict)

    def questions(self) -> dict[Place, Question]:
        """Everything to ask: one to three images per text."""
        return {(t, name): self._question(t, name) for t, view in enumerate(self.views) for name in _images(view)}

    def row(self, weights: Triple) -> SegmentScore:
        """The outcome without rationale: SCORED, or FAILED when one of the answers could not be read."""
        for (t, name), reading in self.readings.items():
            if reading.problem is not None:
                reason = f"{name} image, text {self.views[t].text!r}: {reading.problem}"
                return self._seen(failed(self.segment, self.rule, reason, reading.raw), t)
        best = best_of_texts([self._triple(t) for t in range(len(self.views))])
        row = SegmentScore(
            segment_index=self.segment.segment.index,
            rule_version_id=self.rule.rule_version_id,
            status=Status.SCORED,
            score=fuse(best, weights),
            key_score=best.key,
            position_score=best.position,
            temporal_score=best.temporal,
        )
        return self._seen(row, self.winner(weights))

    def winner(self, weights: Triple) -> int:
        """Which text of the rule has the highest fused score of its own; ties go to the first."""
        return max(range(len(self.views)), key=lambda t: fuse(self._triple(t), weights))

    def telling(self, weights: Triple) -> tuple[Question, Reading]:
        """The question whose reason is worth reading: the winning text in the image that shows it most clearly.

        Among equals the key frame goes before the position context, that before the temporal context.
        """
        t = self.winner(weights)
        name = max(_images(self.views[t]), key=lambda image: self.readings[t, image].score or 0.0)
        return self._question(t, name), self.readings[t, name]

    def _question(self, t: int, name: str) -> Question:
        view = self.views[t]
        return Question(_images(view)[name], view.text, self.rule.excluded, temporal=name == "temporal")

    def _triple(self, t: int) -> Triple:
        read = {name: self.readings[t, name].score for name in _images(self.views[t])}
        return Triple(*(read.get(name) for name in IMAGES))

    def _seen(self, row: SegmentScore, t: int) -> SegmentScore:
        view, sampled = self.views[t], self.segment.segment.sampled
        return replace(
            row,
            text=view.text,
            key_frame=sampled[view.frames.key],
            grid_frames=tuple(sampled[p] for p in view.frames.grid),
            window=view.window,
        )


def read_cases(cases: list[Case], reader: Reader) -> None:
    """Ask all questions of all cases at once and give each case its readings."""
    asked = [case.questions() for case in cases]
    readings = iter(reader.read(list(chain.from_iterable(questions.values() for questions in asked))))
    for case, questions in zip(cases, asked, strict=True):
        case.readings = {place: next(readings) for place in questions}


def add_reasons(cases: list[Case], rows: list[SegmentScore], weights: Triple, reader: Reader) -> list[SegmentScore]:
    """The rows with rationales, where the readout has them."""
    scored = [n for n, row in enumerate(rows) if row.score is not None]
    told = [(*cases[n].telling(weights), rows[n].score or 0.0) for n in scored]
    reasons = dict(zip(scored, reader.reasons(told), strict=True))
    return [replace(row, rationale=reasons.get(n)) for n, row in enumerate(rows)]


def _images(view: View) -> dict[str, Image]:
    images = zip(IMAGES, (view.key_image, view.position_image, view.temporal_image), strict=True)
    return {name: image for name, image in images if image is not None}
