"""The scorers by name."""

from typing import TypeVar

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.models.protocols import ClipModel, ImageTextEncoder, VisionLanguageModel
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.anyanomaly import AnyAnomalyScorer
from anyanomaly_core.scoring.baseline import BaselineScorer
from anyanomaly_core.scoring.clip import ClipScorer
from anyanomaly_core.scoring.lavida import LavidaScorer
from anyanomaly_core.scoring.types import Scorer

Model = TypeVar("Model")


def make_scorer(
    profile: Profile,
    encoder: ImageTextEncoder | None,
    lvlm: VisionLanguageModel | None,
    lavida: ClipModel | None = None,
) -> Scorer:
    """The scorer that a profile names, with the models that ``Profile.parts`` says.

    Make it once per task: it keeps the embeddings of texts it has seen.

    Raises:
        ConfigurationError: when a model is missing, or the profile's windows or weights cannot be used.
    """
    kind = profile.scoring.scorer
    if kind == "baseline":
        return BaselineScorer(profile, _require_model(lvlm, kind, "a vision-language model"))
    if kind == "clip":
        return ClipScorer(profile, _require_model(encoder, kind, "an encoder"))
    if kind == "lavida":
        return LavidaScorer(profile, _require_model(lavida, kind, "its model"))
    return AnyAnomalyScorer(
        profile, _require_model(encoder, kind, "an encoder"), _require_model(lvlm, kind, "a vision-language model")
    )


def _require_model(model: Model | None, scorer: str, what: str) -> Model:
    if model is None:
        raise ConfigurationError(f"The {scorer} scorer needs {what}; load it with anyanomaly_core.models.loading.")
    return model
