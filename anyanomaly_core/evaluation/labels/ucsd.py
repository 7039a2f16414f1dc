"""UCSD Ped1 and Ped2: ``Test/*.m`` with ``gt_frame = [60:152]`` (from 1), or ``Test<n>_gt`` folders of masks."""

import re
from pathlib import Path

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.labels.footage_names import FootageTree
from anyanomaly_core.evaluation.labels.frame_folders import frame_files, image_pixels
from anyanomaly_core.evaluation.labels.ground_truth import (
    ANOMALY,
    UNLABELLED,
    FrameLabels,
    FrameRange,
    LabelledArchive,
    LabelledVideo,
    PixelTruth,
    labels_from_vector,
)
from anyanomaly_core.evaluation.labels.image_numbers import align_from_one, pair_masks

TEXTS = ("bicycle", "skateboard", "car", "wheelchair", "cart")
MASKS = "_gt"
_CLIP = re.compile(r"Test[0-9]{3}$")
_STATED = re.compile(r"\{\s*(end\s*\+\s*1|\d+)\s*\}\.gt_frame\s*=\s*\[([^\]]*)\]")


def read_ucsd(footage: FootageTree, labels: Path) -> LabelledArchive:
    """UCSD Ped1 or Ped2: the folder that holds ``Test``, or ``Test`` itself."""
    test = ucsd_test_folder(labels)
    if test is None:
        raise ConfigurationError(f"{labels} holds no folder Test with Test001 ... in it.")
    root = footage.root.absolute()  # links stay: clips may be linked from elsewhere
    if not test.absolute().is_relative_to(root):
        raise ConfigurationError(f"{test} is not under {footage.root}; UCSD's labels lie beside its frames.")
    scripts = sorted(test.glob("UCSD*.m"))
    if len(scripts) > 1:
        raise ConfigurationError(f"{test} holds {scripts[0].name} and {scripts[1].name}; which one labels its clips?")
    stated = _read_ranges(scripts[0]) if scripts else {}
    clips = {int(path.name[-3:]): path for path in sorted(test.iterdir()) if _is_clip(path)}
    videos = []
    for number, folder in clips.items():
        shown = _labels(folder, stated.get(number))
        if shown is not None:
            name = folder.absolute().relative_to(root).as_posix()
            videos.append(LabelledVideo(name, folder, {ANOMALY: shown}, pixels=_pixels(folder)))
    others = footage.unused(video.path for video in videos)
    return LabelledArchive(
        scripts[0].stem if scripts else "UCSD",
        {ANOMALY: TEXTS},
        tuple(videos),
        missing=tuple(f"Test{number:03d}" for number in stated if number not in clips),
        unlabelled=tuple(name for name in others if not name.endswith(MASKS)),
    )


def ucsd_test_folder(folder: Path) -> Path | None:
    """``Test`` with its clips, when ``folder`` is UCSD's."""
    for candidate in (folder, folder / "Test"):
        if candidate.is_dir() and any(map(_is_clip, candidate.iterdir())):
            return candidate
    return None


def _is_clip(path: Path) -> bool:
    return _CLIP.match(path.name) is not None and path.is_dir()


def _labels(folder: Path, stated: tuple[FrameRange, ...] | None) -> FrameLabels | None:
    """Labels by the script, else by masks; None where there is neither."""
    if stated is not None:
        return align_from_one(FrameLabels(stated), folder)
    masks = folder.with_name(f"{folder.name}{MASKS}")
    return _by_masks(masks, folder) if masks.is_dir() else None


def _pixels(folder: Path) -> PixelTruth | None:
    masks = folder.with_name(f"{folder.name}{MASKS}")
    return PixelTruth("images", masks, folder) if masks.is_dir() else None


def _by_masks(masks: Path, folder: Path) -> FrameLabels:
    """A frame without a mask is unlabelled; a mask without a frame is counted."""
    places, absent = pair_masks(masks, folder)
    shown = [int(image_pixels(mask).any()) for mask in frame_files(masks)]
    values = labels_from_vector([UNLABELLED if place is None else shown[place] for place in places])
    return FrameLabels(values.positive, values.frames, values.unlabelled, absent)


def _read_ranges(script: Path) -> dict[int, tuple[FrameRange, ...]]:
    """Map a clip's number to the runs of its ``gt_frame = [60:152, 160:170];``, from 0."""
    text = script.read_text(encoding="utf-8-sig", errors="replace")
    text = re.sub(r"%[^\n]*", "", text)  # comments
    found: dict[int, tuple[FrameRange, ...]] = {}
    for match in _STATED.finditer(text):
        number = int(match[1]) if match[1].isdecimal() else max(found, default=0) + 1
        line = text.count("\n", 0, match.start()) + 1
        found[number] = tuple(_run(script, line, part) for part in _parts(match[2]))
    if not found:
        raise ConfigurationError(f"{script} states no TestVideoFile{{...}}.gt_frame = [first:last].")
    return found


def _parts(inside: str) -> list[str]:
    return [part for part in re.split(r"[\s,;]+", re.sub(r"\s*:\s*", ":", inside)) if part and part != "..."]


def _run(script: Path, line: int, part: str) -> FrameRange:
    run = re.fullmatch(r"([0-9]+)(?::([0-9]+))?", part)
    first, last = (int(run[1]), int(run[2] or run[1])) if run else (0, 0)
    if first < 1 or last < first:
        raise ConfigurationError(
            f"{script} line {line}: {part!r} is not a range of frames such as 60:152, counted from 1."
        )
    return first - 1, last - 1
