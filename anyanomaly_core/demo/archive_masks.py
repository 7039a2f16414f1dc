"""Masks of a rendered archive: which pixels of each frame show which event.

    python -m anyanomaly_core.demo.archive_masks ARCHIVE

They are rendered again from the archive's plan and written beside its truth, for ``anyanomaly evaluate --pixels``.
Nobody else needs them, and they take as long as the archive took.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from anyanomaly_core.demo.archive_plan import ArchivePlan, PlannedFile, planned_files
from anyanomaly_core.demo.archive_truth import TRUTH
from anyanomaly_core.demo.world.clip import plan_clip
from anyanomaly_core.engine.progress import Progress, no_progress
from anyanomaly_core.errors import StorageError
from anyanomaly_core.evaluation.labels.pixel_truth import mask_line
from anyanomaly_core.evaluation.labels.plain import MASKS


def write_masks(root: Path, *, workers: int = 2, progress: Progress = no_progress) -> None:
    """Write ``_truth/masks/<file>.jsonl`` for every file; what is there is left alone.

    Args:
        root: of an archive that ``make_archive`` rendered.
        workers: processes.
        progress: files done, and in all.

    Raises:
        StorageError: when the folder is no rendered archive.
    """
    try:
        stated = json.loads((root / TRUTH / "plan.json").read_text(encoding="utf-8"))
        files = planned_files(ArchivePlan(**(stated | {"events": tuple(stated["events"])})))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StorageError(f"{root} is no rendered archive: its {TRUTH}/plan.json cannot be read ({error}).") from None
    with ProcessPoolExecutor(workers) as pool:
        for done, _ in enumerate(pool.map(partial(_write, root), files), start=1):
            progress(done, len(files))


def _write(root: Path, file: PlannedFile) -> None:
    target = root / TRUTH / MASKS / f"{file.uri}.jsonl"
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    clip = plan_clip(
        file.seed,
        camera_seed=file.camera_seed,
        duration_s=file.clip_s,
        fps=file.fps,
        events=file.spans,
        condition=file.condition,
    )
    events = sorted({span.event for span in file.spans})
    part = target.with_suffix(".part")
    with part.open("w", encoding="utf-8") as lines:
        for frame in clip.frames():
            lines.write(mask_line({event: frame.mask({event}) for event in events}))
    part.replace(target)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    write_masks(Path(sys.argv[1]), progress=lambda done, total: print(f"{done} of {total} files", flush=True))
