"""A time stamp authority (RFC 3161) on this machine: OpenSSL's, behind HTTP."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CONFIGURATION = """
[req]
distinguished_name = name
x509_extensions = root
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[stamping]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
dir = {folder}
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/stamping.pem
{chain}
signer_key = {folder}/stamping.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
tsa_name = yes
ess_cert_id_alg = sha256
"""


class Authority:
    """Keys and certificates in a folder; ``answer`` may be replaced to misbehave."""

    def __init__(self, folder: Path, *, with_chain: bool) -> None:
        self.folder, self.root = folder, folder / "root.pem"
        self.requests = 0
        folder.mkdir()
        chain = f"certs = {self.root}" if with_chain else ""
        (folder / "tsa.cnf").write_text(_CONFIGURATION.format(folder=folder, chain=chain))
        (folder / "serial").write_text("01")
        config = ("-config", str(folder / "tsa.cnf"))
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._openssl("req", "-x509", *key, "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=Root", *config)
        self._openssl("req", *key, "-keyout", "stamping.key", "-out", "stamping.csr", "-subj", "/CN=Stamps", *config)
        signing = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-extensions", "stamping")
        self._openssl("x509", "-req", "-in", "stamping.csr", *signing, "-extfile", "tsa.cnf", "-out", "stamping.pem")

    def answer(self, request: bytes) -> tuple[int, bytes]:
        """HTTP status and reply."""
        (self.folder / "request.tsq").write_bytes(request)
        files = ("-queryfile", "request.tsq", "-out", "reply.tsr")
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", *files)
        return 200, (self.folder / "reply.tsr").read_bytes()

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


@contextmanager
def running(authority: Authority) -> Iterator[str]:
    """Its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            authority.requests += 1
            status, reply = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsa"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
