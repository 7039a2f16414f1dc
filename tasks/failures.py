"""Why tasks failed: kept with the run, said at its end."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from anyanomaly_core.config import get_settings
from anyanomaly_core.results.run_failures import clear_failure, failures_of_run, store_failure
from anyanomaly_core.results.waiting import with_database_retry

log = logging.getLogger(__name__)

KILLED = "its process was ended: killed, out of memory, or without progress for too long; the end of its log says more"
MOST_NAMED = 20


@contextmanager
def record_failure(engine: Engine, run_id: int, task: str) -> Iterator[None]:
    """Keeps why this task of a run failed; what an earlier try of it had left there goes."""
    try:
        yield
    except Exception as error:
        try:
            with engine.begin() as connection:
                store_failure(connection, run_id, task, str(error) or type(error).__name__)
        except Exception:
            log.exception("Why this task failed could not be kept in the results database.")
        raise

    def clear() -> None:
        with engine.begin() as connection:
            clear_failure(connection, run_id, task)

    with_database_retry(engine, get_settings().database_patience_s, clear)


def require_reasons(connection: Connection, run_id: int, failed: Iterable[str]) -> dict[str, str]:
    """Task -> why it failed, for every one of ``failed``; what was killed could not say it itself."""
    known = failures_of_run(connection, run_id)
    for task in sorted(set(failed) - set(known)):
        store_failure(connection, run_id, task, KILLED)
    return failures_of_run(connection, run_id)


def describe_reasons(reasons: dict[str, str]) -> str:
    """Each reason once, with the tasks that it befell."""
    tasks: dict[str, list[str]] = {}
    for task, reason in sorted(reasons.items()):
        tasks.setdefault(reason, []).append(task)
    return "; ".join(f"{_join_names(names)}: {reason}" for reason, names in list(tasks.items())[:MOST_NAMED])


def _join_names(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
