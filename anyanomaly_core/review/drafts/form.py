"""The form of a rule: its fields as text, and the rule that they state, checked as a rule file is."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlencode

from anyanomaly_core.errors import RuleError
from anyanomaly_core.rules.definition import RuleDefinition
from anyanomaly_core.rules.files import check_rule

_LONGEST = 8000  # characters of a field; twenty texts of three hundred fit
_NUMBERS = ("threshold", "release_threshold", "min_duration_s", "max_gap_s")
_TEXTS = ("name", "description", "hours", "profile")


@dataclass(frozen=True, slots=True)
class RuleForm:
    """A rule as the page states it; all text, one line for each text and camera."""

    name: str = ""
    description: str = ""
    texts: str = ""
    excluded: str = ""
    cameras: str = "*"
    hours: str = ""
    threshold: str = "0.5"
    release_threshold: str = ""
    min_duration_s: str = "1.0"
    max_gap_s: str = "1.0"
    profile: str = ""
    active: str = "1"
    based_on: str = "0"  # version that was in force when the form was opened; 0: a new rule
    moment: str = ""  # to try the rule on: "<camera>|<local time>"

    @classmethod
    def of(cls, definition: RuleDefinition, *, based_on: int, active: bool) -> Self:
        """The form of a rule there is."""
        stated = definition.model_dump()
        numbers = {name: "" if stated[name] is None else str(stated[name]) for name in _NUMBERS}
        words = {name: stated[name] or "" for name in _TEXTS}
        lines = {name: "\n".join(stated[name]) for name in ("texts", "excluded", "cameras")}
        return cls(**numbers, **words, **lines, active="1" if active else "", based_on=str(based_on))

    def changed(self, given: Mapping[str, str]) -> Self:
        """With what an address or a sent form says."""
        known = {field.name for field in fields(self)} & set(given)
        stated = {name: given[name].replace("\r\n", "\n").strip() for name in known}
        if "texts" in given and "active" not in given:
            stated["active"] = ""  # a box that is not ticked is not sent
        return replace(self, **stated)

    def definition(self) -> RuleDefinition:
        """The rule; raises RuleError, a line for each mistake."""
        if too_long := [name for name, value in asdict(self).items() if len(value) > _LONGEST]:
            raise RuleError(f"{too_long[0]}: longer than {_LONGEST:,} characters; write this rule as a file.")
        content: dict[str, Any] = {name: getattr(self, name) for name in _TEXTS if getattr(self, name)}
        content |= {name: getattr(self, name) for name in _NUMBERS if getattr(self, name)}
        content |= {
            "texts": _lines(self.texts),
            "excluded": _lines(self.excluded),
            "cameras": _lines(self.cameras.replace(",", "\n")),
            "active": bool(self.active),
        }
        return check_rule(content)

    def version(self) -> int:
        """That the form was opened on; raises RuleError for what is none."""
        if not self.based_on.isdecimal() or len(self.based_on) > 9:  # noqa: PLR2004  (integer)
            raise RuleError("The form does not say which version it was opened on; load the page again.")
        return int(self.based_on)

    def place(self) -> tuple[str, datetime] | None:
        """Camera and local time of the moment to try; None: none is chosen. Raises RuleError for what is none."""
        camera, _, time = self.moment.rpartition("|")
        if not time.strip():
            return None
        try:
            return camera, datetime.fromisoformat(time.strip())
        except ValueError:
            raise RuleError(f"{time[:60]!r} is no time such as 2026-11-28 03:12:40.") from None

    def query_string(self, **more: str) -> str:
        """As the query string of an address, with every field, also those that are empty."""
        stated = asdict(self)
        if not self.active:
            del stated["active"]  # as a form sends a box that is not ticked
        return urlencode({**stated, **more})


def _lines(text: str) -> Sequence[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]
