"""Memory of a scan against the length of the video: ``python -m tests.benchmarks.bench_memory [--minutes 1 60 600]``.

A rendered clip of one minute is repeated without encoding to an hour and to ten; each is registered and scanned, with a
real database, in a process of its own. Two ways: `judged`: one frame in so many that 600 minutes have 75 segments, all
of them judged; `carried`: a still scene at one frame a second with segments of two frames, so that 600 minutes have
18,000 segments and 72,000 rows, as many as 24-frame segments at 12 frames a second. Printed: the most that each process
ever held, and the decoder beside it. The bar: ten hours within 5 % of one minute.
"""

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from tests.benchmarks.bench_decode import ChildMemory
from tests.benchmarks.figures import Figures, add_save_option
from tests.benchmarks.one_site import aged, ffmpeg, looped, one_site, place, rendered

FPS = 1
BAR = 1.05
ABOUT = """\
A rendered clip is repeated to longer and longer videos; each is registered and scanned with four rules, each step in
a process of its own. `judged`: every segment is. `carried`: a still scene, of which every segment but one takes over
scores. Most memory that each process held, MB, and the decoder beside it."""
RULES = {
    name: f"texts: [{text}]\n"
    for name, text in (("rides", "a bicycle"), ("lies", "a person lying"), ("burns", "smoke"), ("drives", "a car"))
}
# sampled frames per second and frames of a segment
WAYS: dict[str, dict[str, Any]] = {
    "judged": {"sampling": {"fps": 0.05, "segment_frames": 24}, "scoring": {"static_level": 0.0}},
    "carried": {"sampling": {"fps": None, "segment_frames": 2}, "scoring": {"static_level": 6.0}},
}


def profiles(folder: Path) -> None:
    """The demo's profile in each way."""
    from anyanomaly_core.profile import load_profile  # noqa: PLC0415

    body = load_profile("demo").model_dump(mode="json")
    for way, changes in WAYS.items():
        own = {**body, "name": way, **{part: body[part] | values for part, values in changes.items()}}
        (folder / f"{way}.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")


def footage(folder: Path, way: str, minutes: int) -> str:
    """Put a video of so many minutes into the archive; returns its camera."""
    clip = folder / f"{way}.mp4"
    if not clip.exists() and way == "judged":
        rendered(folder / "clips", seconds=60, fps=FPS).rename(clip)
    elif not clip.exists():
        still = ["-f", "lavfi", "-i", f"smptebars=size=160x120:rate={FPS}:duration=60,noise=alls=4:allf=t"]
        ffmpeg(*still, "-pix_fmt", "yuv420p", clip)
    camera = f"{way}-{minutes}"
    aged(looped(clip, place(folder / "archive", camera), minutes))
    return camera


def in_process(camera: str, way: str, folder: Path) -> dict[str, Any]:
    """What registering and scanning a camera's video took; the two are tasks of their own, and so processes."""
    found: dict[str, Any] = {}
    for step in ("register", "scan"):
        environment = {**os.environ, "ANYANOMALY_PROFILE": str(folder / f"{way}.yaml"), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.benchmarks.bench_memory", "--step", step, "--camera", camera]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        found[step] = json.loads(done.stdout.splitlines()[-1])
    return found


def step_in_this_process(step: str, camera: str) -> dict[str, Any]:
    """Register or scan; peak memory of this process and its decoder, and how long it took."""
    from anyanomaly_core.config import get_settings  # noqa: PLC0415
    from anyanomaly_core.results.engine import make_engine  # noqa: PLC0415

    settings, began = get_settings(), time.monotonic()
    engine = make_engine(settings.database_url.get_secret_value())
    with ChildMemory() as child:
        work = (_register if step == "register" else _scan)(engine, settings, camera)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {"own_mb": own, "child_mb": child.peak_mb, "seconds": time.monotonic() - began, **work}


def _register(engine: Any, settings: Any, camera: str) -> dict[str, int]:  # noqa: ANN401
    from anyanomaly_core.archive.discovery import find_new_files  # noqa: PLC0415
    from anyanomaly_core.archive.register import register_file  # noqa: PLC0415
    from anyanomaly_core.profile import load_profile  # noqa: PLC0415

    [found] = find_new_files(engine, settings, cameras=[camera])
    done = register_file(engine, found, settings=settings, sampling=load_profile(settings.profile).sampling)
    return {"frames": done.frames}


def _scan(engine: Any, settings: Any, camera: str) -> dict[str, int]:  # noqa: ANN401
    from anyanomaly_core.archive.scorer import load_scorer  # noqa: PLC0415
    from anyanomaly_core.archive.unit import scan_unit  # noqa: PLC0415
    from anyanomaly_core.engine.progress import LoggedProgress  # noqa: PLC0415
    from anyanomaly_core.profile import load_profile  # noqa: PLC0415
    from anyanomaly_core.results.planning import missing_units  # noqa: PLC0415
    from anyanomaly_core.results.rule_store import list_rules  # noqa: PLC0415

    loaded = load_scorer(engine, load_profile(settings.profile), settings)
    with engine.connect() as connection:
        missing = missing_units(connection, list_rules(connection), loaded.stored.scorer_id)
    [unit] = [unit for unit in missing if unit.video.camera_id == camera]
    progress = LoggedProgress(camera)
    scanned = scan_unit(engine, unit, loaded, settings=settings, run_id=None, progress=progress)
    if scanned is None or scanned.failure is not None:
        sys.exit(f"{camera} was not scored: {scanned}")
    return {status.value: count for status, count in scanned.segments.items()}


def main() -> int:
    """Print a table; 1 when ten hours (or the longest) take more memory than the shortest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, nargs="+", default=[1, 60, 600])
    parser.add_argument("--ways", nargs="+", choices=[*WAYS], default=[*WAYS])
    parser.add_argument("--step", choices=["register", "scan"], help=argparse.SUPPRESS)
    parser.add_argument("--camera", help=argparse.SUPPRESS)
    add_save_option(parser, "memory")
    options = parser.parse_args()
    if options.step:
        logging.basicConfig(level=logging.INFO, format="%(message)s")
        print(json.dumps(step_in_this_process(options.step, options.camera)))
        return 0
    figures = Figures("Memory of a scan against the length of the video", ABOUT)
    figures.table("way", "video", "frames", "rows", "register", "its decoder", "scan", "its decoder", "scan, s")
    grown = False
    with one_site(RULES) as folder:
        profiles(folder)
        for way in options.ways:
            peaks = []
            for minutes in options.minutes:
                found = in_process(footage(folder, way, minutes), way, folder)
                one, two = found["register"], found["scan"]
                rows = sum(two.get(status, 0) for status in ("scored", "carried"))
                sizes = [f"{step[what]:.0f}" for step in (one, two) for what in ("own_mb", "child_mb")]
                figures.row(way, f"{minutes} min", f"{one['frames']:,}", f"{rows:,}", *sizes, f"{two['seconds']:.0f}")
                peaks.append((one["own_mb"], two["own_mb"]))
            grown |= any(last > BAR * first for first, last in zip(peaks[0], peaks[-1], strict=True))
    figures.save(options.save)
    return int(grown)


if __name__ == "__main__":
    sys.exit(main())
