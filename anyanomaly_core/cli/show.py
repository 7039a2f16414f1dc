"""``anyanomaly show``: one sentence tried on a clip, or on a moment of the archive, before anything is stored."""

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anyanomaly_core.cli.options import AsJson, Stack
from anyanomaly_core.cli.output import note, print_json, print_rows, say
from anyanomaly_core.cli.progress import progress_stages
from anyanomaly_core.errors import ConfigurationError

if TYPE_CHECKING:
    from anyanomaly_core.engine.trial import Trial


def show(
    video: Annotated[
        Path | None, typer.Argument(help="A video file; none: a moment of the archive.", exists=True, dir_okay=False)
    ] = None,
    text: Annotated[str, typer.Option("--text", help="What to look for, as in a rule.")] = "",
    at: Annotated[
        str, typer.Option("--at", help='Seconds into the file; of a camera its local time, "2026-11-28 03:12:40".')
    ] = "",
    camera: Annotated[str, typer.Option("--camera", help="Camera of the archive, with --at.")] = "",
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="Seconds around that moment.")] = 30.0,
    profile: Annotated[
        str, typer.Option("--profile", help="Built-in name or YAML file; none: demo, or the installation's.")
    ] = "",
    out: Annotated[Path, typer.Option("--out", help="Folder for the page and the pictures.")] = Path("show"),
    stack: Stack = "",
    as_json: AsJson = False,
) -> None:
    """Try a sentence: score, reason and curve, and a page with what the method looks at. Nothing is stored."""
    from anyanomaly_core.engine.trial import write_pictures
    from anyanomaly_core.review.trial_page import write_trial_page

    if not text.strip():
        raise ConfigurationError('Say what to look for: --text "a person lying on the ground".')
    if video is None:
        trial = _try_moment(text, camera, at, seconds, profile, stack)
        stem = camera
    else:
        trial = _try_file(video, text, at, seconds, profile or "demo")
        stem = video.stem
    page = out / f"{stem}.html"
    write_trial_page(trial, page)
    pictures = write_pictures(trial, out, stem)
    if as_json:
        print_json(_as_dict(trial, page, pictures))
    else:
        _print(trial, page)
    if trial.best is None:
        raise typer.Exit(1)


def _try_file(video: Path, text: str, at: str, seconds: float, profile: str) -> "Trial":
    from anyanomaly_core.config import LibrarySettings, read_settings
    from anyanomaly_core.engine.trial import TrialScorer
    from anyanomaly_core.profile import load_profile

    try:
        around_s = float(at) if at else None
    except ValueError:
        raise ConfigurationError(f"--at {at}: of a file it is a number of seconds.") from None
    settings = read_settings(LibrarySettings)
    with progress_stages() as stages:
        scorer = TrialScorer(load_profile(profile), settings)
        progress = stages("scoring", "segments")
        return scorer.score_file(video, text, settings, around_s=around_s, seconds=seconds, progress=progress)


def _try_moment(text: str, camera: str, at: str, seconds: float, profile: str, stack: str) -> "Trial":
    from anyanomaly_core.archive.trial import try_moment
    from anyanomaly_core.cli.site import database
    from anyanomaly_core.engine.trial import TrialScorer, one_sentence
    from anyanomaly_core.profile import load_profile

    if not camera or not at:
        raise ConfigurationError(
            "Name a video file, or a moment of the archive: --camera gate --at '2026-11-28 03:12:40'."
        )
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise ConfigurationError(f"--at {at}: of a camera it is a time such as '2026-11-28 03:12:40'.") from None
    with ExitStack() as open_things:
        engine, settings = open_things.enter_context(database(stack))
        stages = open_things.enter_context(progress_stages())
        scorer = TrialScorer(load_profile(profile or settings.profile), settings)
        progress = stages("scoring", "segments")
        return try_moment(
            engine,
            settings,
            scorer,
            one_sentence(text),
            camera=camera,
            moment=moment,
            seconds=seconds,
            progress=progress,
        )


def _print(trial: "Trial", page: Path) -> None:
    if trial.profile.notice:
        say(f"! {trial.profile.notice}")
    rows = [
        (
            round(begin, 1),
            round(end, 1),
            None if row.score is None else round(row.score, 2),
            row.rationale or row.reason,
        )
        for (_, begin, end), row in zip(trial.spans, trial.scores, strict=True)
    ]
    print_rows(["from", "to", "score", "reason"], rows, count=False)
    if (best := trial.best_score) is not None and trial.best is not None:
        begin, end = trial.spans[trial.best][1:]
        say(f"\nHighest: {best.score:.2f} at {begin:.1f} to {end:.1f} s. {best.rationale or ''}")
    note(f"Curve and pictures: {page}")


def _as_dict(trial: "Trial", page: Path, pictures: list[Path]) -> dict[str, Any]:
    names = ("score", "key_score", "position_score", "temporal_score", "key_frame", "rationale", "reason")
    segments = [
        {"from_s": begin, "to_s": end, "status": row.status.value, **{name: getattr(row, name) for name in names}}
        for (_, begin, end), row in zip(trial.spans, trial.scores, strict=True)
    ]
    best = None if trial.best is None else segments[trial.best]
    whole = {"source": trial.source, "text": trial.text, "profile": trial.profile.name, "notice": trial.profile.notice}
    return {**whole, "best": best, "segments": segments, "page": str(page), "pictures": [str(p) for p in pictures]}
