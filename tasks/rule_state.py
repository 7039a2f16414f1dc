"""The task of the DAG ``change_rule_state``."""

import logging
from typing import Any, get_args

from anyanomaly_core.archive.names import write_names
from anyanomaly_core.config import get_settings
from anyanomaly_core.errors import RuleError
from anyanomaly_core.results.rule_store import State, load_rule, set_state
from tasks.context import database

log = logging.getLogger(__name__)


def change_rule_state(rule: str, state: str, *, by: str) -> dict[str, Any]:
    """Activate, pause or retire a rule; its results stay.

    Returns:
        The rule, its state before and now, and who asked.

    Raises:
        RuleError: there is no such rule or state.
    """
    if state not in get_args(State):
        raise RuleError(f"A rule is {', '.join(get_args(State))}, not {state!r}.")
    engine = database()
    with engine.begin() as connection:
        before = load_rule(connection, rule).state
        set_state(connection, rule, state)  # type: ignore[arg-type]  # one of them
    write_names(engine, get_settings().state_dir)
    engine.dispose()
    log.info("Rule %s was %s and is %s now; %s asked for it", rule, before, state, by)
    return {"rule": rule, "before": before, "now": state, "by": by}
