"""What training minimises: masks where something is, object logits everywhere, the reply's words."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from anyanomaly_core.models.lavida.model import ClipOutput

ALPHA, GAMMA = 0.25, 2.0  # of the focal loss
SMOOTH = 1.0  # of dice


@dataclass(frozen=True, slots=True)
class LossWeights:
    """The published weights; 0 switches a loss off."""

    focal: float = 20.0
    dice: float = 2.0
    quality: float = 1.0
    frame: float = 2.0
    reply: float = 1.0
    absent: float = 0.0  # not published: masks of frames that show nothing listed are to be empty


def lavida_losses(output: ClipOutput, masks: torch.Tensor, weights: LossWeights) -> dict[str, torch.Tensor]:
    """Each loss by name, unweighted, and ``total``, weighted.

    Mask losses count for the candidate with the least 20 * focal + 2 * dice, in frames that show something, and are
    divided by the number of all frames.

    Args:
        output: of a clip of T frames.
        masks: bool [T, H, W] of any size.
        weights: of the total.
    """
    shown = masks.flatten(1).any(1)  # [T]
    truth = _resized(masks, output.masks.shape[-2:])  # [T, h, w]
    logits = output.masks.float()  # [T, 3, h, w]
    target = truth[:, None].expand_as(logits)  # [T, 3, h, w]
    focal, dice = focal_loss(logits, target), dice_loss(logits, target)  # [T, 3]
    best = (20 * focal + 2 * dice).argmin(1)  # [T]
    rows = torch.arange(len(best), device=best.device)
    overlap = _overlap(logits[rows, best] > 0, truth > 0.5)  # noqa: PLR2004  # [T]
    quality = (output.quality[rows, best].float() - overlap).abs()  # [T]
    frames = len(shown)
    losses = {
        "focal": (focal[rows, best] * shown).sum() / frames,
        "dice": (dice[rows, best] * shown).sum() / frames,
        "quality": (quality * shown).sum() / frames,
        "frame": functional.binary_cross_entropy_with_logits(output.frame_logits.float(), shown.float()),
        "reply": logits.new_zeros(()) if output.reply_loss is None else output.reply_loss,
        "absent": (focal.mean(1) * ~shown).sum() / frames,
    }
    total = torch.stack([getattr(weights, name) * loss for name, loss in losses.items()]).sum()
    return losses | {"total": total}


def focal_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """[...] mean over the pixels of [..., H, W]."""
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    wrong = (logits.sigmoid() - target).abs()  # 1 - probability of the truth
    share = ALPHA * target + (1 - ALPHA) * (1 - target)
    return (share * wrong**GAMMA * entropy).mean((-2, -1))


def dice_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """[...] one minus the smoothed dice coefficient of [..., H, W]."""
    p = logits.sigmoid()
    both, either = (p * target).sum((-2, -1)), p.sum((-2, -1)) + target.sum((-2, -1))
    return 1 - (2 * both + SMOOTH) / (either + SMOOTH)


def _resized(masks: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """Float [T, h, w]: the share of each cell that is covered; the nearest pixel would lose what is thin."""
    return functional.interpolate(masks[:, None].float(), tuple(size), mode="area")[:, 0]


def _overlap(shown: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """[T] intersection over union; 0 where both are empty."""
    both, either = (shown & truth).sum((-2, -1)), (shown | truth).sum((-2, -1))
    return both / either.clamp(min=1)
