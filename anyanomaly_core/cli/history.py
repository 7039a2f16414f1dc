"""``anyanomaly rules rehearse`` and ``anyanomaly backfill``: rules over stored footage, without Airflow."""

import json
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from anyanomaly_core.archive.missing import FootageSelection
    from anyanomaly_core.archive.scan import Budget
    from anyanomaly_core.results.rehearsal import Difference, Rehearsal, Span
    from anyanomaly_core.results.rule_store import StoredRule

from anyanomaly_core.cli.output import print_rows
from anyanomaly_core.cli.site import note, site
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import ConfigurationError

Stack = Annotated[str, typer.Option("--stack", help="Installation under .local, where there are several.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Cameras = Annotated[list[str] | None, typer.Option("--camera", help="Only this id or pattern; may be repeated.")]
First = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, in the camera's zone.")
]
Last = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, inclusive.")]


def rehearse(
    draft: Annotated[Path, typer.Argument(help="Rule file, as it would be applied.", exists=True, dir_okay=False)],
    cameras: Cameras = None,
    first: First = None,
    last: Last = None,
    videos: Annotated[int, typer.Option("--videos", min=1, help="Size of the sample, spread over the choice.")] = 50,
    score: Annotated[bool, typer.Option("--score", help="Score the sample where the draft's words are new.")] = False,
    same: Annotated[bool, typer.Option("--same", help="Show events that do not change, too.")] = False,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Show which events a draft would find, lose and move against the rule's current version; changes nothing."""
    from anyanomaly_core.archive.drafts import draft_scores, sample
    from anyanomaly_core.archive.scorer import load_scorer
    from anyanomaly_core.results import rehearsal
    from anyanomaly_core.results.engine import make_engine
    from anyanomaly_core.rules.files import load_rule

    definition = load_rule(draft)
    with site(None, stack) as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        scorer = None
        if score:
            loaded = load_scorer(engine, _profile(definition.profile or settings.profile), settings)
            scorer = draft_scores(engine, definition, loaded, settings, _progress)
        with engine.connect() as connection:
            chosen = sample(
                connection,
                definition,
                cameras=cameras or (),
                first_day=first.date() if first else None,
                last_day=last.date() if last else None,
                most=videos,
            )
            if not chosen:
                raise ConfigurationError(f"There is no footage for {definition.name} in this choice to rehearse it on.")
            outcome = rehearsal.rehearse(connection, definition, chosen, scorer)
        engine.dispose()
    _show(definition.name, outcome, same=same, as_json=as_json)


def backfill(
    rule: Annotated[str, typer.Argument(help="Name of the rule.")],
    cameras: Cameras = None,
    first: First = None,
    last: Last = None,
    newest_first: Annotated[bool, typer.Option("--newest-first", help="Begin with the newest day.")] = False,
    gpu_hours: Annotated[float | None, typer.Option("--gpu-hours", min=0, help="Stop after so many hours.")] = None,
    segments: Annotated[int | None, typer.Option("--segments", min=1, help="Stop before more segments.")] = None,
    quote: Annotated[bool, typer.Option("--quote", help="Only say what it would take.")] = False,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Score what a rule lacks of the stored footage, here and now; what is scored is not scored again."""
    from anyanomaly_core.archive.missing import FootageSelection
    from anyanomaly_core.archive.scan import Budget
    from anyanomaly_core.results.cascades import say_bound
    from anyanomaly_core.results.engine import make_engine
    from anyanomaly_core.results.rule_store import load_rule

    with site(None, stack) as settings:
        engine = make_engine(settings.database_url.get_secret_value())
        with engine.connect() as connection:
            stored = load_rule(connection, rule)
        selection = FootageSelection.parse(
            cameras=cameras or (),
            first_day=first.date().isoformat() if first else None,
            last_day=last.date().isoformat() if last else None,
            newest_first=newest_first,
        )
        outcome: dict[str, Any] = {"quote": _quote(engine, stored, selection, settings)}
        if not quote and outcome["quote"]["videos"]:
            note(f"quoted: {json.dumps(outcome['quote'])}")
            outcome |= _score(engine, stored, selection, Budget(gpu_hours, segments), settings)
            outcome["remaining"] = _quote(engine, stored, selection, settings)
        engine.dispose()
    if as_json:
        json.dump(outcome, sys.stdout)
        sys.stdout.write("\n")
    else:
        rows = [(part, *values.values()) for part, values in outcome.items() if part in {"quote", "remaining"}]
        print_rows(["", *outcome["quote"]], rows, as_json=False)
    for bound in outcome.get("cascade", []):
        note(say_bound(bound))
    for uri, reason in outcome.get("failed", {}).items():
        note(f"failed: {uri}: {reason}")
    if outcome.get("failed"):
        raise typer.Exit(1)


def _quote(engine: "Engine", rule: "StoredRule", selection: "FootageSelection", settings: Settings) -> dict[str, Any]:
    from anyanomaly_core.archive.backfill import plan_backfill

    with engine.connect() as connection:
        plan = plan_backfill(connection, settings, rule, selection)
    return plan.quote(tasks=min(1, len(plan.work))).as_dict()


def _score(
    engine: "Engine", rule: "StoredRule", selection: "FootageSelection", budget: "Budget", settings: Settings
) -> dict[str, Any]:
    from anyanomaly_core import __version__
    from anyanomaly_core.archive.backfill import profile_name
    from anyanomaly_core.archive.missing import missing_work
    from anyanomaly_core.archive.scan import scan
    from anyanomaly_core.archive.scorer import load_scorer
    from anyanomaly_core.results import scorer_store
    from anyanomaly_core.results.cascades import bounds_of_run
    from anyanomaly_core.results.spending import Meter, spent_by

    started = datetime.now().astimezone()
    scorer = load_scorer(engine, _profile(profile_name(rule, settings)), settings)
    scorer_id = scorer.stored.scorer_id
    with engine.begin() as connection:
        run_id = scorer_store.start_run(connection, "cli", code_version=__version__)
        work = missing_work(connection, [rule], scorer_id, selection)
    meter = Meter(engine, run_id, scorer_id, started, patience_s=settings.database_patience_s)
    meter.started()
    result = scan(engine, work, scorer, settings=settings, budget=budget, meter=meter, progress=_progress)
    with engine.begin() as connection:
        bounds = bounds_of_run(connection, run_id)
        summary = {**result.counts, **({"cascade": bounds} if bounds else {})}
        scorer_store.finish_run(connection, run_id, "failed" if result.failures else "success", summary)
        spent = spent_by(connection, run_id)
    took = {"gpu_hours": round(spent.seconds / 3600, 6), "segments": spent.segments}
    found = {"took": took, "counts": dict(result.counts), "failed": result.failures}
    return {**found, **({"cascade": bounds} if bounds else {})}


def _profile(name: str) -> Any:  # noqa: ANN401  (a Profile; the class is not imported for --help)
    from anyanomaly_core.profile import load_profile

    return load_profile(name)


def _progress(video: Any) -> Any:  # noqa: ANN401  (a StoredVideo, a Progress)
    """A bar for each video, on a terminal."""
    from tqdm import tqdm

    bar: tqdm[Any] = tqdm(desc=video.uri, unit="segment", leave=False, disable=None)

    def to(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return to


def _show(name: str, outcome: "Rehearsal", *, same: bool, as_json: bool) -> None:
    shown = [difference for difference in outcome.differences if same or difference.kind != "same"]
    counts = Counter(difference.kind for difference in outcome.differences)
    total = {kind: counts[kind] for kind in ("found", "lost", "moved", "same")}
    unscored = [video.uri for video in outcome.unscored]
    rows = [_row(difference) for difference in shown]
    if as_json:
        body = {"rule": name, "videos": len(outcome.videos), **total, "unscored": unscored}
        body["differences"] = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        json.dump(body, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        print_rows(COLUMNS, rows, as_json=False)
        said = ", ".join(f"{count} {kind}" for kind, count in total.items())
        note(f"{name} on {len(outcome.videos)} videos: {said}.")
        if unscored:
            note(f"{len(unscored)} videos could not be compared, for want of scores: {', '.join(unscored[:5])} ...")


COLUMNS = ["change", "camera", "file", "before", "after", "peak_before", "peak_after"]


def _row(difference: "Difference") -> tuple[Any, ...]:
    video, zone = difference.video, ZoneInfo(difference.video.time_zone)
    before, after = difference.before, difference.after
    peaks = (None if span is None else round(span.peak_score, 3) for span in (before, after))
    return (difference.kind, video.camera_id, video.uri, _span(before, zone), _span(after, zone), *peaks)


def _span(span: "Span | None", zone: ZoneInfo) -> str | None:
    if span is None:
        return None
    start, end = (moment.astimezone(zone) for moment in (span.started_at, span.ended_at))
    return f"{start:%Y-%m-%d %H:%M:%S} +{(end - start).total_seconds():.1f} s"
