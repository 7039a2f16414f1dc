"""``anyanomaly train``: models that learn on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anyanomaly_core.cli.output import note, print_rows
from anyanomaly_core.errors import ConfigurationError

if TYPE_CHECKING:
    from anyanomaly_core.training.exposure import Source

train = typer.Typer(no_args_is_help=True, help="Train a model of your own.")
Parts = tuple[Path | None, Path | None, Path | None]


@train.command("lavida")
def lavida(
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, loss curve and the finished model.")],
    sets: Annotated[
        Path | None, typer.Option(help="Folder of the published data sets; none: the rendered world.", file_okay=False)
    ] = None,
    lvlm: Annotated[Path | None, typer.Option(help="Language model to begin with; none: the demo's.")] = None,
    sam: Annotated[Path | None, typer.Option(help="SAM 2 to begin with; needed with --lvlm.")] = None,
    words: Annotated[Path | None, typer.Option(help="CLIP's text encoder; none: without its branch.")] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps in all; the schedule ends with them.")] = 16_000,
    accumulate: Annotated[int, typer.Option(min=1, help="Examples of a step.")] = 4,
    learning_rate: Annotated[float, typer.Option(min=0, help="Highest of the schedule; published: 1e-5.")] = 1e-5,
    share: Annotated[float, typer.Option(min=0.01, max=1, help="Of image tokens that are read; published: 0.5.")] = 1.0,
    clips: Annotated[int, typer.Option(min=1, help="Rendered clips to draw from.")] = 4000,
    without: Annotated[
        list[str] | None, typer.Option(help="A loss to leave out: focal, dice, quality, frame or reply.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same run.")] = 44,
    save_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 200,
    test_clips: Annotated[int, typer.Option(min=0, help="Held-out rendered clips to judge the result on.")] = 40,
) -> None:
    """Train LAVIDA; a stopped run goes on from its last checkpoint when the command is repeated."""
    from anyanomaly_core.training.demo_model import demo_lavida, lavida_of
    from anyanomaly_core.training.exposure import ExposureSampler
    from anyanomaly_core.training.held_out import held_out_figures
    from anyanomaly_core.training.train import SpokenProgress, TrainingPlan, weights_without
    from anyanomaly_core.training.train import train as run

    if (lvlm is None) is not (sam is None):
        raise ConfigurationError("--lvlm and --sam belong together: a language model and the SAM 2 that follows it.")
    model = demo_lavida(seed) if lvlm is None or sam is None else lavida_of(lvlm, sam, words, seed=seed, share=share)
    model.share = share
    plan = TrainingPlan(
        steps=steps,
        seed=seed,
        accumulate=accumulate,
        learning_rate=learning_rate,
        save_every=save_every,
        whole_sam=sam is None,
        losses=weights_without(without or ()),
    )
    sampler = ExposureSampler(_sources(sets, seed, clips))
    finished = run(model, sampler, plan, out, say=SpokenProgress(note))
    note(f"The model is in {out / 'model'}, its losses in {out / 'losses.csv'} and losses.png.")
    if test_clips:
        found = held_out_figures(finished.eval(), test_clips)
        rows = [*found.frame_auc.items(), ("mean", found.mean_frame_auc), ("pixels", found.pixel_auc)]
        note(f"ROC-AUC on {test_clips} rendered clips of cameras that were never seen, one word at a time:")
        print_rows(["event", "roc_auc"], rows, as_json=False)


def _sources(sets: Path | None, seed: int, clips: int) -> "list[tuple[Source, float]]":
    from anyanomaly_core.training.recipe import published_sources, rendered_sources

    return rendered_sources(seed, clips) if sets is None else published_sources(sets)
