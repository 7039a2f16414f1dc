"""Rules in the database: immutable versions behind mutable names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, insert, select, text, update

from anyanomaly_core.errors import RuleError
from anyanomaly_core.results.schema import rule_versions, rules, scorings
from anyanomaly_core.rules.definition import RuleDefinition

State = Literal["active", "paused", "retired"]


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule version."""

    rule_id: int
    rule_version_id: int
    version: int
    scoring_id: int
    scoring_version: int  # first version with this scoring; names the Parquet folder
    state: State  # of the rule
    is_current: bool
    author: str
    created_at: datetime
    definition: RuleDefinition

    @property
    def name(self) -> str:
        """Name of the rule."""
        return self.definition.name


@dataclass(frozen=True, slots=True)
class AppliedRule:
    """What applying a definition did."""

    rule: StoredRule
    # A rule, a version, its state; nothing; or kept: the file says what it said before, and another was adopted since.
    change: Literal["new", "version", "state", "none", "kept"]
    needs_scoring: bool  # False: scores of an earlier version serve this one too
    needs_events: bool  # True: they do, but its events were not derived from them yet


def apply_rules(connection: Connection, definitions: Sequence[RuleDefinition], *, author: str) -> list[AppliedRule]:
    """Make each definition the current version of its rule; rules that are not given stay as they are.

    A definition equal to the current version makes no new one, nor does one equal to what was applied before: then
    somebody has adopted another version since, which stays. A new version, or another ``active`` than that of the
    definition applied before, sets the state; what somebody paused or retired by hand stays so otherwise. Call
    ``event_store.rederive_rule`` for applied rules that need events, after this transaction.
    """
    _lock_rules(connection)
    return [_apply(connection, definition, author) for definition in definitions]


def adopt_rule(connection: Connection, definition: RuleDefinition, *, based_on: int, author: str) -> AppliedRule:
    """Make a definition that is in no file the current version of its rule; the state becomes what its ``active`` says.

    Args:
        connection: with the writer's rights. Call ``event_store.rederive_rule`` as after :func:`apply_rules`.
        definition: of the rule.
        based_on: the version that its author saw; 0: a new rule.
        author: stands with the version.

    Raises:
        RuleError: another version is in force, so its author did not see what it replaces. One that says the same is
            left as it is.
    """
    _lock_rules(connection)
    row = connection.execute(select(rules).where(rules.c.name == definition.name)).first()
    version = 0 if row is None else row.current_version
    if row is not None and version != based_on:
        current = load_rule(connection, definition.name)
        if current.definition.digest() == definition.digest():  # an earlier try got as far as this
            pending = row.events_version != version
            return AppliedRule(current, "none", needs_scoring=False, needs_events=pending)
        found = f"has version {version} by now" if based_on else f"is there already, in version {version}"
        raise RuleError(
            f"The rule {definition.name} {found}. Look at it, and adopt the draft from its page if it is still wanted."
        )
    if row is None:
        return _add_rule(connection, definition, author)
    return _replace(connection, load_rule(connection, definition.name), definition, author)


def _lock_rules(connection: Connection) -> None:
    # One at a time: two processes that apply the same folder must not both make version n + 1.
    # Nor may a unit be committed meanwhile that does not see the new version and derives no events for it.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('anyanomaly rules', 0))"))


def hold_rules(connection: Connection) -> None:
    """Until the transaction ends, no rule gets a new version; others may hold them at the same time."""
    connection.execute(text("SELECT pg_advisory_xact_lock_shared(hashtextextended('anyanomaly rules', 0))"))


def set_state(connection: Connection, name: str, state: State) -> None:
    """Pause, retire or resume a rule; raises RuleError when there is none of this name."""
    changed = connection.execute(update(rules).where(rules.c.name == name).values(state=state))
    if changed.rowcount == 0:
        known = ", ".join(connection.execute(select(rules.c.name).order_by(rules.c.name)).scalars()) or "none"
        raise RuleError(f"There is no rule {name!r}; known: {known}.")


def list_rules(
    connection: Connection,
    *,
    state: State | None = None,
    all_versions: bool = False,
    scoring_ids: Sequence[int] | None = None,
) -> list[StoredRule]:
    """Rules in their current version (or every version), by name and version; of some scorings or of all."""
    query = (
        select(rule_versions, rules.c.state, rules.c.current_version, scorings.c.first_version)
        .join(rules, rules.c.rule_id == rule_versions.c.rule_id)
        .join(scorings, scorings.c.scoring_id == rule_versions.c.scoring_id)
        .order_by(rules.c.name, rule_versions.c.version)
    )
    if not all_versions:
        query = query.where(rule_versions.c.version == rules.c.current_version)
    if state is not None:
        query = query.where(rules.c.state == state)
    if scoring_ids is not None:
        query = query.where(rule_versions.c.scoring_id.in_(scoring_ids))
    return [
        StoredRule(
            rule_id=row.rule_id,
            rule_version_id=row.rule_version_id,
            version=row.version,
            scoring_id=row.scoring_id,
            scoring_version=row.first_version,
            state=row.state,
            is_current=row.version == row.current_version,
            author=row.author,
            created_at=row.created_at,
            definition=RuleDefinition.model_validate(row.definition),
        )
        for row in connection.execute(query)
    ]


