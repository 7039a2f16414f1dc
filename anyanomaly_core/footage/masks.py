"""Privacy masks: parts of a camera's picture that no model and no person gets to see, black in every decoded picture.

A mask is drawn inside ffmpeg on the picture that leaves it. Scaling blends a pixel with its neighbours, so a mask is
drawn wider than it is by ``MARGIN`` pixels: what lies inside it leaves no trace outside.
"""

import hashlib
import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image, ImageDraw, ImageFilter

from anyanomaly_core.errors import ConfigurationError

# Pixels; bicubic scaling reaches 2 pixels of the smaller picture, twice as far where colour has half the size, and the
# encoder that made such colour had blended as far before.
MARGIN = 8
_MOST_BANDS = 256  # a slanted edge becomes so many steps at most
_MOST_POINTS = 200  # of one polygon
_MOST_BOXES = 1000  # a command line holds no more
_SHOWN = "privacy masks"

Point = tuple[float, float]
Box = tuple[int, int, int, int]  # x, y, width, height in pixels


@dataclass(frozen=True, slots=True)
class Mask:
    """Polygons, their corners as shares of the displayed picture's width and height, 0 to 1."""

    polygons: tuple[tuple[Point, ...], ...]

    @property
    def digest(self) -> str:
        """64 hex digits that name this mask in journals and provenance."""
        return hashlib.sha256(json.dumps(self.polygons).encode()).hexdigest()

    def filters(self, width: int, height: int) -> list[str]:
        """The ffmpeg filters that draw the mask on displayed pictures of this size, whatever their pixel format."""
        return [f"drawbox=x={x}:y={y}:w={w}:h={h}:color=black:t=fill" for x, y, w, h in boxes(self, width, height)]


