"""How a scan ends: what was scored, what failed and why, what was found."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anyanomaly_core.cli.events import print_events
from anyanomaly_core.cli.output import print_rows, say

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from anyanomaly_core.archive.outcome import Failure, ScanOutcome

MOST_EVENTS = 30
MOST_REASONS = 20
OTHERS = 1000  # events of other scorers are counted up to here


def print_outcome(connection: "Connection", outcome: "ScanOutcome", other_failures: Sequence["Failure"] = ()) -> None:
    """Tables for a person: progress of each rule, reasons of failures, events of the scorers that were asked for."""
    from anyanomaly_core.results.found_events import EventFilter, load_events

    say(f"\nWhat is scored, {_videos(outcome.videos_now)} of it now")
    names = ["rule", "profile", "scored", "partly", "failed", "not_tried", "segments_failed", "hours_of_footage"]
    rows = [
        (r.rule, r.profile, r.scored, r.partly, r.failed, r.waiting, r.segments_failed, round(r.seconds / 3600, 3))
        for r in outcome.rules
    ]
    print_rows(names, rows, count=False)
    failures = [*other_failures, *outcome.failures]
    if failures:
        say("\nWhat failed, and why")
        for failure in failures[:MOST_REASONS]:
            say(f"  {failure.what}, such as {failure.example}:")
            say(f"    {failure.reason}")
        if len(failures) > MOST_REASONS:
            say(f"  and {len(failures) - MOST_REASONS} other reasons: `anyanomaly quarantine` lists all.")
    say(f"\nEvents, highest score first (at most {MOST_EVENTS})")
    scorers = outcome.scorer_ids
    print_events(load_events(connection, EventFilter(scorer_ids=scorers), most=MOST_EVENTS, by_peak=True))
    others = load_events(connection, EventFilter(other_scorer_ids=scorers), most=OTHERS)
    if others:
        counts = {event.profile: 0 for event in others}
        for event in others:
            counts[event.profile] += 1
        told = ", ".join(f"{count} of profile {profile}" for profile, count in counts.items())
        say(f"\nNot shown: events of other profiles from earlier scans, {told}. `anyanomaly events` shows them too.")
        for profile, notice in dict.fromkeys((event.profile, event.notice) for event in others if event.notice):
            say(f"! {profile}: {notice}")


def outcome_as_dict(outcome: "ScanOutcome", other_failures: Sequence["Failure"] = ()) -> dict[str, Any]:
    """The outcome as plain values, for programs."""
    rules = [{name: getattr(rule, name) for name in rule.__slots__} for rule in outcome.rules]
    failures = [{name: getattr(f, name) for name in f.__slots__} for f in [*other_failures, *outcome.failures]]
    return {
        "complete": outcome.complete and not other_failures,
        "videos_now": outcome.videos_now,
        "rules": rules,
        "failures": failures,
    }


def _videos(count: int) -> str:
    return f"{count or 'no'} {'video' if count == 1 else 'videos'}"
