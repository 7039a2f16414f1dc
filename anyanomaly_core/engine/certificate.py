"""Look until a stated share of what would be found has been found, with a stated confidence, and say why.

The encoder orders segments; what a segment shows, a judge says, as a rule the language model. First segments are judged
in that order, until a stretch of them shows nothing. Then the rest is judged in an order drawn at random, until the
draws bound what is left. Whatever is found is followed to both its ends. How the bound is made: ``count_bound.py``.
Nothing is assumed of the order: a bad one costs answers, not the promise.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from anyanomaly_core.engine.count_bound import CountBound
from anyanomaly_core.errors import ConfigurationError

METHOD = "order, then draws without replacement; mixture martingale over counts, valid at any time"


class Level(Enum):
    """What is counted."""

    SEGMENTS = "segments"
    EVENTS = "events"  # runs of consecutive segments


class Why(Enum):
    """Why a segment was judged."""

    ORDER = "order"
    DRAW = "draw"
    FOLLOW = "follow"  # it lies beside one that shows what is looked for


@dataclass(frozen=True, slots=True)
class Target:
    """What is promised."""

    recall: float = 0.95  # share of what the judge would find
    confidence: float = 0.95
    level: Level = Level.SEGMENTS
    least_segments: int = 1  # EVENTS: shorter runs are no events; the promise says nothing of them
    absence: float = 0.001  # where nothing is found: stop once at most this share of the segments can be left

    def allows(self, found: int) -> int:
        """How many may be missed where so many are found."""
        return max(0, math.floor(found * (1 - self.recall) / self.recall + 1e-9))

    def __post_init__(self) -> None:
        """Raise ConfigurationError for what is no promise."""
        if not (0 < self.recall < 1 and 0 < self.confidence < 1 and 0 < self.absence < 1) or self.least_segments < 1:
            raise ConfigurationError(
                "Recall, confidence and absence lie between 0 and 1, without the ends; an event has a segment or more."
            )


@dataclass(frozen=True, slots=True)
class Judgement:
    """One answer of the judge, in the order in which they were given."""

    segment: int
    why: Why
    found: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """What may be relied on, and what it rests on. ``as_dict`` is the JSON document."""

    target: Target
    reached: bool  # the promise holds
    recall: float | None  # at least this was found, at that confidence; None: nothing was found, so there is no share
    segments: int  # all of them
    judged: dict[str, int]  # by reason
    found: int  # segments or events, as the target counts
    missed_at_most: int  # likewise, at that confidence
    left: int  # segments that were not judged when drawing began
    seed: int
    order_sha256: str  # names the footage, and how it was ordered
    method: str = METHOD
    unjudged: tuple[int, ...] = field(default=(), repr=False)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; segments that were not judged are counted, their list is the ledger's."""
        body = asdict(self) | {
            "unjudged": len(self.unjudged),
            "share_judged": sum(self.judged.values()) / self.segments,
        }
        body["target"]["level"] = self.target.level.value
        return body


Judge = Callable[[Sequence[int]], Sequence[bool]]  # for each segment: whether it shows what is looked for


