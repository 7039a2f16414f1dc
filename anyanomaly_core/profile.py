"""A profile: the models and parameters that make a score what it is. Its digest is the scorer id.

Sections of ``spec`` in the docstrings are those of AnyAnomaly (arXiv 2503.04504).
"""

import hashlib
import json
import math
from importlib import resources
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from anyanomaly_core.errors import ConfigurationError, did_you_mean

ModelPart = Literal["encoder", "lvlm", "lavida"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EncoderSpec(_Part):
    """The image-text encoder (the paper: OpenAI ViT-B/32)."""

    model: str = Field(description="open_clip architecture, `hf-hub:` id, or `demo` for the shipped one.")
    path: Path | None = Field(default=None, description="Local open_clip directory; nothing is downloaded when set.")
    pretrained: str | None = Field(default=None, description="open_clip weights tag when `model` is an architecture.")
    revision: str | None = Field(default=None, description="Pinned hub revision.")
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    batch_size: int = Field(default=64, ge=1)
    reference_preprocessing: bool = Field(
        default=False, description="Repeat the reference implementation's pictures and choices: docs/method.md."
    )


class LvlmSpec(_Part):
    """The vision-language model that judges."""

    backend: Literal["transformers", "openai"] = "transformers"
    model: str = Field(description="Hub id, the name the server knows, or `demo` for the shipped one.")
    path: Path | None = Field(default=None, description="Local model directory; nothing is downloaded when set.")
    revision: str | None = None
    base_url: str | None = Field(default=None, description="Of the OpenAI-compatible server, with /v1.")
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    batch_size: int = Field(default=16, ge=1)
    concurrency: int = Field(default=8, ge=1, description="Requests in flight to a server.")
    max_new_tokens: int = Field(default=50, ge=4)
    max_image_side: int | None = Field(default=None, description="Longest image side sent to the model, in pixels.")
    image_splitting: bool = Field(
        default=False, description="Let the model's processor cut images into tiles, as it does with documents."
    )
    max_visual_tokens: int | None = Field(
        default=None, ge=1, description="Refuse a model that makes more tokens of the images of one segment and text."
    )
    compression: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Share of the image tokens that the language model reads, the others folded into them by reverse "
        "attention (LAVIDA); none: all. Pays for models of three billion parameters and more.",
    )
    system_prompt: str | None = Field(
        default=None, min_length=1, description="Said to the model before the question; none: what its template says."
    )
    repetition_penalty: float = Field(
        default=1.0, gt=0, le=2, description="Of generated text; 1: none. The authors' Qwen script has 1.05."
    )

    @model_validator(mode="after")
    def _compression_is_done_here(self) -> "LvlmSpec":
        if self.compression is not None and self.backend == "openai":
            raise ValueError("compression works on the model's own tokens, which a server does not hand out")
        return self


_HALFWAY = 0.01  # measured rates tremble; a step must not depend on that


class LavidaSpec(_Part):
    """The model of the scorer ``lavida``, which scores frames and pixels: docs/lavida.md."""

    model: str = Field(description="Name of a directory under ANYANOMALY_MODELS_DIR, or `demo` for the shipped one.")
    path: Path | None = Field(default=None, description="The directory itself, as `anyanomaly train lavida` writes it.")
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"


class SamplingSpec(_Part):
    """Which frames are looked at; every frame of the file still gets a score."""

    fps: float | None = Field(default=None, gt=0, description="Sampled frames per second; none: every frame.")
    segment_frames: int = Field(default=24, ge=1, description="N, most sampled frames of a segment (paper: 24).")
    segment_s: float | None = Field(
        default=None,
        gt=0,
        description="Most seconds of a segment, so that it means the same in footage of few frames a second; none: its "
        "frames alone count.",
    )
    max_side: int = Field(default=1024, ge=64, description="Frames are scaled down to this longest side.")

    def step(self, source_fps: float) -> int:
        """Every how many source frames one is sampled (at least 1); halfway between two steps, the smaller one."""
        if self.fps is None or source_fps <= 0:
            return 1
        return max(1, math.ceil(source_fps / self.fps - 0.5 - _HALFWAY))


Strategy = Literal["random", "clip", "grouping_then_clip", "clip_then_grouping"]


