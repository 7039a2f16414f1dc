"""The rendered world: the same pixels for the same seed, and labels that tell what is in them."""

import hashlib
import subprocess
import sys
from itertools import islice, pairwise

import numpy as np
import pytest

from anyanomaly_core.demo.archive_plan import ArchivePlan, planned_files
from anyanomaly_core.demo.world import (
    CONDITIONS,
    EVENT_NAMES,
    FRAME_SIZE,
    EventSpan,
    RenderedFrame,
    make_clip,
    render_moments,
    render_still,
)
from anyanomaly_core.demo.world.bake import bake
from anyanomaly_core.demo.world.clip import plan_clip

WIDTH, HEIGHT = FRAME_SIZE
CAMERA = 11
SCRIPT = """
import hashlib
from anyanomaly_core.demo.world import render_still
print(hashlib.sha256(render_still(3).image.tobytes()).hexdigest())
"""


def clip(*events: EventSpan, camera: int = CAMERA, condition: str = "overcast", frames: int = 3) -> list[RenderedFrame]:
    return list(
        islice(
            make_clip(5, camera_seed=camera, duration_s=frames / 2, fps=2.0, events=events, condition=condition), frames
        )
    )


@pytest.fixture(scope="module")
def quiet() -> list[RenderedFrame]:
    return clip()


def test_a_still_is_the_same_in_another_process() -> None:
    here = hashlib.sha256(render_still(3).image.tobytes()).hexdigest()
    there = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_a_still_does_not_depend_on_what_was_rendered_before() -> None:
    first = render_still(3)
    render_still(40)  # another background goes through the caches
    again = render_still(3)
    assert np.array_equal(first.image, again.image)
    assert first.boxes == again.boxes
    assert not np.array_equal(first.image, render_still(4).image)


def test_a_clip_is_the_same_twice(quiet: list[RenderedFrame]) -> None:
    for one, other in zip(quiet, clip(), strict=True):
        assert np.array_equal(one.image, other.image)
        assert one.boxes == other.boxes


def test_moments_are_four_of_one_place() -> None:
    moments = render_moments(3)
    assert len(moments) == 4
    changes = [np.abs(a.image.astype(int) - b.image).mean() for a, b in pairwise(moments)]
    assert all(0 < change < 20 for change in changes)


def test_boxes_lie_inside_the_frame_and_name_what_is_known() -> None:
    for seed in range(12):
        frame = render_still(seed)
        assert frame.image.shape == (HEIGHT, WIDTH, 3)
        assert frame.image.dtype == np.uint8
        for box in frame.boxes:
            assert 0 <= box.x0 < box.x1 <= WIDTH
            assert 0 <= box.y0 < box.y1 <= HEIGHT
            assert box.event in {"person", *EVENT_NAMES}
        assert frame.events == {box.event for box in frame.boxes} - {"person"}


def test_a_mirrored_box_comes_back() -> None:
    for box in render_still(3).boxes:
        once = box.mirrored(WIDTH)
        assert (once.x1 - once.x0, once.y0, once.y1) == pytest.approx((box.x1 - box.x0, box.y0, box.y1))
        back = once.mirrored(WIDTH)
        assert (back.x0, back.x1) == pytest.approx((box.x0, box.x1))


@pytest.mark.parametrize("event", ["lying", "bag", "fighting"])
def test_an_event_changes_the_pixels_of_its_box(event: str, quiet: list[RenderedFrame]) -> None:
    busy = clip(EventSpan(event, 0.0, 10.0))
    for calm, frame in zip(quiet, busy, strict=True):
        assert event not in calm.events
        assert frame.events == {event}
        changed = np.abs(frame.image.astype(int) - calm.image).max(axis=2) > 25
        (box,) = [box for box in frame.boxes if box.event == event]
        # Half a box more to each side, where its shadow falls.
        dx, dy = int((box.x1 - box.x0) / 2) + 4, int((box.y1 - box.y0) / 2) + 4
        near = np.zeros_like(changed)
        near[max(int(box.y0) - dy, 0) : int(box.y1) + dy, max(int(box.x0) - dx, 0) : int(box.x1) + dx] = True
        inside = np.zeros_like(changed)
        inside[int(box.y0) : int(box.y1) + 1, int(box.x0) : int(box.x1) + 1] = True
        assert changed[inside].mean() > 0.1
        assert changed[near].sum() > 0.9 * changed.sum()
        assert changed[inside].sum() > 0.5 * changed.sum()


def test_an_event_is_seen_only_while_it_lasts() -> None:
    frames = clip(EventSpan("lying", 1.0, 2.0), frames=6)  # frames 0.5 s apart
    seen = ["lying" in frame.events for frame in frames]
    assert seen[:4] == [False, False, True, True]
    assert not seen[5]


def test_the_people_are_the_same_with_and_without_an_event() -> None:
    one = plan_clip(5, camera_seed=CAMERA, duration_s=4, fps=2, events=(), condition="sun")
    other = plan_clip(5, camera_seed=CAMERA, duration_s=4, fps=2, events=[EventSpan("smoke", 0, 4)], condition="sun")
    boxes = [{box for box in next(iter(c.frames())).boxes if box.event == "person"} for c in (one, other)]
    assert boxes[1] <= boxes[0]  # smoke may hide somebody, nobody is added


def test_infrared_is_grey_and_conditions_differ() -> None:
    pictures = {condition: clip(condition=condition, frames=1)[0].image for condition in CONDITIONS}
    grey = pictures["infrared"].astype(int)
    assert np.abs(grey - grey[..., :1]).max() == 0
    assert pictures["night"].mean() < pictures["sun"].mean()
    assert len({picture.tobytes() for picture in pictures.values()}) == len(CONDITIONS)


def test_training_and_held_out_cameras_never_meet() -> None:
    held_out = {file.camera_seed % 2 for file in planned_files(ArchivePlan(cameras=9))}
    trained = {file.camera_seed % 2 for file in planned_files(ArchivePlan(cameras=9, held_out=False))}
    assert (held_out, trained) == ({1}, {0})
    assert not np.array_equal(bake(10, "overcast").image, bake(11, "overcast").image)
