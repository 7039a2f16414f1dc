"""One worker at a time on a video with a scorer, on whichever host; and its commit only while it is that worker.

A lease is a row with a token. Its holder renews it; one that nobody renewed for a while belongs to whoever takes it
next, with a new token; one of a process that has died on this host, at once. Every commit asks for its token under the
video's lock, so a worker that was frozen or cut off for minutes and goes on cannot replace what another has committed
since. All times are PostgreSQL's own.
"""

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import psutil
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from anyanomaly_core.errors import LeaseLostError

log = logging.getLogger(__name__)

_TAKE = text("""
INSERT INTO unit_leases AS l (video_id, scorer_id, token, holder)
VALUES (:video, :scorer, :token, :holder)
ON CONFLICT (video_id, scorer_id) DO UPDATE
SET token = excluded.token, holder = excluded.holder, taken_at = now(), renewed_at = now()
WHERE l.renewed_at < now() - make_interval(secs => :lasts)
   OR l.holder = :dead OR CAST(l.token AS text) = ANY(:left)""")
_RENEW = text(
    "UPDATE unit_leases SET renewed_at = now() WHERE video_id = :video AND scorer_id = :scorer AND token = :token"
)
_MINE = text("""
SELECT FROM unit_leases WHERE video_id = :video AND scorer_id = :scorer AND token = :token FOR UPDATE""")
_GIVE_BACK = text("DELETE FROM unit_leases WHERE video_id = :video AND scorer_id = :scorer AND token = :token")
_HOLDER = text("SELECT holder FROM unit_leases WHERE video_id = :video AND scorer_id = :scorer")
# A worker that is frozen within its commit must not keep the video's lock; older servers lack the second setting.
_BOUND = text("""
SELECT set_config(name, CASE name WHEN 'transaction_timeout' THEN '1800s' ELSE '600s' END, true)
FROM pg_settings WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')""")

_RENEWALS = 4  # in the time that a lease lasts
_LONGEST_POLL_S = 2.0
_not_given_back: list[str] = []  # tokens of this process: the database was away when they should have gone


class Lease:
    """Held by this process; `held_lease` makes one."""

    def __init__(self, engine: Engine, video_id: int, scorer_id: int, lasts_s: float) -> None:
        self._engine, self._lasts_s = engine, lasts_s
        self._key = {"video": video_id, "scorer": scorer_id, "token": uuid4()}
        self._over = threading.Event()
        self._lost = False
        self._renewing = threading.Thread(target=self._renew, name="lease", daemon=True)

    @property
    def token(self) -> UUID:
        """The token of this attempt."""
        return self._key["token"]  # type: ignore[return-value]  # one of three kinds of values

    def check(self) -> None:
        """Raises LeaseLostError when another worker is known to have it; asks nobody."""
        if self._lost:
            raise self._lost_error()

    def require(self, connection: Connection) -> None:
        """Keep the lease until this transaction ends, the one that writes, under the video's lock.

        Raises:
            LeaseLostError: another worker took over; nothing may be written.
        """
        connection.execute(_BOUND)
        if connection.execute(_MINE, self._key).first() is None:
            self._lost = True
            raise self._lost_error()

    def _take(self) -> None:
        dead, said, poll_s = "", False, min(_LONGEST_POLL_S, self._lasts_s / _RENEWALS)
        while not self._taken(dead):
            holder = self._holder()
            dead = holder if _has_died(holder) else ""
            if not dead:
                if not said:
                    log.info("%s works on video %s already; waiting for it.", holder, self._key["video"])
                said = True
                time.sleep(poll_s)
        self._renewing.start()

    def _taken(self, dead: str) -> bool:
        values = {**self._key, "holder": _myself(), "lasts": self._lasts_s, "dead": dead, "left": _not_given_back}
        with self._engine.begin() as connection:
            return bool(connection.execute(_TAKE, values).rowcount)

    def _holder(self) -> str:
        with self._engine.connect() as connection:
            return str(connection.execute(_HOLDER, self._key).scalar() or "")

    def _renew(self) -> None:
        while not self._over.wait(self._lasts_s / _RENEWALS):
            try:
                with self._engine.begin() as connection:
                    self._lost = not connection.execute(_RENEW, self._key).rowcount
            except DBAPIError as error:  # away for a while: nobody else can take it then either
                log.warning("The lease of video %s was not renewed: %s", self._key["video"], error.orig)
            if self._lost:
                return

    def _give_back(self) -> None:
        self._over.set()
        self._renewing.join()
        try:
            with self._engine.begin() as connection:
                connection.execute(_GIVE_BACK, self._key)
        except DBAPIError as error:
            _not_given_back.append(str(self.token))
            log.warning("The lease of video %s could not be given back: %s", self._key["video"], error.orig)

    def _lost_error(self) -> LeaseLostError:
        return LeaseLostError(
            f"Another worker took over video {self._key['video']}, because nothing was heard of this one for "
            f"{self._lasts_s:.0f} s (ANYANOMALY_LEASE_S); nothing of this try was written."
        )


def _myself() -> str:
    """Host, process and its start: what a lease names its holder by."""
    return f"{socket.gethostname()}, process {os.getpid()}, started {psutil.Process().create_time():.2f}"


def _has_died(holder: str) -> bool:
    """Whether a holder was a process of this host and is no more; of other hosts nobody here knows."""
    said = re.fullmatch(r"(.+), process (\d+), started ([\d.]+)", holder)
    if said is None or said[1] != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(said[2]))
        return f"{process.create_time():.2f}" != said[3] or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def held_lease(engine: Engine, video_id: int, scorer_id: int, *, lasts_s: float) -> Iterator[Lease]:
    """The lease of a video and a scorer; waits while another worker has it.

    Args:
        engine: of a user with the writer's rights.
        video_id: the video.
        scorer_id: the scorer.
        lasts_s: seconds without a renewal after which another worker may take it.
    """
    lease = Lease(engine, video_id, scorer_id, lasts_s)
    lease._take()  # noqa: SLF001  (its own factory)
    try:
        yield lease
    finally:
        lease._give_back()  # noqa: SLF001
