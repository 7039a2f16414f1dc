"""What scoring will cost, from what the same scorer took before.

The model of the cost, in seconds that a task holds its slot (with one GPU per slot, GPU seconds):

    starts x start  +  segments x (encode + other + texts x judge)

``encode`` and ``judge`` are the timings of earlier ``segment_scores``: encoding is shared by all rules of a pass,
judging is done for each text of a rule. A video that the scorer has seen before has its embeddings kept, so encoding is
measured apart for the first pass over a video and for later ones. ``other`` is what the task took beside them (hashing,
decoding, writing), ``start`` the time until its models were loaded; both as ``results/spending.py`` noted them.

With a cascade every segment is ranked and only some are judged:

    starts x start  +  segments x (rank + other)  +  judged segments x (encode + texts x judge)

How many are judged is measured as well. A quote has both prices. That of a cascade which was never tried counts the
share and the audit of its profile (or, without one, of the default) and encodes as without it; what moves strangely
comes on top, and is not known before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from anyanomaly_core.profile import CascadeSpec, Profile
from anyanomaly_core.results.catalog import StoredVideo

LATEST_UNITS = 50
LATEST_RUNS = 10

_TIMINGS = text("""
WITH latest AS (
    SELECT u.video_id, scoring_id, scorer_id, u.run_id, NOT EXISTS (
        SELECT FROM units o WHERE o.video_id = u.video_id AND o.scorer_id = u.scorer_id
        AND o.finished_at < u.finished_at AND o.run_id IS DISTINCT FROM u.run_id) AS first
    FROM units u WHERE scorer_id = :scorer AND work_ms > 0 ORDER BY finished_at DESC LIMIT :units
), timed AS (
    SELECT l.video_id, l.run_id, l.first, s.segment_index, s.rationale IS NOT NULL AS told,
           jsonb_array_length(v.definition -> 'texts') AS texts,
           s.status = 'pruned' AS pruned,
           coalesce((s.timings ->> 'encode')::double precision, 0) AS encode_ms,
           coalesce((s.timings ->> 'rank')::double precision, 0) AS rank_ms,
           coalesce((SELECT sum(value::double precision) FROM jsonb_each_text(s.timings)), 0) AS all_ms
    FROM latest l
    JOIN segment_scores s USING (video_id, scoring_id, scorer_id)
    JOIN scorings g USING (scoring_id)
    JOIN rule_versions v ON (v.rule_id, v.version) = (g.rule_id, g.first_version)
    WHERE s.status <> 'failed'
      -- An answer that another scorer had given took no time.
      AND (s.status <> 'scored' OR s.timings ?| ARRAY['encode', 'answers'])
)
SELECT count(*) FILTER (WHERE NOT pruned) AS rows, sum(texts) FILTER (WHERE NOT pruned) AS texts,
       sum(all_ms - encode_ms - rank_ms) / 1000 AS judge_s, avg(told::integer) FILTER (WHERE NOT pruned) AS told,
       count(DISTINCT (video_id, segment_index, run_id)) FILTER (WHERE first AND NOT pruned) AS first_passes,
       count(DISTINCT (video_id, segment_index, run_id)) FILTER (WHERE NOT first AND NOT pruned) AS later_passes,
       sum(encode_ms) FILTER (WHERE first) / 1000 AS first_s,
       sum(encode_ms) FILTER (WHERE NOT first) / 1000 AS later_s,
       count(DISTINCT (video_id, segment_index, run_id)) FILTER (WHERE first) AS first_ranked,
       count(DISTINCT (video_id, segment_index, run_id)) FILTER (WHERE NOT first) AS later_ranked,
       sum(rank_ms) FILTER (WHERE first) / 1000 AS first_rank_s,
       sum(rank_ms) FILTER (WHERE NOT first) / 1000 AS later_rank_s, avg(pruned::integer) AS pruned
