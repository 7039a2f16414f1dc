"""Windows, position contexts and grids as the method makes them, in the plainest way, for watching the training.

The product has its own implementation (`anyanomaly_core.contexts`); the official figures come from there.
"""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate, normalize

WINDOWS = ((48, 5), (80, 3), (120, 2))  # size in a 240x240 frame, windows a side
CONTEXT_SIZE = 224


def squash_frames(frames: torch.Tensor, size: int) -> torch.Tensor:
    """uint8 frames [n, 3, h, w] as squares."""
    return interpolate(frames, (size, size), mode="bilinear", antialias=True)


def windows(frames: torch.Tensor, size: int) -> torch.Tensor:
    """All 38 windows of every frame: uint8 [frames, windows, 3, size, size]."""
    small = squash_frames(frames, 240)
    parts = []
    for side, count in WINDOWS:
        for row in range(count):
            for column in range(count):
                part = small[:, :, row * side : (row + 1) * side, column * side : (column + 1) * side]
                parts.append(squash_frames(part.contiguous(), size))
    return torch.stack(parts, 1)


def position_map(similar: torch.Tensor) -> torch.Tensor:
    """Similarity of the 38 windows to one text as a 0..1 map [224, 224]."""
    total, start = torch.zeros(CONTEXT_SIZE, CONTEXT_SIZE), 0
    for _, count in WINDOWS:
        field = similar[start : start + count * count].view(1, 1, count, count)
        total += interpolate(field, (CONTEXT_SIZE, CONTEXT_SIZE), mode="bilinear", align_corners=False)[0, 0]
        start += count * count
    span = total.max() - total.min()
    return (total - total.min()) / span if span > 1e-6 else torch.ones_like(total)


def class_probabilities(embedded: torch.Tensor, texts: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    """Softmax over all texts of the similarity of every window: [windows, texts]."""
    return (normalize(embedded, dim=-1) @ texts.T * scale).softmax(-1)


def grid_of(parts: torch.Tensor) -> torch.Tensor:
    """Four crops [4, 3, s, s] as a 2x2 picture in reading order, 224x224."""
    small = squash_frames(parts, CONTEXT_SIZE // 2)
    return torch.cat([torch.cat([small[0], small[1]], 2), torch.cat([small[2], small[3]], 2)], 1)
