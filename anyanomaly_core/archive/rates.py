"""Seconds that scoring takes, as measured on what the same scorer did before.

The model of the cost, in seconds that a task holds its slot (with one GPU per slot, GPU seconds):

    starts x start  +  segments x (encode + windows + other + texts x judge)

``encode``, ``windows`` and ``judge`` are the timings of earlier ``segment_scores``. Frames are encoded once, for all
rules of a pass, and found again later. Windows are encoded of the frames that some text chooses: more texts choose more
frames, but partly the same, so their number grows about with the square root of the number of texts (``make bench``
counts them). A video that the scorer has seen before has its embeddings kept, so later passes are measured apart from
first ones; until there was one it counts as much as a first, which is too much. Judging is done for each text.
``other`` is what the task took beside these (hashing, decoding, writing), ``start`` the time until its models were
loaded; both as ``results/spending.py`` noted them.

With a cascade every segment is ranked and only some are judged:

    starts x start  +  segments x (rank + other)  +  judged segments x (encode + windows + texts x judge)
"""

from dataclasses import dataclass
from math import sqrt

from sqlalchemy import Connection, text

from anyanomaly_core.footage.segments import count_segments
from anyanomaly_core.profile import CascadeSpec, Profile
from anyanomaly_core.results.catalog import StoredVideo

LATEST_UNITS = 50
LATEST_RUNS = 10

_TIMINGS = text("""
WITH latest AS (
    SELECT u.video_id, scoring_id, scorer_id, u.run_id, u.certificate_id, NOT EXISTS (
        SELECT FROM units o WHERE o.video_id = u.video_id AND o.scorer_id = u.scorer_id
        AND o.finished_at < u.finished_at AND o.run_id IS DISTINCT FROM u.run_id) AS first
    FROM units u WHERE scorer_id = :scorer AND work_ms > 0 ORDER BY finished_at DESC LIMIT :units
), timed AS (
    SELECT l.video_id, l.run_id, l.first, s.segment_index, s.rationale IS NOT NULL AS told,
           jsonb_array_length(v.definition -> 'texts') AS texts,
           s.status = 'pruned' AS pruned,
           coalesce((s.timings ->> 'encode')::double precision, 0) AS encode_ms,
           coalesce((s.timings ->> 'windows')::double precision, 0) AS windows_ms,
           coalesce((s.timings ->> 'rank')::double precision, 0) AS rank_ms,
           coalesce((SELECT sum(value::double precision) FROM jsonb_each_text(s.timings)), 0) AS all_ms
    FROM latest l
    JOIN segment_scores s USING (video_id, scoring_id, scorer_id)
    JOIN scorings g USING (scoring_id)
    JOIN rule_versions v ON (v.rule_id, v.version) = (g.rule_id, g.first_version)
    WHERE s.status <> 'failed'
      -- What a certificate left out says nothing of what a cascade would.
      AND (s.status <> 'pruned' OR l.certificate_id IS NULL)
      -- An answer that another scorer had given took no time.
      AND (s.status <> 'scored' OR s.timings ?| ARRAY['encode', 'answers'])
), passes AS (  -- over a segment, by all rules of a task; a pruned one is ranked only
    SELECT first, count(*) FILTER (WHERE NOT pruned) AS rows, count(*) AS all_rows,
           coalesce(sum(texts) FILTER (WHERE NOT pruned), 0)::double precision AS texts,
           count(*) FILTER (WHERE told AND NOT pruned) AS told, sum(encode_ms) AS encode_ms,
           sum(windows_ms) AS windows_ms, sum(rank_ms) AS rank_ms,
           sum(all_ms - encode_ms - windows_ms - rank_ms) AS judge_ms
    FROM timed GROUP BY video_id, segment_index, run_id, first
)
SELECT coalesce(sum(rows), 0) AS rows, sum(texts) AS texts, sum(judge_ms) / 1000 AS judge_s,
       sum(told) / nullif(sum(rows), 0) AS told, 1 - sum(rows) / sum(all_rows) AS pruned,
       count(*) FILTER (WHERE first AND rows > 0) AS first_passes,
       count(*) FILTER (WHERE NOT first AND rows > 0) AS later_passes,
       sum(encode_ms) FILTER (WHERE first) / 1000 AS first_s,
       sum(encode_ms) FILTER (WHERE NOT first) / 1000 AS later_s,
       sum(sqrt(texts)) FILTER (WHERE first) AS first_roots,
       sum(sqrt(texts)) FILTER (WHERE NOT first) AS later_roots,
       sum(windows_ms) FILTER (WHERE first) / 1000 AS first_windows_s,
       sum(windows_ms) FILTER (WHERE NOT first) / 1000 AS later_windows_s,
       count(*) FILTER (WHERE first) AS first_ranked, count(*) FILTER (WHERE NOT first) AS later_ranked,
       sum(rank_ms) FILTER (WHERE first) / 1000 AS first_rank_s,
       sum(rank_ms) FILTER (WHERE NOT first) / 1000 AS later_rank_s
FROM passes""")
_SEEN = text("SELECT DISTINCT video_id FROM units WHERE scorer_id = :scorer AND state <> 'failed'")
_OVERHEAD = text("""
WITH latest AS (
    SELECT summary -> 'spent' -> :scorer AS spent FROM scan_runs
    WHERE summary -> 'spent' -> :scorer IS NOT NULL ORDER BY started_at DESC LIMIT :runs
)
SELECT sum((spent ->> 'starts')::double precision) AS starts,
       sum((spent ->> 'start_seconds')::double precision) AS start_seconds,
       sum((spent ->> 'passes')::double precision) AS passes,
       sum((spent ->> 'other_seconds')::double precision) AS other_seconds
FROM latest""")


