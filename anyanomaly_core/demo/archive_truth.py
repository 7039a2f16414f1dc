"""What a rendered archive shows: which frames show which event, written beside the footage and read back."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from anyanomaly_core.demo.vocabulary import EVENT_TEXTS
from anyanomaly_core.demo.world import EVENT_NAMES

# Rules of the demo (anyanomaly_core/demo/rules) by the event that they look for.
DEMO_RULES = {
    "bicycle": "bicycle-on-walkway",
    "lying": "person-lying",
    "bag": "abandoned-bag",
    "smoke": "smoke-or-fire",
}
TRUTH = "_truth"  # folders that begin with _ are not footage
HIDDEN_S = 1.0  # somebody hidden for no longer than this is still there


@dataclass(frozen=True, slots=True)
class PlantedEvent:
    """A run of frames that show an event, as rendered."""

    event: str
    uri: str
    first_frame: int
    last_frame: int
    start_s: float
    end_s: float

    @property
    def rule(self) -> str:
        """The demo's rule that looks for it, or the event's own name."""
        return DEMO_RULES.get(self.event, self.event)


def planted_events(root: Path, events: Sequence[str] = tuple(DEMO_RULES)) -> list[PlantedEvent]:
    """What an archive shows, of these events; by default those that the demo has rules for."""
    with (root / TRUTH / "events.csv").open(newline="", encoding="utf-8") as file:
        return [
            PlantedEvent(
                row["event"],
                row["uri"],
                int(row["first_frame"]),
                int(row["last_frame"]),
                float(row["start_s"]),
                float(row["end_s"]),
            )
            for row in csv.DictReader(file)
            if row["event"] in events
        ]


def frame_truth(root: Path) -> Iterator[tuple[str, int, frozenset[str]]]:
    """(uri, frame, events it shows) of every frame, in order."""
    with (root / TRUTH / "frames.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield row["uri"], int(row["frame"]), frozenset(name for name in EVENT_NAMES if row[name] == "1")


def has_truth(root: Path) -> bool:
    """Whether the archive is complete: its truth is written last."""
    return (root / TRUTH / "events.csv").exists()


def write_truth(root: Path, shown: dict[str, list[list[str]]], fps: float) -> None:
    """Write the tables, as docs/evaluation.md describes them; ``shown`` holds, by file, the events of each frame."""
    _write(root / TRUTH / "classes.csv", ["class", "text"], ((name, EVENT_TEXTS[name][1]) for name in EVENT_NAMES))
    _write(root / TRUTH / "frames.csv", ["uri", "frame", *EVENT_NAMES], _frame_rows(shown))
    head = ["event", "uri", "first_frame", "last_frame", "start_s", "end_s"]
    _write(root / TRUTH / "events.csv", head, _event_rows(shown, fps))


def remove_truth(root: Path) -> None:
    """Make the archive incomplete again."""
    for name in ("events.csv", "frames.csv", "classes.csv"):
        (root / TRUTH / name).unlink(missing_ok=True)


def _frame_rows(shown: dict[str, list[list[str]]]) -> Iterator[Sequence[object]]:
    for uri, frames in shown.items():
        for number, events in enumerate(frames):
            yield uri, number, *(int(name in events) for name in EVENT_NAMES)


def _event_rows(shown: dict[str, list[list[str]]], fps: float) -> Iterator[Sequence[object]]:
    for uri, frames in shown.items():
        for name, first, last in _runs(frames, gap=round(fps * HIDDEN_S)):
            yield name, uri, first, last, f"{first / fps:.3f}", f"{(last + 1) / fps:.3f}"


def _write(path: Path, head: Sequence[str], rows: Iterator[Sequence[object]]) -> None:
    """The table appears when it is whole."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)
    part.replace(path)


def _runs(frames: Sequence[Sequence[str]], gap: int) -> Iterator[tuple[str, int, int]]:
    """(event, first, last) of each run of frames that show it; ``gap`` frames or fewer do not part a run."""
    frames_end = len(frames) + gap + 1
    for name in EVENT_NAMES:
        shown = [number for number, events in enumerate(frames) if name in events]
        if not shown:
            continue
        first = shown[0]
        for number, following in pairwise([*shown, frames_end]):
            if following - number > gap:
                yield name, first, number
                first = following
