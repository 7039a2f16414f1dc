"""An archive of rendered footage with known contents: H.264 files as a recorder leaves them, and the truth beside."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import ffmpeg
import imageio_ffmpeg
import numpy as np
from tqdm import tqdm

from anyanomaly_core.demo.world import EVENT_NAMES, FRAME_SIZE, EventSpan
from anyanomaly_core.demo.world.clip import plan_clip

CAMERA_NAMES = ("north-gate", "car-park", "main-plaza", "loading-bay", "park-path", "east-entrance")
# Rules of the demo (anyanomaly_core/demo/rules) by the event that they look for.
DEMO_RULES = {
    "bicycle": "bicycle-on-walkway",
    "lying": "person-lying",
    "bag": "abandoned-bag",
    "smoke": "smoke-or-fire",
}
TRUTH = "_truth"  # folders that begin with _ are not footage


@dataclass(frozen=True, slots=True)
class ArchivePlan:
    """What an archive holds; the same plan gives the same pixels."""

    seed: int = 20
    cameras: int = 4
    clips_per_camera: int = 2
    clip_s: float = 60.0
    fps: float = 12.0
    first_day: str = "2026-03-02"
    events: tuple[str, ...] = EVENT_NAMES
    held_out: bool = True  # backgrounds that the models have never seen


@dataclass(frozen=True, slots=True)
class PlantedEvent:
    """A run of frames that show an event, as rendered."""

    event: str
    uri: str
    first_frame: int
    last_frame: int
    start_s: float
    end_s: float

    @property
    def rule(self) -> str:
        """The demo's rule that looks for it, or the event's own name."""
        return DEMO_RULES.get(self.event, self.event)


@dataclass(frozen=True, slots=True)
class _Job:
    root: Path
    uri: str
    camera: str
    recorded_at: datetime
    seed: int
    camera_seed: int
    clip_s: float
    fps: float
    spans: tuple[EventSpan, ...]
    condition: str | None


def make_archive(root: Path, plan: ArchivePlan = ArchivePlan(), *, workers: int = 2) -> None:
    """Render an archive under ``root``; one that is there already, of the same plan, is left alone.

    Files are ``<camera>/<yyyy-mm-dd>/<hhmmss>.mp4``; ``_truth/frames.csv`` says for each frame which events it
    shows, ``_truth/events.csv`` sums that up. A file appears when it is complete, so an interrupted run goes on.

    Args:
        root: folder, made if absent.
        plan: what to render.
        workers: processes.
    """
    done = root / TRUTH / "plan.json"
    stamp = json.dumps(asdict(plan), sort_keys=True)
    if done.exists() and done.read_text(encoding="utf-8") == stamp:
        return
    (root / TRUTH).mkdir(parents=True, exist_ok=True)
    jobs = _jobs(root, plan)
    frames = sum(round(job.clip_s * job.fps) for job in jobs)
    seen: dict[str, list[list[str]]] = {}
    with ProcessPoolExecutor(workers) as pool, tqdm(total=frames, desc="rendering", unit="frame", disable=None) as bar:
        for job, events in zip(jobs, pool.map(_render, jobs), strict=True):
            seen[job.uri] = events
            bar.update(len(events))
            if not sys.stderr.isatty():
                print(f"  rendered {job.uri}, {len(events)} frames", file=sys.stderr, flush=True)
    _write_truth(root, jobs, seen)
    done.write_text(stamp, encoding="utf-8")


def planted_events(root: Path, events: Sequence[str] = tuple(DEMO_RULES)) -> list[PlantedEvent]:
    """What an archive shows, of these events; by default those that the demo has rules for."""
    with (root / TRUTH / "events.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        PlantedEvent(
            row["event"],
            row["uri"],
            int(row["first_frame"]),
            int(row["last_frame"]),
            float(row["start_s"]),
            float(row["end_s"]),
        )
        for row in rows
        if row["event"] in events
    ]


def frame_truth(root: Path) -> Iterator[tuple[str, int, frozenset[str]]]:
    """(uri, frame, events it shows) of every frame, in order."""
    with (root / TRUTH / "frames.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield row["uri"], int(row["frame"]), frozenset(name for name in EVENT_NAMES if row[name] == "1")


def _jobs(root: Path, plan: ArchivePlan) -> list[_Job]:
    """Every event of the plan turns up about equally often, in random order."""
    rng = np.random.default_rng((plan.seed, 41))
    clips = plan.cameras * plan.clips_per_camera
    cast = _cast(rng, plan, clips)
    jobs = []
    for number in range(clips):
        camera, turn = divmod(number, plan.clips_per_camera)
        name = CAMERA_NAMES[camera % len(CAMERA_NAMES)] + ("" if camera < len(CAMERA_NAMES) else f"-{camera}")
        day = datetime.fromisoformat(plan.first_day) + timedelta(days=turn // 2)  # noqa: DTZ  (a recorder's local time)
        at = day + timedelta(hours=float(rng.uniform(6, 23)), minutes=camera)
        at = at.replace(microsecond=0)
        job = _Job(
            root=root,
            uri=f"{name}/{at:%Y-%m-%d}/{at:%H%M%S}.mp4",
            camera=name,
            recorded_at=at,
            seed=plan.seed * 1000 + number,
            camera_seed=2 * (plan.seed * 100 + camera) + int(plan.held_out),
            clip_s=plan.clip_s,
            fps=plan.fps,
            spans=_spans(rng, cast[number], plan.clip_s),
            condition=_condition(at.hour, rng),
        )
        jobs.append(job)
    return jobs


def _cast(rng: np.random.Generator, plan: ArchivePlan, clips: int) -> list[list[str]]:
    """Events of each clip: one to three, and none in about every sixth."""
    counts = [0 if number % 6 == 5 else int(rng.integers(1, 4)) for number in range(clips)]
    deck: list[str] = []
    while len(deck) < sum(counts):
        deck += [str(name) for name in rng.permutation(plan.events)]
    return [[deck.pop(0) for _ in range(count)] for count in counts]


def _spans(rng: np.random.Generator, names: Sequence[str], clip_s: float) -> tuple[EventSpan, ...]:
    """One after another, 6 to 20 seconds each, with pauses."""
    spans = []
    room = clip_s / max(1, len(names))
    for place, name in enumerate(names):
        length = min(float(rng.uniform(6, 20)), room * 0.75)
        start = place * room + float(rng.uniform(0.05, 0.95)) * (room - length)
        spans.append(EventSpan(name, start, start + length))
    return tuple(spans)


def _condition(hour: int, rng: np.random.Generator) -> str:
    if 8 <= hour < 18:
        return str(rng.choice(["sun", "overcast"]))
    return str(rng.choice(["dusk", "night", "infrared"] if hour >= 20 else ["dusk", "overcast"]))


def _render(job: _Job) -> list[list[str]]:
    """Write one file; the events of each frame."""
    target = job.root / job.uri
    truth = job.root / TRUTH / "parts" / f"{job.uri.replace('/', '--')}.json"
    if target.exists() and truth.exists():
        return [list(events) for events in json.loads(truth.read_text(encoding="utf-8"))]
    for folder in (target.parent, truth.parent):
        folder.mkdir(parents=True, exist_ok=True)
    clip = plan_clip(
        job.seed,
        camera_seed=job.camera_seed,
        duration_s=job.clip_s,
        fps=job.fps,
        events=job.spans,
        condition=job.condition,
    )
    part = target.with_name(f"{target.name}.part")
    encoder = _encoder(part, job.fps)
    shown: list[list[str]] = []
    try:
        for frame in clip.frames([_osd(job, index) for index in range(clip.frame_count)]):
            encoder.stdin.write(frame.image.tobytes())
            shown.append(sorted(frame.events))
    finally:
        encoder.stdin.close()
        status = encoder.wait()
    if status != 0:
        raise RuntimeError(f"ffmpeg could not write {part} (exit status {status})")
    truth.write_text(json.dumps(shown), encoding="utf-8")
    part.rename(target)
    return shown


def _osd(job: _Job, index: int) -> tuple[tuple[str, str], ...]:
    at = job.recorded_at + timedelta(seconds=int(index / job.fps))
    return (("tl", f"{at:%Y-%m-%d %H:%M:%S}"), ("br", job.camera.upper()))


def _encoder(path: Path, fps: float) -> "ffmpeg.Popen":
    width, height = FRAME_SIZE
    source = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{width}x{height}", framerate=fps)
    output = source.output(
        str(path), format="mp4", vcodec="libx264", pix_fmt="yuv420p", crf=26, g=24, preset="veryfast", threads=1
    )
    return (
        output.global_args("-v", "error")
        .overwrite_output()
        .run_async(cmd=imageio_ffmpeg.get_ffmpeg_exe(), pipe_stdin=True)
    )


def _write_truth(root: Path, jobs: Sequence[_Job], seen: dict[str, list[list[str]]]) -> None:
    with (root / TRUTH / "frames.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["uri", "frame", *EVENT_NAMES])
        for job in jobs:
            for number, events in enumerate(seen[job.uri]):
                writer.writerow([job.uri, number, *(int(name in events) for name in EVENT_NAMES)])
    with (root / TRUTH / "events.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["event", "uri", "first_frame", "last_frame", "start_s", "end_s"])
        for job in jobs:
            for name, first, last in _runs(seen[job.uri], gap=round(job.fps)):
                writer.writerow([name, job.uri, first, last, f"{first / job.fps:.3f}", f"{(last + 1) / job.fps:.3f}"])


def _runs(frames: Sequence[Sequence[str]], gap: int) -> Iterator[tuple[str, int, int]]:
    """(event, first, last) of each run of frames that show it; somebody hidden for less than ``gap`` is still there."""
    frames_end = len(frames) + gap + 1
    for name in EVENT_NAMES:
        shown = [number for number, events in enumerate(frames) if name in events]
        if not shown:
            continue
        first = shown[0]
        for number, following in pairwise([*shown, frames_end]):
            if following - number > gap:
                yield name, first, number
                first = following
