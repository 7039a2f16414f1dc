import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[2]
sys.path.insert(0, str(TESTS / "unit" / "models"))  # tiny_vlms and tiny_tokenizers


class ServerProcess:
    """tests/servers/openai_server.py, running."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, str(TESTS / "servers" / "openai_server.py"), str(folder), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def faults(self, *faults: Any) -> None:  # noqa: ANN401
        data = json.dumps(faults).encode()
        urllib.request.urlopen(f"http://127.0.0.1:{self.port}/faults", data).read()

    def stats(self) -> dict[str, int]:
        stats: dict[str, int] = json.load(urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats"))
        return stats

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch  # noqa: PLC0415
    from taught_vlm import teach  # noqa: PLC0415  # imports torch and transformers

    torch.set_num_threads(1)  # so small a model learns faster that way, and does not wait for its neighbours
    return teach(tmp_path_factory.mktemp("taught"))


@pytest.fixture(scope="session")
def server(taught: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(taught, "--key", "planted-secret-key")
    yield process
    process.stop()


@pytest.fixture
def start_server(taught: Path) -> Iterator[Any]:
    started: list[ServerProcess] = []

    def start(*options: str) -> ServerProcess:
        started.append(ServerProcess(taught, *options))
        return started[-1]

    yield start
    for process in started:
        process.stop()
