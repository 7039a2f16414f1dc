"""A receiver of webhooks on this machine: it keeps what it gets, and answers as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """What was received, and what is answered next; without a word of its own it answers 200."""

    url: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)  # path, headers, body
    answers: list[int] = field(default_factory=list)  # taken from the front
    held: threading.Event = field(default_factory=threading.Event)  # answers wait until it is set
    came: threading.Event = field(default_factory=threading.Event)

    def keys(self) -> list[str]:
        return [headers["Idempotency-Key"] for _, headers, _ in self.requests]


@contextmanager
def receiver() -> Iterator[Receiver]:
    state = Receiver()
    state.held.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.requests.append((self.path, dict(self.headers.items()), body))
            state.came.set()
            state.held.wait(30)
            self.send_response(state.answers.pop(0) if state.answers else 200)
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"said")

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        state.held.set()
        server.shutdown()
        server.server_close()
