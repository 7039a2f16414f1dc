"""A network made faster says what it said before."""

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before timm

# isort: split
from copy import deepcopy

import pytest
import timm
import torch
from torch import nn

from anyanomaly_core.models.inference_speed import optimize_for_inference


def _sequence(model: nn.Module) -> nn.Sequential:
    sequence = optimize_for_inference(nn.Sequential(deepcopy(model)))
    assert isinstance(sequence, nn.Sequential)
    return sequence


def _wake_norms(model: nn.Module) -> None:
    """Give batch norms statistics that a fresh network does not have, so that folding them wrongly shows."""
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_vit", "test_convnext", "test_byobnet"])
def test_same_output_after_folding(name: str) -> None:
    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False, num_classes=8).eval()
    _wake_norms(model)
    faster = _sequence(model)
    pixels = torch.rand(4, 3, *model.default_cfg["input_size"][1:])
    features = getattr(faster[0], "forward_features")  # noqa: B009  # called past forward, as vision towers are
    with torch.inference_mode():
        torch.testing.assert_close(faster(pixels), model(pixels), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(features(pixels), model.forward_features(pixels), rtol=1e-4, atol=1e-4)


def test_no_batch_norm_left_in_a_resnet() -> None:
    faster = optimize_for_inference(nn.Sequential(timm.create_model("test_resnet", pretrained=False).eval()))
    assert not any(isinstance(module, nn.BatchNorm2d) for module in faster.modules())


def test_half_precision_keeps_its_norms() -> None:
    model = timm.create_model("test_resnet", pretrained=False).eval().bfloat16()
    assert any(isinstance(module, nn.BatchNorm2d) for module in optimize_for_inference(nn.Sequential(model)).modules())


class _Twice(nn.Module):
    """A convolution whose output is read beside the norm as well, and one that runs twice: neither may change."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.one_norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
        self.two, self.two_norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        raw = self.one(pixels)
        result: torch.Tensor = self.two(self.two_norm(self.two(self.one_norm(raw) + raw)))
        return result


def test_shared_convolutions_are_left_alone() -> None:
    torch.manual_seed(0)
    model = _Twice().eval()
    _wake_norms(model)
    faster = _sequence(model)
    pixels = torch.rand(2, 3, 8, 8)
    with torch.inference_mode():
        torch.testing.assert_close(faster(pixels), model(pixels))


class _Choosy(nn.Module):
    """A program that depends on the data cannot be followed; its parts still can."""

    def __init__(self) -> None:
        super().__init__()
        self.part = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3))
        self.outer = nn.ModuleList([self.part])

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.part(pixels) if pixels.sum() > 0 else -self.part(pixels)
        return result


def test_a_program_that_cannot_be_followed_is_folded_in_its_parts() -> None:
    torch.manual_seed(0)
    model = _Choosy().eval()
    _wake_norms(model)
    faster = _sequence(model)
    pixels = torch.rand(2, 3, 8, 8)
    with torch.inference_mode():
        torch.testing.assert_close(faster(pixels), model(pixels), rtol=1e-4, atol=1e-5)
    assert isinstance(faster.get_submodule("0.part.1"), nn.Identity)