FROM timed""")
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
        encode, rank = (self.encode_again_s, self.rank_again_s) if seen else (self.encode_s, self.rank_s)
        encoded = judged if self.rank_s + self.rank_again_s > 0 else 1.0  # else frames are encoded in ``encode``
        return segments_of(video, profile) * (rank + self.other_s + encoded * encode + judged * texts * self.judge_s)


@dataclass(frozen=True, slots=True)
class Price:
    """Of scoring with or without a cascade."""

    judged: float  # share of segments that the language model sees
    lvlm_calls: int
    seconds: float | None  # of one slot; None: this scorer was never measured

    @property
    def gpu_hours(self) -> float | None:
        """Hours that slots are held."""
        return None if self.seconds is None else self.seconds / 3600


@dataclass(frozen=True, slots=True)
class Quote:
    """What scoring a rule over some videos will take."""

    videos: int
    segments: int
    tasks: int
    footage_s: float
    lvlm_calls: int
    seconds: float | None  # of one slot; None: this scorer was never measured
    measured: str  # on what, in words
    without_cascade: Price
    with_cascade: Price | None  # None: the scorer asks no language model, or every frame

    @property
    def gpu_hours(self) -> float | None:
        """Hours that slots are held."""
        return None if self.seconds is None else self.seconds / 3600

    def as_dict(self) -> dict[str, Any]:
        """For a log, a page or JSON."""
        return {
            "videos": self.videos,
            "segments": self.segments,
            "tasks": self.tasks,
            "footage_hours": round(self.footage_s / 3600, 3),
            "lvlm_calls": self.lvlm_calls,
            "gpu_hours": _rounded(self.gpu_hours),
            "measured": self.measured,
            "lvlm_calls_without_cascade": self.without_cascade.lvlm_calls,
            "gpu_hours_without_cascade": _rounded(self.without_cascade.gpu_hours),
            "lvlm_calls_with_cascade": None if self.with_cascade is None else self.with_cascade.lvlm_calls,
            "gpu_hours_with_cascade": None if self.with_cascade is None else _rounded(self.with_cascade.gpu_hours),
        }


def measured_rates(connection: Connection, scorer_id: int | None) -> Rates | None:
    """Rates of a scorer's newest units and runs; None when it has scored nothing yet."""
    if scorer_id is None:
        return None
    timed = connection.execute(_TIMINGS, {"scorer": scorer_id, "units": LATEST_UNITS}).one()
    if not timed.rows:
        return None
    spent = connection.execute(_OVERHEAD, {"scorer": str(scorer_id), "runs": LATEST_RUNS}).one()
    first = timed.first_s / timed.first_passes if timed.first_passes else None
    later = timed.later_s / timed.later_passes if timed.later_passes else None
    first_rank = timed.first_rank_s / timed.first_ranked if timed.first_ranked else None
    later_rank = timed.later_rank_s / timed.later_ranked if timed.later_ranked else None
    return Rates(
        encode_s=_first_known(first, later),
        encode_again_s=_first_known(later, first),
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
    span = profile.sampling.segment_frames * profile.sampling.step(float(video.fps))
    return -(-(video.frame_count or 0) // span)


def calls_per_segment(profile: Profile, texts: int, told: float) -> float:
    """Requests to the language model for a segment of one rule.

    Args:
        profile: says how many images are asked about.
        texts: of the rule.
        told: share of segments for which the likelihood readout asks once more, for a reason.
    """
    contexts, scoring = profile.contexts, profile.scoring
    if scoring.scorer == "clip":
        return 0.0
    per_text = 1 + contexts.position + contexts.temporal
    if scoring.scorer == "baseline":
        per_text = profile.sampling.segment_frames
    return texts * per_text + (told if scoring.readout == "likelihood" else 0.0)


def make_quote(
    videos: Sequence[StoredVideo], texts: int, profile: Profile, rates: Rates | None, *, tasks: int
) -> Quote:
    """Quote scoring videos for a rule with so many texts, in so many tasks."""
    spec = profile.scoring.cascade
    without = _price(videos, texts, profile, rates, tasks=tasks, judged=1.0)
    cascaded = None
    if profile.scoring.scorer == "anyanomaly":
        judged = judged_share(spec or CascadeSpec(), rates)
        cascaded = _price(videos, texts, profile, rates, tasks=tasks, judged=judged)
    applies = cascaded if cascaded is not None and spec is not None else without
    return Quote(
        videos=len(videos),
        segments=sum(segments_of(video, profile) for video in videos),
        tasks=tasks,
        footage_s=sum(video.duration_s or 0.0 for video in videos),
        lvlm_calls=applies.lvlm_calls,
        seconds=applies.seconds,
        measured=_measured(rates),
        without_cascade=without,
        with_cascade=cascaded,
    )


def judged_share(spec: CascadeSpec | None, rates: Rates | None) -> float:
    """Share of segments that the language model sees: as measured, or what a cascade says; what moves comes on top."""
    if spec is None:
        return 1.0
    if rates is not None and rates.pruned > 0:
        return 1.0 - rates.pruned
    return spec.share + (1 - spec.share) * spec.audit


def _price(
    videos: Sequence[StoredVideo], texts: int, profile: Profile, rates: Rates | None, *, tasks: int, judged: float
) -> Price:
    segments = sum(segments_of(video, profile) for video in videos)
    calls = judged * segments * calls_per_segment(profile, texts, rates.told if rates else 0.0)
    seconds = None
    if rates is not None:
        seconds = tasks * rates.start_s + sum(rates.seconds_when(video, profile, texts, judged) for video in videos)
    return Price(judged, round(calls), seconds)


def _first_known(wanted: float | None, other: float | None) -> float:
    return wanted if wanted is not None else other or 0.0


def _rounded(hours: float | None) -> float | None:
    return None if hours is None else round(hours, 6)


def _measured(rates: Rates | None) -> str:
    if rates is None:
        return "nothing yet: this scorer has scored no footage; no time can be quoted"
    if rates.tasks == 0:
        return f"the timings of {rates.segments} segments; the start of tasks and decoding are not in it"
    return f"the timings of {rates.segments} segments and {rates.tasks} tasks of this scorer"
