"""Consecutive recordings of a camera as one stream: an event goes on where one file ends and the next begins.

An event is derived over as many neighbours of a video as it reaches into, never over more. Its row names the first file
and what it holds of the event; ``event_parts`` has all files of an event of several. Its id is that of its part in the
first file, so it stays when the recording goes on.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.events import counted_frames, event_id
from anyanomaly_core.results.moments import to_datetime
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scored_video import ScoredSegment, ScoredVideo
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.scoring.events import Micros, find_runs, held_frames, long_enough, outside_holes, peak_frame

TOUCH_S = 1.0  # names state whole seconds: files so far apart, or overlapping by twice that, follow each other
_LONGEST_FILE_D = 2
_CUT_US = 900_000_000  # an event of several files that covers such a span of the clock whole is cut at its end

Neighbour = Callable[[StoredVideo, bool], ScoredVideo | None]  # the scores after (True) or before a video

_LINKED = """
    SELECT v.video_id FROM videos v
    JOIN video_cameras p ON p.video_id = v.video_id AND p.camera_id = :camera
    JOIN units u ON u.video_id = v.video_id AND u.scoring_id = :scoring AND u.is_current
    CROSS JOIN LATERAL (SELECT v.recorded_at + make_interval(secs => v.duration_s) AS ended_at) AS e
    JOIN videos o ON o.video_id = :video
    WHERE v.video_id <> :video AND v.expired_at IS NULL AND {place}
      AND NOT EXISTS (SELECT FROM videos n WHERE n.video_id = v.replaced_by AND n.state IN ('ready', 'damaged'))
    ORDER BY (v.width, v.height) IS DISTINCT FROM (o.width, o.height), abs(extract(epoch FROM {gap})), v.video_id
    LIMIT 1"""
_BEFORE = text(
    _LINKED.format(
        place="""v.recorded_at < :begin AND v.recorded_at > :begin - make_interval(days => :days)
          AND e.ended_at BETWEEN :begin - make_interval(secs => :apart) AND :begin + make_interval(secs => :over)""",
        gap="e.ended_at - :begin",
    )
)
_AFTER = text(
    _LINKED.format(
        place="""v.recorded_at > :begin
          AND v.recorded_at BETWEEN :end - make_interval(secs => :over) AND :end + make_interval(secs => :apart)""",
        gap="v.recorded_at - :end",
    )
)


def linked_video(
    connection: Connection, video: StoredVideo, scoring_id: int, max_gap_s: float, *, after: bool
) -> int | None:
    """The scored video that the recording of ``video.camera_id`` goes on with, or came from; None: there is none."""
    asked = {
        "video": video.video_id,
        "camera": video.camera_id,
        "scoring": scoring_id,
        "begin": video.recorded_at,
        "end": to_datetime(round(video.recorded_at.timestamp() * 1e6) + round((video.duration_s or 0.0) * 1e6)),
        "apart": max(max_gap_s, TOUCH_S),
        "over": 2 * TOUCH_S,
        "days": _LONGEST_FILE_D,
    }
    found = connection.execute(_AFTER if after else _BEFORE, asked).scalar()
    return None if found is None else int(found)


@dataclass(frozen=True, slots=True)
class EventPart:
    """What an event has of one video."""

    scored: ScoredVideo
    first: int
    last: int
    peak: int  # the first of the highest frames
    ended_at: int  # microseconds since 1970

    @property
    def peak_score(self) -> float:
        """Score of the highest frame."""
        return float(self.scored.scores[self.peak])


@dataclass(frozen=True)
class StreamEvent:
    """An event in one video, or in several that follow each other."""

    rule: StoredRule
    parts: tuple[EventPart, ...]

    @cached_property
    def event_id(self) -> UUID:
        """The id of its first part."""
        first = self.parts[0]
        video = first.scored.video
        other = None if video.camera_id == first.scored.first_camera else video.camera_id
        return event_id(self.rule.name, video.content_sha256, first.peak, other)

    def row(self) -> dict[str, Any]:
        """The row for the table ``events``."""
        first, last = self.parts[0], self.parts[-1]
        best = max(self.parts, key=lambda part: part.peak_score)
        inside = np.concatenate([part.scored.scores[part.first : part.last + 1] for part in self.parts])
        told = _clearest_segment([best, *self.parts])
        return {
            "event_id": self.event_id,
            "rule_version_id": self.rule.rule_version_id,
            "video_id": first.scored.video.video_id,
            "scorer_id": first.scored.scorer_id,
            "camera_id": first.scored.video.camera_id,
            "first_frame": first.first,
            "last_frame": first.last,
            "started_at": to_datetime(int(first.scored.starts[first.first])),
            "ended_at": to_datetime(last.ended_at),
            "peak_score": best.peak_score,
            "peak_frame": first.peak,
            "peak_at": to_datetime(int(best.scored.starts[best.peak])),
            "mean_score": float(np.nanmean(inside.astype(np.float64))),
            "segment_index": _segment_at(first.scored.segments(), first.peak).index,
            "winning_text": told.winning_text,
            "rationale": told.rationale,
        }

    def part_rows(self) -> list[dict[str, Any]]:
        """Rows for the table ``event_parts``: none for an event in one video."""
        if len(self.parts) == 1:
            return []
        return [
            {
                "event_id": self.event_id,
                "rule_version_id": self.rule.rule_version_id,
                "video_id": part.scored.video.video_id,
                "scorer_id": part.scored.scorer_id,
                "first_frame": part.first,
                "last_frame": part.last,
                "started_at": to_datetime(int(part.scored.starts[part.first])),
                "ended_at": to_datetime(part.ended_at),
                "peak_score": part.peak_score,
                "peak_frame": part.peak,
                "segment_index": _segment_at(part.scored.segments(), part.peak).index,
            }
            for part in self.parts
        ]


def stream_events(scored: ScoredVideo, rule: StoredRule, neighbour: Neighbour) -> list[StreamEvent]:
    """The events of a rule version that a video has a part in, in order.

    Args:
        scored: the video, under one of its cameras.
        rule: looks at that camera.
        neighbour: finds the scores of the video before or after one.
    """
    window = _Window([_File.of(scored, rule.definition)], own=0, rule=rule)
    closed = {False: False, True: False}
    while True:
        side = next((after for after in (False, True) if not closed[after] and window.goes_on(after)), None)
        if side is None:
            return window.events()
        for _ in range(1 + len(window.files) // 4):  # a long event is looked at again only so often
            found = neighbour(window.files[-1 if side else 0].scored.video, side)
            if found is None:
                closed[side] = True
                break
            window = window.extended(_File.of(found, rule.definition), after=side)


@dataclass(frozen=True)
class _File:
    """Scores of a video with what a rule makes of them."""

    scored: ScoredVideo
    ends: Micros  # [F] outside holes
    counted: NDArray[np.bool_]  # [F]

    @classmethod
    def of(cls, scored: ScoredVideo, definition: RuleDefinition) -> "_File":
        ends = outside_holes(scored.starts, np.append(scored.starts[1:], scored.end))
        return cls(scored, ends, counted_frames(definition, scored.video, scored.starts))


@dataclass(frozen=True)
class _Window:
    """Videos that follow each other, and the events that one of them has a part in."""

    files: list[_File]
    own: int  # whose events are wanted
    rule: StoredRule

    def extended(self, file: _File, *, after: bool) -> "_Window":
        if after:
            return replace(self, files=[*self.files, file])
        return replace(self, files=[file, *self.files], own=self.own + 1)

    def goes_on(self, after: bool) -> bool:
        """Whether what lies on that side of the window could be part of an event of the own video."""
        starts, ends = self.times
        gap = self.rule.definition.max_gap_s * 1e6
        wanted = self.wanted
        if not wanted and self._is_bridged(after, gap):
            return True
        if after:
            return any(ends[-1] - ends[last] <= gap for _, last in wanted)
        if any(starts[first] - starts[0] <= gap for first, _ in wanted):
            return True
        # An event of the file before would go on through these frames.
        held = held_frames(self.scores, self.rule.definition, self.counted)
        through = len(held) - 1 if held.all() else int(np.argmin(held)) - 1
        if through < 0:
            return False
        begun = next((first for first, _ in self._runs if first <= through), None)
        if begun is not None:
            return any(first == begun for first, _ in wanted)
        return through >= self.offsets[self.own] or any(starts[first] - ends[through] <= gap for first, _ in wanted)

    def _is_bridged(self, after: bool, gap: float) -> bool:
        """Whether an event could lead over the own video, which is short and has none; not known yet."""
        starts, ends = self.times
        first, beyond = self.offsets[self.own], self.offsets[self.own + 1]
        if after:
            return bool(ends[-1] - starts[first] <= gap) and not any(run[0] >= beyond for run in self._runs)
        return bool(ends[beyond - 1] - starts[0] <= gap) and not any(run[1] < first for run in self._runs)

    @cached_property
    def offsets(self) -> list[int]:
        """Where each file's frames begin, and the end."""
        return list(accumulate((len(file.ends) for file in self.files), initial=0))

    @cached_property
    def scores(self) -> NDArray[np.float32]:
        return np.concatenate([file.scored.scores for file in self.files])

    @cached_property
    def counted(self) -> NDArray[np.bool_]:
        return np.concatenate([file.counted for file in self.files])

    @cached_property
    def times(self) -> tuple[Micros, Micros]:
        """Starts and ends of all frames, [F] each: files that touch neither overlap nor leave a gap."""
        starts = [file.scored.starts for file in self.files]
        ends = [file.ends for file in self.files]
        for place, file in enumerate(self.files[1:]):
            begin = file.scored.starts[0]
            starts[place], ends[place] = np.minimum(starts[place], begin), np.minimum(ends[place], begin)
            if begin - ends[place][-1] <= TOUCH_S * 1e6:
                ends[place] = np.append(ends[place][:-1], begin)
        return np.concatenate(starts), np.concatenate(ends)

    @cached_property
    def wanted(self) -> list[tuple[int, int]]:
        """First and last frame, counted over all files, of what the own video has a part in, long enough or not."""
        first, beyond = self.offsets[self.own], self.offsets[self.own + 1]
        return [(a, b) for run in self._runs for a, b in self._cut(*run) if a < beyond and b >= first]

    @cached_property
    def _runs(self) -> list[tuple[int, int]]:
        return find_runs(self.scores, *self.times, self.rule.definition, self.counted)

    def _cut(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Very long events end with a file, so that nothing is derived over whole days again and again."""
        starts, ends = self.times
        cuts = set()
        if self.rule.definition.min_duration_s * 1e6 <= _CUT_US:
            for moment in range((1 - (-int(starts[first]) // _CUT_US)) * _CUT_US, int(ends[last]) + 1, _CUT_US):
                file = bisect_left(self.offsets, int(np.searchsorted(starts, moment)))
                if self.offsets[file] <= last:
                    cuts.add(self.offsets[file])
        yield from ((a, b - 1) for a, b in pairwise([first, *sorted(cuts), last + 1]))

    def events(self) -> list[StreamEvent]:
        definition = self.rule.definition
        whole = set(long_enough(self._runs, *self.times, definition))
        kept = [(a, b) for a, b in self.wanted if any(run[0] <= a and b <= run[1] for run in whole)]
        return [StreamEvent(self.rule, tuple(self._parts(*run))) for run in kept]

    def _parts(self, first: int, last: int) -> Iterator[EventPart]:
        for file, begin, beyond in zip(self.files, self.offsets, self.offsets[1:], strict=False):
            a, b = max(first, begin) - begin, min(last, beyond - 1) - begin
            inside = file.scored.scores[max(a, 0) : b + 1]
            if a > b or not (np.isfinite(inside) & file.counted[max(a, 0) : b + 1]).any():
                continue  # bridged: nothing of it is in this file
            peak = peak_frame(file.scored.scores, file.counted, a, b)
            yield EventPart(file.scored, a, b, peak, int(file.ends[b]))


def _segment_at(segments: Sequence[ScoredSegment], frame: int) -> ScoredSegment:
    # Segments lie in order, without gaps: the one that a frame belongs to is the last that begins at or before it.
    return segments[bisect_right(segments, frame, key=lambda s: s.first_frame) - 1]


def _clearest_segment(parts: Sequence[EventPart]) -> ScoredSegment:
    """The segment whose words explain an event: that of its peak if it has any, in the part that comes first."""
    peak = _segment_at(parts[0].scored.segments(), parts[0].peak)
    if peak.rationale is not None:
        return peak
    speaking = []
    for part in parts[1:]:
        segments = part.scored.segments()
        inside = [s for s in segments if s.last_frame >= part.first and s.first_frame <= part.last]
        speaking += [s for s in inside if s.rationale is not None]
    return max(speaking, key=lambda s: s.score or 0.0, default=peak)
