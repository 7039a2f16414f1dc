"""The import of torchvision beside whatever torch is installed, each in a fresh process."""

import subprocess
import sys


def run(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return result.stdout + result.stderr


def test_torchvision_and_what_needs_it_import() -> None:
    said = run(
        "from anyanomaly_core.models.torchvision_compat import ensure_torchvision; ensure_torchvision();"
        "import torch, torchvision, open_clip; from torchvision.transforms import v2;"
        "print(v2.functional.resize(torch.zeros(3, 8, 8), [4, 4]).shape)"
    )
    assert said.strip().endswith("torch.Size([3, 4, 4])")


def test_an_operator_without_kernel_raises_instead_of_answering() -> None:
    said = run(
        "from anyanomaly_core.models import torchvision_compat; import torch, torchvision;"
        "boxes = torch.tensor([[0.0, 0, 1, 1]])\n"
        "try: print(torchvision.ops.nms(boxes, torch.ones(1), 0.5))\n"
        "except (NotImplementedError, RuntimeError) as error: print(type(error).__name__)"
    )
    assert said.strip() in {"tensor([0])", "NotImplementedError", "RuntimeError"}


def test_nothing_is_declared_where_torchvision_imports() -> None:
    """With a torchvision that fits, the second call finds it imported and defines no operator."""
    said = run(
        "import sys, types; sys.modules['torchvision'] = types.ModuleType('torchvision');"
        "from anyanomaly_core.models import torchvision_compat as compat; print(len(compat._DECLARED))"
    )
    assert said.strip() == "0"
