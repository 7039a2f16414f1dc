"""What the models look at: whole frames, windows, position contexts and 2x2 grids, with exact labels.

A view's labels are how much of each class can be seen in it (0..1), and which cells of the feature map it fills.
Rectangles are (x0, y0, x1, y1) as fractions of the frame, so a whole frame and its windows are squashed alike.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from .footage import KINDS, Boxes, TrainingFootage, UInt8

Float = npt.NDArray[np.float32]
Rect = tuple[float, float, float, float]
WHOLE: Rect = (0.0, 0.0, 1.0, 1.0)
WINDOW_SIZES = (48 / 240, 80 / 240, 120 / 240)
STRIDE = 32
"""Pixels of the input for one cell of the trunk's feature map."""


@dataclass(frozen=True)
class TrainingView:
    """One image as a model sees it."""

    image: torch.Tensor  # uint8 [3, size, size]
    visible: Float  # [classes], 0..1: how much of the best visible object of each class is in view
    cells: Float  # [classes, size / 32, size / 32], 1 filled, 0 not, -1 in between


def cut(frame: UInt8, rect: Rect, size: int, through: int = 0) -> torch.Tensor:
    """The part of a frame in a rectangle, resized to a square: uint8 [3, size, size].

    `through` first squashes the whole frame to that many pixels, as a product that cuts its windows
    from a 240x240 frame does.
    """
    height, width = frame.shape[:2]
    x0, x1 = (round(edge * width) for edge in (rect[0], rect[2]))
    y0, y1 = (round(edge * height) for edge in (rect[1], rect[3]))
    part = np.ascontiguousarray(frame[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)])
    picture = torch.from_numpy(part).permute(2, 0, 1)[None]  # [1, 3, h, w], channels last
    if through:
        small = max(4, round(through * (rect[2] - rect[0])))
        picture = _resize(picture, small)
    return _resize(picture, size)[0]


def _resize(picture: torch.Tensor, size: int) -> torch.Tensor:
    return torch.nn.functional.interpolate(picture, (size, size), mode="bilinear", antialias=True)


def labels(boxes: Boxes, rect: Rect, frame_size: tuple[int, int], grid: int) -> tuple[Float, Float]:
    """How much of each class a rectangle shows, and the cells it fills."""
    visible = np.zeros(len(KINDS), dtype=np.float32)
    cells = np.zeros((len(KINDS), grid, grid), dtype=np.float32)
    edges = np.linspace(0.0, 1.0, grid + 1)
    for kind, *corners in boxes:
        left, right = ((corner / frame_size[0] - rect[0]) / (rect[2] - rect[0]) for corner in corners[0::2])
        top, bottom = ((corner / frame_size[1] - rect[1]) / (rect[3] - rect[1]) for corner in corners[1::2])
        across = np.clip(np.minimum(edges[1:], right) - np.maximum(edges[:-1], left), 0, None)  # [grid]
        down = np.clip(np.minimum(edges[1:], bottom) - np.maximum(edges[:-1], top), 0, None)
        area = max((right - left) * (bottom - top), 1e-9)
        shared = np.outer(down, across)
        fraction = float(shared.sum()) / area
        number = int(kind)
        visible[number] = max(visible[number], fraction)
        filled = np.maximum(shared * grid * grid, shared / area)  # of the cell, or of the object
        mark = (
            np.where(filled > 0.3, 1.0, np.where(filled > 0.08, -1.0, 0.0))
            if fraction > 0.3
            else np.where(filled > 0.08, -1.0, 0.0)
        )
        cells[number] = np.where((mark == 1) | (cells[number] == 1), 1.0, np.minimum(cells[number], mark))
    return visible, cells


def near_box(boxes: Boxes, frame_size: tuple[int, int], rng: np.random.Generator) -> Rect:
    """A window of one of the usual sizes around one of the boxes, events before ordinary people."""
    events = boxes[boxes[:, 0] < len(KINDS) - 1]
    chosen = events if len(events) and rng.random() < 0.8 else boxes
    if not len(chosen):
        return any_window(rng)
    _, x0, y0, x1, y1 = chosen[rng.integers(len(chosen))]
    center = ((x0 + x1) / 2 / frame_size[0], (y0 + y1) / 2 / frame_size[1])
    extent = max((x1 - x0) / frame_size[0], (y1 - y0) / frame_size[1])
    fitting = [size for size in WINDOW_SIZES if size > 0.6 * extent] or [WINDOW_SIZES[-1]]
    size = float(rng.choice(fitting))
    slack = 0.45 * size
    return _inside(center[0] + rng.uniform(-slack, slack), center[1] + rng.uniform(-slack, slack), size)


def any_window(rng: np.random.Generator) -> Rect:
    """A window anywhere."""
    size = float(rng.choice(WINDOW_SIZES))
    return _inside(rng.random(), rng.random(), size)


def _inside(x: float, y: float, size: float) -> Rect:
    left, top = (float(np.clip(at - size / 2, 0.0, 1.0 - size)) for at in (x, y))
    return (left, top, left + size, top + size)


def whole_view(footage: TrainingFootage, frame: int, size: int, rng: np.random.Generator) -> TrainingView:
    """The whole frame, now and then by way of 240x240."""
    return _plain(footage, frame, WHOLE, size, 240 if rng.random() < 0.3 else 0)


def window_view(footage: TrainingFootage, frame: int, size: int, rng: np.random.Generator) -> TrainingView:
    """One window, mostly near something."""
    boxes = footage.boxes[frame]
    rect = near_box(boxes, _size(footage), rng) if rng.random() < 0.75 else any_window(rng)
    return _plain(footage, frame, rect, size, 240 if rng.random() < 0.4 else 0)


