"""docker-compose.yml, checked without an engine: against the code, and by Docker's own parser where it is."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from anyanomaly_core.config import Settings
from anyanomaly_core.embedded.airflow import RECOVERY, SERVICES
from tasks.wiring.defaults import CONTROL_QUEUE, SCAN_QUEUE

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
ENDS_BY_ITSELF = {"prepare"}
VARIABLE = re.compile(r"\$\{([A-Z_]+)[^}]*\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def airflow_services(compose: dict[str, Any]) -> dict[str, Any]:
    return {name: s for name, s in compose["services"].items() if str(s["image"]).startswith("anyanomaly:")}


def test_it_has_what_the_code_needs(compose: dict[str, Any]) -> None:
    services = set(compose["services"])
    assert {"postgres", "redis", "worker", "vllm"} <= services
    assert set(SERVICES) <= services, "the three services of Airflow that `make up` starts too"
    assert compose["services"]["vllm"]["profiles"] == ["gpu"], "optional"


def test_every_setting_exists_and_every_required_one_is_given(compose: dict[str, Any]) -> None:
    known = {f"ANYANOMALY_{name.upper()}" for name in Settings.model_fields}
    required = {f"ANYANOMALY_{name.upper()}" for name, field in Settings.model_fields.items() if field.is_required()}
    for name, service in airflow_services(compose).items():
        given = {key for key in service["environment"] if key.startswith("ANYANOMALY_")}
        assert given <= known, f"{name} sets what no code reads"
        assert required <= given, name


def test_airflow_settings_exist(compose: dict[str, Any]) -> None:
    known = (ROOT / ".venv/lib/python3.11/site-packages/airflow/config_templates/config.yml").read_text(
        encoding="utf-8"
    )
    sections = yaml.safe_load(known)
    for service in airflow_services(compose).values():
        for key in service["environment"]:
            match = re.fullmatch(r"AIRFLOW__([A-Z_]+?)__([A-Z_]+)", key)
            if match and not match[1].startswith("CELERY"):  # its settings come with the Celery provider
                assert match[2].lower() in sections[match[1].lower()]["options"], key
        assert RECOVERY.items() <= service["environment"].items(), "recovery is as quick as on one machine"


def test_every_queue_has_its_workers(compose: dict[str, Any]) -> None:
    """A task in a queue that nobody listens to waits for ever; and nobody listens to two of them."""
    commands = {name: service.get("command", []) for name, service in airflow_services(compose).items()}
    queues = {name: words[words.index("--queues") + 1] for name, words in commands.items() if "worker" in words}
    assert queues == {"control-worker": CONTROL_QUEUE, "worker": SCAN_QUEUE, "gpu-worker": SCAN_QUEUE}
    assert compose["services"]["scheduler"]["environment"]["AIRFLOW__OPERATORS__DEFAULT_QUEUE"] == CONTROL_QUEUE


def test_worker_hosts_reach_what_the_control_host_publishes(compose: dict[str, Any]) -> None:
    """Every address that a worker is given names a service that is published there and has an address here."""
    folder = ROOT / ".ci" / "docker"
    control, worker = (
        yaml.safe_load((folder / f"{role}-host.yml").read_text(encoding="utf-8"))["services"]
        for role in ("control", "worker")
    )
    given = compose["services"]["worker"]["environment"].values()
    named = {host for value in given for host in re.findall(r"//(?:[^/]*@)?([a-z-]+)(?=[:/])", str(value))} - {
        "localhost"
    }
    assert named == {"postgres", "redis", "api-server"}
    for service in ("worker", "gpu-worker"):
        assert {line.partition(":")[0] for line in worker[service]["extra_hosts"]} == named
    assert set(control) == named
    ports = [port for service in control.values() for port in service["ports"]]
    assert all(port.startswith("${CONTROL_ADDRESS") for port in ports), "on no other network"


def test_no_secret_stands_in_the_file(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD$|SECRET|FERNET|API_KEY", key):
                assert value is None or VARIABLE.fullmatch(str(value)), f"{name}: {key}"
            # What stands between the colon and the @ of a URL.
            for password in re.findall(r"://[^:/@]*:(.*?)@", str(value)):
                assert VARIABLE.fullmatch(password), f"{name}: {key}"


def test_every_lasting_service_has_a_health_check(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert name in ENDS_BY_ITSELF or service.get("healthcheck", {}).get("test"), name


def test_only_this_machine_reaches_the_published_ports(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_footage_is_mounted_read_only(compose: dict[str, Any]) -> None:
    for name, service in airflow_services(compose).items():
        mounts = [mount for mount in service["volumes"] if mount.endswith(":/footage:ro")]
        assert len(mounts) == 1, name


def test_what_it_points_at_is_there(compose: dict[str, Any]) -> None:
    build = next(iter(airflow_services(compose).values()))["build"]
    dockerfile = (ROOT / build["dockerfile"]).read_text(encoding="utf-8")
    copied = re.findall(r"^COPY (.+) \S+$", dockerfile, flags=re.MULTILINE)
    named = {path for line in copied for path in line.split()}
    named |= {
        m.split(":")[0] for s in compose["services"].values() for m in s.get("volumes", []) if m.startswith("./d")
    }
    assert all((ROOT / path).exists() for path in named), named
    volumes = {m.split(":")[0] for s in compose["services"].values() for m in s.get("volumes", [])}
    assert {volume for volume in volumes if re.fullmatch(r"[a-z-]+", volume)} == set(compose["volumes"])


@pytest.mark.parametrize("script", sorted((ROOT / ".ci" / "docker").glob("*.sh")), ids=lambda path: path.name)
def test_scripts_parse(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)


def test_the_generated_env_file_gives_every_variable(tmp_path: Path) -> None:
    script = tmp_path / ".ci" / "docker" / "make-env.sh"
    script.parent.mkdir(parents=True)
    script.write_bytes((ROOT / ".ci" / "docker" / "make-env.sh").read_bytes())
    subprocess.run(["bash", script, "/some where/footage", "/rules"], check=True, capture_output=True)
    env = tmp_path / ".env"
    assert env.stat().st_mode & 0o077 == 0
    given = {line.split("=")[0] for line in env.read_text().splitlines()}
    needed = set(re.findall(r"\$\{([A-Z_]+):\?", FILE.read_text(encoding="utf-8")))
    assert needed <= given
    again = subprocess.run(["bash", script, "/a", "/b"], check=False, capture_output=True)
    assert again.returncode != 0, "it must never replace the passwords of running databases"


def test_docker_accepts_it(tmp_path: Path) -> None:
    try:
        subprocess.run(["docker", "compose", "version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("Docker's compose plugin is not installed here")
    names = set(VARIABLE.findall(FILE.read_text(encoding="utf-8")))
    (tmp_path / "env").write_text("".join(f"{name}=1\n" for name in names))
    command = ["docker", "compose", "-f", FILE, "--env-file", tmp_path / "env", "--profile", "gpu", "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    assert done.returncode == 0, done.stderr
