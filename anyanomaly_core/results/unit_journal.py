"""The journal of a unit of work in the database: whichever host goes on with a video takes finished segments over."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Connection, Engine, and_, delete, exists, func, insert, literal, or_, select

from anyanomaly_core.engine.journal import from_line, to_line
from anyanomaly_core.errors import LeaseLostError
from anyanomaly_core.results.leases import Lease
from anyanomaly_core.results.schema import unit_journal, unit_leases, units, videos
from anyanomaly_core.results.waiting import with_database_retry
from anyanomaly_core.scoring.types import SegmentScore


class DatabaseJournal:
    """Rows of one unit, written by whoever holds its lease.

    Args:
        engine: of a user with the writer's rights.
        lease: of the video and scorer.
        key: video id, scorer id, and the digest of the privacy mask that the models look through.
        patience_s: how long to wait for a database that is away.
    """

    def __init__(self, engine: Engine, lease: Lease, key: tuple[int, int, str | None], *, patience_s: float) -> None:
        self._engine, self._lease, self._patience_s = engine, lease, patience_s
        self._values = dict(zip(("video_id", "scorer_id", "mask_digest"), key, strict=True))
        j = unit_journal.c
        video_id, scorer_id, mask = key
        self._mine = and_(j.video_id == video_id, j.scorer_id == scorer_id, j.mask_digest.is_not_distinct_from(mask))

    def read(self) -> list[SegmentScore]:
        """Scores of earlier tries, of other hosts too."""
        query = select(unit_journal.c.scores).where(self._mine).order_by(unit_journal.c.batch_id)
        with self._engine.connect() as connection:
            lines = connection.execute(query).scalars().all()
        return [score for line in lines for score in from_line(line)]

    def append(self, scores: Sequence[SegmentScore]) -> None:
        """Keep scores across a crash; a batch is there wholly or not at all.

        Raises:
            LeaseLostError: another worker has taken over.
            StorageError: when the database stays away.
        """
        leased = select(unit_leases.c.token).where(unit_leases.c.token == self._lease.token).exists()
        row = {**self._values, "scores": to_line(scores)}
        values = select(*(literal(value, unit_journal.c[name].type) for name, value in row.items())).where(leased)
        statement = insert(unit_journal).from_select([*row], values)

        def write() -> int:
            with self._engine.begin() as connection:
                return connection.execute(statement).rowcount

        if not with_database_retry(self._engine, self._patience_s, write):
            raise LeaseLostError("Another worker took the video over; what was scored here meanwhile is not kept.")

    def discard(self) -> None:
        """Remove what is kept of the unit, once it is committed."""
        with self._engine.begin() as connection:
            connection.execute(delete(unit_journal).where(self._mine))


def forgotten_batches(connection: Connection) -> list[int]:
    """Batches that nobody will take over: committed since, of a video that expired, or older than 30 days."""
    j, u, v = unit_journal.c, units.c, videos.c
    committed = exists().where(u.video_id == j.video_id, u.scorer_id == j.scorer_id, u.finished_at > j.written_at)
    expired = exists().where(v.video_id == j.video_id, v.expired_at.is_not(None))
    old = j.written_at < func.now() - timedelta(days=30)
    return list(connection.execute(select(j.batch_id).where(or_(committed, expired, old))).scalars())


def remove_batches(connection: Connection, batches: Sequence[int]) -> None:
    """Remove batches of journals."""
    connection.execute(delete(unit_journal).where(unit_journal.c.batch_id.in_(batches)))
