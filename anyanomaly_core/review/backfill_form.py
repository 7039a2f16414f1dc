"""What a backfill of a rule would take, asked from a page: the same sums that the DAG ``backfill_rule`` makes first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from anyanomaly_core.archive.backfill import compare_with_ledger
from anyanomaly_core.archive.missing import FootageSelection
from anyanomaly_core.archive.quote import Quote
from anyanomaly_core.config import Settings
from anyanomaly_core.errors import RuleError
from anyanomaly_core.results.rule_store import load_rule

_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class BackfillForm:
    """The form of the DAG, as a page states it; all text."""

    cameras: str = ""  # names or patterns, by spaces or commas
    first_day: str = ""
    last_day: str = ""
    newest_first: bool = False
    gpu_hours: str = ""
    segments: str = ""

    def conf(self, rule: str, *, dry_run: bool) -> dict[str, Any]:
        """The run's configuration; raises RuleError for what is no number."""
        try:
            gpu_hours = float(self.gpu_hours) if self.gpu_hours else None
            segments = int(self.segments) if self.segments else None
        except ValueError:
            raise RuleError("A budget is a number: GPU hours such as 1.5, or whole segments.") from None
        if (gpu_hours is not None and not 0 < gpu_hours < float("inf")) or (segments is not None and segments < 1):
            raise RuleError("A budget is more than nothing; leave it empty for no limit.")
        return {
            "rule": rule,
            "cameras": self.patterns(),
            "from": self.first_day or None,
            "to": self.last_day or None,
            "newest_first": self.newest_first,
            "gpu_hours": gpu_hours,
            "segments": segments,
            "dry_run": dry_run,
        }

    def patterns(self) -> list[str]:
        """Cameras asked for; none: all of the rule."""
        return self.cameras[:_LONGEST].replace(",", " ").split()

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> "BackfillForm":
        """Parse an address or a form."""
        texts = {
            name: given.get(name, "").strip() for name in ("cameras", "first_day", "last_day", "gpu_hours", "segments")
        }
        return cls(newest_first=given.get("newest_first", "") not in {"", "false"}, **texts)


def quote_backfill(engine: Engine, settings: Settings, rule: str, form: BackfillForm) -> Quote:
    """What scoring all that the rule lacks in these days would take, without its budget.

    Raises:
        RuleError: there is no such rule, it is retired, or the days make no sense.
    """
    form.conf(rule, dry_run=True)  # says what is wrong with the budget
    with engine.connect() as connection:
        selection = FootageSelection.parse(
            cameras=form.patterns(),
            first_day=form.first_day or None,
            last_day=form.last_day or None,
            newest_first=form.newest_first,
        )
        return compare_with_ledger(connection, settings, load_rule(connection, rule), selection).quote()