class ContextSpec(_Part):
    """Key frames, windows and the two context images (paper sections 3.2 to 3.4)."""

    strategy: Strategy = "clip_then_grouping"
    seed: int = 0
    window_sizes: tuple[int, ...] = Field(default=(48, 80, 120), description="Sides of the windows in a 240x240 frame.")
    half_strides: bool = False
    same_level: float = Field(
        default=6.0,
        ge=0,
        le=255,
        description="A window that differs nowhere by more than so many grey levels from the one at its place in an "
        "earlier frame of its segment takes over that one's embedding; 0: every window is encoded.",
    )
    position: bool = True
    temporal: bool = True
    neutral_texts: tuple[str, ...] = Field(
        default=("a normal scene", "an empty place", "people walking"),
        description="Contrast classes for class adaption besides the rule's excluded texts.",
    )
    class_list: str | None = Field(
        default=None,
        description="Contrast classes of a published benchmark in place of the neutral texts, such as `c-avenue`; "
        "`data-set`: those of the benchmark that is evaluated (elsewhere the neutral texts).",
    )
    templates: Literal["product", "published"] = Field(
        default="product", description="Wording of the photo templates: ours, or that of the reference implementation."
    )


class CascadeSpec(_Part):
    """Which segments of a video the LVLM judges for a rule; the others become `pruned`. See docs/cascade.md."""

    share: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Share of a video's segments: those the encoder ranks highest for the rule.",
    )
    motion: float | None = Field(
        default=4.0,
        gt=0,
        description="Segments that move more than usual in their video by so many robust deviations are judged as "
        "well; none: motion does not count.",
    )
    motion_s: float | None = Field(
        default=None,
        gt=0,
        description="Pictures so many seconds apart are compared for that, so that it means the same at every rate; "
        "none: neighbouring samples.",
    )
    audit: float = Field(
        default=0.05, gt=0, le=1, description="Probability with which each of the rest is judged nevertheless."
    )


class Smoothing(NamedTuple):
    """How far scores are smoothed."""

    sigma: float  # of the Gaussian; 0: not at all
    in_seconds: bool  # else in source frames


class ScoringSpec(_Part):
    """How answers become frame scores."""

    scorer: Literal["anyanomaly", "baseline", "clip", "lavida"] = "anyanomaly"
    weights: tuple[float, float, float] = Field(default=(0.6, 0.3, 0.1), description="Key frame, position, temporal.")
    smoothing_sigma: float = Field(
        default=15.0,
        ge=0,
        description="Gaussian sigma in source frames, as published; 0: none. `smoothing_s` overrides it.",
    )
    smoothing_s: float | None = Field(
        default=None,
        ge=0,
        description="Gaussian sigma in seconds, so that footage of every rate is smoothed alike; 0: none.",
    )
    prompt_variant: Literal[0, 1, 2, 3, 4, 5, 6, 7] = Field(
        default=3, description="Wording; 0 to 3 are the paper's, 4 to 7 the same for models that read signs."
    )
    readout: Literal["generate", "likelihood"] = "likelihood"
    answers: Literal["strict", "first_number"] = Field(
        default="strict",
        description="How `generate` reads a text: `first_number` takes its first number (70 of `70%`), else 0, as the "
        "reference implementation does. For evaluation only: such scores are not stored.",
    )
    static_level: float = Field(
        default=6.0,
        ge=0,
        le=255,
        description="A segment whose picture differs nowhere by more than so many grey levels from the last one that "
        "was judged takes over its score (`carried`); 0: every segment is judged.",
    )
    rationale_threshold: float = Field(
        default=0.5, ge=0, le=1, description="Likelihood readout writes a rationale from this fused score upwards."
    )
    cascade: CascadeSpec | None = Field(
        default=None,
        description="Judge only what the encoder ranks highest, what moves strangely, and an audit sample.",
    )

    @property
    def smoothing(self) -> Smoothing:
        """Smoothing in the unit that the profile uses."""
        if self.smoothing_s is not None:
            return Smoothing(self.smoothing_s, in_seconds=True)
        return Smoothing(self.smoothing_sigma, in_seconds=False)

    @model_validator(mode="after")
    def _cascade_has_both_models(self) -> "ScoringSpec":
        if self.cascade is not None and self.scorer not in {"anyanomaly", "lavida"}:
            raise ValueError(
                "a cascade needs the scorer anyanomaly or lavida, where an encoder ranks and another model decides; "
                f"not {self.scorer}"
            )
        return self

    @model_validator(mode="after")
    def _texts_are_there_to_read(self) -> "ScoringSpec":
        if self.answers != "strict" and self.readout != "generate":
            raise ValueError("answers: first_number reads generated text; set readout: generate")
        return self

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> "ScoringSpec":
        if min(self.weights) < 0 or not math.isclose(sum(self.weights), 1, abs_tol=1e-6):
            raise ValueError(f"weights must be >= 0 and sum to 1, got {self.weights}")
        return self


