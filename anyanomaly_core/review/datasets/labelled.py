"""An event with its pictures and what somebody said of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anyanomaly_core.display import display_text
from anyanomaly_core.review.event_record import EventRecord

_WORDS = {"real": "", "false_alarm": ": false alarm", "unsure": ": unsure", None: ": not judged"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame of an event."""

    name: str  # of its file, in ``data/``
    frame: int
    time_s: float  # from the beginning of the video
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class LabelledEvent:
    """What an exported data set says of an event."""

    event: EventRecord
    pictures: tuple[Picture, ...]
    said: Mapping[str, Any]  # verdict, reviewer, note, profile, notice, content_sha256

    @property
    def label(self) -> str:
        """The rule's name where it was judged real; otherwise with what was said, so that nobody learns it as true."""
        return self.event.rule + _WORDS[self.said["verdict"]]

    @property
    def facts(self) -> dict[str, Any]:
        """Everything of the event that has no place of its own in a format; foreign text is made safe to show."""
        event = self.event
        return {
            "event_id": str(event.event_id),
            "rule": event.rule,
            "rule_version": event.version,
            "verdict": self.said["verdict"],
            "reviewer": _text(self.said["reviewer"]),
            "note": _text(self.said["note"]),
            "camera": event.video.camera_id,
            "video": event.video.uri,
            "video_sha256": self.said["content_sha256"],
            "first_frame": event.first_frame,
            "last_frame": event.last_frame,
            "peak_frame": event.peak_frame,
            "started_at": event.started_at.isoformat(),
            "ended_at": event.ended_at.isoformat(),
            "peak_score": round(event.peak_score, 6),
            "winning_text": _text(event.winning_text),
            "rationale": _text(event.rationale),
            "profile": self.said["profile"],
            "notice": self.said["notice"],
        }


def labels_of(events: list[LabelledEvent]) -> list[str]:
    """Every label once, sorted."""
    return sorted({event.label for event in events})


def _text(value: str | None) -> str | None:
    return None if value is None else display_text(value)
