"""Whether a host of several is as the others: secrets, clock, buckets, versions, time-outs, connections, pools.

Run on every host; what has to be the same everywhere is shown as a fingerprint, to be compared.
"""

import hashlib
import secrets
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from anyanomaly_core import __version__
from anyanomaly_core.config import Settings
from anyanomaly_core.embedded.machine import MachinePart
from anyanomaly_core.errors import AnyAnomalyError
from anyanomaly_core.footage import bucket
from anyanomaly_core.result_folder import is_bucket

_SECRETS = {
    "secret of task tokens": "AIRFLOW__API_AUTH__JWT_SECRET",
    "key of stored connections": "AIRFLOW__CORE__FERNET_KEY",
}
_PACKAGES = ("apache-airflow", "apache-airflow-providers-celery", "celery", "redis", "s3fs")
_SKEW_S = 2.0  # tokens state when they begin and end
_LONGEST_UNIT_S = 6 * 3600.0
_FULL = 0.8  # of PostgreSQL's connections


def examine_fleet(settings: Settings, engine: Engine, variables: Mapping[str, str]) -> list[MachinePart]:
    """Everything that hosts must agree on or reach; nothing is changed but a probe object that is removed again.

    Args:
        settings: of this host.
        engine: of the results database.
        variables: environment of its Airflow processes.
    """
    return [
        MachinePart("software", __version__),
        *_packages(),
        *(_secret(what, variables.get(name), name) for what, name in _SECRETS.items()),
        *_database(engine),
        *_airflow(variables),
        _visibility(variables),
        _journal(settings),
        _result_bucket(settings),
        _archive(settings),
    ]


def _packages() -> Iterator[MachinePart]:
    for name in _PACKAGES:
        try:
            yield MachinePart(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield MachinePart(name, "", "not installed; the image has it (requirements-distributed.lock)")


def _secret(what: str, value: str | None, name: str) -> MachinePart:
    if not value:
        return MachinePart(what, "", f"{name} is not set: each host would make up its own")
    fingerprint = hashlib.sha256(f"anyanomaly {value}".encode()).hexdigest()[:8]
    return MachinePart(what, f"{fingerprint}; the same on every host")


def _database(engine: Engine) -> Iterator[MachinePart]:
    with engine.connect() as connection:
        yield _clock(connection)
        most = int(connection.execute(text("SHOW max_connections")).scalar_one())
        used = int(
            connection.execute(text("SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL")).scalar_one()
        )
    full = (
        f"{used} of {most} are in use: raise max_connections, or put PgBouncer between" if used > _FULL * most else None
    )
    yield MachinePart("connections of PostgreSQL", f"{used} of {most} in use", full)


def _clock(connection: Connection) -> MachinePart:
    began = time.monotonic()
    theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    apart = abs((datetime.now(UTC) - theirs).total_seconds() - (time.monotonic() - began) / 2)
    wrong = f"{apart:.1f} s from PostgreSQL's: tokens of tasks would not be valid; run NTP" if apart > _SKEW_S else None
    return MachinePart("clock", f"{apart:.2f} s from PostgreSQL's", wrong)


def _airflow(variables: Mapping[str, str]) -> Iterator[MachinePart]:
    url = variables.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
    if not url:
        yield MachinePart("Airflow's database", "", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN is not set")
        return
    engine = create_engine(url, connect_args={"connect_timeout": 10})
    try:
        with engine.connect() as connection:
            pools = {
                str(row.pool): int(row.slots) for row in connection.execute(text("SELECT pool, slots FROM slot_pool"))
            }
    except SQLAlchemyError as error:
        yield MachinePart("Airflow's database", "", str(getattr(error, "orig", error)).strip())
        return
    finally:
        engine.dispose()
    missing = [name for name in ("gpu", "backfill") if name not in pools]
    yield MachinePart(
        "pools", ", ".join(f"{k} {v}" for k, v in pools.items()), f"no pool {missing}" if missing else None
    )
    cap = int(variables.get("AIRFLOW__CORE__PARALLELISM", "32"))
    slots = sum(slots for name, slots in pools.items() if name != "default_pool")
    short = f"AIRFLOW__CORE__PARALLELISM is {cap}, less than the {slots} slots of the pools" if cap < slots else None
    yield MachinePart("tasks at a time", f"{cap} by Airflow, {slots} by the pools", short)


def _visibility(variables: Mapping[str, str]) -> MachinePart:
    seconds = float(variables.get("AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT", "86400"))
    short = f"Redis gives a task to a second worker after {seconds:.0f} s" if seconds < _LONGEST_UNIT_S else None
    return MachinePart("visibility of tasks", f"{seconds / 3600:.0f} h", short)


def _journal(settings: Settings) -> MachinePart:
    alone = settings.journal == "folder" and is_bucket(settings.parquet_root)
    problem = "in a folder: another host begins anew. Set ANYANOMALY_JOURNAL=database" if alone else None
    return MachinePart("journal", settings.journal, problem)


def _result_bucket(settings: Settings) -> MachinePart:
    root = settings.parquet_root
    if not is_bucket(root):
        return MachinePart("results", f"{root}: a folder, which every host must have mounted")
    probe: Any = root / f".probe-{secrets.token_hex(6)}"
    try:
        probe.write_bytes(b"anyanomaly doctor")
        held = probe.read_bytes() == b"anyanomaly doctor"
        probe.unlink()
    except Exception as error:  # noqa: BLE001  (stores raise whatever their client libraries raise)
        return MachinePart("results", "", f"{root}: {type(error).__name__}: {str(error)[:200]}")
    return MachinePart("results", f"{root}: written, read, removed", None if held else f"{root} gave other bytes back")


def _archive(settings: Settings) -> MachinePart:
    if not bucket.is_url(settings.archive_root):
        return MachinePart("archive", f"{settings.archive_root}: a folder, which every host must have mounted")
    try:
        first = next(bucket.walk(settings.archive_root), None)
    except AnyAnomalyError as error:
        return MachinePart("archive", "", str(error))
    return MachinePart("archive", f"{settings.archive_root}, such as {first[0]}" if first else "empty")