@lru_cache(maxsize=64)
def boxes(mask: Mask, width: int, height: int) -> tuple[Box, ...]:
    """Boxes with even edges that together cover the mask and ``MARGIN`` pixels around it, in a picture of this size.

    Raises:
        ConfigurationError: the mask is too intricate.
    """
    drawn = Image.new("L", (width + 2 * MARGIN, height + 2 * MARGIN))  # with a border, for corners on the edge
    pen = ImageDraw.Draw(drawn)
    for polygon in mask.polygons:
        corners = [(x * width + MARGIN, y * height + MARGIN) for x, y in polygon]
        pen.polygon(corners, fill=255, outline=255)
        pen.line([*corners, corners[0]], fill=255)  # a polygon as thin as a line is not always filled
    wide = np.asarray(drawn.filter(ImageFilter.MaxFilter(2 * MARGIN + 1))) > 0
    covered = wide[MARGIN:-MARGIN, MARGIN:-MARGIN]  # [height, width]
    band = max(2, 2 * -(-height // (2 * _MOST_BANDS)))
    found: list[Box] = []
    open_runs: dict[tuple[int, int], tuple[int, int]] = {}  # (left, right) -> (top, bottom) of a box still growing
    for top in range(0, height, band):
        runs = _runs(np.atleast_1d(covered[top : top + band].any(axis=0)))
        bottom = min(top + band, height)
        grown = {run: (open_runs[run][0] if run in open_runs else top, bottom) for run in runs}
        found += [_box(run, span) for run, span in open_runs.items() if run not in grown]
        open_runs = grown
    found += [_box(run, span) for run, span in open_runs.items()]
    if len(found) > _MOST_BOXES:
        raise ConfigurationError(
            f"A privacy mask is too intricate: it takes {len(found)} boxes in a picture of {width} x {height}, "
            f"{_MOST_BOXES} are possible. Use fewer corners, or cover the gaps between them."
        )
    return tuple(found)


def _runs(covered: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    """(left, right) of each run of covered columns, with even edges."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], covered, [False]]).astype(np.int8)))
    wide = [(left // 2 * 2, -(-right // 2) * 2) for left, right in edges.reshape(-1, 2).tolist()]
    merged: list[tuple[int, int]] = []
    for left, right in wide:
        if merged and left <= merged[-1][1]:
            merged[-1] = merged[-1][0], right
        else:
            merged.append((left, right))
    return merged


def _box(run: tuple[int, int], span: tuple[int, int]) -> Box:
    return run[0], span[0], run[1] - run[0], span[1] - span[0]


@dataclass(frozen=True, slots=True)
class MaskFile:
    """The masks of an installation: camera id or pattern to polygons."""

    cameras: tuple[tuple[str, tuple[tuple[Point, ...], ...]], ...] = ()

    def of(self, *camera_ids: str) -> Mask | None:
        """All masks whose name or pattern fits one of the cameras, together; None: they have none."""
        polygons = [p for pattern, own in self.cameras if any(fnmatchcase(c, pattern) for c in camera_ids) for p in own]
        return Mask(tuple(polygons)) if polygons else None


def load_masks(path: Path | None) -> MaskFile:
    """Read a mask file (docs/evidence.md); none: no camera is masked.

    Raises:
        ConfigurationError: the file cannot be read or is wrong. A mask that cannot be applied never counts as none.
    """
    if path is None:
        return MaskFile()
    try:
        state = path.stat()
        return _load(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise ConfigurationError(f"The {_SHOWN} {path} cannot be read: {error.strerror}.") from None


@lru_cache(maxsize=4)
def _load(path: Path, _modified: int, _size: int) -> MaskFile:
    """As load_masks; the file's state is in the arguments so that a changed file is read anew."""
    try:
        stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The {_SHOWN} {path} are no YAML: {error}.") from None
    cameras = stated.get("cameras") if isinstance(stated, dict) and set(stated) == {"cameras"} else None
    if not isinstance(cameras, dict):
        raise ConfigurationError(f"The {_SHOWN} {path} must be one mapping `cameras:` of camera names to shapes.")
    return MaskFile(tuple((str(name), _polygons(path, str(name), shapes)) for name, shapes in cameras.items()))


def _polygons(path: Path, camera: str, shapes: object) -> tuple[tuple[Point, ...], ...]:
    if not isinstance(shapes, list) or not shapes:
        raise _wrong(path, camera, "needs a list of shapes")
    return tuple(_polygon(path, camera, shape) for shape in shapes)


def _polygon(path: Path, camera: str, shape: object) -> tuple[Point, ...]:
    if isinstance(shape, dict) and set(shape) == {"rectangle"}:
        left, top, right, bottom = _numbers(path, camera, shape["rectangle"], 4)
        if left >= right or top >= bottom:
            raise _wrong(path, camera, "a rectangle is [left, top, right, bottom] with left < right and top < bottom")
        return ((left, top), (right, top), (right, bottom), (left, bottom))
    if isinstance(shape, dict) and set(shape) == {"polygon"} and isinstance(shape["polygon"], list):
        points = [_numbers(path, camera, point, 2) for point in shape["polygon"]]
        if 3 <= len(points) <= _MOST_POINTS:  # noqa: PLR2004  (a triangle)
            return tuple((x, y) for x, y in points)
    raise _wrong(
        path, camera, f"a shape is `rectangle: [left, top, right, bottom]` or `polygon:` of 3 to {_MOST_POINTS} [x, y]"
    )


def _numbers(path: Path, camera: str, value: object, count: int) -> list[float]:
    if isinstance(value, list) and len(value) == count and all(type(v) in {int, float} for v in value):
        numbers = [float(v) for v in value]
        if all(0 <= number <= 1 for number in numbers):
            return numbers
    raise _wrong(
        path, camera, f"{value!r} is not {count} numbers from 0 to 1, shares of the picture's width and height"
    )


def _wrong(path: Path, camera: str, what: str) -> ConfigurationError:
    return ConfigurationError(f"The {_SHOWN} {path}, camera {camera!r}: {what}.")