def _size(footage: TrainingFootage) -> tuple[int, int]:
    return footage.frames.shape[2], footage.frames.shape[1]


def _plain(footage: TrainingFootage, frame: int, rect: Rect, size: int, through: int) -> TrainingView:
    visible, cells = labels(footage.boxes[frame], rect, _size(footage), size // STRIDE)
    return TrainingView(cut(footage.frames[frame], rect, size, through), visible, cells)


def grid_view(footage: TrainingFootage, first: int, size: int, rng: np.random.Generator) -> TrainingView:
    """The same window at four moments, as a 2x2 grid in reading order."""
    half, cells_half = size // 2, size // STRIDE
    boxes = footage.boxes[first + int(rng.integers(4))]
    rect = near_box(boxes, _size(footage), rng) if rng.random() < 0.75 else any_window(rng)
    through = 240 if rng.random() < 0.4 else 0
    pictures = [cut(footage.frames[first + step], rect, half, through) for step in range(4)]
    known = [labels(footage.boxes[first + step], rect, _size(footage), cells_half) for step in range(4)]
    image = torch.cat([torch.cat(pictures[:2], 2), torch.cat(pictures[2:], 2)], 1)
    # a 224 grid has 7 cells across: 3.5 for each quarter, so pool 14 half-size cells to 7
    fine = np.concatenate(
        [np.concatenate([c for _, c in known[:2]], 2), np.concatenate([c for _, c in known[2:]], 2)], 1
    )  # [classes, 2 * cells_half, 2 * cells_half]
    blocks = fine.reshape(len(KINDS), cells_half, 2, cells_half, 2)
    cells = np.where((blocks == 1).any((2, 4)), 1.0, blocks.min((2, 4))).astype(np.float32)
    return TrainingView(image, np.max([seen for seen, _ in known], axis=0), cells)


def darkened_view(footage: TrainingFootage, frame: int, size: int, rng: np.random.Generator) -> TrainingView:
    """A whole frame times a soft 0..1 map: the position context of a rule, looking at the right place or not."""
    bright = attention_map(footage.boxes[frame], _size(footage), rng)  # [24, 24]
    field = torch.from_numpy(bright)[None, None]
    field = torch.nn.functional.interpolate(field, (size, size), mode="bilinear", align_corners=False)[0]
    view = whole_view(footage, frame, size, rng)
    visible = np.zeros_like(view.visible)
    for kind, x0, y0, x1, y1 in footage.boxes[frame]:
        across = slice(int(x0 / _size(footage)[0] * 24), int(x1 / _size(footage)[0] * 24) + 1)
        down = slice(int(y0 / _size(footage)[1] * 24), int(y1 / _size(footage)[1] * 24) + 1)
        light = float(bright[down, across].mean()) if bright[down, across].size else 0.0
        seen = min(1.0, light / 0.4) if light > 0.1 else 0.0
        visible[int(kind)] = max(visible[int(kind)], seen * min(1.0, float(view.visible[int(kind)])))
    coarse = torch.nn.functional.interpolate(field[None], (size // STRIDE,) * 2, mode="area")[0, 0].numpy()
    cells = np.where((view.cells == 1) & (coarse < 0.2), -1.0, view.cells).astype(np.float32)
    image = (view.image.float() * field).round().to(torch.uint8)
    return TrainingView(image, visible, cells)


def attention_map(boxes: Boxes, frame_size: tuple[int, int], rng: np.random.Generator) -> Float:
    """A map like those of window similarities: three coarse grids of noise, usually with a peak at one box."""
    total = np.zeros((24, 24), dtype=np.float32)
    rect = near_box(boxes, frame_size, rng) if rng.random() < 0.8 else any_window(rng)
    peak = rng.uniform(0.3, 3.0)
    for cells in (5, 3, int(rng.choice((1, 2)))):
        field = rng.random((cells, cells)).astype(np.float32) * rng.uniform(0.2, 1.0)
        centers = (np.arange(cells) + 0.5) / cells
        middle = ((rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2)
        near = np.abs(centers[:, None] - middle[1]) + np.abs(centers[None, :] - middle[0])
        field += peak * np.exp(-((near * cells) ** 2) / 2).astype(np.float32)
        grown = torch.nn.functional.interpolate(
            torch.from_numpy(field)[None, None], (24, 24), mode="bilinear", align_corners=False
        )
        total += grown[0, 0].numpy()
    span = float(total.max() - total.min())
    return (total - total.min()) / span if span > 1e-6 else np.ones_like(total)


def degrade(view: TrainingView, rng: np.random.Generator) -> TrainingView:
    """The same view with another exposure. It is not mirrored here: the order of a grid must stay."""
    image = view.image
    if rng.random() < 0.5:
        gain, offset = rng.uniform(0.8, 1.2), rng.uniform(-15, 15)
        image = (image.float() * gain + offset).clamp(0, 255).to(torch.uint8)
    if rng.random() < 0.25:
        image = _jpeg(image, int(rng.integers(25, 90)))
    return TrainingView(image, view.visible, view.cells)


def mirror(view: TrainingView) -> TrainingView:
    """The view flipped left to right (never a grid, whose order means time)."""
    return TrainingView(view.image.flip(2), view.visible, np.ascontiguousarray(view.cells[:, :, ::-1]))


def _jpeg(image: torch.Tensor, quality: int) -> torch.Tensor:
    store = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()).save(store, "JPEG", quality=quality)
    return torch.from_numpy(np.array(Image.open(store))).permute(2, 0, 1)
