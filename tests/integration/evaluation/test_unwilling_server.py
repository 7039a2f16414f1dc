"""A model server nobody has seen before refuses, then answers: what failed is told, and only that is asked again."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.integration.archive.small_archive import film

REFUSAL = "pictures larger than a stamp are not looked at"


class Server(ThreadingHTTPServer):
    """Says how bright it thinks every picture is, or refuses; counts questions."""

    looks_at = "nothing"  # "sequences", "everything"
    questions = 0


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.reply(404, {"error": "no list"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.questions += 1
        willing = {"nothing": False, "sequences": b"sequence of four moments" in body, "everything": True}
        if not willing[self.server.looks_at]:
            self.reply(400, {"error": REFUSAL})
            return
        share = (len(body) % 97) / 97  # of the picture, somehow
        message = {"role": "assistant", "content": f"<think>I see 1 bar chart.</think>\nScore: {share:.2f}. Bars."}
        self.reply(200, {"choices": [{"index": 0, "message": message}]})

    def reply(self, status: int, content: dict[str, object]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield serving
        serving.shutdown()


def test_what_failed_is_told_and_asked_again(server: Server, tmp_path: Path) -> None:
    root, out = tmp_path / "site", tmp_path / "out"
    for name in ("a", "b", "c"):
        film(root / f"{name}.mp4", 16)
    (root / "_labels").mkdir()
    (root / "_labels" / "events.csv").write_text("video,class,first_frame,last_frame\na.mp4,bar chart,0,7\n")
    lvlm: dict[str, object] = {
        "backend": "openai",
        "model": "unseen",
        "base_url": f"http://127.0.0.1:{server.server_port}/v1",
    }
    lvlm["concurrency"] = 1
    profile = {"name": "unseen", "encoder": {"model": "demo"}, "lvlm": lvlm, "sampling": {"segment_frames": 8}}
    profile |= {"scoring": {"readout": "generate", "static_level": 0}}
    (tmp_path / "unseen.yaml").write_text(yaml.safe_dump(profile))

    def evaluate() -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "anyanomaly_core.cli", "evaluate", str(root), "--profile"]
        command += [str(tmp_path / "unseen.yaml"), "--no-store", "--out", str(out), "--resamples", "20"]
        environment = {**os.environ, "ANYANOMALY_STATE_DIR": str(tmp_path / "state"), "OMP_NUM_THREADS": "1"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)

    stopped = evaluate()
    assert stopped.returncode == 1
    assert re.search(rf"answered none of 5 requests in a row, .*400.*{REFUSAL}", stopped.stderr)
    assert server.questions < 18, "it is not asked about every picture"

    server.looks_at = "sequences"
    refused = evaluate()
    assert refused.returncode == 3, refused.stderr
    assert "6 of 6 segment rows failed, 0 of 3 videos have no scores at all" in refused.stderr
    assert "bar chart: 8 of 8 frames that show the class have no score" in refused.stderr
    assert re.search(rf"6 segment rows failed: .*400.*{REFUSAL}", refused.stderr)
    for report in ("report.md", "report.html"):
        assert REFUSAL in (out / report).read_text()

    server.looks_at, server.questions = "everything", 0
    answered = evaluate()
    assert answered.returncode == 0, answered.stderr
    assert "rows failed" not in answered.stderr
    assert "| bar chart | 1 | 8 of 48 | 0 of 8 |" in (out / "report.md").read_text()
    assert server.questions > 0
    server.questions = 0
    assert evaluate().stdout == answered.stdout
    assert server.questions == 0, "nothing is asked twice"
