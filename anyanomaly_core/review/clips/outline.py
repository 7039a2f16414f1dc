"""The outline of what a scorer marked, drawn on the frame where it was most certain."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures
from scipy.ndimage import binary_dilation, binary_erosion
from sqlalchemy import Engine, RowMapping, select

from anyanomaly_core.errors import StorageError
from anyanomaly_core.results.region_store import frame_regions
from anyanomaly_core.review.event_record import EventRecord
from anyanomaly_core.scoring.regions import decode_mask

_COLOUR, _EDGE = (255, 210, 0), (0, 0, 0)  # yellow between black lines: it shows on any ground


def best_region(engine: Engine, event: EventRecord) -> RowMapping:
    """The marked frame of an event with the highest score.

    Raises:
        StorageError: when there is none: its scorer marks no pixels, or nothing stood out.
    """
    f = frame_regions.c
    query = (
        select(f.frame, f.mask, f.mask_height, f.mask_width)
        .where(f.video_id == event.video.video_id, f.scoring_id == event.scoring_id, f.scorer_id == event.scorer_id)
        .where(f.frame.between(event.first_frame, event.last_frame))
        .where(f.frame_at.between(event.started_at, event.ended_at))
        .order_by(f.score.desc(), f.frame)
        .limit(1)
    )
    with engine.connect() as connection:
        row = connection.execute(query).mappings().first()
    if row is None:
        raise StorageError(f"Nothing is marked in event {event.event_id}: its scorer says when, not where.")
    return row


def has_region(engine: Engine, event: EventRecord) -> bool:
    """Whether something is marked in an event."""
    try:
        best_region(engine, event)
    except StorageError:
        return False
    return True


def draw_outline(image: NDArray[np.uint8], region: RowMapping) -> NDArray[np.uint8]:
    """A copy [H, W, 3] with the border of the region's mask in yellow, inside black lines."""
    height, width = image.shape[:2]
    mask = decode_mask((region["mask_height"], region["mask_width"]), region["mask"])
    small = Pictures.fromarray(mask.astype(np.uint8) * 255)
    marked = np.asarray(small.resize((width, height), Pictures.Resampling.BILINEAR)) > 127  # noqa: PLR2004  # half
    thick = max(1, round(max(height, width) / 400))
    border = binary_dilation(marked, iterations=thick) & ~binary_erosion(marked, iterations=thick, border_value=1)
    drawn = image.copy()
    drawn[binary_dilation(border, iterations=thick)] = _EDGE
    drawn[border] = _COLOUR
    return drawn
