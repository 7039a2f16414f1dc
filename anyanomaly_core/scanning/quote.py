"""What scoring will cost, from what the same scorer took before.

The model of the cost, in seconds that a task holds its slot (with one GPU per slot, GPU seconds):

    starts x start  +  segments x (encode + other + texts x judge)

``encode`` and ``judge`` are the timings of earlier ``segment_scores``: encoding is shared by all rules of a pass,
judging is done for each text of a rule. A video that the scorer has seen before has its embeddings kept, so encoding is
measured apart for the first pass over a video and for later ones. ``other`` is what the task took beside them (hashing,
decoding, writing), ``start`` the time until its models were loaded; both as ``results/spending.py`` noted them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from anyanomaly_core.profile import Profile
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
           coalesce((s.timings ->> 'encode')::double precision, 0) AS encode_ms,
           coalesce((SELECT sum(value::double precision) FROM jsonb_each_text(s.timings)), 0) AS all_ms
    FROM latest l
    JOIN segment_scores s USING (video_id, scoring_id, scorer_id)
    JOIN scorings g USING (scoring_id)
    JOIN rule_versions v ON (v.rule_id, v.version) = (g.rule_id, g.first_version)
    WHERE s.status <> 'failed'
)
SELECT count(*) AS rows, sum(texts) AS texts, sum(all_ms - encode_ms) / 1000 AS judge_s, avg(told::integer) AS told,
       count(DISTINCT (video_id, segment_index, run_id)) FILTER (WHERE first) AS first_passes,
       count(DISTINCT (video_id, segment_index, run_id)) FILTER (WHERE NOT first) AS later_passes,
       sum(encode_ms) FILTER (WHERE first) / 1000 AS first_s,
       sum(encode_ms) FILTER (WHERE NOT first) / 1000 AS later_s
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

    def seconds(self, video: StoredVideo, profile: Profile, texts: int) -> float:
        """What scoring a video for a rule with so many texts takes, in seconds of one slot, without a start."""
        encode = self.encode_again_s if video.video_id in self.seen else self.encode_s
        return segments_of(video, profile) * (encode + self.other_s + texts * self.judge_s)


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
            "gpu_hours": None if self.gpu_hours is None else round(self.gpu_hours, 6),
            "measured": self.measured,
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
    return Rates(
        encode_s=first if first is not None else later or 0.0,
        encode_again_s=later if later is not None else first or 0.0,
        judge_s=timed.judge_s / timed.texts,
        other_s=spent.other_seconds / spent.passes if spent.passes else 0.0,
        start_s=spent.start_seconds / spent.starts if spent.starts else 0.0,
        told=float(timed.told),
        segments=timed.first_passes + timed.later_passes,
        tasks=round(spent.starts or 0),
        seen=frozenset(connection.execute(_SEEN, {"scorer": scorer_id}).scalars()),
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
    segments = sum(segments_of(video, profile) for video in videos)
    seconds = None
    if rates is not None:
        seconds = tasks * rates.start_s + sum(rates.seconds(video, profile, texts) for video in videos)
    calls = segments * calls_per_segment(profile, texts, rates.told if rates else 0.0)
    return Quote(
        videos=len(videos),
        segments=segments,
        tasks=tasks,
        footage_s=sum(video.duration_s or 0.0 for video in videos),
        lvlm_calls=round(calls),
        seconds=seconds,
        measured=_measured(rates),
    )


def _measured(rates: Rates | None) -> str:
    if rates is None:
        return "nothing yet: this scorer has scored no footage; no time can be quoted"
    if rates.tasks == 0:
        return f"the timings of {rates.segments} segments; the start of tasks and decoding are not in it"
    return f"the timings of {rates.segments} segments and {rates.tasks} tasks of this scorer"
