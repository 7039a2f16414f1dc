"""The demo's truth: events that were planted in rendered footage, beside those that a scan found."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyanomaly_core.demo.archive import PlantedEvent, planted_events
from anyanomaly_core.embedded import report
from anyanomaly_core.embedded.installation import Installation

EVENTS = """\
SELECT rule, uri, peak_score, rationale,
       extract(epoch FROM e.started_at - v.recorded_at)::double precision AS start_s,
       extract(epoch FROM e.ended_at - v.recorded_at)::double precision AS end_s
FROM event_list e JOIN videos v USING (video_id, uri)
WHERE is_current_version
ORDER BY rule, uri, start_s"""


@dataclass(frozen=True, slots=True)
class DetectedEvent:
    """An event as the results database has it."""

    rule: str
    uri: str
    peak: float
    rationale: str
    start_s: float  # since the start of its video
    end_s: float


@dataclass(frozen=True, slots=True)
class EventMatch:
    """A planted event and what was found of it, or an event that was not planted."""

    planted: PlantedEvent | None
    found: DetectedEvent | None


def compare_with_planted(installation: Installation, archive: Path) -> list[EventMatch]:
    """What was planted in the demo's footage, beside what its database has."""
    _, rows = report.query(installation, EVENTS)
    return match_events(planted_events(archive), [_read_event(row) for row in rows])


def match_events(planted: Sequence[PlantedEvent], found: Sequence[DetectedEvent]) -> list[EventMatch]:
    """Pair every planted event with the event of its rule and video that overlaps it longest.

    An event may belong to several planted ones (two close together seen as one); what overlaps none is a false alarm.
    """
    matches, used = [], set()
    for truth in planted:
        same = [event for event in found if (event.rule, event.uri) == (truth.rule, truth.uri)]
        best = max(same, key=lambda event: _overlap(truth, event), default=None)
        if best is None or _overlap(truth, best) <= 0:
            matches.append(EventMatch(truth, None))
            continue
        used |= {event for event in same if _overlap(truth, event) > 0}
        matches.append(EventMatch(truth, best))
    return matches + [EventMatch(None, event) for event in found if event not in used]


def _overlap(truth: PlantedEvent, event: DetectedEvent) -> float:
    return min(truth.end_s, event.end_s) - max(truth.start_s, event.start_s)


def _read_event(row: tuple[Any, ...]) -> DetectedEvent:
    rule, uri, peak, rationale, start_s, end_s = row
    return DetectedEvent(rule, uri, peak, rationale or "", start_s, end_s)
