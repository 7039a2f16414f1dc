"""Making rules current: the files of a folder, or a draft that was adopted on the pages."""

from pathlib import Path

from sqlalchemy import Engine

from anyanomaly_core.results.event_store import rederive_rule
from anyanomaly_core.results.rule_drafts import load_draft
from anyanomaly_core.results.rule_store import AppliedRule, adopt_rule, apply_rules
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


def adopt_draft(engine: Engine, draft_id: int) -> AppliedRule:
    """Make a draft the current version of its rule, in its author's name, and its events where scores serve it already.

    Raises:
        StorageError: there is no such draft.
        RuleError: the rule has another version by now than the one that the author saw.
    """
    with engine.begin() as connection:
        draft = load_draft(connection, draft_id)
        applied = adopt_rule(connection, draft.definition, based_on=draft.based_on, author=draft.author)
    if applied.needs_events:
        rederive_rule(engine, applied.rule)
    return applied
