"""Who is told of new events: targets, and which rules, cameras and scores they are told of (docs/alerts.md)."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from anyanomaly_core.errors import ConfigurationError, did_you_mean
from anyanomaly_core.rules.definition import Glob

_NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"
_MAX_BYTES = 64 * 1024


def _one_line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("it holds a line break or another character that cannot be seen")
    return value


def _topic(value: str) -> str:
    if set(value) & set("+#"):
        raise ValueError("+ and # are for those who listen; a topic that is written to has neither")
    try:
        value.format(camera="gate", rule="fall")
    except (KeyError, IndexError, ValueError):
        raise ValueError("it may hold {camera} and {rule}, and no other braces") from None
    return value


OneLine = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_one_line)]


class _Target(BaseModel):
    """What every target has, whatever carries its alerts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=_NAME)  # its key in the file
    connection: str = Field(
        pattern=r"^[A-Za-z0-9_.-]{1,200}$", description="Airflow connection that holds address and secret."
    )
    rules: tuple[Glob, ...] = Field(default=("*",), min_length=1, description="Names or patterns of rules.")
    cameras: tuple[Glob, ...] = Field(default=("*",), min_length=1, description="Ids or patterns of cameras.")
    min_score: float = Field(default=0.0, ge=0, le=1, description="Only events whose peak is at least this.")
    picture: bool = Field(default=False, description="Send the key frame along, under the camera's privacy mask.")
    per_hour: int = Field(default=60, ge=1, le=3600, description="At most so many in an hour; the others wait.")
    max_age_hours: float = Field(
        default=72.0, gt=0, le=87_600, description="Events that ended longer ago, or waited longer, are not sent."
    )


class WebhookTarget(_Target):
    """A signed POST of JSON."""

    kind: Literal["webhook"]


class SlackTarget(_Target):
    """A message through an incoming webhook of Slack, or of a chat that takes the same."""

    kind: Literal["slack"]
    picture: Literal[False] = Field(default=False, description="Incoming webhooks take no file; the link shows it.")


class MailTarget(_Target):
    """A mail for each event."""

    kind: Literal["mail"]
    to: tuple[OneLine, ...] = Field(min_length=1, max_length=50, description="Addresses.")
    sender: OneLine | None = Field(default=None, description="From whom; none: as the connection says.")


class MqttTarget(_Target):
    """A message of JSON to an MQTT 5 broker."""

    kind: Literal["mqtt"]
    topic: Annotated[OneLine, AfterValidator(_topic)] = Field(
        default="anyanomaly/{camera}/{rule}", description="`{camera}` and `{rule}` are filled in."
    )
    qos: Literal[0, 1, 2] = Field(default=1, description="Only 1 and 2 are confirmed by the broker.")


Target = Annotated[WebhookTarget | SlackTarget | MailTarget | MqttTarget, Field(discriminator="kind")]


class AlertFile(BaseModel):
    """The file of alerts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    review_url: Annotated[OneLine, Field(pattern=r"^https?://[^\s]+$")] | None = Field(
        default=None, description="Where the review pages are, for links; none: alerts have no link."
    )
    targets: tuple[Target, ...] = ()

    def target(self, name: str) -> Target:
        """The target of this name; raises ConfigurationError when there is none."""
        known = {target.name: target for target in self.targets}
        if name not in known:
            raise ConfigurationError(f"No target of alerts is called {name!r}; {did_you_mean(name, known)}")
        return known[name]

    def link(self, event_id: object) -> str | None:
        """The event's page."""
        return None if self.review_url is None else f"{self.review_url.rstrip('/')}/event/{event_id}"


def load_alerts(path: Path | None) -> AlertFile:
    """Read the file of alerts; none: nobody is told of anything.

    Raises:
        ConfigurationError: the file cannot be read or is wrong; it names every mistake.
    """
    if path is None:
        return AlertFile()
    try:
        raw = path.read_bytes()
        stated = yaml.safe_load(raw.decode("utf-8")) if len(raw) <= _MAX_BYTES else None
    except OSError as error:
        raise ConfigurationError(f"The file of alerts {path} cannot be read: {error.strerror}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The file of alerts {path} is not YAML: {error}.") from None
    whole = stated if isinstance(stated, dict) else {}
    targets = whole.get("targets")
    if not isinstance(targets, dict) or not all(isinstance(target, dict) for target in targets.values()):
        raise ConfigurationError(
            f"The file of alerts {path} must be a mapping with `targets:`; docs/alerts.md shows one."
        )
    listed = [{**target, "name": str(name)} for name, target in targets.items()]
    try:
        return AlertFile.model_validate({**whole, "targets": listed})
    except ValidationError as error:
        problems = [_words(problem["loc"], problem["msg"], list(targets)) for problem in error.errors()]
        raise ConfigurationError(f"The file of alerts {path} cannot be used: {'; '.join(problems)}.") from None


def _words(place: tuple[str | int, ...], message: str, names: list[object]) -> str:
    """A mistake, told at its target and key."""
    words = message.removeprefix("Value error, ")
    match place:
        case ("targets", int(number), *rest):
            return f"target {names[number]}: {': '.join([*map(str, rest[1:]), words])}"
        case _:
            return f"{'.'.join(map(str, place))}: {words}"
