"""Making the rule files of a folder the current rules."""

from pathlib import Path

from sqlalchemy import Engine

from anyanomaly_core.results.event_store import rederive_rule
from anyanomaly_core.results.rule_store import AppliedRule, apply_rules
from anyanomaly_core.rules.files import load_rules


def apply_rule_files(engine: Engine, folder: Path, *, author: str) -> list[AppliedRule]:
    """Apply every rule file; versions that differ only in what counts as an event get their events at once.

    Raises:
        RuleError: naming file, line and fix; then nothing was applied.
    """
    definitions = load_rules(folder)
    with engine.begin() as connection:
        applied = apply_rules(connection, definitions, author=author)
    for item in applied:
        if item.needs_events:
            rederive_rule(engine, item.rule)
    return applied
