"""Rehearsing a draft of a rule: which events it would find, lose and move, before it goes live. Writes nothing."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from anyanomaly_core.errors import RuleError
from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.event_store import derive_events
from anyanomaly_core.results.moments import to_datetime
from anyanomaly_core.results.rule_store import StoredRule, load_rule
from anyanomaly_core.results.schema import scorings
from anyanomaly_core.results.scored_video import ScoredVideo, load_scored
from anyanomaly_core.rules.definition import RuleDefinition

HISTOGRAM_BINS = 50  # of scores from 0 to 1


@dataclass(frozen=True, slots=True)
class EventInterval:
    """An event of one version in a video."""

    started_at: datetime
    ended_at: datetime
    peak_score: float
    peak_at: datetime


@dataclass(frozen=True, slots=True)
class EventDifference:
    """What became of an event: ``before`` is None for a found one, ``after`` for a lost one."""

    video: StoredVideo
    before: EventInterval | None
    after: EventInterval | None

    @property
    def kind(self) -> Literal["found", "lost", "moved", "same"]:
        """What became of it, in one word; an event that keeps its start and end is the same."""
        if self.before is None:
            return "found"
        if self.after is None:
            return "lost"
        moved = (self.before.started_at, self.before.ended_at) != (self.after.started_at, self.after.ended_at)
        return "moved" if moved else "same"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The outcome; ``unscored`` videos could not be compared, for want of scores."""

    differences: tuple[EventDifference, ...]
    videos: tuple[StoredVideo, ...]
    unscored: tuple[StoredVideo, ...]
    # [HISTOGRAM_BINS] frames of the compared videos by what the draft scores them, of equal width
    histogram: NDArray[np.int64] = field(repr=False)

    @property
    def counts(self) -> Counter[str]:
        """How many events are found, lost, moved and the same."""
        return Counter(difference.kind for difference in self.differences)


def rehearse(
    connection: Connection,
    draft: RuleDefinition,
    videos: Sequence[StoredVideo],
    score: Callable[[StoredVideo], ScoredVideo | None] | None = None,
) -> Rehearsal:
    """Compare a draft with the current version of its rule on some videos; a new rule only finds.

    Args:
        connection: a read is enough.
        draft: with the name of the rule that it would become a version of.
        videos: the sample.
        score: scores a video for the draft's texts without storing anything, where no version of the rule that asks
            the models the same has scored it. None as its result: the video could not be scored.

    Raises:
        RuleError: when the draft needs scores and ``score`` is not given.
    """
    current = _current(connection, draft.name)
    shared = _shared_scoring(connection, draft, current)
    if shared is None and score is None:
        raise RuleError(
            f"Rule {draft.name!r} was never scored with these texts and profile; rehearse it with scoring (--score)."
        )
    differences: list[EventDifference] = []
    compared, unscored = [], []
    histogram = np.zeros(HISTOGRAM_BINS, np.int64)
    for video in videos:
        before: list[EventInterval] | None = []
        after: list[EventInterval] | None = []
        new = None
        if draft.matches_camera(video.camera_id):
            new = load_scored(connection, video, shared) if shared is not None else None
            new = score(video) if new is None and score is not None else new
            after = _spans(new, draft)
        if current is not None and current.definition.matches_camera(video.camera_id):
            is_same = new is not None and shared == current.scoring_id
            old = new if is_same else load_scored(connection, video, current.scoring_id)
            before = _spans(old, current.definition)
        if before is None or after is None:
            unscored.append(video)
            continue
        compared.append(video)
        if new is not None:
            histogram += score_histogram(new.scores)
        differences += pair(video, before, after)
    return Rehearsal(tuple(differences), tuple(compared), tuple(unscored), histogram)


def score_histogram(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """[HISTOGRAM_BINS] how many of the scores [F] lie in each of as many equal parts of 0 to 1; NaN in none."""
    known = scores[~np.isnan(scores)]
    return np.histogram(known, bins=HISTOGRAM_BINS, range=(0.0, 1.0))[0].astype(np.int64)


def _spans(scored: ScoredVideo | None, definition: RuleDefinition) -> list[EventInterval] | None:
    return None if scored is None else spans(scored, definition)


def spans(scored: ScoredVideo, definition: RuleDefinition) -> list[EventInterval]:
    """Events that a definition finds in the scores of a video, in order."""
    return [
        EventInterval(
            to_datetime(int(scored.starts[run.first])),
            to_datetime(end),
            float(scored.scores[run.peak]),
            to_datetime(int(scored.starts[run.peak])),
        )
        for run, end in derive_events(scored, definition)
    ]


def pair(video: StoredVideo, before: Sequence[EventInterval], after: Sequence[EventInterval]) -> list[EventDifference]:
    """Pair events that overlap in time, those that share most first, each with one other; the rest is lost or found."""
    overlaps = [
        (min(a.ended_at, b.ended_at) - max(a.started_at, b.started_at), -i, -j)
        for i, a in enumerate(before)
        for j, b in enumerate(after)
        if a.started_at < b.ended_at and b.started_at < a.ended_at
    ]
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(overlaps, reverse=True):
        if -i not in partner and -j not in taken:
            partner[-i] = -j
            taken.add(-j)
    paired = [EventDifference(video, a, after[partner[i]] if i in partner else None) for i, a in enumerate(before)]
    found = [EventDifference(video, None, b) for j, b in enumerate(after) if j not in taken]
    return sorted(paired + found, key=_start)


def _start(difference: EventDifference) -> datetime:
    span = difference.after or difference.before
    if span is None:
        raise ValueError("a difference has an event before or after")
    return span.started_at


def _current(connection: Connection, name: str) -> StoredRule | None:
    try:
        return load_rule(connection, name)
    except RuleError:
        return None


def _shared_scoring(connection: Connection, draft: RuleDefinition, current: StoredRule | None) -> int | None:
    if current is None:
        return None
    same = (scorings.c.rule_id == current.rule_id) & (scorings.c.digest == draft.scoring_digest())
    return connection.execute(select(scorings.c.scoring_id).where(same)).scalar()
