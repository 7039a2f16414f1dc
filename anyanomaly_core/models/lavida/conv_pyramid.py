"""A convolutional image encoder for SAM 2 in Hiera's place: any timm network that gives maps of strides 4 to 32.

Transformers' ``Sam2Model`` takes whatever its backbone's configuration names, so a model with this encoder is stored
and read like any other. Importing this module makes the name known.
"""

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before timm and transformers

# isort: split
from typing import Any, Self

import timm
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.models.sam2.modeling_sam2 import Sam2HieraDetModelOutput

LEVELS = (1, 2, 3, 4)  # of strides 4, 8, 16, 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # how SAM 2's input is normalised


class ConvPyramidConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]  # its hook for subclasses
    """Which network it is."""

    model_type = "anyanomaly_conv_pyramid"

    def __init__(self, architecture: str = "test_resnet", **rest: Any) -> None:  # noqa: ANN401  # transformers' own
        """Name a network of timm."""
        self.architecture = architecture
        super().__init__(**rest)


class ConvPyramid(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Four maps of an image; its batch norms never learn, because a step sees a single scene."""

    config_class = ConvPyramidConfig
    main_input_name = "pixel_values"

    def __init__(self, config: ConvPyramidConfig) -> None:
        """Random weights."""
        super().__init__(config)
        self.network: Any = timm.create_model(config.architecture, features_only=True, out_indices=LEVELS)
        self.mean, self.std = (nn.Buffer(torch.tensor(values).view(1, 3, 1, 1)) for values in (MEAN, STD))
        self.post_init()  # type: ignore[no-untyped-call]

    @property
    def channels(self) -> list[int]:
        """Of each level, fine to coarse."""
        return [int(count) for count in self.network.feature_info.channels()]

    def forward(self, pixel_values: torch.Tensor, **_: object) -> Sam2HieraDetModelOutput:
        """Maps [n, H, W, C] of normalised images [n, 3, S, S]; the network itself was trained on pixels of 0..1."""
        pixels = (pixel_values * self.std + self.mean).contiguous(memory_format=torch.channels_last)
        maps = tuple(found.permute(0, 2, 3, 1) for found in self.network(pixels))
        return Sam2HieraDetModelOutput(last_hidden_state=maps[-1], intermediate_hidden_states=maps)

    def train(self, mode: bool = True) -> Self:  # torch's signature
        """As of any module, except for the batch norms."""
        super().train(mode)
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


AutoConfig.register(ConvPyramidConfig.model_type, ConvPyramidConfig)
AutoModel.register(ConvPyramidConfig, ConvPyramid)
