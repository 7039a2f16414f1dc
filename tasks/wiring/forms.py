"""Fields of the DAGs' forms, and what becomes of what was filled in.

A field that may stay empty allows null: Airflow's page marks all others as required. Names of rules and profiles are
proposed and not prescribed: they come from a file that may be a minute old, and the task looks them up.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Param

from anyanomaly_core.archive.names import KnownNames, read_names
from anyanomaly_core.config import ModelSettings
from anyanomaly_core.errors import ConfigurationError, did_you_mean


def names_field(title: str, description: str, known: Sequence[str] = ()) -> Param:
    """Several names or patterns, or none; ``known`` are those that the page offers."""
    schema = {"type": ["null", "array"], "items": {"type": "string"}, "title": title}
    if known:
        schema["examples"] = list(known)  # then the page lets choose, and not write
    return Param([], description, schema=schema)


def rule_field(description: str) -> Param:
    """The one rule that a run is about; it must be given."""
    rules = list(_known_names().rules)
    return Param(type="string", minLength=1, examples=rules, title="Rule", description=description)


def rules_field() -> Param:
    """Some rules, or every active one."""
    names = _known_names().rules
    return names_field("Rules", "Only these rules; empty: every active rule.", names)


def cameras_field(none: str = "all") -> Param:
    """Cameras by name or pattern; ``none`` says what leaving it empty means."""
    return names_field("Cameras", f"Only these cameras, by name or pattern such as `gate-*`; empty: {none}.")


def profile_field(description: str) -> Param:
    """A profile by its built-in name, or a YAML file."""
    profiles = list(_known_names().profiles)
    return Param(None, type=["null", "string"], examples=profiles, title="Profile", description=description)


def day_field(title: str, description: str) -> Param:
    """A calendar day; of footage, it is always one of the camera's own time zone."""
    return Param(None, type=["null", "string"], format="date", title=title, description=description)


def first_day_field() -> Param:
    """Where a choice of footage begins."""
    return day_field("From", "First day of footage, in each camera's own time zone, inclusive; empty: the oldest.")


def last_day_field() -> Param:
    """Where a choice of footage ends."""
    return day_field("To", "Last day of footage, in each camera's own time zone, inclusive; empty: the newest.")


def switch_field(title: str, description: str, *, on: bool = False) -> Param:
    """Yes or no."""
    return Param(on, type=["null", "boolean"], title=title, description=description)


def choice_field(title: str, description: str, choices: Sequence[str]) -> Param:
    """One of some words; the first unless another is chosen."""
    return Param(choices[0], type=["null", "string"], enum=[*choices, None], title=title, description=description)


def number_field(
    title: str, description: str, *, default: float | None = None, whole: bool = False, **bounds: float
) -> Param:
    """A number, or nothing; ``bounds`` are those of JSON schema."""
    kind = "integer" if whole else "number"
    return Param(default, description, schema={"type": ["null", kind], "title": title, **bounds})


def filled_in(context: Mapping[str, Any]) -> dict[str, Any]:
    """What the form of a run says, with the default of each field that was left empty."""
    defaults = context["dag"].params
    return {name: defaults[name] if value is None else value for name, value in context["params"].items()}


def refuse_unknown_fields(context: Mapping[str, Any]) -> None:
    """Runs before every task: Airflow takes a run's configuration whatever its keys are.

    Raises:
        ConfigurationError: for a key that the form does not have; a misspelt `cameras` would mean all cameras.
    """
    fields = context["dag"].params
    for key in context["dag_run"].conf or {}:
        if key not in fields:
            dag_id = context["dag"].dag_id
            raise ConfigurationError(f"The form of {dag_id} has no field {key!r}; {did_you_mean(key, fields)}")


def _known_names() -> KnownNames:
    return read_names(ModelSettings().state_dir)
