"""An S3 server on this machine: moto's, over HTTP, which can be told to refuse for a while."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

Respond = Callable[..., Any]


class S3Server:
    """What is put there stays in its memory."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request otherwise
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.refusing = False
        self.refused = 0
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._server.server_port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def client(self) -> Any:  # noqa: ANN401  (boto3 makes its classes when asked)
        return boto3.client("s3", endpoint_url=self.environment["AWS_ENDPOINT_URL"])

    def names(self, bucket: str) -> list[str]:
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", ()))

    def _answer(self, environ: dict[str, Any], start: Respond) -> Iterable[bytes]:
        if self.refusing:
            self.refused += 1
            start("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"]
        return self._app(environ, start)  # type: ignore[no-any-return]

    @contextmanager
    def running(self) -> Iterator["S3Server"]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
