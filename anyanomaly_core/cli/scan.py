"""``anyanomaly scan``, and what ``make scan`` runs: an archive of your own, checked first, scored, reported."""

import dataclasses
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyanomaly_core.cli.exit_codes import INCOMPLETE
from anyanomaly_core.cli.options import AsJson
from anyanomaly_core.cli.outcome import outcome_as_dict, print_outcome
from anyanomaly_core.cli.output import note, print_json, say
from anyanomaly_core.cli.progress import progress_stages
from anyanomaly_core.cli.site import site, user_name
from anyanomaly_core.config import ModelSettings, Settings
from anyanomaly_core.errors import ConfigurationError, FootageError

if TYPE_CHECKING:
    from anyanomaly_core.archive.outcome import Failure, ScanOutcome
    from anyanomaly_core.embedded.installation import Installation
    from anyanomaly_core.embedded.pipeline import PipelineResult

HOW = "Write `make scan FOOTAGE=/archive RULES=/my/rules PROFILE=name`"


def scan(
    footage: Annotated[str, typer.Argument(help="Folder of the archive.", show_default=False)] = "",
    rules: Annotated[str, typer.Option("--rules", help="Folder of rule files.", show_default=False)] = "",
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            help="Built-in name or YAML file, for rules that name none; default: that of the last scan.",
            show_default=False,
        ),
    ] = "",
    layout: Annotated[str, typer.Option(help="How paths state camera and time; see docs/footage.md.")] = "",
    airflow: Annotated[
        bool, typer.Option("--airflow", help="Run the scan through Airflow's DAGs, as `make scan` does.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Scan an archive with rules; what was scored before is not scored again.

    Exits 3 when it was done but something failed or could not be scored, 1 when the scan could not be made.
    """
    from anyanomaly_core.embedded.installation import LOCAL, for_footage

    archive, rule_files = _folder("FOOTAGE", footage), _folder("RULES", rules)
    installation = for_footage(LOCAL, archive)
    remembered = {
        "ARCHIVE_ROOT": str(archive.resolve()),
        "RULES_DIR": str(rule_files.resolve()),
        "PROFILE": _profile(profile, installation),
        **_how_to_read(layout, archive, installation),
    }
    _check(remembered)
    installation.configure(remembered)
    note(f"Scanning {archive.resolve()} with profile {remembered['PROFILE']}; all of it lies in {installation.folder}")
    if airflow:
        outcome, failures = _scan_through_airflow(installation, archive, rule_files, as_json=as_json)
    else:
        outcome, failures = _scan_here(archive, rule_files, as_json=as_json), []
    if failures or not outcome.complete:
        raise typer.Exit(INCOMPLETE)


def _scan_here(archive: Path, rules: Path, *, as_json: bool) -> "ScanOutcome":
    from anyanomaly_core.alerts.sender import AlertSender
    from anyanomaly_core.archive.runs import scan_archive
    from anyanomaly_core.results.engine import make_engine

    began = datetime.now(UTC)
    with site(archive, "") as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        try:
            with progress_stages() as stages, AlertSender(engine, settings) as alerts:
                scan_archive(engine, settings, rules, author=user_name(), stages=stages, committed=alerts.wake)
        finally:
            engine.dispose()
        return _report(settings, began, [], as_json=as_json)


def _scan_through_airflow(
    installation: "Installation", archive: Path, rules: Path, *, as_json: bool
) -> tuple["ScanOutcome", list["Failure"]]:
    from anyanomaly_core.embedded import pipeline

    began = datetime.now(UTC)
    tell = note if as_json else say
    with pipeline.running_services(installation, say=tell) as api:
        pipeline.apply(installation, rules, author=user_name(), say=tell)
        scanned = pipeline.ingest_and_scan(installation, api, say=tell)
        failures = _of_tasks(scanned)
        with site(archive, "", user="reader") as settings:
            outcome = _report(settings, began, failures, as_json=as_json)
    if not as_json:
        _print_next_steps(installation, scanned)
    return outcome, failures


def _report(settings: Settings, began: datetime, failures: list["Failure"], *, as_json: bool) -> "ScanOutcome":
    from anyanomaly_core.archive.outcome import scan_outcome
    from anyanomaly_core.results.engine import make_engine

    engine = make_engine(settings.database_url.get_secret_value())
    try:
        with engine.connect() as connection:
            outcome = scan_outcome(connection, settings, since=began)
            if as_json:
                print_json(outcome_as_dict(outcome, failures))
            else:
                print_outcome(connection, outcome, failures)
    finally:
        engine.dispose()
    return outcome


def _of_tasks(scanned: "PipelineResult") -> list["Failure"]:
    """Reasons of tasks that failed themselves; what became of videos and files is told from the ledger."""
    from anyanomaly_core.archive.outcome import Failure

    by_reason: dict[str, list[str]] = {}
    for failure in scanned.failures:
        if failure.task != "summarize" and failure.error != "FootageError":
            by_reason.setdefault(failure.reason, []).append(failure.name)
    return [
        Failure(reason, f"{len(names)} {'task' if len(names) == 1 else 'tasks'}", names[0])
        for reason, names in by_reason.items()
    ]


def _print_next_steps(installation: "Installation", scanned: "PipelineResult") -> None:
    stack = f"STACK={installation.name}"
    say(f"\nIngest and scan took {scanned.seconds:.0f} s. The same facts as Parquet: {installation.parquet}")
    say("How to go on:")
    say(f"  make up {stack}      leaves Airflow running with its pages (review, schedules, forms, logs)")
    say(f"  make query {stack} SQL=hits_last_night")
    say(f"  make down {stack}    stops everything again")


def _check(remembered: dict[str, str]) -> None:
    """What would make the scan fail is told before anything is started; notices stand first."""
    from anyanomaly_core.archive.readiness import ArchiveLocation, check_scan
    from anyanomaly_core.rules.alerts import load_alerts

    stated = os.environ.get("ANYANOMALY_ALERTS")
    load_alerts(Path(stated) if stated else None)
    place = ArchiveLocation(
        os.environ.get("ANYANOMALY_ARCHIVE_ROOT", remembered["ARCHIVE_ROOT"]),
        remembered["ARCHIVE_LAYOUT"],
        remembered.get("TIME_ZONE", "UTC"),
    )
    found = check_scan(place, Path(remembered["RULES_DIR"]), remembered["PROFILE"], ModelSettings())
    for warning in found.warnings:
        note(f"! {warning}")
    found.require()
    for notice in dict.fromkeys(profile.notice for profile in found.profiles if profile.notice):
        note(f"! {notice}")
    note(f"Camera and recording time by ANYANOMALY_ARCHIVE_LAYOUT={remembered['ARCHIVE_LAYOUT']}")
    note(f"A time stated nowhere: ANYANOMALY_RECORDED_AT_DEFAULT={remembered['RECORDED_AT_DEFAULT']}")


def _folder(name: str, given: str) -> Path:
    if given and Path(given).is_dir():
        return Path(given)
    problem = f"{name}={given} is not a folder" if given else f"{name} is not given"
    raise ConfigurationError(f"{problem}. {HOW}; rule files to begin with lie in anyanomaly_core/demo/rules.")


def _profile(given: str, installation: "Installation") -> str:
    """The profile asked for, else that of the environment or of the last scan.

    In a terminal it is asked for. Elsewhere it is the demo's, which every machine can run, with a warning first.
    """
    from anyanomaly_core.profile import builtin_profiles, load_profile

    chosen = given or os.environ.get("ANYANOMALY_PROFILE", "") or _last(installation, "PROFILE")
    if not chosen:
        profiles = {name: load_profile(name).description for name in builtin_profiles()}
        table = "\n".join(f"  {name:9}{description}" for name, description in profiles.items())
        if sys.stdin.isatty():
            note(f"Which profile? A YAML file of your own, or one of\n{table}")
            chosen = typer.prompt("Profile")
        else:
            note(f"! No profile is given: `demo` is used. Real footage needs --profile with a YAML file, or\n{table}")
            note("`anyanomaly doctor` says which of them this machine can run.")
            chosen = "demo"
    return str(Path(chosen).resolve()) if chosen.endswith((".yaml", ".yml")) else chosen


def _how_to_read(layout: str, archive: Path, installation: "Installation") -> dict[str, str]:
    """Layout, default time and zone: as given, as the environment says, as last time, or as the folder looks."""
    given = {"ARCHIVE_LAYOUT": layout}
    found = {
        name: given.get(name) or os.environ.get(f"ANYANOMALY_{name}") or _last(installation, name)
        for name in ("ARCHIVE_LAYOUT", "RECORDED_AT_DEFAULT", "TIME_ZONE")
    }
    found["RECORDED_AT_DEFAULT"] = found["RECORDED_AT_DEFAULT"] or "modified"
    found["ARCHIVE_LAYOUT"] = found["ARCHIVE_LAYOUT"] or _propose_layout(archive, found["TIME_ZONE"])
    return {name: value for name, value in found.items() if value}


def _propose_layout(archive: Path, time_zone: str) -> str:
    """For an archive that nobody described; what is not certain about it is told."""
    from anyanomaly_core.config import LayoutSettings, read_settings
    from anyanomaly_core.footage.layout import ANY_FOLDER
    from anyanomaly_core.footage.local_time import Zones
    from anyanomaly_core.footage.recorders.proposal import propose

    zones = dataclasses.replace(Zones.of_settings(read_settings(LayoutSettings)), default=time_zone or "UTC")
    try:
        proposal = propose(str(archive), zones)
    except FootageError:
        return ANY_FOLDER  # a folder without footage is refused with the other reasons
    note(proposal.report(zones))
    return proposal.layout if proposal.layout.endswith(ANY_FOLDER) else f"{proposal.layout}|{ANY_FOLDER}"


def _last(installation: "Installation", name: str) -> str:
    return installation.settings.get(name, "") if (installation.folder / "installation.json").exists() else ""