def load_rule(connection: Connection, name: str, version: int | None = None) -> StoredRule:
    """A rule in its current or a given version; raises RuleError when there is none."""
    found = [rule for rule in list_rules(connection, all_versions=True) if rule.name == name]
    wanted = [rule for rule in found if (rule.is_current if version is None else rule.version == version)]
    if not wanted:
        known = f"; it has versions 1 to {found[-1].version}" if found else "; `anyanomaly rules list` shows all"
        raise RuleError(f"There is no rule {name!r}{'' if version is None else f' version {version}'}{known}.")
    return wanted[0]


def _apply(connection: Connection, definition: RuleDefinition, author: str) -> AppliedRule:
    """What a file says."""
    row = connection.execute(select(rules).where(rules.c.name == definition.name)).first()
    said = {"applied_active": definition.active, "applied_digest": definition.digest()}
    if row is None:
        applied = _add_rule(connection, definition, author)
    else:
        current = load_rule(connection, definition.name)
        is_current = current.definition.digest() == definition.digest()
        if is_current or row.applied_digest == definition.digest():
            change: Literal["state", "none", "kept"] = "none" if is_current else "kept"
            if definition.active != row.applied_active:
                _set_state_of(connection, row.rule_id, definition)
                change = "state"
            pending = row.events_version != row.current_version
            applied = AppliedRule(
                load_rule(connection, definition.name), change, needs_scoring=False, needs_events=pending
            )
        else:
            applied = _replace(connection, current, definition, author)
    connection.execute(update(rules).where(rules.c.rule_id == applied.rule.rule_id).values(**said))
    return applied


def _add_rule(connection: Connection, definition: RuleDefinition, author: str) -> AppliedRule:
    state = "active" if definition.active else "paused"
    numbers = {"current_version": 1, "events_version": 1, "applied_active": definition.active}
    new_rule = insert(rules).values(name=definition.name, state=state, **numbers)
    rule_id = connection.execute(new_rule.returning(rules.c.rule_id)).scalar_one()
    _add_version(connection, rule_id, 1, definition, author)
    return AppliedRule(load_rule(connection, definition.name), "new", needs_scoring=True, needs_events=False)


def _replace(connection: Connection, current: StoredRule, definition: RuleDefinition, author: str) -> AppliedRule:
    """The next version, or if the definition says what the current one says, its state only."""
    _set_state_of(connection, current.rule_id, definition)
    if current.definition.digest() == definition.digest():
        return AppliedRule(load_rule(connection, definition.name), "state", needs_scoring=False, needs_events=False)
    of_rule = (rule for rule in list_rules(connection, all_versions=True) if rule.rule_id == current.rule_id)
    version = 1 + max(rule.version for rule in of_rule)
    shared = _add_version(connection, current.rule_id, version, definition, author)
    # The events of a version that must be scored first come with its scores.
    derived = {} if shared else {"events_version": version}
    this_rule = rules.c.rule_id == current.rule_id
    connection.execute(update(rules).where(this_rule).values(current_version=version, **derived))
    return AppliedRule(load_rule(connection, definition.name), "version", not shared, needs_events=shared)


def _set_state_of(connection: Connection, rule_id: int, definition: RuleDefinition) -> None:
    state = "active" if definition.active else "paused"
    connection.execute(update(rules).where(rules.c.rule_id == rule_id).values(state=state))


def _add_version(connection: Connection, rule_id: int, version: int, definition: RuleDefinition, author: str) -> bool:
    """Insert the version; True when an earlier one asks the models the same."""
    digest = definition.scoring_digest()
    same = (scorings.c.rule_id == rule_id) & (scorings.c.digest == digest)
    scoring_id = connection.execute(select(scorings.c.scoring_id).where(same)).scalar()
    shared = scoring_id is not None
    if scoring_id is None:
        new = insert(scorings).values(rule_id=rule_id, digest=digest, first_version=version)
        scoring_id = connection.execute(new.returning(scorings.c.scoring_id)).scalar_one()
    connection.execute(
        insert(rule_versions).values(
            rule_id=rule_id,
            version=version,
            scoring_id=scoring_id,
            definition=definition.model_dump(mode="json"),
            cameras=list(definition.cameras),
            threshold=definition.threshold,
            digest=definition.digest(),
            author=author,
        )
    )
    return shared
