"""Whichever file one looks from, events over consecutive files are those of one long file."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.moments import to_micros
from anyanomaly_core.results.rule_store import StoredRule
from anyanomaly_core.results.scored_video import ScoredSegment, ScoredVideo
from anyanomaly_core.results.streams import StreamEvent, stream_events
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.scoring.events import find_events

START = datetime(2026, 3, 1, 11, 59, tzinfo=UTC)
FPS = 4


def file(number: int, scores: list[float], begin_s: float) -> ScoredVideo:
    at = START + timedelta(seconds=begin_s)
    video = StoredVideo(
        number, f"{number:064x}", "gate", "UTC", f"{number}.mp4", at, "ready", len(scores), 1.0, Fraction(4)
    )
    starts = to_micros(at) + np.arange(len(scores), dtype=np.int64) * (1_000_000 // FPS)
    segments = (ScoredSegment(0, 0, len(scores) - 1, 0.5, None, None),)
    end = int(starts[-1]) + 1_000_000 // FPS
    return ScoredVideo(video, "gate", 1, np.array(scores, np.float32), starts, end, lambda: segments)


def stream(pieces: list[list[float]]) -> list[ScoredVideo]:
    begins = np.cumsum([0, *(len(piece) for piece in pieces)]) / FPS
    return [
        file(number, piece, float(begin)) for number, (piece, begin) in enumerate(zip(pieces, begins, strict=False))
    ]


def rule(**changes: object) -> StoredRule:
    base = {"name": "r", "texts": ("t",), "threshold": 0.5, "min_duration_s": 0.0, "max_gap_s": 0.0}
    definition = RuleDefinition.model_validate({**base, **changes})
    return StoredRule(1, 1, 1, 1, 1, "active", True, "ada", START, definition)


def seen_from(files: list[ScoredVideo], own: int, of: StoredRule) -> tuple[list[StreamEvent], int]:
    """Its events, and how many neighbours were asked for."""
    asked = 0

    def neighbour(video: StoredVideo, after: bool) -> ScoredVideo | None:
        nonlocal asked
        asked += 1
        place = video.video_id + (1 if after else -1)
        return files[place] if 0 <= place < len(files) else None

    return stream_events(files[own], of, neighbour), asked


levels = st.sampled_from([float("nan"), 0.1, 0.35, 0.35, 0.6, 0.9])


@given(
    st.lists(st.lists(levels, min_size=1, max_size=9), min_size=1, max_size=6),
    st.sampled_from([None, 0.3]),
    st.sampled_from([0.0, 0.25, 1.0, 5.0]),
    st.sampled_from([0.0, 0.75, 4.0]),
)
def test_events_are_those_of_one_long_file(
    pieces: list[list[float]], release: float | None, gap: float, shortest: float
) -> None:
    files = stream(pieces)
    of = rule(release_threshold=release, max_gap_s=gap, min_duration_s=shortest)
    offsets = np.cumsum([0, *(len(piece) for piece in pieces)])
    starts = np.concatenate([f.starts for f in files])
    ends = starts + 1_000_000 // FPS
    scores = np.concatenate([f.scores for f in files])
    expected = [
        (run.first, run.last) for run in find_events(scores, starts, ends, of.definition, np.ones(len(scores), bool))
    ]
    for own in range(len(files)):
        events, _ = seen_from(files, own, of)
        got = [
            (
                int(offsets[e.parts[0].scored.video.video_id]) + e.parts[0].first,
                int(offsets[e.parts[-1].scored.video.video_id]) + e.parts[-1].last,
            )
            for e in events
        ]
        here = [(a, b) for a, b in expected if a < offsets[own + 1] and b >= offsets[own]]
        assert got == here


def test_no_more_files_are_looked_at_than_needed() -> None:
    quiet, hot = [0.1] * 8, [0.9] * 8
    files = stream([hot, quiet, hot, hot, quiet, hot])
    assert seen_from(files, 1, rule())[1] == 0
    events, asked = seen_from(files, 2, rule(min_duration_s=3))
    assert [len(event.parts) for event in events] == [2]
    assert asked == 3  # two neighbours on each side of two files, less one at the quiet end


def test_what_is_hot_all_day_is_cut_and_needs_no_whole_day() -> None:
    """Ten-second files, five hours without a pause, from 11:59:00: 11:59 to 12:15, then quarters."""
    hot: NDArray[np.float32] = np.full(40, 0.9, np.float32)
    files = stream([hot.tolist()] * 1500)
    of = rule(min_duration_s=15)
    (event,), asked = seen_from(files, 1000, of)  # 14:45:40
    begin = event.parts[0].scored.video.recorded_at
    assert (begin, len(event.parts)) == (datetime(2026, 3, 1, 14, 45, tzinfo=UTC), 90)
    assert asked < 300
    whole = {seen_from(files, own, of)[0][0].event_id for own in (996, 1000, 1085)}
    assert len(whole) == 1
    (first,), _ = seen_from(files, 0, of)
    assert (first.parts[0].scored.video.video_id, len(first.parts)) == (0, 6 + 90)
