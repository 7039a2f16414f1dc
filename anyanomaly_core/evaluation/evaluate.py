"""The whole of an evaluation: score what is missing, measure, write the report, keep the figures."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine

from anyanomaly_core.config import LibrarySettings
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.benchmark_run import BenchmarkRun, Stages, no_stages
from anyanomaly_core.evaluation.labels.ground_truth import LabelledArchive
from anyanomaly_core.evaluation.protocols import HONEST, REFERENCE
from anyanomaly_core.evaluation.provenance import Provenance
from anyanomaly_core.evaluation.published_setup import apply_published_setup
from anyanomaly_core.evaluation.report.files import write_evaluation_report
from anyanomaly_core.evaluation.store import store_summary
from anyanomaly_core.evaluation.summary import Summary, summarize
from anyanomaly_core.evaluation.variants import ablation
from anyanomaly_core.profile import Profile

RESAMPLES = 1000


def evaluate(
    archive: LabelledArchive,
    profile: Profile,
    settings: LibrarySettings,
    *,
    groups: Sequence[str] = (),
    protocols: Sequence[str] = (HONEST, REFERENCE),
    resamples: int = RESAMPLES,
    out: Path,
    engine: Engine | None = None,
    stages: Stages = no_stages,
) -> Summary:
    """Evaluate a profile on a labelled archive; what was scored before is taken over.

    Args:
        archive: as ``open_archive`` reads it.
        profile: whose scores are judged.
        settings: for models, decoding limits and the state folder, where the scores are kept.
        groups: of ablations, see ``variants.GROUPS``.
        protocols: honest, reference.
        resamples: for the intervals.
        out: folder for the files of the report, made if absent.
        engine: of the results database, for a writer; none: figures go into files only.
        stages: is told of each long step, and how far it is.

    Raises:
        ConfigurationError: for an unknown group, a profile that cannot be used, or a folder that cannot be made.
        ModelError: when a model is not to be had or breaks; the next run goes on from there.
        OSError: when the report cannot be written.
    """
    archive, profile = apply_published_setup(archive, profile)
    variants = ablation(profile, list(groups))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # now, not after hours
        raise ConfigurationError(
            f"The folder {out} for the report cannot be made: {error}. Name another one."
        ) from None
    run = BenchmarkRun(archive, profile, settings)
    predictions = list(run.predict(variants, stages=stages))
    models = {variant.name: run.models(variant) for variant in variants}
    summary = summarize(
        archive, variants, predictions, Provenance.now(models, resamples=resamples), protocols=protocols
    )
    write_evaluation_report(summary, out)
    if engine is not None:
        with engine.begin() as connection:
            store_summary(connection, summary)
    return summary
