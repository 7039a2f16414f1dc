"""What scoring will cost, from what the same scorer took before: ``rates.py`` says how that is known.

A quote has two prices, with and without a cascade. That of a cascade which was never tried counts the share and the
audit of its profile (or, without one, of the default) and encodes as without it; what moves strangely comes on top, and
is not known before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anyanomaly_core.archive.rates import Rates, judged_share, segments_of
from anyanomaly_core.profile import CascadeSpec, Profile
from anyanomaly_core.results.catalog import StoredVideo


@dataclass(frozen=True, slots=True)
class Price:
    """What scoring costs, with or without a cascade."""

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
        """The quote as plain values, for a log, a page or JSON."""
        return {
            "videos": self.videos,
            "segments": self.segments,
            "tasks": self.tasks,
            "footage_hours": round(self.footage_s / 3600, 3),
            "lvlm_calls": self.lvlm_calls,
            "gpu_hours": _round_hours(self.gpu_hours),
            "measured": self.measured,
            "lvlm_calls_without_cascade": self.without_cascade.lvlm_calls,
            "gpu_hours_without_cascade": _round_hours(self.without_cascade.gpu_hours),
            "lvlm_calls_with_cascade": None if self.with_cascade is None else self.with_cascade.lvlm_calls,
            "gpu_hours_with_cascade": None if self.with_cascade is None else _round_hours(self.with_cascade.gpu_hours),
        }


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
    if scoring.scorer == "lavida":
        return 1.0  # all texts are one list of words
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
    if profile.scoring.scorer in {"anyanomaly", "lavida"}:
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
        measured=_describe_timings(rates),
        without_cascade=without,
        with_cascade=cascaded,
    )


def _price(
    videos: Sequence[StoredVideo], texts: int, profile: Profile, rates: Rates | None, *, tasks: int, judged: float
) -> Price:
    segments = sum(segments_of(video, profile) for video in videos)
    calls = judged * segments * calls_per_segment(profile, texts, rates.told if rates else 0.0)
    seconds = None
    if rates is not None:
        seconds = tasks * rates.start_s + sum(rates.seconds_when(video, profile, texts, judged) for video in videos)
    return Price(judged, round(calls), seconds)


def _round_hours(hours: float | None) -> float | None:
    return None if hours is None else round(hours, 6)


def _describe_timings(rates: Rates | None) -> str:
    if rates is None:
        return "nothing yet: this scorer has scored no footage; no time can be quoted"
    if rates.tasks == 0:
        return f"the timings of {rates.segments} segments; the start of tasks and decoding are not in it"
    return f"the timings of {rates.segments} segments and {rates.tasks} tasks of this scorer"
