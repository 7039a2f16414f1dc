"""Drafts of rules that were adopted on the pages: noted by the reviewer, made a version by the writer."""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.schema import rule_drafts
from anyanomaly_core.rules.definition import RuleDefinition


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as somebody adopted it."""

    definition: RuleDefinition
    based_on: int  # version that was in force when it was written; 0: a new rule
    author: str


def note_draft(engine: Engine, draft: RuleDraft) -> int:
    """Keep a draft that is to be adopted; returns its id."""
    row = insert(rule_drafts).values(
        rule=draft.definition.name,
        based_on=draft.based_on,
        definition=draft.definition.model_dump(mode="json"),
        author=draft.author,
    )
    with engine.begin() as connection:
        return int(connection.execute(row.returning(rule_drafts.c.draft_id)).scalar_one())


def load_draft(connection: Connection, draft_id: int) -> RuleDraft:
    """A draft; raises StorageError when there is none of this id."""
    d = rule_drafts.c
    query = select(d.definition, d.based_on, d.author).where(d.draft_id == draft_id)
    row = connection.execute(query).first()
    if row is None:
        raise StorageError(f"There is no draft {draft_id}; drafts are adopted on the page Rules.")
    return RuleDraft(RuleDefinition.model_validate(row.definition), row.based_on, row.author)