# How footage/decode.py and models/squash.py make pixels. Scores and embeddings are known by it: change it with them.
PIXELS = "large pictures shrunk by area, squares in whole numbers"
# How pictures and classes are made under reference_preprocessing, likewise.
REFERENCE = "whole grey levels, classes as means of features, the authors' ties"
# Parameters that came later, with what scorers did that are older: at these values they stay out of the digest.
_LATER: dict[str, dict[str, Any]] = {
    "lvlm": {"system_prompt": None, "repetition_penalty": 1.0, "compression": None},
    "contexts": {"class_list": None, "templates": "product"},
    "sampling": {"segment_s": None},
    "scoring": {"cascade": None, "answers": "strict", "smoothing_s": None},
}
# What changes where or how fast something runs, not what it answers, stays out of the digest.
_NOT_IN_DIGEST = {
    "encoder": {"batch_size", "path"},
    "lvlm": {"batch_size", "path", "concurrency", "base_url", "max_visual_tokens"},
    "lavida": {"path"},
}


class Profile(_Part):
    """Everything that makes a score what it is."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    description: str = ""
    encoder: EncoderSpec
    lvlm: LvlmSpec
    sampling: SamplingSpec = SamplingSpec()
    contexts: ContextSpec = ContextSpec()
    scoring: ScoringSpec = ScoringSpec()
    lavida: LavidaSpec | None = Field(default=None, description="The model of the scorer `lavida`.")
    notice: str | None = Field(default=None, description="Shown wherever this profile's scores are shown.")

    @model_validator(mode="after")
    def _lavida_has_its_model(self) -> "Profile":
        if (self.scoring.scorer == "lavida") != (self.lavida is not None):
            raise ValueError("the scorer lavida and the section lavida, which names its model, need each other")
        return self

    @property
    def parts(self) -> tuple[ModelPart, ...]:
        """The models that the scorer asks."""
        if self.scoring.scorer == "lavida":
            return ("lavida",) if self.scoring.cascade is None else ("encoder", "lavida")
        without = {"baseline": "encoder", "clip": "lvlm"}.get(self.scoring.scorer)
        both: tuple[ModelPart, ...] = ("encoder", "lvlm")
        return tuple(part for part in both if part != without)

    def spec_of(self, part: ModelPart) -> EncoderSpec | LvlmSpec | LavidaSpec:
        """What the profile says of a model."""
        if part == "lavida" and self.lavida is not None:
            return self.lavida
        return self.encoder if part == "encoder" else self.lvlm

    def digest(self, revisions: dict[str, str]) -> str:
        """Scorer digest: 64 hex digits over the profile and the loaded models' revisions.

        Args:
            revisions: ``{"encoder": ..., "lvlm": ...}`` as the loaded models report them.
        """
        return _digest(self._scoring_inputs() | {"revisions": revisions})

    def answers_digest(self, revisions: dict[str, str]) -> str:
        """As ``digest``, without what says which segments are judged: scorers that agree in it give equal answers."""
        body = self._scoring_inputs() | {"revisions": revisions}
        del body["name"]
        body["scoring"].pop("cascade", None)
        return _digest(body)

    def _scoring_inputs(self) -> dict[str, Any]:
        body: dict[str, Any] = self.model_dump(mode="json", exclude={"description", "notice"})
        if self.lavida is None:  # it came later
            del body["lavida"]
        for part, left_out in _NOT_IN_DIGEST.items():
            if part in body:
                body[part] = {k: v for k, v in body[part].items() if k not in left_out}
        for part, defaults in _LATER.items():
            body[part] = {k: v for k, v in body[part].items() if k not in defaults or v != defaults[k]}
        if (body["scoring"].get("cascade") or {"motion_s": 1})["motion_s"] is None:
            del body["scoring"]["cascade"]["motion_s"]
        reference = {"reference": REFERENCE} if self.encoder.reference_preprocessing else {}
        return body | {"pixels": PIXELS} | reference


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def builtin_profiles() -> list[str]:
    """Names of the profiles shipped with the package."""
    folder = resources.files("anyanomaly_core.profiles")
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def load_profile(name_or_path: str) -> Profile:
    """Read a built-in profile by name, or a YAML file by path; raises ConfigurationError."""
    if name_or_path.endswith((".yaml", ".yml")):
        source, text = name_or_path, _read_file(Path(name_or_path))
    elif name_or_path in builtin_profiles():
        source = f"built-in profile {name_or_path}"
        text = resources.files("anyanomaly_core.profiles").joinpath(f"{name_or_path}.yaml").read_text(encoding="utf-8")
    else:
        known = did_you_mean(name_or_path, builtin_profiles())
        raise ConfigurationError(
            f"There is no built-in profile {name_or_path!r}; {known} Your own is a path ending in .yaml."
        )
    try:
        return Profile.model_validate(yaml.safe_load(text))
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{source} is not a valid profile: {error}") from None


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"Profile file {path} cannot be read: {error.strerror}.") from None
