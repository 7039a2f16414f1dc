"""``anyanomaly events`` and ``verdict``: what was found, and what a person says of it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from anyanomaly_core.cli.options import AsJson, Cameras, EventId, FirstDay, LastDay, Person, Stack
from anyanomaly_core.cli.output import note, print_json, print_rows, say
from anyanomaly_core.cli.site import database, user_name

if TYPE_CHECKING:
    from anyanomaly_core.results.found_events import EventSummary


class VerdictChoice(StrEnum):
    """What a person says of an event."""

    real = "real"
    false_alarm = "false_alarm"
    unsure = "unsure"


def list_events(
    rules: Annotated[list[str] | None, typer.Option("--rule", help="Only this rule; may be repeated.")] = None,
    cameras: Cameras = None,
    first: FirstDay = None,
    last: LastDay = None,
    to_review: Annotated[bool, typer.Option("--to-review", help="Only events that nobody has judged.")] = False,
    verdict: Annotated[VerdictChoice | None, typer.Option("--verdict", help="Only events with this verdict.")] = None,
    highest: Annotated[
        bool, typer.Option("--highest", help="Show the highest score first instead of the newest event.")
    ] = False,
    most: Annotated[int, typer.Option("--most", min=1, help="Most events to show.")] = 50,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """What was found: events of the rules' current versions, newest first."""
    from anyanomaly_core.results.found_events import EventFilter, load_events
    from anyanomaly_core.results.names import require_cameras, require_rules

    with database(stack, user="reader") as (engine, _), engine.connect() as connection:
        require_rules(connection, rules or [])
        choice = EventFilter(
            rules=rules or None,
            cameras=require_cameras(connection, cameras) if cameras else None,
            first_day=first.date() if first else None,
            last_day=last.date() if last else None,
            verdict=verdict.value if verdict else None,
            to_review=to_review,
        )
        found = load_events(connection, choice, most=most, by_peak=highest)
    if as_json:
        print_json([{name: getattr(event, name) for name in event.__slots__} for event in found])
        return
    print_events(found)
    if len(found) == most:
        note(f"There may be more: only {most} are shown. --most, --rule, --camera, --from and --to choose.")


def print_events(events: Sequence["EventSummary"]) -> None:
    """A table, the notices of its scorers above it; columns that say nothing here are left out."""
    several = len({event.scorer_id for event in events}) > 1
    for profile, notice in dict.fromkeys((event.profile, event.notice) for event in events if event.notice):
        say(f"! {profile}: {notice}" if several else f"! {notice}")
    names = ["event", "rule", "camera", "started", "seconds", "peak", "verdict", "rationale"]
    rows: list[list[object]] = []
    for event in events:
        found = [event.event_id, event.rule, event.camera, event.started_local]
        rows.append([*found, round(event.duration_s, 1), round(event.peak_score, 2), event.verdict, event.rationale])
    if any(event.dated_by_change for event in events):
        names.insert(4, "time_from")
        for row, event in zip(rows, events, strict=True):
            row.insert(4, "change of file" if event.dated_by_change else None)
    if several:
        names.insert(-1, "profile")
        for row, event in zip(rows, events, strict=True):
            row.insert(-1, event.profile)
    print_rows(names, rows)


def judge_event(
    event: EventId,
    judgement: Annotated[VerdictChoice, typer.Argument(help="real, false_alarm or unsure.")],
    comment: Annotated[str, typer.Option("--note", help="A comment of up to 2,000 characters.")] = "",
    person: Person = "",
    stack: Stack = "",
) -> None:
    """Say of an event whether it is real; the newest verdict counts, earlier ones stay on record."""
    from anyanomaly_core.results.found_events import event_with_id
    from anyanomaly_core.review import verdicts

    with database(stack, user="reviewer") as (engine, _):
        with engine.connect() as connection:
            event_id = event_with_id(connection, event)
        verdicts.add_verdict(engine, event_id, judgement.value, reviewer=person or user_name(), note=comment)
    note(f"Event {event_id} is judged {judgement.value.replace('_', ' ')}.")
