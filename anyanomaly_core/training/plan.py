"""How long to train, on what and how: the published plan, and that of the demo's model."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.training.losses import LossWeights

LOSSES = ("focal", "dice", "quality", "frame", "reply", "absent", "total")


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """The defaults are the published ones."""

    steps: int = 16_000
    seed: int = 44
    words_first: int = 0  # of them, with neither language model nor image encoder, for twice as many lists
    accumulate: int = 4  # clips of a step
    lists: int = 1  # of words, for each clip
    learning_rate: float = 1e-5
    encoder_rate: float = 1.0  # of SAM 2's image encoder, as a share of the learning rate
    warm_up: int = 100
    clip_norm: float = 1.0
    save_every: int = 200
    bfloat16: bool = False  # products of matrices, under autocast
    whole_sam: bool = False  # its encoder learns as well
    sets: str = ""  # folder of the published data sets; empty: the rendered world
    clips: int = 0  # rendered, of each kind
    leaky: bool = False  # lists of words as published, whose length gives the label away
    share: float = 1.0  # of image tokens that the language model reads
    losses: LossWeights = field(default_factory=LossWeights)

    def changed(self, **values: float | None) -> "TrainingPlan":
        """The plan with those values that are not None."""
        return replace(self, **{name: value for name, value in values.items() if value is not None})  # type: ignore[arg-type]

    def rate(self, step: int) -> float:
        """Warm-up, then linearly to 0, as a share of the learning rate."""
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        return (self.steps - step) / max(1, self.steps - self.warm_up)


# Does not work yet: the model it trains ignores its words (docs/lavida.md).
# Small, half of it new, on two cores. Its reply is always the same, so there is nothing to learn in it.
DEMO_PLAN = TrainingPlan(
    steps=200,
    words_first=175,
    accumulate=2,
    lists=3,
    learning_rate=1.5e-3,
    encoder_rate=0.2,
    warm_up=20,
    save_every=20,
    bfloat16=True,
    whole_sam=True,
    losses=LossWeights(reply=0.0, absent=40.0),
)
DEMO_SINGLE = 0.35  # of its lists, beside the even draw, one word long: what a rule mostly is


def disable_losses(names: Sequence[str], weights: LossWeights) -> LossWeights:
    """Some losses switched off.

    Raises:
        ConfigurationError: when there is no such loss.
    """
    if unknown := sorted(set(names) - (set(LOSSES) - {"total"})):
        raise ConfigurationError(f"There is no loss {unknown[0]!r}; there are {', '.join(LOSSES[:-1])}.")
    return replace(weights, **dict.fromkeys(names, 0.0))
