"""The small world that is scanned and killed: footage, rules, models, PostgreSQL, a model server."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg2
import yaml
from sqlalchemy import Engine

from anyanomaly_core.embedded.ports import free_port
from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.embedded.postgres_process import find_server_process
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.migrate import upgrade
from tests.integration.archive.small_archive import DAY, aged, film, make_models

TESTS = Path(__file__).resolve().parents[1]
RULES = {
    "running": "texts: [a person running, a runner]\nthreshold: 0.3\n",
    "car": "texts: [a car]\nexcluded: [a bus]\nthreshold: 0.2\n",
}


@dataclass(frozen=True)
class Material:
    """What every round shares: archive, rules, and profiles with the model in the task and behind a server."""

    folder: Path

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    @property
    def rules(self) -> Path:
        return self.folder / "rules"

    @property
    def profiles(self) -> dict[str, Path]:
        return {name: self.folder / "models" / f"{name}.yaml" for name in ("tiny", "served")}


def make_material(folder: Path) -> Material:
    """Two cameras, four files of which one is cut and one is no video; two rules; a random encoder and LVLM."""
    made = Material(folder)
    film(made.archive / "hall" / DAY / "10-00-00.mp4", 60)
    film(made.archive / "hall" / DAY / "11-00-00.mp4", 30, pattern="smptebars")
    whole = film(made.archive / "gate" / DAY / "10-00-00.avi", 90, pattern="rgbtestsrc").read_bytes()
    (made.archive / "gate" / DAY / "10-00-00.avi").write_bytes(whole[: len(whole) * 2 // 3])
    (made.archive / "gate" / DAY / "11-00-00.mp4").write_text("this is no video\n" * 100)
    for path in made.archive.rglob("*.*"):
        aged(path)
    made.rules.mkdir()
    for name, content in RULES.items():
        (made.rules / f"{name}.yaml").write_text(f"name: {name}\n{content}")
    tiny = yaml.safe_load(make_models(folder / "models").read_text())
    tiny["lvlm"]["max_new_tokens"] = 8
    tiny["scoring"]["rationale_threshold"] = 0.0
    tiny["contexts"]["window_sizes"] = [120]
    made.profiles["tiny"].write_text(yaml.safe_dump(tiny))
    served = tiny | {"name": "served", "lvlm": {"backend": "openai", "model": "tiny", "max_new_tokens": 8}}
    served["scoring"] = tiny["scoring"] | {"readout": "generate"}
    made.profiles["served"].write_text(yaml.safe_dump(served))
    return made


def teach_model(folder: Path) -> Path:
    """A tiny language model that has learned to answer with a number: the server's."""
    paths = [str(TESTS / "unit" / "models"), str(TESTS / "integration" / "models")]
    program = f"import sys; sys.path[:0] = {paths!r}\nfrom pathlib import Path\nfrom taught_vlm import teach\n"
    program += f"import torch; torch.set_num_threads(1); torch.manual_seed(0); teach(Path({str(folder)!r}))"
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=600)
    return folder


class Database:
    """A real PostgreSQL that can be killed and started again, and fresh databases on it."""

    def __init__(self, folder: Path) -> None:
        self.server = PostgresServer(folder)
        self.server.start()
        upgrade(self.server.url())
        self._made = 0

    def fresh(self, template: str = "anyanomaly") -> str:
        """Name of a new database, a copy of this one."""
        self._made += 1
        name = f"round_{os.getpid()}_{self._made}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER anyanomaly STRATEGY file_copy")
        return name

    def drop(self, name: str) -> None:
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def engine(self, name: str) -> Engine:
        """Connections of the superuser."""
        return make_engine(self.server.url(name, "postgres"))

    def processes(self) -> tuple[int, ...]:
        """Every process of the server, the postmaster first: killed together they are a power cut."""
        running = find_server_process(self.server.data_dir)
        if running is None:
            return ()
        postmaster = psutil.Process(running.pid)
        return (running.pid, *(child.pid for child in postmaster.children(recursive=True)))

    def revive(self) -> bool:
        """Start it again if it was killed; returns whether it was."""
        if self.server.is_running():
            return False
        self.server.start()
        return True

    def _execute(self, statement: str) -> None:
        connection = psycopg2.connect(self.server.url("postgres", "postgres").replace("+psycopg2", ""))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


class ModelServer:
    """tests/servers/openai_server.py on a port of its own, killed and started again in no time: by a nursery."""

    def __init__(self, model: Path) -> None:
        self.port = free_port()
        script = str(TESTS / "servers" / "openai_server.py")
        command = [sys.executable, script, str(model), "--name", "tiny", "--port", str(self.port), "--nursery"]
        self._nursery = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def revive(self) -> bool:
        """Start it again if it was killed; returns whether it was."""
        killed = not psutil.pid_exists(self.pid)
        if killed:
            self.pid = self._start()
        return killed

    def wait(self) -> bool:
        """Until it answers. One whose death nobody had noticed yet is started; returns whether that was so."""
        revived = False
        for _ in range(600):
            revived |= self.revive()
            try:
                urllib.request.urlopen(f"{self.url}/models", timeout=5).read()  # noqa: S310  (our own)
            except OSError:
                time.sleep(0.1)
            else:
                return revived
        raise AssertionError("the model server does not start")

    def faults(self, *names: str) -> None:
        """What goes wrong with the next completions, one entry each."""
        data = json.dumps(names).encode()
        urllib.request.urlopen(f"http://127.0.0.1:{self.port}/faults", data, timeout=10).read()

    def stop(self) -> None:
        """The nursery takes its server with it."""
        assert self._nursery.stdin is not None
        self._nursery.stdin.close()
        self._nursery.wait()

    def _start(self) -> int:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write("another\n")
        self._nursery.stdin.flush()
        return int(self._nursery.stdout.readline())
