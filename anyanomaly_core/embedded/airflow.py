"""Airflow's own services on this machine: their settings, database and processes. Airflow itself is never imported.

Every command is ``python -m airflow``: a console script's first line breaks when the checkout's path has a space.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import psycopg2

from anyanomaly_core.embedded import processes
from anyanomaly_core.embedded.installation import REVIEW_URL, Installation, write_whole
from anyanomaly_core.embedded.processes import Service
from anyanomaly_core.errors import StorageError

REPOSITORY = Path(__file__).resolve().parents[2]
# In the order of their start; they are stopped the other way round. Tasks report to the api-server: a scheduler that
# starts them before it answers, or outlives it, would use up their tries.
SERVICES: dict[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    # Task logs are read from disk by the api-server; serving them a second time would take a fixed port.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
}
# Recovery in seconds. docker-compose.yml sets the same, which a test compares.
RECOVERY = {
    # A worker that is not heard of for so long is dead, and its task is tried again.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
    # Tasks of a scheduler that died go on after a minute.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
    # On a busy machine an answer may take longer than the 5 s after which a task gives up its try.
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
    # A task ends itself after so many heartbeats, 5 s apart, that fail: three would be a restart of PostgreSQL.
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "60",
}
_FOLDER = "airflow.dag_processing.bundles.local.LocalDagBundle"


def services(installation: Installation) -> list[Service]:
    """The three services of an installation, running or not."""
    return [Service(name, installation.run / f"{name}.json", installation.logs / f"{name}.log") for name in SERVICES]


def gpu_slots() -> int:
    """Units of scan work at the same time: one where there is a GPU, else two, each with half of the cores."""
    has_gpu = Path("/dev/nvidiactl").exists()
    return 1 if has_gpu else min(2, os.cpu_count() or 1)


def airflow_environment(installation: Installation, port: int, parallelism: int) -> dict[str, str]:
    """Environment of every Airflow process: its configuration, and the settings of our tasks.

    ``AIRFLOW_*`` variables of the caller are left out, so that another Airflow on this machine is never touched.

    Args:
        installation: whose services they are; its PostgreSQL must run.
        port: of the api-server, which tasks also report to.
        parallelism: task processes at the same time.
    """
    address = f"http://127.0.0.1:{port}"
    keys = installation.secrets
    inherited = {
        key: value
        for key, value in os.environ.items()
        if key.startswith("AIRFLOW_CONN_") or not key.startswith(("AIRFLOW_", "ANYANOMALY_"))
    }
    threads = str(max(1, (os.cpu_count() or 1) // gpu_slots()))
    configuration = {
        "AIRFLOW_HOME": str(installation.airflow_home),
        "AIRFLOW__CORE__DAGS_FOLDER": os.environ.get("ANYANOMALY_DAGS_FOLDER", str(REPOSITORY / "dags")),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(
            [
                {"name": "dags-folder", "classpath": _FOLDER, "kwargs": {}},
                {"name": "site", "classpath": _FOLDER, "kwargs": {"path": str(installation.dags)}},
            ]
        ),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(parallelism),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet_key"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(map(":".join, installation.users.items())),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(installation.airflow_passwords),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": installation.postgres.url("airflow"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "ANYANOMALY_REVIEW_URL": f"{address}/anyanomaly",
        "AIRFLOW__API__SECRET_KEY": keys["api_secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt_secret"],
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "15",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        **RECOVERY,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(installation.airflow_home / "logs"),
        # Two tasks with as many threads as cores each would wait for one another.
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "TOKENIZERS_PARALLELISM": "false",
        "TQDM_DISABLE": "1",  # bars are for terminals; tasks log how far they are
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"])),
        "PYTHONUNBUFFERED": "1",
    }
    return inherited | configuration | installation.task_environment()


def migrate_database(installation: Installation, variables: dict[str, str]) -> bool:
    """Bring Airflow's tables up to date; False when they already were.

    Asking Airflow takes 8 s even when nothing is to be done, so what it left last time is compared first.
    """
    stamp = installation.run / "airflow-database.json"
    wanted = {"airflow": metadata.version("apache-airflow-core"), "revision": _revision(installation)}
    if wanted["revision"] and stamp.exists() and json.loads(stamp.read_text(encoding="utf-8")) == wanted:
        return False
    log = installation.logs / "airflow-db-migrate.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        done = subprocess.run(
            command, env=variables, cwd=installation.folder, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode != 0:
        raise StorageError(f"Airflow's database could not be set up; the reason is at the end of {log}.")
    write_whole(stamp, json.dumps(wanted | {"revision": _revision(installation)}))
    return True


def start(service: Service, installation: Installation, variables: dict[str, str]) -> None:
    """Start one service; only the api-server, which shows the review pages, gets the reviewer's password."""
    if service.name != "api-server":
        variables = {name: value for name, value in variables.items() if name != REVIEW_URL}
    command = [sys.executable, "-m", "airflow", *SERVICES[service.name]]
    service.start(command, environment=variables, folder=installation.folder)


def run_airflow_command(installation: Installation, words: Sequence[str]) -> int:
    """Run one command of Airflow's own command line in the environment of the running services; its exit status.

    Raises:
        ConfigurationError: when Airflow of this installation was never started.
    """
    variables = airflow_environment(installation, installation.last_api_port(), parallelism=1)
    line = [sys.executable, "-m", "airflow", *words]
    return subprocess.run(line, env=variables, cwd=installation.folder, check=False).returncode


def stop(installation: Installation) -> list[str]:
    """Stop what runs of the three; returns the names."""
    api_server, *others = services(installation)
    return processes.stop(others) + processes.stop([api_server])


def _revision(installation: Installation) -> str | None:
    """The migration Airflow's database is at, or None for an empty database."""
    url = installation.postgres.url("airflow").replace("postgresql+psycopg2://", "postgresql://")
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL")
            if cursor.fetchone() != (True,):
                return None
            cursor.execute("SELECT version_num FROM alembic_version")
            row = cursor.fetchone()
            return str(row[0]) if row else None
    finally:
        connection.close()
