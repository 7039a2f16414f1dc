"""Start, stop and look at everything an installation runs: PostgreSQL, and Airflow's three services."""

import fcntl
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from anyanomaly_core.embedded import airflow
from anyanomaly_core.embedded.airflow_api import AirflowApi, AirflowError
from anyanomaly_core.embedded.installation import Installation, write_whole
from anyanomaly_core.embedded.processes import Service
from anyanomaly_core.errors import StorageError
from anyanomaly_core.results import migrate

POOLS = {
    "gpu": "Units of scan work at the same time. One per GPU; on a machine without, as many as it has cores to spare.",
    "backfill": "Units of backfill work at the same time, so that a backfill never takes the nightly scan's place.",
}
_READY_TIMEOUT_S = 180.0

Say = Callable[[str], None]


def up(installation: Installation, *, parallelism: int = 3, say: Say = print) -> AirflowApi:
    """Start what does not run yet, wait until all of it answers, and return a client of Airflow.

    Services that run with other settings than now wanted are restarted.

    Raises:
        StorageError: when PostgreSQL or a service does not start; the message shows the end of its log.
    """
    with _lock(installation):
        _step(say, "PostgreSQL", installation.postgres.start)
        _step(say, "results database", lambda: migrate.upgrade(installation.postgres.url("anyanomaly")))
        (installation.folder / "state").mkdir(exist_ok=True)
        installation.parquet.mkdir(exist_ok=True)
        installation.dags.mkdir(exist_ok=True)
        password = installation.admin_password
        running = all(service.find() for service in airflow.services(installation))
        port = installation.last_api_port() if running else 0
        variables = airflow.airflow_environment(installation, port or installation.api_port(), parallelism)
        if running and not _same_settings(installation, variables):
            say("  settings changed: Airflow is started again with the new ones")
            running = False
        if not running:
            airflow.stop(installation)
            variables = airflow.airflow_environment(installation, installation.api_port(), parallelism)
            _step(say, "Airflow's database", lambda: airflow.migrate_database(installation, variables))
        api = AirflowApi(variables["AIRFLOW__API__BASE_URL"], password)
        if not running:
            _start_airflow(installation, variables, api, say)
            write_whole(installation.run / "settings.digest", _digest(variables))
        for name, description in POOLS.items():
            api.ensure_pool(name, airflow.gpu_slots() if name == "gpu" else 1, description)
        return api


def down(installation: Installation, *, say: Say = print) -> bool:
    """Stop everything of this installation and nothing else; False when nothing ran."""
    if not installation.folder.exists():
        return False
    with _lock(installation):
        stopped = airflow.stop(installation)
        if installation.postgres.is_running():
            installation.postgres.stop()
            stopped.append("PostgreSQL")
    if stopped:
        say(f"{installation.name}: stopped {', '.join(stopped)}")
    return bool(stopped)


def is_up(installation: Installation) -> bool:
    """Whether all services of the installation run."""
    return installation.postgres.is_running() and all(service.find() for service in airflow.services(installation))


def status(installation: Installation) -> dict[str, str]:
    """Service name -> what it does, for people."""
    running = installation.postgres.is_running()
    found = {"PostgreSQL": f"running, port {installation.postgres.port}" if running else "stopped"}
    for service in airflow.services(installation):
        process = service.find()
        port = f", port {installation.last_api_port()}" if process and service.name == "api-server" else ""
        found[service.name] = f"running{port}, process {process.pid}" if process else "stopped"
    return found


def wait_for_dags(api: AirflowApi, dag_ids: list[str], *, since: datetime, timeout_s: float = 120) -> None:
    """Wait until Airflow has read the DAG files after ``since``, so that no run starts from an older version.

    Raises:
        AirflowError: when a DAG file cannot be read, with the reason, or does not turn up.
    """
    deadline = time.monotonic() + timeout_s
    missing = set(dag_ids)
    while missing:
        for dag_id in sorted(missing):
            dag = api.dag(dag_id)
            if dag and dag["last_parsed_time"] and datetime.fromisoformat(dag["last_parsed_time"]) >= since:
                missing.discard(dag_id)
        if missing and (broken := api.import_errors()):
            raise AirflowError("Airflow cannot read a DAG file:\n" + "\n".join(broken))
        if missing and time.monotonic() > deadline:
            raise AirflowError(f"Airflow has not read {', '.join(sorted(missing))} within {timeout_s:.0f} s.")
        time.sleep(1)


def started_at(installation: Installation) -> datetime:
    """When the dag-processor that runs now was started."""
    processor = next(service for service in airflow.services(installation) if service.name == "dag-processor").find()
    if processor is None:
        raise StorageError(f"Airflow of {installation.folder} does not run; `make up` starts it.")
    return datetime.fromtimestamp(processor.create_time(), tz=UTC)


def _start_airflow(installation: Installation, variables: dict[str, str], api: AirflowApi, say: Say) -> None:
    api_server, *others = airflow.services(installation)
    airflow.start(api_server, installation, variables)
    _step(say, "Airflow's api-server", lambda: _wait_until_healthy(installation, api, [api_server], ["metadatabase"]))
    api.warm_up()
    for service in others:
        airflow.start(service, installation, variables)
    everything = ["metadatabase", "scheduler", "dag_processor"]
    _step(
        say,
        "Airflow's scheduler and dag-processor",
        lambda: _wait_until_healthy(installation, api, [api_server, *others], everything),
    )


def _wait_until_healthy(installation: Installation, api: AirflowApi, started: list[Service], parts: list[str]) -> None:
    """Wait until Airflow calls all ``parts`` healthy; a service that ended is an error with the end of its log."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    state = "no answer yet"
    while time.monotonic() < deadline:
        for service in started:
            if service.find() is None:
                airflow.stop(installation)
                raise StorageError(f"Airflow's {service.name} ended. The end of {service.log}:\n{service.log_tail()}")
        try:
            health = api.health()
            if all(health.get(part) == "healthy" for part in parts):
                return
            state = json.dumps(health)
        except AirflowError:
            pass  # the api-server opens its port last
        time.sleep(0.5)
    raise StorageError(f"Airflow is not ready after {_READY_TIMEOUT_S:.0f} s ({state}); see {installation.logs}.")


def _step(say: Say, name: str, action: Callable[[], object]) -> None:
    started = time.monotonic()
    action()
    say(f"  {name}: ready ({time.monotonic() - started:.0f} s)")


def _same_settings(installation: Installation, variables: dict[str, str]) -> bool:
    path = installation.run / "settings.digest"
    return path.exists() and path.read_text(encoding="utf-8") == _digest(variables)


def _digest(variables: dict[str, str]) -> str:
    ours = {key: value for key, value in variables.items() if key.startswith(("AIRFLOW_", "ANYANOMALY_"))}
    return hashlib.sha256(json.dumps(ours, sort_keys=True).encode()).hexdigest()


@contextmanager
def _lock(installation: Installation) -> Iterator[None]:
    """One start or stop of an installation at a time."""
    installation.run.mkdir(parents=True, exist_ok=True)
    with (installation.run / "up-or-down.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
