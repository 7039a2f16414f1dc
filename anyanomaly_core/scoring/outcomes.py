"""Building the rows a scorer gives back."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from anyanomaly_core.errors import RuleError
from anyanomaly_core.scoring.encoding import segment_problem
from anyanomaly_core.scoring.resized_frames import ResizedFrames
from anyanomaly_core.scoring.texts import clean_rule
from anyanomaly_core.scoring.types import RuleTexts, SegmentFrames, SegmentScore, Status


@dataclass(frozen=True, slots=True)
class Batch:
    """Segments and rules of a batch, and why some of them cannot be scored."""

    segments: Sequence[SegmentFrames]
    rules: Sequence[RuleTexts]  # with clean texts, except where ``rule_problems`` has an entry
    segment_problems: dict[int, str]  # place in ``segments`` -> reason
    rule_problems: dict[int, str]  # place in ``rules`` -> reason
    resized: list[ResizedFrames]  # of every segment

    @property
    def usable_segments(self) -> list[int]:
        """Places of the segments that can be scored."""
        return [s for s in range(len(self.segments)) if s not in self.segment_problems]

    @property
    def usable_rules(self) -> list[RuleTexts]:
        """The rules that can be scored, with clean texts."""
        return [rule for r, rule in enumerate(self.rules) if r not in self.rule_problems]

    def in_order(self, rows: Sequence[SegmentScore]) -> list[SegmentScore]:
        """All rows, segments outer: the rows of the usable pairs, given in that order, and FAILED ones between them."""
        given = iter(rows)
        return [
            failed_row(segment, rule, problem) if (problem := self._problem(s, r)) is not None else next(given)
            for s, segment in enumerate(self.segments)
            for r, rule in enumerate(self.rules)
        ]

    def _problem(self, s: int, r: int) -> str | None:
        return self.segment_problems.get(s) or self.rule_problems.get(r)


def check_batch(segments: Sequence[SegmentFrames], rules: Sequence[RuleTexts]) -> Batch:
    """Sort out what cannot be scored, so that the rest can."""
    segment_problems = {s: p for s, segment in enumerate(segments) if (p := segment_problem(segment)) is not None}
    cleaned, rule_problems = list(rules), {}
    for r, rule in enumerate(rules):
        try:
            cleaned[r] = clean_rule(rule)
        except RuleError as error:
            rule_problems[r] = str(error)
    return Batch(segments, cleaned, segment_problems, rule_problems, [ResizedFrames(segment) for segment in segments])


def failed_row(segment: SegmentFrames, rule: RuleTexts, reason: str, raw: str | None = None) -> SegmentScore:
    """The row of a segment that could not be scored for a rule."""
    return SegmentScore(segment.segment.index, rule.rule_version_id, Status.FAILED, reason=reason, raw_answer=raw)


@dataclass(slots=True)
class Stopwatch:
    """Wall time of the stages of a batch."""

    spent_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a ``with`` block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.spent_ms[name] = self.spent_ms.get(name, 0.0) + (time.perf_counter() - start) * 1000

    def share_among(self, rows: Sequence[SegmentScore]) -> list[SegmentScore]:
        """The rows with ``timings_ms``: an equal share of the batch's time for each (segment, rule)."""
        share = {stage: spent / max(1, len(rows)) for stage, spent in self.spent_ms.items()}
        return [replace(row, timings_ms=dict(share)) for row in rows]
