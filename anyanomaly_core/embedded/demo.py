"""``make demo``: a rendered archive with planted events, scanned through Airflow; what was found beside the truth."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from anyanomaly_core.demo.archive import PlantedEvent, make_archive, planted_events
from anyanomaly_core.embedded import pipeline, report, services
from anyanomaly_core.embedded.installation import Installation
from anyanomaly_core.profile import load_profile

EVENTS = """\
SELECT rule, uri, peak_score, rationale,
       extract(epoch FROM e.started_at - v.recorded_at)::double precision AS start_s,
       extract(epoch FROM e.ended_at - v.recorded_at)::double precision AS end_s
FROM event_list e JOIN videos v USING (video_id, uri)
WHERE is_current_version
ORDER BY rule, uri, start_s"""


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """An event as the results database has it."""

    rule: str
    uri: str
    peak: float
    rationale: str
    start_s: float  # since the start of its video
    end_s: float


@dataclass(frozen=True, slots=True)
class Match:
    """A planted event and what was found of it, or an event that was not planted."""

    planted: PlantedEvent | None
    found: FoundEvent | None


def run(installation: Installation) -> None:
    """Make the archive, scan it, print the comparison; services that did not run before are stopped again."""
    started = time.monotonic()
    archive = installation.folder / "archive"
    rules = Path(str(resources.files("anyanomaly_core.demo"))) / "rules"
    _stage(1, "The archive: rendered CCTV footage with planted events")
    make_archive(archive)
    installation.configure({"ARCHIVE_ROOT": str(archive), "RULES_DIR": str(rules), "PROFILE": "demo"})
    _stage(2, "PostgreSQL and Airflow")
    ran_before = services.is_up(installation)
    with pipeline.running(installation) as api:
        _stage(3, "The rules")
        pipeline.apply(installation, rules)
        _stage(4, "Ingest and scan, through Airflow's scheduler")
        scanned = pipeline.ingest_and_scan(installation, api)
        _stage(5, "What was found, beside what was planted")
        _print_comparison(installation, planted_events(archive))
        report.print_totals(installation)
        report.print_where(installation, scanned)
    print(f"  footage     {archive}")
    if notice := load_profile("demo").notice:
        print(f"\n{notice}")
    left = "Airflow runs on" if ran_before else "Nothing is left running; `make up` starts Airflow again"
    print(f"\nDone in {time.monotonic() - started:.0f} s. {left}.")


def match(planted: Sequence[PlantedEvent], found: Sequence[FoundEvent]) -> list[Match]:
    """Pair every planted event with the event of its rule and video that overlaps it longest.

    An event may belong to several planted ones (two close together seen as one); what overlaps none is a false alarm.
    """
    matches, used = [], set()
    for truth in planted:
        same = [event for event in found if (event.rule, event.uri) == (truth.rule, truth.uri)]
        best = max(same, key=lambda event: _overlap(truth, event), default=None)
        if best is None or _overlap(truth, best) <= 0:
            matches.append(Match(truth, None))
            continue
        used |= {event for event in same if _overlap(truth, event) > 0}
        matches.append(Match(truth, best))
    return matches + [Match(None, event) for event in found if event not in used]


def _overlap(truth: PlantedEvent, event: FoundEvent) -> float:
    return min(truth.end_s, event.end_s) - max(truth.start_s, event.start_s)


def _print_comparison(installation: Installation, planted: Sequence[PlantedEvent]) -> None:
    _, rows = report.query(installation, EVENTS)
    matches = match(planted, [_found(row) for row in rows])
    names = ["rule", "video", "planted", "found", "peak", "result", "rationale"]
    report.print_table((names, [_row(one) for one in matches]))
    hits = sum(one.planted is not None and one.found is not None for one in matches)
    false_alarms = sum(one.planted is None for one in matches)
    print(f"\n  {hits} of {len(planted)} planted events found, {false_alarms} events that were not planted")
    print(f"  the events come from\n{report.indent(EVENTS)}")


def _found(row: tuple[Any, ...]) -> FoundEvent:
    rule, uri, peak, rationale, start_s, end_s = row
    return FoundEvent(rule, uri, peak, rationale or "", start_s, end_s)


def _row(one: Match) -> tuple[object, ...]:
    truth, event = one.planted, one.found
    uri = truth.uri if truth else event.uri if event else ""
    planted = f"{truth.start_s:5.1f} - {truth.end_s:5.1f} s" if truth else "-"
    found = f"{event.start_s:5.1f} - {event.end_s:5.1f} s" if event else "-"
    verdict = "found" if truth and event else "missed" if truth else "false alarm"
    rule = truth.rule if truth else event.rule if event else ""
    return (rule, uri, planted, found, f"{event.peak:.2f}" if event else "", verdict, event.rationale if event else "")


def _stage(number: int, title: str) -> None:
    print(f"\n{number}. {title}", flush=True)
