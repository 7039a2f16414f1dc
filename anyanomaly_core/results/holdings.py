"""What a results database holds, in numbers: asked before it is deleted."""

from dataclasses import dataclass

from sqlalchemy import Engine, text

_COUNT = text("""
SELECT (SELECT count(*) FROM videos), (SELECT count(DISTINCT event_id) FROM events),
       (SELECT count(*) FROM verdicts), (SELECT count(*) FROM legal_holds WHERE released_at IS NULL)""")


@dataclass(frozen=True, slots=True)
class Holdings:
    """Counts of what people would miss."""

    videos: int
    events: int
    verdicts: int
    holds: int  # events under legal hold now


def count_holdings(engine: Engine) -> Holdings:
    """Count with a reader's rights; an empty database, not even migrated, holds nothing."""
    with engine.connect() as connection:
        if connection.execute(text("SELECT to_regclass('public.videos') IS NULL")).scalar_one():
            return Holdings(0, 0, 0, 0)
        return Holdings(*connection.execute(_COUNT).one())
