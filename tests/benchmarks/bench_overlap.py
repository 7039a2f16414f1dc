"""How busy one scan keeps a model server: requests in flight, and answers a second against what the server could give.

    .venv/bin/python -m tests.benchmarks.bench_overlap

A real HTTP server on this machine takes 200 ms for an answer and gives 32 at a time. A rendered clip is scored for ten
rules, with the demo's encoder, as before (a batch is encoded when the answers of the one before are there) and as now
(while they come), first with nothing known of the footage, then with its embeddings kept. The scores must be equal.
"""

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from anyanomaly_core.config import LibrarySettings
from anyanomaly_core.engine.embeddings import VideoEmbeddings
from anyanomaly_core.engine.scorer import LoadedProfile, load_models
from anyanomaly_core.engine.segment_scores import iter_segment_scores
from anyanomaly_core.engine.video import SegmentedVideo
from anyanomaly_core.footage.content import sha256 as content_of
from anyanomaly_core.footage.examine import examine
from anyanomaly_core.footage.sandbox import Limits
from anyanomaly_core.footage.segments import split_into_segments
from anyanomaly_core.profile import Profile
from anyanomaly_core.scoring.types import RuleTexts, SegmentScore
from tests.integration.archive.small_archive import film

ANSWER_S, AT_ONCE = 0.2, 32


class Server(ThreadingHTTPServer):
    """Answers any question after a while, so many at a time, and notes when requests were there."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.slots = threading.BoundedSemaphore(AT_ONCE)
        self.noted = threading.Lock()
        self.spans: list[tuple[float, float]] = []


class Handler(BaseHTTPRequestHandler):
    """One request; the score in the answer follows from what was asked, and so from nothing else."""

    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.reply({"data": [{"id": "stub"}]})

    def do_POST(self) -> None:
        begin = time.monotonic()
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.server.slots:
            time.sleep(ANSWER_S)
        share = sha256(json.dumps(json.loads(body)["messages"]).encode()).digest()[0] / 255
        self.reply({"choices": [{"index": 0, "message": {"role": "assistant", "content": f"{share:.2f}"}}]})
        with self.server.noted:
            self.server.spans.append((begin, time.monotonic()))

    def reply(self, content: dict[str, object]) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@dataclass
class Run:
    """One scan of the clip."""

    rows: list[SegmentScore]
    wall_s: float
    spans: list[tuple[float, float]] = field(repr=False)

    def busy(self) -> float:
        """Share of the scan during which a request was in flight."""
        covered, end = 0.0, 0.0
        for begin, finish in sorted(self.spans):
            covered += max(0.0, finish - max(begin, end))
            end = max(end, finish)
        return covered / self.wall_s

    def of_server(self) -> float:
        """Answers a second as a share of what the server could give."""
        return len(self.spans) / self.wall_s / (AT_ONCE / ANSWER_S)


def main() -> None:
    """Print the table; the exit status is 1 when scores differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=48)
    parser.add_argument("--rules", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, serving() as server:
        folder = Path(name)
        models, video = prepare(folder, server, options.segments)
        rules = [RuleTexts(n, f"rule-{n}", (f"a thing of kind {n}",)) for n in range(options.rules)]
        runs = {}
        for ahead in (0, 1):
            with VideoEmbeddings(folder / f"kept-{ahead}") as kept:
                for known in ("first scan", "known footage"):
                    runs[known, ahead] = scan(models, video, rules, kept, server, ahead=ahead)
    print(f"{options.segments} segments, {options.rules} rules; {AT_ONCE} answers at a time, {ANSWER_S} s each")
    print(f"{'':16}{'batches ahead':>14}{'seconds':>9}{'requests':>10}{'in flight':>11}{'of the server':>15}")
    for (known, ahead), run in sorted(runs.items()):
        print(f"{known:16}{ahead:>14}{run.wall_s:>9.1f}{len(run.spans):>10}{run.busy():>11.0%}{run.of_server():>15.0%}")
    if len({scores_of(run.rows) for run in runs.values()}) > 1:
        raise SystemExit("The scores of these runs differ.")
    print("All scores are equal.")


@contextmanager
def serving() -> Iterator[Server]:
    """A server that listens."""
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def prepare(folder: Path, server: Server, segments: int) -> tuple[LoadedProfile, SegmentedVideo]:
    """The models, and a clip of so many segments."""
    profile = Profile.model_validate(
        {
            "name": "overlap",
            "encoder": {"model": "demo"},
            "lvlm": {
                "backend": "openai",
                "model": "stub",
                "base_url": f"http://127.0.0.1:{server.server_port}/v1",
                "concurrency": AT_ONCE,
            },
            "scoring": {"readout": "generate", "static_level": 0},
        }
    )
    limits = Limits()
    path = film(folder / "clip.mp4", segments * profile.sampling.segment_frames)
    content = content_of(path)
    file = examine(path, content, limits, None)
    parts = tuple(split_into_segments(file.pace, profile.sampling))
    models = load_models(profile, LibrarySettings())
    return models, SegmentedVideo.of(path, parts, profile, content_sha256=content, from_packets=False)


def scan(
    models: LoadedProfile,
    video: SegmentedVideo,
    rules: list[RuleTexts],
    kept: VideoEmbeddings,
    server: Server,
    *,
    ahead: int,
) -> Run:
    """Score the clip once."""
    server.spans.clear()
    begin = time.monotonic()
    batches = iter_segment_scores(video, rules, models.scorer, limits=Limits(), embeddings=kept, batches_ahead=ahead)
    rows = [row for batch in batches for row in batch]
    return Run(rows, time.monotonic() - begin, list(server.spans))


def scores_of(rows: list[SegmentScore]) -> tuple[tuple[int, int, float | None], ...]:
    """What must not change."""
    return tuple((row.segment_index, row.rule_version_id, row.score) for row in rows)


if __name__ == "__main__":
    main()
