"""Scans that cannot work end in seconds, with exit code 1 and the reason, and leave nothing behind."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

RULE = "name: running\ntexts: [a person running]\n"
SERVED = "name: {name}\nencoder: {{model: demo}}\nlvlm: {{backend: openai, model: auto, base_url: '{url}'}}\n"


class Refusing(BaseHTTPRequestHandler):
    """A model server that wants another key."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.end_headers()
        self.wfile.write(b'{"error": "no such key"}')

    def log_message(self, *_: object) -> None:
        pass


@dataclass(frozen=True)
class Desk:
    folder: Path

    def scan(self, footage: str, rules: str, profile: str) -> "subprocess.CompletedProcess[str]":
        environment = {key: value for key, value in os.environ.items() if not key.startswith("ANYANOMALY_")}
        environment |= {"ANYANOMALY_LOCAL_DIR": str(self.folder / "local"), "HF_HUB_OFFLINE": "1"}
        command = [sys.executable, "-m", "anyanomaly_core.cli", "scan", footage, "--rules", rules]
        return subprocess.run(
            [*command, "--profile", profile],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    for path, text in {
        "footage/hall/2026-03-01/10-00-00.mp4": "any bytes: nothing is decoded before the scan",
        "strangers/10-00-00.mp4": "x",
        "empty/notes.txt": "x",
        "rules/running.yaml": RULE,
        "wrong/running.yaml": "name: running\ntext: [a person running]\nthreshold: 2\n",
        "elsewhere/running.yaml": RULE + "cameras: [hell]\n",
        "own/running.yaml": RULE + "profile: defualt\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (folder / "refusing.yaml").write_text(SERVED.format(name="r", url=f"http://127.0.0.1:{server.server_port}/v1"))
    (folder / "gone.yaml").write_text(SERVED.format(name="g", url="http://127.0.0.1:9/v1"))
    (folder / "half").mkdir()
    (folder / "half" / "config.json").write_text("{}")
    (folder / "half.yaml").write_text("name: h\nencoder: {model: demo}\nlvlm: {model: half, path: half}\n")
    (folder / "nowhere.yaml").write_text("name: n\nencoder: {model: demo}\nlvlm: {model: vlm, path: nowhere}\n")
    try:
        yield Desk(folder)
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    ("footage", "rules", "profile", "said"),
    [
        ("footage", "rules", "nowhere.yaml", "path nowhere is not a directory"),
        ("footage", "rules", "half.yaml", "half holds no weights"),
        ("footage", "rules", "default", "models fetch default"),
        ("footage", "rules", "refusing.yaml", "401"),
        ("footage", "rules", "gone.yaml", "cannot be reached"),
        ("footage", "rules", "defualt", "did you mean 'default'?"),
        ("footage", "own", "demo", "Rule running: There is no built-in profile 'defualt'; did you mean 'default'?"),
        ("footage", "wrong", "demo", "running.yaml:2: unknown key 'text'"),
        ("footage", "elsewhere", "demo", "no camera is called hell; did you mean 'hall'?"),
        ("empty", "rules", "demo", "There is no footage under"),
        ("missing", "rules", "demo", "FOOTAGE=missing is not a folder"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(
    desk: Desk, footage: str, rules: str, profile: str, said: str
) -> None:
    done = desk.scan(footage, rules, profile)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (desk.folder / "local").exists()
