"""Which privacy mask footage has in this installation."""

from collections.abc import Collection

from anyanomaly_core.config import ArchiveSettings
from anyanomaly_core.footage.masks import Mask, load_masks
from anyanomaly_core.results.catalog import StoredVideo


def footage_mask(settings: ArchiveSettings, video: StoredVideo) -> Mask | None:
    """The mask in force now; None: there is none. Raises ConfigurationError when the mask file is wrong.

    Content that was found under several cameras is scored once and shown under each: what one of them hides is hidden.
    """
    return cameras_mask(settings, {video.camera_id, *video.cameras})


def cameras_mask(settings: ArchiveSettings, camera_ids: Collection[str]) -> Mask | None:
    """As ``footage_mask``, of content found under these cameras."""
    return load_masks(settings.privacy_masks).of(*camera_ids)
