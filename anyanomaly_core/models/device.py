"""Which torch device and number type a model runs with."""

import torch

from anyanomaly_core.errors import ConfigurationError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def resolve_device(name: str) -> torch.device:
    """The device called ``name``: ``auto`` (CUDA if there is any, else CPU), ``cpu``, ``cuda``, ``cuda:1`` ...

    Raises:
        ConfigurationError: when there is no such device on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigurationError(f"ANYANOMALY_DEVICE is {name!r}; give auto, cpu, cuda or cuda:<number>.") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigurationError(
            f"ANYANOMALY_DEVICE is {name!r} but torch sees {torch.cuda.device_count()} CUDA devices. Use auto or cpu."
        )
    return device
