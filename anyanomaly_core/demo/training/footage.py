"""The rendered frames the models learn from: one memory-mapped file of pixels and a list of boxes.

Frames lie in full resolution, because windows are cut from full resolution. A *group* is either one still or
four moments of one scene, half a second apart (the temporal context is made of those).
"""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anyanomaly_core.demo.world import (
    EVENT_NAMES,
    FRAME_SIZE,
    RenderedFrame,
    render_moments,
    render_still,
)
from anyanomaly_core.engine.progress import iterate

KINDS: tuple[str, ...] = (*EVENT_NAMES, "person")
"""What a box can show; the index is the class number everywhere in the training code."""

UInt8 = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]
"""[n, 5]: class number, x0, y0, x1, y1 in pixels of the full frame."""

_GROUPS_PER_JOB = 64


@dataclass(frozen=True)
class TrainingFootage:
    """Frames, their boxes, and which frames belong together."""

    frames: UInt8  # [n, height, width, 3]
    boxes: list[Boxes]
    moments: list[int]  # first frame of each group of four
    stills: list[int]  # every other frame

    def with_kind(self) -> dict[int, list[int]]:
        """Frame numbers by the class they show."""
        found: dict[int, list[int]] = {number: [] for number in range(len(KINDS))}
        for frame, boxes in enumerate(self.boxes):
            for number in {int(kind) for kind in boxes[:, 0]}:
                found[number].append(frame)
        return found


def _as_boxes(frame: RenderedFrame) -> Boxes:
    rows = [(KINDS.index(box.event), box.x0, box.y0, box.x1, box.y1) for box in frame.boxes]
    return np.array(rows, dtype=np.float32).reshape(-1, 5)


def _render_job(path: str, total: int, first_frame: int, seeds: list[int], moments: bool) -> list[list[list[float]]]:
    """Render some seeds into their place in the file; runs in a worker process."""
    height, width = FRAME_SIZE[1], FRAME_SIZE[0]
    frames = np.memmap(path, dtype=np.uint8, mode="r+", shape=(total, height, width, 3))
    boxes: list[list[list[float]]] = []
    at = first_frame
    for seed in seeds:
        for rendered in render_moments(seed) if moments else [render_still(seed)]:
            frames[at] = rendered.image
            boxes.append(_as_boxes(rendered).tolist())
            at += 1
    return boxes


def render_footage(folder: Path, stills: int, moments: int, first_seed: int, workers: int = 2) -> None:
    """Render `stills` single frames and `moments` groups of four into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    total = stills + 4 * moments
    path = folder / "frames.u8"
    np.memmap(path, dtype=np.uint8, mode="w+", shape=(total, FRAME_SIZE[1], FRAME_SIZE[0], 3)).flush()
    # in order, because neighbouring seeds share a background; all of them look through training cameras
    seeds = [first_seed + number for number in range(stills + moments)]
    jobs = [(at, seeds[at : min(at + _GROUPS_PER_JOB, stills)], False) for at in range(0, stills, _GROUPS_PER_JOB)]
    jobs += [
        (stills + 4 * at, seeds[stills + at : stills + min(at + _GROUPS_PER_JOB, moments)], True)
        for at in range(0, moments, _GROUPS_PER_JOB)
    ]
    boxes: list[list[list[float]]] = []
    with ProcessPoolExecutor(workers) as pool:
        running = [pool.submit(_render_job, str(path), total, *job) for job in jobs]
        for job in iterate(running, "rendering", "jobs"):
            boxes.extend(job.result())
    (folder / "boxes.json").write_text(json.dumps({"stills": stills, "moments": moments, "boxes": boxes}))


def load_footage(folder: Path) -> TrainingFootage:
    """Open what `render_footage` wrote."""
    facts = json.loads((folder / "boxes.json").read_text())
    boxes = [np.array(rows, dtype=np.float32).reshape(-1, 5) for rows in facts["boxes"]]
    shape = (len(boxes), FRAME_SIZE[1], FRAME_SIZE[0], 3)
    frames = np.memmap(folder / "frames.u8", dtype=np.uint8, mode="r", shape=shape)
    stills = int(facts["stills"])
    return TrainingFootage(frames, boxes, list(range(stills, len(boxes), 4)), list(range(stills)))
