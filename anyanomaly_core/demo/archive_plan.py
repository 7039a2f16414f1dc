"""What a rendered archive holds, drawn from a seed: which camera records when, in what light, and what happens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from anyanomaly_core.demo.world import EVENT_NAMES, EventSpan

CAMERA_NAMES = ("north-gate", "car-park", "main-plaza", "loading-bay", "park-path", "east-entrance")


@dataclass(frozen=True, slots=True)
class ArchivePlan:
    """What an archive holds; the same plan gives the same pixels."""

    seed: int = 20
    cameras: int = 4
    clips_per_camera: int = 2
    clip_s: float = 60.0
    fps: float = 12.0
    first_day: str = "2026-03-02"
    events: tuple[str, ...] = EVENT_NAMES
    held_out: bool = True  # backgrounds that the models have never seen


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One recording of the plan, not rendered yet."""

    uri: str  # relative to the archive's root
    camera: str
    recorded_at: datetime  # the recorder's local time, as it is burnt in
    seed: int
    camera_seed: int  # even: a background that training may see; odd: held out
    clip_s: float
    fps: float
    spans: tuple[EventSpan, ...]
    condition: str


def planned_files(plan: ArchivePlan) -> list[PlannedFile]:
    """Every file of the plan; every event turns up about equally often, in random order."""
    rng = np.random.default_rng((plan.seed, 41))
    cast = _cast(rng, plan)
    return [_file(rng, plan, number, names) for number, names in enumerate(cast)]


def _file(rng: np.random.Generator, plan: ArchivePlan, number: int, names: Sequence[str]) -> PlannedFile:
    """Two recordings a day of each camera, between 6 and 23 o'clock."""
    camera, turn = divmod(number, plan.clips_per_camera)
    name = CAMERA_NAMES[camera % len(CAMERA_NAMES)] + ("" if camera < len(CAMERA_NAMES) else f"-{camera}")
    day = datetime.fromisoformat(plan.first_day) + timedelta(days=turn // 2)
    at = (day + timedelta(hours=float(rng.uniform(6, 23)), minutes=camera)).replace(microsecond=0)
    return PlannedFile(
        uri=f"{name}/{at:%Y-%m-%d}/{at:%H%M%S}.mp4",
        camera=name,
        recorded_at=at,
        seed=plan.seed * 1000 + number,
        camera_seed=2 * (plan.seed * 100 + camera) + int(plan.held_out),
        clip_s=plan.clip_s,
        fps=plan.fps,
        spans=_spans(rng, names, plan.clip_s),
        condition=_condition(at.hour, rng),
    )


def _cast(rng: np.random.Generator, plan: ArchivePlan) -> list[list[str]]:
    """Events of each clip: one to three, and none in every sixth."""
    clips = plan.cameras * plan.clips_per_camera
    counts = [0 if number % 6 == 5 else int(rng.integers(1, 4)) for number in range(clips)]
    deck: list[str] = []
    while len(deck) < sum(counts):
        deck += [str(name) for name in rng.permutation(plan.events)]
    return [[deck.pop(0) for _ in range(count)] for count in counts]


def _spans(rng: np.random.Generator, names: Sequence[str], clip_s: float) -> tuple[EventSpan, ...]:
    """One after another, 6 to 20 seconds each (less in a short clip), with pauses."""
    spans = []
    room = clip_s / max(1, len(names))
    for place, name in enumerate(names):
        length = min(float(rng.uniform(6, 20)), room * 0.75)
        start = place * room + float(rng.uniform(0.05, 0.95)) * (room - length)
        spans.append(EventSpan(name, start, start + length))
    return tuple(spans)


def _condition(hour: int, rng: np.random.Generator) -> str:
    if 8 <= hour < 18:
        return str(rng.choice(["sun", "overcast"]))
    return str(rng.choice(["dusk", "night", "infrared"] if hour >= 20 else ["dusk", "overcast"]))
