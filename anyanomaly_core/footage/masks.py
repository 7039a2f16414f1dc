"""Privacy masks: parts of a camera's picture that no model and no person gets to see, black in every decoded picture.

A mask is drawn inside ffmpeg on the picture that leaves it. Scaling blends a pixel with its neighbours, so a mask is
drawn wider than it is by ``MARGIN`` pixels: what lies inside it leaves no trace outside.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import yaml
from PIL import Image, ImageDraw, ImageFilter
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.rules.cameras import matches

# Pixels; bicubic scaling reaches 2 pixels of the smaller picture, twice as far where colour has half the size, and the
# encoder that made such colour had blended as far before.
MARGIN = 8
_MAX_BANDS = 256  # a slanted edge becomes so many steps at most
_MAX_CORNERS = 200  # of one polygon
_SHAPES = f"a shape is `rectangle: [left, top, right, bottom]` or `polygon:` of 3 to {_MAX_CORNERS} [x, y]"
_MAX_BOXES = 1000  # a command line holds no more

Share = Annotated[float, Field(ge=0, le=1, strict=True)]  # of the picture's width or height
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
    band = max(2, 2 * -(-height // (2 * _MAX_BANDS)))
    found: list[Box] = []
    open_runs: dict[tuple[int, int], tuple[int, int]] = {}  # (left, right) -> (top, bottom) of a box still growing
    for top in range(0, height, band):
        runs = _runs(np.atleast_1d(covered[top : top + band].any(axis=0)))
        bottom = min(top + band, height)
        grown = {run: (open_runs[run][0] if run in open_runs else top, bottom) for run in runs}
        found += [_box(run, span) for run, span in open_runs.items() if run not in grown]
        open_runs = grown
    found += [_box(run, span) for run, span in open_runs.items()]
    if len(found) > _MAX_BOXES:
        raise ConfigurationError(
            f"A privacy mask is too intricate: it takes {len(found)} boxes in a picture of {width} x {height}, "
            f"{_MAX_BOXES} are possible. Use fewer corners, or cover the gaps between them."
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


class Shape(BaseModel):
    """A rectangle or a polygon of a mask file; exactly one of them is stated."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rectangle: tuple[Share, Share, Share, Share] | None = None
    polygon: Annotated[tuple[tuple[Share, Share], ...], Field(min_length=3, max_length=_MAX_CORNERS)] | None = None

    @model_validator(mode="after")
    def _is_one_shape(self) -> Self:
        if (self.rectangle is None) == (self.polygon is None):
            raise ValueError(_SHAPES)
        if self.rectangle is not None:
            left, top, right, bottom = self.rectangle
            if left >= right or top >= bottom:
                raise ValueError("a rectangle is [left, top, right, bottom] with left < right and top < bottom")
        return self

    @property
    def corners(self) -> tuple[Point, ...]:
        """Corners of the polygon or the rectangle."""
        if self.rectangle is None:
            return self.polygon or ()
        left, top, right, bottom = self.rectangle
        return (left, top), (right, top), (right, bottom), (left, bottom)


class MaskFile(BaseModel):
    """The masks of an installation: shapes by camera id or pattern."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cameras: dict[str, Annotated[tuple[Shape, ...], Field(min_length=1)]]

    def of(self, *camera_ids: str) -> Mask | None:
        """All masks whose name or pattern fits one of the cameras, together; None: they have none."""
        shapes = [
            shape
            for pattern, own in self.cameras.items()
            if any(matches(camera, [pattern]) for camera in camera_ids)
            for shape in own
        ]
        return Mask(tuple(shape.corners for shape in shapes)) if shapes else None


def load_masks(path: Path | None) -> MaskFile:
    """Read a mask file (docs/evidence.md); None: no camera is masked.

    Raises:
        ConfigurationError: the file cannot be read or is wrong. A mask that cannot be applied never counts as none.
    """
    if path is None:
        return MaskFile(cameras={})
    try:
        state = path.stat()
        return _load(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise ConfigurationError(f"The privacy masks {path} cannot be read: {error.strerror}.") from None


@lru_cache(maxsize=4)
def _load(path: Path, _modified: int, _size: int) -> MaskFile:
    """As load_masks. The file's state is in the arguments so that a changed file is read again."""
    try:
        stated = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The privacy masks {path} are not YAML: {error}.") from None
    try:
        return MaskFile.model_validate(stated)
    except ValidationError as error:
        raise ConfigurationError(f"The privacy masks {path}{_describe_mistake(error)}.") from None


def _describe_mistake(error: ValidationError) -> str:
    """The first mistake of a mask file, with its place."""
    first = error.errors()[0]
    file, camera, number = (*first["loc"], None, None, None)[:3]
    inside = first["loc"][3:]
    if file != "cameras" or camera is None:
        return " must be one mapping `cameras:` of camera names to lists of shapes"
    if number == "[key]":
        return f": put the camera's name {camera!r} in quotes, or YAML takes it for a number"
    if number is None:
        return f", camera {camera!r}: needs a list of shapes"
    where = f", camera {camera!r}, shape {int(number) + 1}"
    if first["type"] == "value_error":
        return f"{where}: {first['msg'].removeprefix('Value error, ')}"
    if inside and isinstance(inside[-1], int) and not isinstance(first["input"], list | dict):
        return f"{where}: {first['input']!r} is not a number from 0 to 1, a share of the picture's width or height"
    return f"{where}: {_SHAPES}"
