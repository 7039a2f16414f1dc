"""``anyanomaly rules``: apply files, list, rehearse a draft, pause, resume, retire."""

from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from anyanomaly_core.cli.options import AsJson, Cameras, FirstDay, LastDay, Stack
from anyanomaly_core.cli.output import note, print_json, print_rows
from anyanomaly_core.cli.progress import progress_stages
from anyanomaly_core.cli.site import database, user_name
from anyanomaly_core.errors import ConfigurationError

if TYPE_CHECKING:
    from anyanomaly_core.results.rehearsal import EventDifference, EventInterval, Rehearsal

rules_app = typer.Typer(no_args_is_help=True, help="Rules: apply files, rehearse a draft, list, pause, resume, retire.")
COLUMNS = ["change", "camera", "file", "before", "after", "peak_before", "peak_after"]


class RuleState(StrEnum):
    """Whether a rule is scanned for."""

    active = "active"
    paused = "paused"
    retired = "retired"


@rules_app.command("apply")
def apply_files(
    folder: Annotated[Path | None, typer.Argument(help="Folder of rule files; none: the installation's.")] = None,
    author: Annotated[str, typer.Option(help="Author kept with new versions; the user's name if not given.")] = "",
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Make the rule files of a folder the current rules; a changed rule gets a new version."""
    from anyanomaly_core.archive.names import write_names
    from anyanomaly_core.archive.rules import apply_rule_files

    with database(stack) as (engine, settings):
        chosen = folder or settings.rules_dir
        if chosen is None:
            raise ConfigurationError("Say which folder of rule files, or set ANYANOMALY_RULES_DIR.")
        applied = apply_rule_files(engine, chosen, author=author or user_name())
        write_names(engine, settings.state_dir)
    rows = [(item.rule.name, item.rule.version, item.change, item.needs_scoring) for item in applied]
    print_rows(["rule", "version", "change", "needs_scoring"], rows, as_json=as_json)


@rules_app.command("list")
def list_current(stack: Stack = "", as_json: AsJson = False) -> None:
    """Every rule in its current version."""
    from anyanomaly_core.results.rule_store import list_rules

    with database(stack, user="reader") as (engine, _), engine.connect() as connection:
        found = list_rules(connection)
    rows = [(r.name, r.version, r.state, " | ".join(r.definition.texts), r.definition.threshold) for r in found]
    print_rows(["rule", "version", "state", "texts", "threshold"], rows, as_json=as_json)


@rules_app.command("rehearse")
def rehearse(
    draft: Annotated[Path, typer.Argument(help="Rule file, as it would be applied.", exists=True, dir_okay=False)],
    cameras: Cameras = None,
    first: FirstDay = None,
    last: LastDay = None,
    videos: Annotated[int, typer.Option("--videos", min=1, help="Size of the sample, spread over the choice.")] = 50,
    score: Annotated[bool, typer.Option("--score", help="Score the sample where the draft's texts are new.")] = False,
    same: Annotated[bool, typer.Option("--same", help="Show events that do not change as well.")] = False,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Show which events a draft would find, lose and move against the rule's current version; changes nothing."""
    from anyanomaly_core.archive.drafts import draft_scores, sample_videos
    from anyanomaly_core.archive.scan import segment_progress
    from anyanomaly_core.archive.scorer import load_scorer
    from anyanomaly_core.profile import load_profile
    from anyanomaly_core.results import rehearsal
    from anyanomaly_core.rules.files import load_rule

    definition = load_rule(draft)
    with database(stack) as (engine, settings), progress_stages() as stages:
        with engine.connect() as connection:
            chosen = sample_videos(
                connection,
                definition,
                cameras=cameras or (),
                first_day=first.date() if first else None,
                last_day=last.date() if last else None,
                most=videos,
            )
        if not chosen:
            raise ConfigurationError(f"There is no footage for {definition.name} in this choice to rehearse it on.")
        scorer = None
        if score:
            profile = load_profile(definition.profile or settings.profile)
            told = segment_progress(chosen, profile, stages(f"scoring by {profile.name}", "segments"))
            scorer = draft_scores(engine, definition, load_scorer(engine, profile, settings), settings, told)
        with engine.connect() as connection:
            outcome = rehearsal.rehearse(connection, definition, chosen, scorer)
    _print_rehearsal(definition.name, outcome, same=same, as_json=as_json)


@rules_app.command("state")
def change_state(
    name: Annotated[str, typer.Argument(help="Name of the rule.")],
    state: Annotated[RuleState, typer.Argument(help="active, paused or retired.")],
    stack: Stack = "",
) -> None:
    """Pause, resume or retire a rule; its results stay."""
    from anyanomaly_core.archive.names import write_names
    from anyanomaly_core.results.rule_store import set_state

    with database(stack) as (engine, settings):
        with engine.begin() as connection:
            set_state(connection, name, state.value)
        write_names(engine, settings.state_dir)
    note(f"Rule {name} is {state.value}.")


def _print_rehearsal(name: str, outcome: "Rehearsal", *, same: bool, as_json: bool) -> None:
    counts = Counter(difference.kind for difference in outcome.differences)
    total = {kind: counts[kind] for kind in ("found", "lost", "moved", "same")}
    unscored = [video.uri for video in outcome.unscored]
    rows = [_row(difference) for difference in outcome.differences if same or difference.kind != "same"]
    if as_json:
        differences = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        body = {"rule": name, "videos": len(outcome.videos), **total, "unscored": unscored, "differences": differences}
        print_json(body)
        return
    print_rows(COLUMNS, rows)
    note(f"{name} on {len(outcome.videos)} videos: {', '.join(f'{count} {kind}' for kind, count in total.items())}.")
    if unscored:
        some = ", ".join(unscored[:5])
        note(f"{len(unscored)} videos could not be compared, for want of scores, such as {some}")


def _row(difference: "EventDifference") -> tuple[Any, ...]:
    video, zone = difference.video, ZoneInfo(difference.video.time_zone)
    before, after = difference.before, difference.after
    peaks = (None if span is None else round(span.peak_score, 3) for span in (before, after))
    return (difference.kind, video.camera_id, video.uri, _span(before, zone), _span(after, zone), *peaks)


def _span(span: "EventInterval | None", zone: ZoneInfo) -> str | None:
    if span is None:
        return None
    start, end = (moment.astimezone(zone) for moment in (span.started_at, span.ended_at))
    return f"{start:%Y-%m-%d %H:%M:%S} +{(end - start).total_seconds():.1f} s"
