"""``anyanomaly train``: models that learn on this machine."""

from dataclasses import replace
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
    steps: Annotated[int | None, typer.Option(min=1, help="Steps in all; the schedule ends with them.")] = None,
    accumulate: Annotated[int | None, typer.Option(min=1, help="Clips of a step.")] = None,
    lists: Annotated[int | None, typer.Option(min=1, help="Lists of words for each clip.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="Its highest; published: 1e-5.")] = None,
    share: Annotated[float, typer.Option(min=0.01, max=1, help="Of image tokens that are read; published: 0.5.")] = 1.0,
    clips: Annotated[int, typer.Option(min=1, help="Rendered examples to draw from.")] = 1600,
    without: Annotated[
        list[str] | None, typer.Option(help="A loss to leave out: focal, dice, quality, frame or reply.")
    ] = None,
    leaky: Annotated[
        bool,
        typer.Option("--leaky-lists", help="Draw lists as the published sampler does, to see what its leak costs."),
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same run.")] = 44,
    save_every: Annotated[int | None, typer.Option(min=1, help="Steps between checkpoints.")] = None,
    check_every: Annotated[int, typer.Option(min=1, help="Steps between looks at held-out rendered clips.")] = 400,
    check_clips: Annotated[int, typer.Option(min=0, help="How many clips such a look takes; 0: none.")] = 10,
    test_clips: Annotated[int, typer.Option(min=0, help="Held-out rendered clips to judge the result on.")] = 40,
) -> None:
    """Train LAVIDA; a stopped run goes on from its last checkpoint when the command is repeated.

    Without --lvlm it is the demo's small model, by the demo's recipe.
    """
    from anyanomaly_core.training.demo_model import demo_lavida, lavida_of
    from anyanomaly_core.training.dense_start import DensePlan, align_words, start_encoder
    from anyanomaly_core.training.exposure import ExposureSampler
    from anyanomaly_core.training.held_out import Cameras, held_out_figures
    from anyanomaly_core.training.plan import DEMO_PLAN, DEMO_SINGLE, TrainingPlan, disable_losses
    from anyanomaly_core.training.rendered import rendered_moments
    from anyanomaly_core.training.train import CHECKPOINT, HeldOutCheck, ProgressPrinter
    from anyanomaly_core.training.train import train as run

    if (lvlm is None) is not (sam is None):
        raise ConfigurationError("--lvlm and --sam belong together: a language model and the SAM 2 that follows it.")
    model = demo_lavida(seed) if lvlm is None or sam is None else lavida_of(lvlm, sam, words, seed=seed, share=share)
    model.share = share
    recipe = DEMO_PLAN if sam is None else TrainingPlan()
    losses = disable_losses(without or (), recipe.losses)
    plan = replace(
        recipe, seed=seed, losses=losses, sets=str(sets or ""), clips=clips, leaky=leaky, share=share
    ).changed(steps=steps, accumulate=accumulate, lists=lists, learning_rate=learning_rate, save_every=save_every)
    sampler = ExposureSampler(_sources(sets, seed, clips, out), single=DEMO_SINGLE if sam is None else 0.0, leaky=leaky)
    check = HeldOutCheck(check_every, lambda model: held_out_figures(model, check_clips, Cameras.CHECKED).named())
    if sam is None:
        note("First its image encoder learns what things look like.")
        dense_source = rendered_moments(seed, clips, kept=out / "rendered")
        start_encoder(model, dense_source, DensePlan(seed), out, ProgressPrinter(note))
        if not (out / CHECKPOINT).exists():
            align_words(model, dense_source, DensePlan(seed), ProgressPrinter(note))
    finished = run(model, sampler, plan, out, check=check if check_clips else None, say=ProgressPrinter(note))
    note(f"The model is in {out / 'model'}, its losses in {out / 'losses.csv'} and losses.png.")
    if test_clips:
        found = held_out_figures(finished.eval(), test_clips, Cameras.TESTED)
        note(f"ROC-AUC on {test_clips} rendered clips of cameras that were never seen, one word at a time:")
        print_rows(["figure", "value"], list(found.named().items()), as_json=False)


def _sources(sets: Path | None, seed: int, clips: int, out: Path) -> "list[tuple[Source, float]]":
    from anyanomaly_core.training.recipe import published_sources, rendered_sources

    return rendered_sources(seed, clips, kept=out / "rendered") if sets is None else published_sources(sets)
