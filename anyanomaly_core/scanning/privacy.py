"""Which privacy mask a camera has in this installation."""

from anyanomaly_core.config import Settings
from anyanomaly_core.footage.masks import Mask, load_masks


def camera_mask(settings: Settings, camera_id: str) -> Mask | None:
    """The mask in force now; None: the camera has none. Raises ConfigurationError when the mask file is wrong."""
    return load_masks(settings.privacy_masks).of(camera_id)
