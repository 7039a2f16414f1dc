"""What scoring will cost, from what the same scorer took before.

The model of the cost, in seconds that a task holds its slot (with one GPU per slot, GPU seconds):

    starts x start  +  segments x (encode + other + texts x judge)

``encode`` and ``judge`` are the timings of earlier ``segment_scores``: encoding is shared by all rules of a pass,
judging is done for each text of a rule. ``other`` is what the task took beside them (hashing, decoding, writing),
``start`` the time until its models were loaded; both as ``results/spending.py`` noted them.
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
    SELECT video_id, scoring_id, scorer_id, run_id FROM units
    WHERE scorer_id = :scorer AND work_ms > 0 ORDER BY finished_at DESC LIMIT :units
), timed AS (
    SELECT l.video_id, l.run_id, s.segment_index, s.rationale IS NOT NULL AS told,
           jsonb_array_length(v.definition -> 'texts') AS texts,
           coalesce((s.timings ->> 'encode')::double precision, 0) AS encode_ms,
           coalesce((SELECT sum(value::double precision) FROM jsonb_each_text(s.timings)), 0) AS all_ms
    FROM latest l
    JOIN segment_scores s USING (video_id, scoring_id, scorer_id)
    JOIN scorings g USING (scoring_id)
    JOIN rule_versions v ON (v.rule_id, v.version) = (g.rule_id, g.first_version)
    WHERE s.status <> 'failed'
)
SELECT count(DISTINCT (video_id, segment_index, run_id)) AS passes, count(*) AS rows, sum(texts) AS texts,
       sum(encode_ms) / 1000 AS encode_s, sum(all_ms - encode_ms) / 1000 AS judge_s, avg(told::integer) AS told
FROM timed""")
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

    encode_s: float  # per segment
    judge_s: float  # per segment and text
    other_s: float  # per segment; 0 when no task was timed yet
    start_s: float  # per task; likewise
    told: float  # share of segments that the model gave a reason for
    segments: int  # the timings of how many
    tasks: int  # how many tasks were timed

    def seconds(self, segments: int, texts: int, starts: int = 0) -> float:
        """What scoring takes, in seconds of one slot."""
        return starts * self.start_s + segments * (self.encode_s + self.other_s + texts * self.judge_s)


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
    return Rates(
        encode_s=timed.encode_s / timed.passes,
        judge_s=timed.judge_s / timed.texts,
        other_s=spent.other_seconds / spent.passes if spent.passes else 0.0,
        start_s=spent.start_seconds / spent.starts if spent.starts else 0.0,
        told=float(timed.told),
        segments=timed.passes,
        tasks=round(spent.starts or 0),
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
    calls = segments * calls_per_segment(profile, texts, rates.told if rates else 0.0)
    return Quote(
        videos=len(videos),
        segments=segments,
        tasks=tasks,
        footage_s=sum(video.duration_s or 0.0 for video in videos),
        lvlm_calls=round(calls),
        seconds=None if rates is None else rates.seconds(segments, texts, tasks),
        measured=_measured(rates),
    )


def _measured(rates: Rates | None) -> str:
    if rates is None:
        return "nothing yet: this scorer has scored no footage; no time can be quoted"
    if rates.tasks == 0:
        return f"the timings of {rates.segments} segments; the start of tasks and decoding are not in it"
    return f"the timings of {rates.segments} segments and {rates.tasks} tasks of this scorer"
