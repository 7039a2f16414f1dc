"""Names open_clip knows, read once torchvision can be imported."""

from anyanomaly_core.models import torchvision_compat  # noqa: F401  # before open_clip

# isort: split
import open_clip


def known() -> set[tuple[str, str]]:
    """Pairs of architecture and pretrained tag."""
    return set(open_clip.list_pretrained())
