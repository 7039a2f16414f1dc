"""What the image would start with: its packages fit together, its commands exist, its result backend is reached."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from anyanomaly_core.config import Settings
from anyanomaly_core.embedded.airflow import RECOVERY
from anyanomaly_core.embedded.postgres import PostgresServer
from tests.distributed.compose import ROOT, environment, python_commands, services


@pytest.fixture(scope="module")
def variables(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a worker, but for where PostgreSQL is."""
    compose = Path(ROOT, "docker-compose.yml").read_text(encoding="utf-8")
    needed = dict.fromkeys(re.findall(r"\$\{([A-Z_]+):\?", compose), "x") | {"AIRFLOW_FERNET_KEY": ""}
    stated = environment(services()["worker"], needed)
    url = postgres.url("postgres", "postgres")
    backend = stated["AIRFLOW__CELERY__RESULT_BACKEND"]
    driver = backend.removeprefix("db+").partition("://")[0]
    stated["AIRFLOW__CELERY__RESULT_BACKEND"] = f"db+{driver}://{url.partition('://')[2]}"
    stated["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = url
    home = tmp_path_factory.mktemp("airflow")
    # The edge worker's commands are known only with its executor.
    stated["AIRFLOW__CORE__EXECUTOR"] = "CeleryExecutor,airflow.providers.edge3.executors.EdgeExecutor"
    return {**os.environ, **stated, "AIRFLOW_HOME": str(home), "PYTHONPATH": str(ROOT)}


def test_the_image_installs_the_lock_of_its_role() -> None:
    steps = Path(ROOT, ".ci/docker/Dockerfile").read_text(encoding="utf-8")
    assert "pip install --require-hashes --no-deps -r requirements-distributed.lock" in steps
    assert "pip check" in steps


def run(script: str, variables: dict[str, str], *arguments: str) -> list[str]:
    """The lines that a Python program prints."""
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout.splitlines()


def test_executors_import_and_the_result_backend_is_reached(variables: dict[str, str]) -> None:
    """Celery stores the state of a task in PostgreSQL through the very driver that the compose file names."""
    script = """
import redis, s3fs
from airflow.providers.amazon.aws.log.s3_task_handler import S3TaskHandler
from airflow.providers.celery.executors.celery_executor import CeleryExecutor, app
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor import KubernetesExecutor
from airflow.providers.edge3.executors import EdgeExecutor
app.backend.store_result("1", "kept", "SUCCESS")
print(app.backend.get_result("1"), app.backend.ResultSession().bind.driver)"""
    assert run(script, variables)[-1] == "kept psycopg2"


def test_every_command_of_the_image_exists(variables: dict[str, str]) -> None:
    """Airflow's and Celery's parsers take each with its options; what they do not know ends the program."""
    commands = [command[2:] for command in python_commands().values() if command[1] == "-m"]
    commands.append(["airflow", "edge", "worker", "--queues", "scan", "--concurrency", "2"])  # docs/distributed.md
    script = """
import json, sys
from airflow.cli.cli_parser import get_parser
from celery.bin.celery import celery
from anyanomaly_core.cli.app import app as ours
from typer.main import get_command
for program, *words in json.loads(sys.argv[1]):
    if program == "airflow":
        get_parser().parse_args(words)
    else:
        group = celery if program == "celery" else get_command(ours)
        with group.make_context(program, words) as context:
            name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
            command.make_context(name, rest, parent=context)
    print(program)"""
    found = run(script, variables, json.dumps(commands))
    assert len(commands) > 8
    assert [line for line in found if line in {"airflow", "celery", "anyanomaly_core.cli"}] == [c[0] for c in commands]


def test_the_pod_of_kubernetes_is_one_and_its_settings_exist(variables: dict[str, str]) -> None:
    """Read by the executor's own reader; the chart's schema is not at hand here."""
    script = """
import sys
from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
pod = PodGenerator.deserialize_model_file(sys.argv[1])
print(pod.spec.containers[0].name, [volume.name for volume in pod.spec.volumes])"""
    folder = ROOT / ".ci" / "kubernetes"
    assert run(script, variables, str(folder / "pod.yaml"))[-1] == "base ['state', 'models']"
    values = yaml.safe_load((folder / "values.yaml").read_text(encoding="utf-8"))
    given = {item["name"]: item["value"] for item in values["env"]} | {s["envName"]: "" for s in values["secret"]}
    assert RECOVERY.items() <= given.items()
    known = {f"ANYANOMALY_{name.upper()}" for name in Settings.model_fields}
    required = {f"ANYANOMALY_{name.upper()}" for name, field in Settings.model_fields.items() if field.is_required()}
    assert required <= {name for name in given if name.startswith("ANYANOMALY")} <= known
