"""A model hub on this machine: a folder for each repository, served by the HTTP API that huggingface_hub speaks."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "5d41402abc4b2a76b9719d911017c592ae5b1e4c"


@dataclass
class Hub:
    """What is served, and how it behaves."""

    repositories: dict[str, Path]
    address: str = ""
    gated: set[str] = field(default_factory=set)
    breaks_after: int | None = None  # bytes of a file, after which a connection breaks off; once
    asked: list[str] = field(default_factory=list)

    def files(self, repository: str) -> list[Path]:
        root = self.repositories[repository]
        return sorted(path for path in root.rglob("*") if path.is_file())


class _Server(ThreadingHTTPServer):
    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _hub(self) -> Hub:
        assert isinstance(self.server, _Server)
        return self.server.hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, *, with_body: bool) -> None:
        self._hub.asked.append(f"{self.command} {self.path}")
        path = self.path.partition("?")[0].strip("/")
        if path.startswith("api/models/"):
            self._repository(path.removeprefix("api/models/"))
        elif "/resolve/" in path:
            repository, _, rest = path.partition("/resolve/")
            self._file(repository, rest.partition("/")[2], with_body=with_body)
        else:
            self._json(404, {"error": "no such page"})

    def _repository(self, path: str) -> None:
        repository, _, revision = path.partition("/revision/")
        if repository not in self._hub.repositories:
            self._json(401, {"error": "Invalid username or password."}, **{"X-Error-Code": "RepoNotFound"})
        elif repository in self._hub.gated:
            self._json(403, {"error": "Access is restricted"}, **{"X-Error-Code": "GatedRepo"})
        elif revision not in {"", "main", COMMIT}:
            self._json(404, {"error": "Invalid rev id"}, **{"X-Error-Code": "RevisionNotFound"})
        else:
            root = self._hub.repositories[repository]
            siblings = [
                {"rfilename": path.relative_to(root).as_posix(), "size": path.stat().st_size}
                for path in self._hub.files(repository)
            ]
            self._json(200, {"id": repository, "sha": COMMIT, "siblings": siblings})

    def _file(self, repository: str, name: str, *, with_body: bool) -> None:
        path = self._hub.repositories[repository] / name
        content = path.read_bytes()
        start = 0
        if wanted := self.headers.get("Range"):
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if not with_body:
            return
        rest = content[start:]
        if self._hub.breaks_after is not None and len(rest) > self._hub.breaks_after:
            rest, self._hub.breaks_after = rest[: self._hub.breaks_after], None
            self.wfile.write(rest)
            self.wfile.flush()
            self.connection.close()
            return
        self.wfile.write(rest)

    def _json(self, status: int, body: dict[str, Any], **headers: str) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def running_hub(repositories: dict[str, Path]) -> Iterator[Hub]:
    """Serve folders as ``organisation/name`` until the block ends."""
    hub = Hub(repositories)
    server = _Server(hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