@dataclass(frozen=True, slots=True)
class Rates:
    """Seconds, as measured."""

    encode_s: float  # per segment of a video that the scorer has not seen before
    encode_again_s: float  # per segment of one that it has
    windows_s: float  # likewise, for one text
    windows_again_s: float
    judge_s: float  # per segment and text
    other_s: float  # per segment; 0 when no task was timed yet
    start_s: float  # per task; likewise
    told: float  # share of segments that the model gave a reason for
    segments: int  # the timings of how many
    tasks: int  # how many tasks were timed
    seen: frozenset[int] = frozenset()  # ids of the videos that the scorer has seen before
    rank_s: float = 0.0  # per segment of a video that the scorer has not seen before; 0 without a cascade
    rank_again_s: float = 0.0  # per segment of one that it has
    pruned: float = 0.0  # share of segments that its cascade left out

    def seconds(self, video: StoredVideo, profile: Profile, texts: int) -> float:
        """What scoring a video for a rule with so many texts takes, in seconds of one slot, without a start."""
        return self.seconds_when(video, profile, texts, judged_share(profile.scoring.cascade, self))

    def seconds_when(self, video: StoredVideo, profile: Profile, texts: int, judged: float) -> float:
        """As ``seconds``, when so large a share of the segments is judged."""
        seen = video.video_id in self.seen
        encode, windows, rank = (
            (self.encode_again_s, self.windows_again_s, self.rank_again_s)
            if seen
            else (self.encode_s, self.windows_s, self.rank_s)
        )
        encoded = judged if self.rank_s + self.rank_again_s > 0 else 1.0  # else frames are encoded in ``encode``
        judging = windows * sqrt(texts) + texts * self.judge_s
        return segments_of(video, profile) * (rank + self.other_s + encoded * encode + judged * judging)


def load_rates(connection: Connection, scorer_id: int | None) -> Rates | None:
    """Rates of a scorer's newest units and runs; None when it has scored nothing yet."""
    if scorer_id is None:
        return None
    timed = connection.execute(_TIMINGS, {"scorer": scorer_id, "units": LATEST_UNITS}).one()
    if not timed.rows:
        return None
    spent = connection.execute(_OVERHEAD, {"scorer": str(scorer_id), "runs": LATEST_RUNS}).one()
    first, later = _per(timed.first_s, timed.first_passes), _per(timed.later_s, timed.later_passes)
    first_windows = _per(timed.first_windows_s, timed.first_roots)
    later_windows = _per(timed.later_windows_s, timed.later_roots)
    first_rank = _per(timed.first_rank_s, timed.first_ranked)
    later_rank = _per(timed.later_rank_s, timed.later_ranked)
    return Rates(
        encode_s=_first_known(first, later),
        encode_again_s=_first_known(later, first),
        windows_s=_first_known(first_windows, later_windows),
        windows_again_s=_first_known(later_windows, first_windows),
        judge_s=timed.judge_s / timed.texts,
        other_s=spent.other_seconds / spent.passes if spent.passes else 0.0,
        start_s=spent.start_seconds / spent.starts if spent.starts else 0.0,
        told=float(timed.told),
        segments=timed.first_passes + timed.later_passes,
        tasks=round(spent.starts or 0),
        seen=frozenset(connection.execute(_SEEN, {"scorer": scorer_id}).scalars()),
        rank_s=_first_known(first_rank, later_rank),
        rank_again_s=_first_known(later_rank, first_rank),
        pruned=float(timed.pruned),
    )


def segments_of(video: StoredVideo, profile: Profile) -> int:
    """How many segments a profile makes of a video; 0 for one that was never decoded."""
    return count_segments(video.pace, profile.sampling)


def judged_share(spec: CascadeSpec | None, rates: Rates | None) -> float:
    """Share of segments that the language model sees: as measured, or what a cascade says; what moves comes on top."""
    if spec is None:
        return 1.0
    if rates is not None and rates.pruned > 0:
        return 1.0 - rates.pruned
    return spec.share + (1 - spec.share) * spec.audit


def _per(seconds: float | None, count: float | None) -> float | None:
    return None if seconds is None or not count else seconds / count


def _first_known(wanted: float | None, other: float | None) -> float:
    return wanted if wanted is not None else other or 0.0
