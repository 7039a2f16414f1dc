"""A small archive and its rules, and what the end-to-end tests hold of a running installation."""

import os
import re
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import psutil
from pydantic import SecretStr

from anyanomaly_core.config import Settings
from anyanomaly_core.embedded import airflow, pipeline
from anyanomaly_core.embedded.airflow_api import AirflowApi
from anyanomaly_core.embedded.installation import Installation

DAY = "2026-03-01"
TASK_TITLE = re.compile(r"airflow worker -- [0-9a-f]{8}-")  # a task instance; the executor's own idle ones have a name
RULES = {
    "somebody-runs": "texts: [a person running]\nthreshold: 0.5\n",
    "a-car": "texts: [a car, a vehicle]\nexcluded: [a bicycle]\nthreshold: 0.5\ncameras: ['gate-*']\n",
}


@dataclass(frozen=True)
class Site:
    """The installation under test with its services running."""

    installation: Installation
    api: AirflowApi
    archive: Path
    rules: Path
    first: pipeline.PipelineResult  # the first ingest and scan


def film(path: Path, seconds: float, *, fps: int = 25, pattern: str = "testsrc2") -> Path:
    """A small H.264 file of ``seconds * fps`` frames, minutes old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    source = f"{pattern}=size=320x240:rate={fps}:duration={seconds}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source]
    subprocess.run([*command, "-pix_fmt", "yuv420p", "-y", str(path)], check=True)
    minutes_ago = time.time() - 300
    os.utime(path, (minutes_ago, minutes_ago))  # what changed a moment ago may still be being written, and is left
    return path


def make_archive(root: Path) -> None:
    """Two cameras, three good files of 50, 60 and 26 frames, a cut one and one that is no video at all."""
    film(root / "gate-north" / DAY / "10-00-00.mp4", 2.0)
    film(root / "gate-north" / DAY / "10-05-00.mp4", 2.4, pattern="smptehdbars")
    film(root / "hall" / DAY / "11-00-00.mp4", 1.04)
    whole = film(root / "hall" / DAY / "11-05-00.mp4", 4.0).read_bytes()
    (root / "hall" / DAY / "11-05-00.mp4").write_bytes(whole[: len(whole) // 3])
    (root / "gate-north" / DAY / "10-10-00.mp4").write_text("this is no video\n" * 100)
    for path in root.rglob("*.mp4"):
        os.utime(path, (time.time() - 300,) * 2)


def scoring_worker(site: Site) -> psutil.Process | None:
    """The task process that scores: it has the title of one, and a journal with finished segments lies there.

    Airflow makes its task processes unreadable to others, so what they have open shows to root only.
    """
    journals = (site.installation.folder / "state" / "journal").glob("*.jsonl")
    scheduler = next(service for service in airflow.services(site.installation) if service.name == "scheduler").find()
    if scheduler is None or not any(path.stat().st_size for path in journals):
        return None
    for process in scheduler.children(recursive=True):
        with suppress(psutil.Error):
            if TASK_TITLE.match(" ".join(process.cmdline())):
                return process
    return None


def settings_of(site: Site) -> Settings:
    """What the installation's tasks are configured with."""
    variables = site.installation.task_environment()
    given = {name.removeprefix("ANYANOMALY_").lower(): value for name, value in variables.items()}
    return Settings(**{**given, "database_url": SecretStr(given["database_url"])})
