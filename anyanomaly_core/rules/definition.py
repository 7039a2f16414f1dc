"""A rule: what to look for, in words, where, when, and how sure one must be."""

import hashlib
import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from anyanomaly_core.rules.cameras import matches
from anyanomaly_core.rules.hours import Hours

Text = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\x00-\x1f]*$")
]
Glob = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\[\]]+$")]


class RuleDefinition(BaseModel):
    """One version of a rule, as a rule file states it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="Lower-case letters, digits, - and _.")
    description: str = Field(default="", max_length=2000, description="For people; the models never see it.")
    texts: tuple[Text, ...] = Field(min_length=1, max_length=20, description="What to look for; the best match counts.")
    excluded: tuple[Text, ...] = Field(
        default=(), max_length=20, description="What looks similar but does not count on its own."
    )
    cameras: tuple[Glob, ...] = Field(
        default=("*",), min_length=1, description="Camera ids; `*` stands for anything, `?` for one character."
    )
    hours: str | None = Field(
        default=None, description='Only events in these hours of the camera\'s day, such as "22:00-06:00".'
    )
    threshold: float = Field(
        default=0.5, ge=0, le=1, description="An event begins with a frame score of at least this."
    )
    release_threshold: float | None = Field(
        default=None, ge=0, le=1, description="It lasts until the score falls below this; none: the threshold."
    )
    min_duration_s: float = Field(default=1.0, ge=0, le=86400, description="Shorter events are dropped.")
    max_gap_s: float = Field(default=1.0, ge=0, le=86400, description="Events at most this far apart become one.")
    profile: str | None = Field(
        default=None, min_length=1, max_length=500, description="Models and parameters; none: the installation's."
    )
    active: bool = Field(default=True, description="false: paused; nothing is scored, nothing is forgotten.")

    @field_validator("hours")
    @classmethod
    def _hours_can_be_read(cls, value: str | None) -> str | None:
        if value is not None:
            Hours.parse(value)
        return value

    @model_validator(mode="after")
    def _release_is_not_above_threshold(self) -> "RuleDefinition":
        if self.release_threshold is not None and self.release_threshold > self.threshold:
            raise ValueError(
                f"release_threshold {self.release_threshold} is above threshold {self.threshold}; lower it"
            )
        return self

    def digest(self) -> str:
        """64 hex digits over everything but ``active``: another digest is another version."""
        return _sha256(self.model_dump(mode="json", exclude={"active"}))

    def scoring_digest(self) -> str:
        """64 hex digits over what changes scores; versions that share it share their scores."""
        return _sha256(self.model_dump(mode="json", include={"texts", "excluded", "profile"}))

    def matches_camera(self, camera_id: str) -> bool:
        """Whether the rule looks at this camera; see :mod:`anyanomaly_core.rules.cameras`."""
        return matches(camera_id, self.cameras)


def _sha256(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
