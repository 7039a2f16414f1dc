"""The losses by loops over pixels."""

import math
from dataclasses import replace

import pytest
import torch

from anyanomaly_core.models.lavida.model import ClipOutput
from anyanomaly_core.training.losses import LossWeights, lavida_losses
from anyanomaly_core.training.plan import disable_losses


def slow_losses(output: ClipOutput, truth: list[list[list[bool]]]) -> dict[str, float]:
    frames, total = len(truth), {"focal": 0.0, "dice": 0.0, "quality": 0.0, "frame": 0.0, "absent": 0.0}
    for t in range(frames):
        target = [float(pixel) for row in truth[t] for pixel in row]
        shown = any(target)
        score = float(output.frame_logits[t])
        total["frame"] += (math.log1p(math.exp(-score)) if shown else math.log1p(math.exp(score))) / frames
        candidates = []
        for c in range(3):
            logits = output.masks[t, c].flatten().tolist()
            p = [1 / (1 + math.exp(-x)) for x in logits]
            focal = 0.0
            for probability, y in zip(p, target, strict=True):
                right = probability if y else 1 - probability
                focal -= (0.25 if y else 0.75) * (1 - right) ** 2 * math.log(right) / len(p)
            both = sum(a * b for a, b in zip(p, target, strict=True))
            dice = 1 - (2 * both + 1) / (sum(p) + sum(target) + 1)
            hit = [x > 0 for x in logits]
            meets = sum(h and y > 0 for h, y in zip(hit, target, strict=True))
            union = sum(h or y > 0 for h, y in zip(hit, target, strict=True))
            quality = abs(float(output.quality[t, c]) - meets / max(union, 1))
            candidates.append((20 * focal + 2 * dice, focal, dice, quality))
        if not shown:
            total["absent"] += sum(focal for _, focal, *_ in candidates) / 3 / frames
            continue
        _, focal, dice, quality = min(candidates)
        for name, loss in (("focal", focal), ("dice", dice), ("quality", quality)):
            total[name] += loss / frames
    return total


def test_losses_are_those_of_the_specification() -> None:
    torch.manual_seed(0)
    output = ClipOutput(torch.randn(3), torch.randn(3, 3, 6, 5) * 2, torch.rand(3, 3), torch.tensor(1.7))
    truth = torch.rand(3, 6, 5) < 0.3
    truth[1] = False
    found = lavida_losses(output, truth, LossWeights())
    expected = slow_losses(output, truth.tolist())
    for name, loss in expected.items():
        assert float(found[name]) == pytest.approx(loss, rel=1e-4)
    more = lavida_losses(output, truth, replace(LossWeights(), absent=40.0))
    assert float(more["total"] - found["total"]) == pytest.approx(40 * expected["absent"], rel=1e-4)
    weighted = 20 * expected["focal"] + 2 * expected["dice"] + expected["quality"] + 2 * expected["frame"] + 1.7
    assert float(found["total"]) == pytest.approx(weighted, rel=1e-4)


def test_each_loss_can_be_switched_off() -> None:
    torch.manual_seed(0)
    output = ClipOutput(torch.randn(2), torch.randn(2, 3, 4, 4), torch.rand(2, 3), torch.tensor(1.7))
    truth = torch.rand(2, 8, 8) < 0.4  # of another size
    whole = lavida_losses(output, truth, LossWeights())
    for name, weight in (("focal", 20), ("dice", 2), ("quality", 1), ("frame", 2), ("reply", 1)):
        less = lavida_losses(output, truth, disable_losses([name], LossWeights()))
        assert float(whole["total"] - less["total"]) == pytest.approx(weight * float(whole[name]), rel=1e-4)
