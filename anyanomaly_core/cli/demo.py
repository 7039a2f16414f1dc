"""``anyanomaly demo``, and what ``make demo`` runs: a rendered archive, scanned through Airflow, beside its truth."""

import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from anyanomaly_core.cli.output import print_rows, say
from anyanomaly_core.cli.progress import progress_stages

if TYPE_CHECKING:
    from anyanomaly_core.embedded.demo import EventMatch


def demo() -> None:
    """Render CCTV footage with planted events, scan it through Airflow, show what was found beside the truth."""
    from anyanomaly_core.demo.archive import make_archive
    from anyanomaly_core.embedded import demo as truth
    from anyanomaly_core.embedded import pipeline, services
    from anyanomaly_core.embedded.installation import LOCAL, Installation
    from anyanomaly_core.embedded.installations import DEMO

    started = time.monotonic()
    installation = Installation(LOCAL / DEMO)
    archive = installation.folder / "archive"
    rules = Path(str(resources.files("anyanomaly_core.demo"))) / "rules"
    _stage(1, "The archive: rendered CCTV footage with planted events")
    with progress_stages() as stages:
        make_archive(archive, progress=stages("rendering", "frames"))
    installation.configure({"ARCHIVE_ROOT": str(archive), "RULES_DIR": str(rules), "PROFILE": "demo"})
    _stage(2, "PostgreSQL and Airflow")
    ran_before = services.is_up(installation)
    with pipeline.running_services(installation, say=say) as api:
        _stage(3, "The rules")
        pipeline.apply(installation, rules, author="demo", say=say)
        _stage(4, "Ingest and scan, through Airflow's scheduler")
        scanned = pipeline.ingest_and_scan(installation, api, say=say)
        _stage(5, "What was found, beside what was planted")
        _print_comparison(truth.compare_with_planted(installation, archive))
    for failure in scanned.failures:
        say(f"  failed: {failure.name}: {failure.reason}")
    _print_next_steps(installation.name)
    left = "Airflow runs on" if ran_before else "Nothing is left running; `make up` starts Airflow again"
    say(f"\nDone in {time.monotonic() - started:.0f} s. {left}.")
    if scanned.failures:
        raise typer.Exit(1)


def _print_comparison(matches: Sequence["EventMatch"]) -> None:
    from anyanomaly_core.embedded.demo import EVENTS
    from anyanomaly_core.profile import load_profile

    if notice := load_profile("demo").notice:
        say(f"! {notice}")
    names = ["rule", "video", "planted", "found", "peak", "result", "rationale"]
    print_rows(names, [_row(one) for one in matches], count=False)
    planted = sum(one.planted is not None for one in matches)
    hits = sum(one.planted is not None and one.found is not None for one in matches)
    others = len(matches) - planted
    unplanted = "1 event that was not planted" if others == 1 else f"{others} events that were not planted"
    say(f"\n{hits} of {planted} planted events found, {unplanted}")
    statement = "\n".join(f"    {line}" for line in EVENTS.splitlines())
    say(f"The events come from\n{statement}")


def _row(one: "EventMatch") -> tuple[object, ...]:
    truth, event = one.planted, one.found
    uri = truth.uri if truth else event.uri if event else ""
    planted = f"{truth.start_s:5.1f} - {truth.end_s:5.1f} s" if truth else "-"
    found = f"{event.start_s:5.1f} - {event.end_s:5.1f} s" if event else "-"
    verdict = "found" if truth and event else "missed" if truth else "false alarm"
    rule = truth.rule if truth else event.rule if event else ""
    return (rule, uri, planted, found, f"{event.peak:.2f}" if event else "", verdict, event.rationale if event else "")


def _print_next_steps(name: str) -> None:
    say("\nHow to go on:")
    say(f"  make query STACK={name} SQL=hits_last_night")
    say(f"  make up STACK={name}      leaves Airflow running, with Review: what was found, as pictures")
    say("  make scan FOOTAGE=/archive RULES=/my/rules PROFILE=name    the same on your own footage")


def _stage(number: int, title: str) -> None:
    say(f"\n{number}. {title}")
