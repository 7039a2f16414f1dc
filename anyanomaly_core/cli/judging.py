"""The commands ``anyanomaly evaluate`` and ``anyanomaly calibrate``; the work is in evaluate.py."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from anyanomaly_core.cli.exit_codes import INCOMPLETE
from anyanomaly_core.cli.output import print_rows
from anyanomaly_core.cli.site import note

Stack = Annotated[str, typer.Option("--stack", help="Installation under .local, where there are several.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]


class Protocol(StrEnum):
    """What may be chosen by looking at the labels: nothing (honest), or smoothing and weights (reference)."""

    honest = "honest"
    reference = "reference"
    both = "both"


class Map(StrEnum):
    """Shape of the map from score to probability."""

    platt = "platt"
    isotonic = "isotonic"


def evaluate(
    footage: Annotated[Path, typer.Argument(help="Folder of the labelled footage.", exists=True, file_okay=False)],
    labels: Annotated[Path | None, typer.Option(help="Label file or folder; none: what lies in the footage.")] = None,
    label_format: Annotated[
        str, typer.Option("--format", help="auto, plain, cvad, avenue, npy, ucsd, ucf-crime, xd-violence or manifest.")
    ] = "auto",
    texts: Annotated[Path | None, typer.Option(help="CSV class,text: what a rule would say of each class.")] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", help="Only this class of the labels; may be repeated. Another one counts as normal."),
    ] = None,
    profile: Annotated[str, typer.Option(help="Built-in name or YAML file.")] = "demo",
    ablate: Annotated[
        str,
        typer.Option(
            help="Comma list of contexts, weights, smoothing (put the same answers together differently, and cost no "
            "model call), scales, lengths, strategies, reuse, static, prompts, readouts, cascade, scorers (score the "
            "footage again); or all, or none."
        ),
    ] = "contexts,weights,smoothing",
    protocol: Annotated[Protocol, typer.Option(help="honest, reference or both.")] = Protocol.both,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap resamples behind the intervals.")] = 1000,
    videos: Annotated[int, typer.Option(min=0, help="Only the first so many videos; 0: all.")] = 0,
    out: Annotated[
        Path, typer.Option(help="Folder for report.html, report.md, measures.csv and frames.parquet.")
    ] = Path("evaluation"),
    store: Annotated[
        bool, typer.Option(help="Keep the figures in the database of this archive's installation.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Judge a profile on labelled footage; an interrupted run goes on where it stopped."""
    from anyanomaly_core.cli import evaluate as evaluating
    from anyanomaly_core.evaluation.report.files import NAMES
    from anyanomaly_core.evaluation.report.tables import exclusions, unscored_classes

    archive = evaluating.open_labelled(footage, labels, label_format, texts, classes=classes or (), most_videos=videos)
    chosen = ["honest", "reference"] if protocol is Protocol.both else [protocol.value]
    summary = evaluating.run_evaluation(
        archive,
        footage,
        profile=profile,
        ablate=ablate,
        protocols=chosen,
        resamples=resamples,
        out=out,
        store=store,
    )
    found = evaluating.measure_rows(summary)
    base = [row for row in found if row[0] == "profile"]
    print_rows(evaluating.COLUMNS, found if as_json else base, as_json=as_json)
    if (helps := evaluating.ablation_rows(summary)) and not as_json:
        note("What helps: one thing changed at a time, compared with the profile on the same resamples.")
        print_rows(evaluating.HELPS, helps, as_json=False)
    for line in (*unscored_classes(summary), *exclusions(summary, most_names=5)):
        note(line)
    notice = summary.variants[0].profile.notice
    if notice:
        note(notice)
    note(f"Report: {', '.join(str(out / name) for name in NAMES)}")
    if failed := evaluating.failed_rows(summary):
        note(failed)
        raise typer.Exit(INCOMPLETE)


def calibrate(
    rule: Annotated[str, typer.Argument(help="Name of the rule.")],
    method: Annotated[Map, typer.Option(help="platt for few verdicts, isotonic for dozens.")] = Map.platt,
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Learn from verdicts how likely a rule's scores are to be right; the ready query events_by_probability uses it."""
    from anyanomaly_core.cli import evaluate as evaluating

    rows = evaluating.calibrate(rule, method.value, stack)
    names = ["scorer", "score_from", "score_to", "verdicts", "mean_score", "share_real", "probability"]
    print_rows(names, rows, as_json=as_json)