def find_until_certain(
    order: Sequence[int],
    judge: Judge,
    target: Target = Target(),
    *,
    seed: int,
    begins: Sequence[int] = (0,),
    budget: int | None = None,
    patience: int | None = None,
    batch: int = 8,
    ahead: Callable[[Sequence[int]], object] = lambda _: None,
) -> tuple[Certificate, list[Judgement]]:
    """Judge as few of the segments ``0 … n-1`` as the promise takes.

    Args:
        order: each of them once, the most promising first. Nothing is assumed of it.
        judge: asked for each segment once at most; it must answer the same whenever it is asked.
        target: what is promised.
        seed: of the draws. It must not be chosen by what it draws.
        begins: segments that begin a video; what is found is not followed across.
        budget: stop after so many answers; then ``recall`` is what can be promised by then.
        patience: follow the order until so many in a row show nothing; None: one in 200, at least 50.
        batch: so many are judged together, and drawn before one looks whether it is enough.
        ahead: told what will be drawn next, so that it can be decoded and judged together.

    Returns:
        The certificate, and every answer in order, from which it can be computed again.

    Raises:
        ConfigurationError: when ``order`` is none.
    """
    if not len(order) or not np.array_equal(np.sort(order), np.arange(len(order))):
        raise ConfigurationError("An order names every segment from 0 on once, and there is at least one.")
    search = _Search(judge, len(order), target, frozenset(begins), len(order) if budget is None else budget)
    search.follow_order(order, patience or max(50, len(order) // 200), batch)
    left = np.array([s for s in range(len(order)) if s not in search.answers], np.int64)
    drawing = _Drawing(search, len(left))
    for place, segment in enumerate(draws := np.random.default_rng(seed).permutation(left).tolist()):
        if place % batch == 0:
            if drawing.enough():
                break
            if search.may_judge_more(2 * batch):
                ahead([other for other in draws[place : place + batch] if other not in search.answers])
        if segment in search.answers:  # followed from one that was drawn before
            continue
        if not search.may_judge(segment):
            break
        drawing.draw(segment)
    missed = drawing.missed_at_most()
    found = search.found()
    certificate = Certificate(
        target=target,
        reached=found > 0 and missed <= target.allows(found),
        recall=found / (found + missed) if found else None,
        segments=len(order),
        judged={why.value: count for why, count in Counter(one.why for one in search.judgements).items()},
        found=found,
        missed_at_most=missed,
        left=len(left),
        seed=seed,
        order_sha256=hashlib.sha256(np.asarray(order, ">i8").tobytes()).hexdigest(),
        unjudged=tuple(s for s in range(len(order)) if s not in search.answers),
    )
    return certificate, search.judgements


class _Search:
    """What is known so far."""

    def __init__(self, judge: Judge, segments: int, target: Target, begins: frozenset[int], budget: int) -> None:
        self._judge, self.segments, self.target, self._begins, self._budget = judge, segments, target, begins, budget
        self.answers: dict[int, bool] = {}
        self.judgements: list[Judgement] = []
        self.runs: dict[int, tuple[int, int]] = {}  # segment of a run -> its first and last
        self._events = 0
        self.cut = 0  # runs that the budget ended before it was known whether they are events

    def found(self) -> int:
        return self._events if self.target.level is Level.EVENTS else len(self.runs)

    def may_judge(self, segment: int) -> bool:
        return segment in self.answers or len(self.judgements) < self._budget

    def may_judge_more(self, segments: int) -> bool:
        """Within the budget."""
        return len(self.judgements) + segments <= self._budget

    def follow_order(self, order: Sequence[int], patience: int, batch: int) -> None:
        nothing = 0
        for start in range(0, len(order), batch):
            some = self.ask(order[start : start + batch], Why.ORDER)
            for segment in some:
                nothing = 0 if self.answers[segment] else nothing + 1
            self.follow(some)
            if nothing >= patience or len(self.judgements) >= self._budget:
                return

    def follow(self, segments: Sequence[int]) -> None:
        """To both ends of each run, all of them one step at a time; within the budget."""
        sides = [(at, step) for at in segments if self.answers[at] and at not in self.runs for step in (-1, 1)]
        ends: dict[tuple[int, int], int] = {}  # (where it began, direction) -> the last one found
        reached = {side: side[0] for side in sides}
        while reached:
            self.ask([at + step for (_, step), at in reached.items() if self._goes_on(at, step)], Why.FOLLOW)
            for (began, step), at in [*reached.items()]:
                if self._goes_on(at, step) and self.answers.get(at + step, False):
                    reached[began, step] = at + step
                else:
                    ends[began, step] = reached.pop((began, step))
        for first, last in sorted({(ends[began, -1], ends[began, 1]) for began, _ in sides}):
            self.runs |= dict.fromkeys(range(first, last + 1), (first, last))
            is_event = last - first + 1 >= self.target.least_segments
            self._events += is_event
            ways_on = [(first, -1), (last, 1)]
            is_cut = any(self._goes_on(at, step) and at + step not in self.answers for at, step in ways_on)
            self.cut += is_cut and not is_event

    def ask(self, segments: Iterable[int], why: Why) -> list[int]:
        """Those that are not known, as far as the budget goes; returns which."""
        unknown = [segment for segment in dict.fromkeys(segments) if segment not in self.answers]
        unknown = unknown[: max(0, self._budget - len(self.judgements))]
        for segment, found in zip(unknown, self._judge(unknown) if unknown else (), strict=True):
            self.answers[segment] = bool(found)
            self.judgements.append(Judgement(segment, why, bool(found)))
        return unknown

    def _goes_on(self, at: int, step: int) -> bool:
        """Whether the next segment belongs to the same video."""
        return at not in self._begins if step < 0 else at + 1 < self.segments and at + 1 not in self._begins


class _Drawing:
    """Draws from what the order left."""

    def __init__(self, search: _Search, left: int) -> None:
        self._search, self._target = search, search.target
        self._by_event = search.target.level is Level.EVENTS
        each = search.target.least_segments if self._by_event else 1
        self._bound = CountBound(left, each, search.target.confidence)

    def draw(self, segment: int) -> None:
        search = self._search
        found, judged = search.found(), len(search.judgements)
        is_hit = False
        search.ask([segment], Why.DRAW)
        if search.answers[segment]:
            search.follow([segment])
            is_hit = self._counts(segment)
        self._bound.draw(is_hit)
        self._bound.learn(search.found() - found, len(search.judgements) - judged)

    def _counts(self, segment: int) -> bool:
        """Of an event, its first ``least_segments`` count: by so many the bound takes each to be seen."""
        if not self._by_event:
            return True
        first, last = self._search.runs[segment]
        least = self._target.least_segments
        if self._search.cut:  # the budget is used up: it may be one
            return True
        return last - first + 1 >= least and segment - first < least

    def missed_at_most(self) -> int:
        return self._bound.most_missed() + (self._search.cut if self._by_event else 0)

    def enough(self) -> bool:
        """Whether the promise holds, or nothing can be there."""
        if found := self._search.found():
            return self._bound.excludes(self._target.allows(found) + 1)
        return self._bound.excludes(math.floor(self._target.absence * self._search.segments) + 1)
