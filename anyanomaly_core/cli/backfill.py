"""``anyanomaly backfill``: one rule over stored footage, without Airflow."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anyanomaly_core.cli.exit_codes import INCOMPLETE
from anyanomaly_core.cli.options import AsJson, Cameras, FirstDay, LastDay, Stack
from anyanomaly_core.cli.output import note, print_json, print_rows
from anyanomaly_core.cli.progress import progress_stages
from anyanomaly_core.cli.site import database
from anyanomaly_core.errors import ConfigurationError

if TYPE_CHECKING:
    from anyanomaly_core.archive.certified import CertifiedBackfill
    from anyanomaly_core.archive.runs import RuleBackfill


def backfill(
    rule: Annotated[str, typer.Argument(help="Name of the rule.")],
    cameras: Cameras = None,
    first: FirstDay = None,
    last: LastDay = None,
    newest_first: Annotated[bool, typer.Option("--newest-first", help="Begin with the newest day.")] = False,
    gpu_hours: Annotated[
        float | None, typer.Option("--gpu-hours", min=0, help="Stop after this many GPU hours.")
    ] = None,
    segments: Annotated[
        int | None, typer.Option("--segments", min=1, help="Stop before more than this many segments are scored.")
    ] = None,
    recall: Annotated[
        float | None,
        typer.Option("--recall", help="Stop once this share of what the model would find is found, such as 0.95."),
    ] = None,
    confidence: Annotated[
        float, typer.Option("--confidence", help="With --recall: how sure that is to be, such as 0.95.")
    ] = 0.95,
    level: Annotated[
        Literal["segments", "events"], typer.Option("--level", help="With --recall: what is counted.")
    ] = "events",
    answers: Annotated[
        int | None, typer.Option("--budget", min=1, help="With --recall: judge at most so many segments.")
    ] = None,
    quote: Annotated[bool, typer.Option("--quote", help="Only say what the backfill would take.")] = False,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Score what a rule lacks of the stored footage, here and now; what is scored is not scored again."""
    from anyanomaly_core.alerts.sender import AlertSender
    from anyanomaly_core.archive.certified import CertifiedTarget
    from anyanomaly_core.archive.missing import FootageSelection
    from anyanomaly_core.archive.runs import backfill_rule, certify_rule, quote_missing
    from anyanomaly_core.archive.scan import Budget
    from anyanomaly_core.engine.certificate import Level
    from anyanomaly_core.results.rule_store import load_rule

    if recall is not None and (gpu_hours is not None or segments is not None or newest_first):
        raise ConfigurationError("--recall is limited by --budget, not by --gpu-hours, --segments or --newest-first.")
    if recall is None and answers is not None:
        raise ConfigurationError("--budget belongs to --recall; a backfill of everything is limited by --segments.")
    selection = FootageSelection.parse(
        cameras=cameras or (),
        first_day=first.date().isoformat() if first else None,
        last_day=last.date().isoformat() if last else None,
        newest_first=newest_first,
    )
    with database(stack) as (engine, settings), progress_stages() as stages:
        with engine.connect() as connection:
            stored = load_rule(connection, rule)
        quoted = quote_missing(engine, settings, stored, selection)
        if recall is not None and not quote:
            wanted = CertifiedTarget(recall, confidence, Level(level), answers)
            with AlertSender(engine, settings) as alerts:
                certified = certify_rule(
                    engine, settings, stored, selection, wanted, stages=stages, committed=alerts.wake
                )
            _print_certificate(certified, as_json=as_json)
            return
        done = None
        if not quote and quoted.videos:
            note(f"{quoted.videos} videos with {quoted.segments} segments lack scores; measured: {quoted.measured}.")
            with AlertSender(engine, settings) as alerts:
                done = backfill_rule(
                    engine,
                    settings,
                    stored,
                    selection,
                    Budget(gpu_hours, segments),
                    stages=stages,
                    committed=alerts.wake,
                )
    outcome = {"quote": quoted.as_dict(), **({} if done is None else _as_dict(done))}
    if as_json:
        print_json(outcome)
    else:
        parts = [part for part in ("quote", "remaining") if part in outcome]
        print_rows(
            ["", *parts], [(name, *(outcome[part][name] for part in parts)) for name in outcome["quote"]], count=False
        )
    if done is not None:
        _print_bounds_and_failures(done)


def _as_dict(done: "RuleBackfill") -> dict[str, Any]:
    took = {"gpu_hours": round(done.spent.seconds / 3600, 6), "segments": done.spent.segments}
    found: dict[str, Any] = {"took": took, "counts": dict(done.result.counts), "failed": done.result.failures}
    if done.bounds:
        found["cascade"] = done.bounds
    return {**found, "remaining": done.remaining.as_dict()}


def _print_certificate(done: "CertifiedBackfill", *, as_json: bool) -> None:
    from anyanomaly_core.archive.certified import describe_certificate

    if as_json:
        print_json({"certificate": done.document, "counts": dict(done.result.counts), "failed": done.result.failures})
    elif done.document is None:
        note("Nothing of this footage lacks scores, so there is nothing to certify.")
    else:
        note(describe_certificate(done.document))
    for uri, reason in done.result.failures.items():
        note(f"failed: {uri}: {reason}")
    if done.result.failures or (done.document is not None and not done.document["reached"] and done.document["found"]):
        raise typer.Exit(INCOMPLETE)


def _print_bounds_and_failures(done: "RuleBackfill") -> None:
    from anyanomaly_core.results.cascades import describe_bound

    for bound in done.bounds:
        note(describe_bound(bound))
    for uri, reason in done.result.failures.items():
        note(f"failed: {uri}: {reason}")
    if done.result.failures:
        raise typer.Exit(INCOMPLETE)
