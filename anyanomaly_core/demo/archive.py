"""An archive of rendered footage with known contents: H.264 files as a recorder leaves them, and the truth beside."""

import json
import shutil
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from pathlib import Path

import ffmpeg
import imageio_ffmpeg

from anyanomaly_core.demo.archive_plan import ArchivePlan, PlannedFile, planned_files
from anyanomaly_core.demo.archive_truth import (
    DEMO_RULES,
    TRUTH,
    PlantedEvent,
    frame_truth,
    has_truth,
    planted_events,
    remove_truth,
    write_truth,
)
from anyanomaly_core.demo.world import FRAME_SIZE
from anyanomaly_core.demo.world.clip import plan_clip
from anyanomaly_core.engine.progress import Progress, no_progress
from anyanomaly_core.errors import StorageError

__all__ = ["DEMO_RULES", "ArchivePlan", "PlantedEvent", "frame_truth", "make_archive", "planted_events"]

PARTS = "parts"  # of the truth folder: by file, the events of its frames; also files that are being written


def make_archive(
    root: Path,
    plan: ArchivePlan = ArchivePlan(),  # noqa: B008  (frozen)
    *,
    workers: int = 2,
    progress: Progress = no_progress,
) -> None:
    """Render an archive under ``root``; one that is there already, of the same plan, is left alone.

    Files are ``<camera>/<yyyy-mm-dd>/<hhmmss>.mp4``; ``_truth/frames.csv`` says for each frame which events it
    shows, ``_truth/events.csv`` sums that up. A file appears when it is complete, so an interrupted run goes on.
    What an earlier run rendered here by another plan is removed first; files of others are not touched.

    Args:
        root: folder, made if absent.
        plan: what to render.
        workers: processes.
        progress: frames rendered and in all.

    Raises:
        StorageError: ffmpeg could not write a file.
    """
    stamp = root / TRUTH / "plan.json"
    wanted = json.dumps(asdict(plan), sort_keys=True)
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        _clear(root)
        (root / TRUTH).mkdir(parents=True, exist_ok=True)
        stamp.write_text(wanted, encoding="utf-8")
    if not has_truth(root):
        write_truth(root, _render_all(root, planned_files(plan), workers, progress), plan.fps)


def _clear(root: Path) -> None:
    """Remove what another plan left: first the truth, so that the rest does not pass for an archive."""
    remove_truth(root)
    parts = root / TRUTH / PARTS
    for known in sorted(parts.rglob("*.json")):
        (root / known.relative_to(parts)).with_suffix(".mp4").unlink(missing_ok=True)
        known.unlink()
    shutil.rmtree(parts, ignore_errors=True)


def _render_all(root: Path, files: list[PlannedFile], workers: int, progress: Progress) -> dict[str, list[list[str]]]:
    """Render every file; returns the events of each frame by file."""
    shown: dict[str, list[list[str]]] = {}
    frames, done = sum(round(file.clip_s * file.fps) for file in files), 0
    progress(done, frames)
    with ProcessPoolExecutor(workers) as pool:
        for file, events in zip(files, pool.map(partial(_render, root), files), strict=True):
            shown[file.uri] = events
            done += len(events)
            progress(done, frames)
    return shown


def _render(root: Path, file: PlannedFile) -> list[list[str]]:
    """Write one file unless it is there; the events of each frame."""
    target = root / file.uri
    known = (root / TRUTH / PARTS / file.uri).with_suffix(".json")
    if target.exists() and known.exists():
        return [list(events) for events in json.loads(known.read_text(encoding="utf-8"))]
    for folder in (target.parent, known.parent):
        folder.mkdir(parents=True, exist_ok=True)
    clip = plan_clip(
        file.seed,
        camera_seed=file.camera_seed,
        duration_s=file.clip_s,
        fps=file.fps,
        events=file.spans,
        condition=file.condition,
    )
    shown: list[list[str]] = []

    def pixels() -> Iterable[bytes]:
        for frame in clip.frames([_osd(file, index) for index in range(clip.frame_count)]):
            shown.append(sorted(frame.events))
            yield frame.image.tobytes()

    part = known.with_suffix(".mp4")
    _encode(part, pixels(), file.fps)
    known.write_text(json.dumps(shown), encoding="utf-8")
    part.replace(target)
    return shown


def _osd(file: PlannedFile, index: int) -> tuple[tuple[str, str], ...]:
    """What the camera burns into a frame: time and name."""
    at = file.recorded_at + timedelta(seconds=int(index / file.fps))
    return (("tl", f"{at:%Y-%m-%d %H:%M:%S}"), ("br", file.camera.upper()))


def _encode(path: Path, frames: Iterable[bytes], fps: float) -> None:
    """H.264 of RGB frames [H, W, 3], as a recorder writes it."""
    width, height = FRAME_SIZE
    source = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="rgb24", s=f"{width}x{height}", framerate=fps)
    output = source.output(
        str(path), format="mp4", vcodec="libx264", pix_fmt="yuv420p", crf=26, g=24, preset="veryfast", threads=1
    )
    command = output.global_args("-v", "error").overwrite_output()
    encoder = command.run_async(cmd=imageio_ffmpeg.get_ffmpeg_exe(), pipe_stdin=True)
    try:
        with suppress(BrokenPipeError):  # ffmpeg went away: its exit status tells
            for frame in frames:
                encoder.stdin.write(frame)
    finally:
        with suppress(BrokenPipeError):
            encoder.stdin.close()
        status = encoder.wait()
    if status != 0:
        raise StorageError(f"ffmpeg could not write {path} (exit status {status}): see above; is the disk full?")
