"""A database, an archive and rules for a benchmark that scans in its own processes; everything goes with the folder."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from anyanomaly_core.archive.rules import apply_rule_files
from anyanomaly_core.demo.archive import ArchivePlan, make_archive
from anyanomaly_core.embedded.postgres import PostgresServer
from anyanomaly_core.footage.command import executable
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.migrate import upgrade

DAY = "2026-03-01"


@contextmanager
def one_site(rules: dict[str, str], **settings: object) -> Iterator[Path]:
    """A migrated database whose rules are applied, and an empty archive; the environment names both for children.

    Args:
        rules: name to YAML body.
        settings: further ``ANYANOMALY_*`` variables, in lower case.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped then, too
    with TemporaryDirectory(prefix="anyanomaly-bench-") as made:
        folder = Path(made)
        folder.chmod(0o755)  # root's server runs as nobody
        server = PostgresServer(folder / "postgres")
        server.start()
        try:
            upgrade(server.url("anyanomaly"))
            own = {"archive_root": folder / "archive", "database_url": server.url("anyanomaly", "scanner")}
            own |= {"parquet_root": folder / "parquet", "state_dir": folder / "state", "device": "cpu"}
            os.environ.update({f"ANYANOMALY_{name.upper()}": str(value) for name, value in (own | settings).items()})
            os.environ["TQDM_DISABLE"] = "1"
            (folder / "rules").mkdir()
            for name, body in rules.items():
                (folder / "rules" / f"{name}.yaml").write_text(body, encoding="utf-8")
            engine = make_engine(server.url("anyanomaly", "scanner"))
            apply_rule_files(engine, folder / "rules", author="benchmark")
            engine.dispose()
            yield folder
        finally:
            server.stop()


def place(archive: Path, camera: str) -> Path:
    """Where a camera's only recording goes."""
    path = archive / camera / DAY / "10-00-00.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def aged(path: Path) -> Path:
    """Files that changed a moment ago are left for the next ingest."""
    minutes_ago = time.time() - 300
    os.utime(path, (minutes_ago, minutes_ago))
    return path


def rendered(folder: Path, *, seconds: float, fps: float) -> Path:
    """One clip of the demo's world, 480x360."""
    make_archive(folder, ArchivePlan(seed=31, cameras=1, clips_per_camera=1, clip_s=seconds, fps=fps), workers=1)
    return next(folder.glob("*/*/*.mp4"))


def ffmpeg(*arguments: str | Path) -> None:
    """Run it; what it says goes to the terminal."""
    command: Sequence[str] = [executable(), "-y", "-nostdin", "-loglevel", "error", *map(str, arguments)]
    subprocess.run(command, check=True)


def looped(source: Path, path: Path, times: int) -> Path:
    """A file that shows ``source`` so many times, without encoding anything."""
    ffmpeg("-stream_loop", str(times - 1), "-i", source, "-c", "copy", path)
    return aged(path)
