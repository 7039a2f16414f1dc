"""Tasks of the DAGs ``try_rule`` and ``adopt_rule``."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from anyanomaly_core.archive.names import write_names
from anyanomaly_core.archive.rules import adopt_draft
from anyanomaly_core.config import get_settings
from anyanomaly_core.engine.progress import LoggedProgress
from anyanomaly_core.errors import ConfigurationError, RuleError
from anyanomaly_core.review.drafts.rehearsal import rehearse_with_scoring
from anyanomaly_core.review.drafts.trial import try_draft
from anyanomaly_core.rules.files import check_rule
from tasks.context import database, stall_watchdog

log = logging.getLogger(__name__)


def try_rule(draft: Mapping[str, Any] | None, *, camera: str | None, moment: str | None, videos: int) -> dict[str, Any]:
    """Score a draft around a moment, or without one on a sample of footage. No score and no event is stored.

    Args:
        draft: as a rule file states it.
        camera: of the moment.
        moment: on the camera's clock, such as ``2026-11-28 03:12:40``.
        videos: size of the sample.

    Returns:
        A ``TrialReport`` or a ``RehearsalReport``, as JSON.

    Raises:
        RuleError: the draft is no rule.
        ConfigurationError: there is no such footage.
        ModelError: a model is not to be had.
    """
    if draft is None:
        raise RuleError("Say which rule to try, as its file would state it: {name: …, texts: […]}.")
    definition = check_rule(draft)
    settings = get_settings()
    engine = database(settings)
    with stall_watchdog(settings), LoggedProgress(definition.name) as stages:
        if moment:
            report = try_draft(
                engine, settings, definition, camera=camera or "", moment=_moment(moment), progress=stages
            ).model_dump(mode="json")
        else:
            report = rehearse_with_scoring(engine, settings, definition, videos=videos, progress=stages).model_dump(
                mode="json"
            )
    engine.dispose()
    return report


def adopt_rule(draft: str) -> dict[str, Any]:
    """Make a draft that was adopted on the pages the current version of its rule.

    Returns:
        The rule, its version, what changed, whether it must be scored, and whose it is.

    Raises:
        StorageError: there is no such draft.
        RuleError: the rule has another version by now than the one that the author saw.
    """
    if not draft.isdecimal():
        raise ConfigurationError(f"A draft has a number, which {draft!r} is not; the page Rules states it.")
    engine = database()
    applied = adopt_draft(engine, int(draft))
    write_names(engine, get_settings().state_dir)
    engine.dispose()
    rule = applied.rule
    log.info("Rule %s is version %d now (%s), by %s", rule.name, rule.version, applied.change, rule.author)
    return {
        "rule": rule.name,
        "version": rule.version,
        "change": applied.change,
        "needs_scoring": applied.needs_scoring,
        "author": rule.author,
    }


def _moment(stated: str) -> datetime:
    try:
        return datetime.fromisoformat(stated)
    except ValueError:
        raise ConfigurationError(f"{stated!r} is no time such as 2026-11-28 03:12:40.") from None
