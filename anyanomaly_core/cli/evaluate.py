"""``anyanomaly evaluate``: how good a profile is on labelled footage, and what helps."""

import os
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anyanomaly_core.cli.exit_codes import INCOMPLETE
from anyanomaly_core.cli.options import AsJson
from anyanomaly_core.cli.output import note, print_rows
from anyanomaly_core.cli.progress import progress_stages
from anyanomaly_core.cli.site import site
from anyanomaly_core.config import LibrarySettings, Settings
from anyanomaly_core.errors import ConfigurationError

if TYPE_CHECKING:
    from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive
    from anyanomaly_core.evaluation.metrics import Interval
    from anyanomaly_core.evaluation.summary import Summary
    from anyanomaly_core.profile import Profile

Row = tuple[Any, ...]
MEASURES = [
    "variant", "class", "metric", "protocol", "value", "low", "high", "difference", "videos", "positives",
    "unscored_positives", "at_worst",
]  # fmt: skip
ABLATION = ["group", "variant", "mean roc_auc", "low", "high", "difference", "difference low", "difference high"]
ALL, NONE = "all", "none"
ATTENTION = "attention"
MOST_NAMES = 5  # of videos in a line


class ProtocolChoice(StrEnum):
    """What may be chosen by looking at the labels: nothing (honest), or smoothing and weights (reference)."""

    honest = "honest"
    reference = "reference"
    both = "both"


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
            "model call), scales, lengths, strategies, reuse, static, prompts, readouts, answers, cascade, scorers "
            "(score the footage again); or all, or none."
        ),
    ] = "contexts,weights,smoothing",
    protocol: Annotated[ProtocolChoice, typer.Option(help="honest, reference or both.")] = ProtocolChoice.both,
    resamples: Annotated[int, typer.Option(min=0, help="Bootstrap resamples behind the intervals.")] = 1000,
    videos: Annotated[int, typer.Option(min=0, help="Only the first so many videos; 0: all.")] = 0,
    pixels: Annotated[
        str,
        typer.Option(
            help="Measure where as well, on masks: `attention` (the map behind the profile's position context), or the "
            "folder of a LAVIDA model. Figures go to pixels.csv. Empty: not."
        ),
    ] = "",
    out: Annotated[
        Path, typer.Option(help="Folder for report.html, report.md, measures.csv, frames.parquet and profile.json.")
    ] = Path("evaluation"),
    store: Annotated[
        bool, typer.Option(help="Keep the figures in the database of this archive's installation.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Judge a profile on labelled footage; an interrupted run goes on where it stopped.

    Exits 3 when something could not be scored; it is in no figure, and the next run tries it again.
    """
    from anyanomaly_core.evaluation.evaluate import evaluate as evaluate_archive
    from anyanomaly_core.evaluation.labels.formats import open_archive
    from anyanomaly_core.evaluation.report.files import NAMES
    from anyanomaly_core.evaluation.report.tables import footage_gaps
    from anyanomaly_core.evaluation.variants import GROUPS
    from anyanomaly_core.profile import load_profile
    from anyanomaly_core.results.engine import make_engine

    if pixels not in {"", ATTENTION} and not Path(pixels).is_dir():  # noticed before hours of scoring
        raise ConfigurationError(f"--pixels {pixels} is no folder of a LAVIDA model, nor `{ATTENTION}`.")
    archive = open_archive(footage, labels=labels, label_format=label_format, texts=texts)
    archive = archive.only(classes) if classes else archive
    archive = archive.first(videos) if videos else archive
    note(f"{archive.name}: {len(archive.videos)} videos, {len(archive.classes)} classes: {', '.join(archive.classes)}.")
    for line in footage_gaps(archive, MOST_NAMES):
        note(line)
    groups = {ALL: list(GROUPS), NONE: []}.get(ablate, [name.strip() for name in ablate.split(",") if name.strip()])
    place: AbstractContextManager[LibrarySettings] = nullcontext(settings_without_database(footage))
    if store:
        place = site(footage, "", configure=_stored_settings(footage))
    with place as settings:
        engine = make_engine(settings.database_url.get_secret_value()) if isinstance(settings, Settings) else None
        try:
            with progress_stages() as stages:
                summary = evaluate_archive(
                    archive,
                    load_profile(profile),
                    settings,
                    groups=groups,
                    protocols=["honest", "reference"] if protocol is ProtocolChoice.both else [protocol.value],
                    resamples=resamples,
                    out=out,
                    engine=engine,
                    stages=stages,
                )
        finally:
            if engine is not None:
                engine.dispose()
    _print_figures(summary, as_json=as_json)
    if pixels:
        _measure_pixels(archive, pixels, load_profile(profile), settings, out, shown=not as_json)
    note(f"Report: {', '.join(str(out / name) for name in NAMES)}")
    if failed := _failed_rows(summary):
        note(failed)
        raise typer.Exit(INCOMPLETE)


def _measure_pixels(
    archive: "LabelledArchive",
    method: str,
    profile: "Profile",
    settings: LibrarySettings,
    out: Path,
    *,
    shown: bool,
) -> None:
    """Figures of the pixels, printed and written."""
    from anyanomaly_core.evaluation.benchmark_run import FOLDER
    from anyanomaly_core.evaluation.pixel_maps import AttentionMaps, LavidaMaps, PixelScorer
    from anyanomaly_core.evaluation.pixels import measure_pixels, write_pixel_measures
    from anyanomaly_core.footage.sandbox import Limits
    from anyanomaly_core.models.loading import load_encoder, load_lavida
    from anyanomaly_core.profile import LavidaSpec

    scorer: PixelScorer
    if method == ATTENTION:
        scorer = AttentionMaps(profile, load_encoder(profile, settings))
    else:
        spec = LavidaSpec(model=Path(method).name, path=Path(method))
        scorer = LavidaMaps(load_lavida(profile.model_copy(update={"lavida": spec}), settings))
    with progress_stages() as stages:
        found = measure_pixels(
            archive,
            scorer,
            settings.state_dir / FOLDER / "frame-folders",
            limits=Limits.of(settings),
            progress=stages("measuring pixels", "videos"),
        )
    if shown:
        rows = [(one.method, one.label, one.protocol, one.metric, one.value, one.frames) for one in found]
        print_rows(["method", "class", "protocol", "metric", "value", "frames"], rows)
    note(f"Pixels: {write_pixel_measures(found, out)}")


def settings_without_database(root: Path) -> LibrarySettings:
    """Settings without a database: the state folder is the environment's, or that of the archive's installation.

    So what was scored with ``--no-store`` is there without it, and the other way round.
    """
    from anyanomaly_core.embedded.installation import LOCAL, for_footage

    state = Path(os.environ.get("ANYANOMALY_STATE_DIR", for_footage(LOCAL, root).folder / "state")).resolve()
    state.mkdir(parents=True, exist_ok=True)
    return LibrarySettings(state_dir=state)


def _stored_settings(root: Path) -> dict[str, str]:
    """What the archive's installation remembers already; a new one needs to know its archive. Nothing is scanned."""
    from anyanomaly_core.embedded.installation import LOCAL, for_footage

    installation = for_footage(LOCAL, root)
    known = installation.settings if (installation.folder / "installation.json").exists() else {}
    return {**known, "ARCHIVE_ROOT": str(root.resolve())}


def _print_figures(summary: "Summary", *, as_json: bool) -> None:
    """The profile's figures, what helps, and what no figure is about; as JSON every figure."""
    from anyanomaly_core.evaluation.report.tables import exclusions, unscored_classes
    from anyanomaly_core.evaluation.variants import UNCHANGED

    rows = _measure_rows(summary)
    print_rows(MEASURES, rows if as_json else [row for row in rows if row[0] == UNCHANGED], as_json=as_json)
    if (helps := _ablation_rows(summary)) and not as_json:
        note("What helps: one thing changed at a time, compared with the profile on the same resamples.")
        print_rows(ABLATION, helps)
    for line in (*unscored_classes(summary), *exclusions(summary, MOST_NAMES)):
        note(line)
    if notice := summary.variants[0].profile.notice:
        note(notice)


def _measure_rows(summary: "Summary") -> list[Row]:
    """The figures as a relation."""
    return [
        (
            m.variant,
            m.label,
            m.metric,
            m.protocol,
            m.value,
            *_ends(m.interval),
            m.difference,
            m.basis.videos,
            m.basis.positives,
            m.basis.unscored_positives,
            m.worst,
        )
        for m in summary.measures
    ]


def _ablation_rows(summary: "Summary") -> list[Row]:
    """The mean ROC-AUC of every variant; none where the profile alone was judged."""
    from anyanomaly_core.evaluation.measures import AUC, MEAN

    found = [summary.find(variant.name, MEAN, AUC) for variant in summary.variants[1:]]
    return [
        (m.group, m.variant, m.value, *_ends(m.interval), m.difference, *_ends(m.difference_interval))
        for m in found
        if m is not None
    ]


def _ends(interval: "Interval | None") -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)


def _failed_rows(summary: "Summary") -> str | None:
    """How much could not be scored under the profile as it is, in a sentence; None: nothing."""
    from anyanomaly_core.evaluation.variants import UNCHANGED

    if summary.complete:
        return None
    counts = summary.counts[UNCHANGED]
    return (
        f"{counts.rows_failed:,} of {counts.rows:,} segment rows failed, {len(summary.problems)} of "
        f"{len(summary.archive.videos)} videos have no scores at all. They are in no figure; the same command tries "
        "them again."
    )
