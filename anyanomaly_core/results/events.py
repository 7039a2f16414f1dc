"""Events of a stored video: their ids, and the frames that a rule's hours leave to them."""

import uuid

import numpy as np
from numpy.typing import NDArray

from anyanomaly_core.results.catalog import StoredVideo
from anyanomaly_core.results.moments import to_datetime
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.rules.hours import Hours
from anyanomaly_core.scoring.events import FrameRun, Micros, find_events

__all__ = ["FrameRun", "counted_frames", "event_id", "find_events"]

_NAMESPACE = uuid.UUID("5a3c9f2e-8c1b-5d7e-9a44-6f0d1b2c3e4f")


def event_id(rule_name: str, content_sha256: str, peak_frame: int, other_camera: str | None = None) -> uuid.UUID:
    """The id of an event: the same for every version, scorer and database that finds this peak.

    ``other_camera`` is given where the content was found under another camera than its first.
    """
    place = "" if other_camera is None else f"\n{other_camera}"
    return uuid.uuid5(_NAMESPACE, f"{rule_name}\n{content_sha256}\n{peak_frame}{place}")


def counted_frames(rule: RuleDefinition, video: StoredVideo, starts: Micros) -> NDArray[np.bool_]:
    """[F] whether each frame lies in the rule's hours, in the time zone of the video's camera."""
    if rule.hours is None:
        return np.ones(len(starts), dtype=np.bool_)
    seconds = (starts - starts[0]) / 1e6 if len(starts) else np.zeros(0)
    first = to_datetime(int(starts[0])) if len(starts) else video.recorded_at
    return Hours.parse(rule.hours).mask(first, seconds, video.time_zone)
