"""Windows that show nothing new are not encoded again, whichever rules ask and in whatever order."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import RandomProjection

from anyanomaly_core.contexts.windows import all_boxes, window_scales
from anyanomaly_core.footage.segments import Segment
from anyanomaly_core.footage.stillness import cells
from anyanomaly_core.models.protocols import Embeddings, Image
from anyanomaly_core.scoring.encoding import encode_windows
from anyanomaly_core.scoring.resized_frames import ResizedFrames
from anyanomaly_core.scoring.types import EncodedSegment, SegmentFrames
from anyanomaly_core.scoring.window_plan import window_sources

SCALES = window_scales((80, 120), False)
LEVEL = 6.0
FRAMES = 8


class Recorder(RandomProjection):
    """Remembers every image it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[bytes] = []

    def encode_images(self, images: Sequence[Image]) -> Embeddings:
        self.seen += [image.tobytes() for image in images]
        return super().encode_images(images)


def busy_corner() -> SegmentFrames:
    """A noisy picture at rest, and a square that walks along its upper edge."""
    rng = np.random.default_rng(5)
    still = rng.integers(60, 180, (120, 160, 3))
    images = []
    for place in range(FRAMES):
        image = still + rng.integers(-2, 3, still.shape)
        image[:20, 20 * place : 20 * place + 20] = 250
        images.append(image.astype(np.uint8))
    segment = Segment(index=0, first_frame=0, last_frame=FRAMES - 1, sampled=range(FRAMES))
    return SegmentFrames(segment, tuple(images))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sets(st.integers(0, FRAMES - 1)), min_size=1, max_size=4))
def test_no_window_is_encoded_twice_and_the_order_of_asking_does_not_matter(asked: list[set[int]]) -> None:
    segment, encoder = busy_corner(), Recorder()
    for wanted in asked:  # one scan after the other, each finding what the ones before have kept
        found = encode_windows(
            encoder, [ResizedFrames(segment)], [wanted - segment.encoded.windows.keys()], SCALES, same_level=LEVEL
        )
        segment.encoded.windows.update(found[0])
    assert len(set(encoder.seen)) == len(encoder.seen)
    at_once = SegmentFrames(segment.segment, segment.images, EncodedSegment())
    expected = encode_windows(Recorder(), [ResizedFrames(at_once)], [set().union(*asked)], SCALES, same_level=LEVEL)[0]
    assert segment.encoded.windows.keys() == expected.keys()
    for place, rows in expected.items():
        np.testing.assert_array_equal(segment.encoded.windows[place], rows)


def test_each_row_is_that_of_the_frame_that_stands_for_it() -> None:
    segment, places = busy_corner(), set(range(FRAMES))
    every = encode_windows(RandomProjection(), [ResizedFrames(segment)], [places], SCALES)[0]
    encoder = Recorder()
    reused = encode_windows(encoder, [ResizedFrames(segment)], [places], SCALES, same_level=LEVEL)[0]
    sources = window_sources(cells(segment.images), SCALES, LEVEL)
    assert len(encoder.seen) == sum(len(set(sources[:, k])) for k in range(len(all_boxes(SCALES))))
    assert len(encoder.seen) < FRAMES * len(all_boxes(SCALES)) / 2
    for place in places:
        for k in range(len(all_boxes(SCALES))):
            np.testing.assert_array_equal(reused[place][k], every[int(sources[place, k])][k])
