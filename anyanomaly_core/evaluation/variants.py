"""The ablation: ways to change one thing of a profile.

Some change what is asked (windows, prompts ...), and the footage is scored again. Others only change how the same
answers are put together (contexts, weights, smoothing), and cost nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.protocols import Weights
from anyanomaly_core.profile import Profile, ScoringSpec, Smoothing

UNCHANGED = "profile"

Changes = Mapping[str, Mapping[str, Any]]  # section of the profile -> parameter -> value


@dataclass(frozen=True, slots=True)
class Variant:
    """One row of the ablation table."""

    group: str
    name: str
    profile: Profile  # what the footage is scored with
    weights: Weights | None = None  # how the three images are put together; None: as the scorer did
    sigma: float | None = None  # smoothing in source frames; None: the profile's

    @property
    def smoothing(self) -> Smoothing:
        """The variant's own, or the profile's."""
        return self.profile.scoring.smoothing if self.sigma is None else Smoothing(self.sigma, in_seconds=False)

    @property
    def single_score(self) -> bool:
        """Whether the scorer gives no separate scores of key frame, position and temporal context."""
        spec = self.profile
        return spec.scoring.scorer != "anyanomaly" or not (spec.contexts.position and spec.contexts.temporal)


# The paper's fusion weights without one or both contexts, as `used_weights` rescales them.
CONTEXTS: dict[str, Weights] = {
    "key frame alone": (1.0, 0.0, 0.0),
    "position context alone": (0.0, 1.0, 0.0),
    "temporal context alone": (0.0, 0.0, 1.0),
    "key frame + position": (2 / 3, 1 / 3, 0.0),
    "key frame + temporal": (6 / 7, 0.0, 1 / 7),
}
WEIGHTS: dict[str, Weights] = {
    "weights 0.4 / 0.4 / 0.2": (0.4, 0.4, 0.2),
    "weights 0.3 / 0.6 / 0.1": (0.3, 0.6, 0.1),
    "weights equal": (1 / 3, 1 / 3, 1 / 3),
}
PROMPTS = get_args(ScoringSpec.model_fields["prompt_variant"].annotation)
SMOOTHING = (0.0, 5.0, 10.0, 15.0, 30.0)
RESCORED: dict[str, dict[str, Changes]] = {
    "scales": {
        "windows 48": {"contexts": {"window_sizes": (48,)}},
        "windows 80": {"contexts": {"window_sizes": (80,)}},
        "windows 120": {"contexts": {"window_sizes": (120,)}},
        "windows 48, 80": {"contexts": {"window_sizes": (48, 80)}},
        "windows 80, 120": {"contexts": {"window_sizes": (80, 120)}},
        "windows 48, 80, 240": {"contexts": {"window_sizes": (48, 80, 240)}},
        "half strides": {"contexts": {"half_strides": True}},
    },
    "lengths": {
        f"{frames} frames a segment": {"sampling": {"segment_frames": frames}} for frames in (8, 16, 24, 32, 48)
    },
    "strategies": {
        name: {"contexts": {"strategy": name}}
        for name in ("random", "clip", "grouping_then_clip", "clip_then_grouping")
    },
    "prompts": {f"prompt {number}": {"scoring": {"prompt_variant": number}} for number in PROMPTS},
    "readouts": {name: {"scoring": {"readout": name}} for name in ("likelihood", "generate")},
    "answers": {"first number of the answer, else 0": {"scoring": {"readout": "generate", "answers": "first_number"}}},
    "reuse": {
        "every window encoded": {"contexts": {"same_level": 0.0}},
        "windows alike within 4 grey levels": {"contexts": {"same_level": 4.0}},
        "windows alike within 6 grey levels": {"contexts": {"same_level": 6.0}},
        "windows alike within 8 grey levels": {"contexts": {"same_level": 8.0}},
    },
    "static": {
        "every segment judged": {"scoring": {"static_level": 0.0}},
        "carried below 3 grey levels": {"scoring": {"static_level": 3.0}},
        "carried below 6 grey levels": {"scoring": {"static_level": 6.0}},
        "carried below 12 grey levels": {"scoring": {"static_level": 12.0}},
    },
    "cascade": {
        "cascade 10 %": {"scoring": {"cascade": {"share": 0.1}}},
        "cascade 20 %": {"scoring": {"cascade": {"share": 0.2}}},
        "cascade 40 %": {"scoring": {"cascade": {"share": 0.4}}},
        "cascade 20 %, rank alone": {"scoring": {"cascade": {"share": 0.2, "motion": None}}},
    },
    "scorers": {
        "encoder alone": {"scoring": {"scorer": "clip"}},
        "baseline (every frame)": {"scoring": {"scorer": "baseline"}},
    },
}
GROUPS = ("contexts", "weights", "smoothing", *RESCORED)


def ablation(profile: Profile, groups: list[str]) -> list[Variant]:
    """The profile as it is, then the variants of the groups; what equals the profile is left out.

    Raises:
        ConfigurationError: for an unknown group.
    """
    if unknown := sorted(set(groups) - set(GROUPS)):
        raise ConfigurationError(f"There is no ablation {', '.join(unknown)}; there are {', '.join(GROUPS)}.")
    base = Variant(UNCHANGED, UNCHANGED, profile)
    return [base, *(variant for group in groups for variant in _group(base, group))]


def _group(base: Variant, group: str) -> Iterator[Variant]:
    profile = base.profile
    if group in RESCORED:
        for name, changes in _possible(profile, group).items():
            changed = apply_changes(profile, changes)
            if changed != profile:
                yield Variant(group, name, changed)
    elif group == "smoothing":
        for sigma in SMOOTHING:
            if base.smoothing != Smoothing(sigma, in_seconds=False):
                yield Variant(group, f"sigma {sigma:g}", profile, sigma=sigma)
    elif not base.single_score:  # else there is nothing to put together
        for name, weights in (CONTEXTS if group == "contexts" else WEIGHTS).items():
            if weights != profile.scoring.weights:
                yield Variant(group, name, profile, weights=weights)


def _possible(profile: Profile, group: str) -> dict[str, Changes]:
    """Without cascades where one model alone scores every frame, and without what LAVIDA does not read."""
    scorer = profile.scoring.scorer
    if scorer == "lavida" and group not in {"lengths", "static", "cascade", "scorers"}:
        return {}
    return {} if group == "cascade" and scorer not in {"anyanomaly", "lavida"} else RESCORED[group]


def apply_changes(profile: Profile, changes: Changes) -> Profile:
    """The profile with some parameters replaced, validated again."""
    body = profile.model_dump()
    for section, values in changes.items():
        body[section] |= values
        if section == "scoring" and values.get("scorer", "anyanomaly") != "anyanomaly":
            body[section]["cascade"] = body["lavida"] = None
    return Profile.model_validate(body)
