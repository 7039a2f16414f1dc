"""Where things stand in a scene: walls, trees, street furniture, lamps, the camera."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from anyanomaly_core.demo.world.camera import Camera
from anyanomaly_core.demo.world.types import FRAME_SIZE, Floats

KINDS: tuple[str, ...] = ("street", "plaza", "car park", "park", "entrance", "alley")


@dataclass(frozen=True)
class Wall:
    """A vertical façade from (x, y) along a unit direction."""

    x: float
    y: float
    dx: float
    dy: float
    length: float
    height: float
    seed: int
    style: str  # "house", "shops", "garage", "plain", "hedge"


@dataclass(frozen=True)
class Prop:
    """A standing thing: "bench", "bin", "bollard", "planter", "pole", "lamp", "tree", "bush", "crate"."""

    kind: str
    x: float
    y: float
    size: float
    heading: float
    seed: int

    @property
    def reach(self) -> float:
        """Radius of the ground that it takes."""
        return {"bench": 1.0, "tree": 0.5, "planter": 0.9, "bush": 0.9, "crate": 0.6}.get(self.kind, 0.3)


@dataclass
class Layout:
    """A scene before it is drawn."""

    kind: str
    camera: Camera
    seed: int
    walls: list[Wall] = field(default_factory=list)
    props: list[Prop] = field(default_factory=list)
    far: float = 30.0  # nothing walks beyond this y

    def free(self, x: float, y: float, margin: float = 0.5) -> bool:
        """Whether something may stand here: in front of the walls and clear of the props."""
        if y > self.far - 0.5:
            return False
        for wall in self.walls:
            along = (x - wall.x) * wall.dx + (y - wall.y) * wall.dy
            out = -(x - wall.x) * wall.dy + (y - wall.y) * wall.dx  # > 0 is left of the direction: behind
            if out > -margin - 0.3 and -1 < along < wall.length + 1:
                return False
        return all((x - p.x) ** 2 + (y - p.y) ** 2 > (p.reach + margin) ** 2 for p in self.props)

    def lamps(self, rng: np.random.Generator) -> Floats:
        """Where light comes from at night [L, 4]: the lamp posts, plus one that serves the camera's view."""
        rows = [(p.x, p.y, p.size, rng.uniform(0.55, 0.8)) for p in self.props if p.kind == "lamp"]
        x, y = self.camera.stand_at(FRAME_SIZE[0] * rng.uniform(0.3, 0.7), rng.uniform(7.5, 10.5))
        rows.append((x, y, 5.0, rng.uniform(0.6, 0.85)))
        return np.array(rows, np.float32)


def make_layout(camera_seed: int) -> Layout:
    """Draw a camera and the place it looks at."""
    rng = np.random.default_rng((camera_seed, 7))
    kind = KINDS[int(rng.integers(len(KINDS)))]
    height, focal = float(rng.uniform(3.2, 5.2)), float(rng.uniform(380, 520))
    aim = float(rng.uniform(8.0, 10.5)) + (focal - 380) / 90  # ground distance of the image centre
    camera = Camera(height, float(np.arctan2(height, aim)), float(rng.uniform(-0.45, 0.45)), focal)
    layout = Layout(kind, camera, camera_seed)
    {
        "street": _street, "plaza": _plaza, "car park": _car_park,
        "park": _park, "entrance": _entrance, "alley": _alley,
    }[kind](layout, rng)  # fmt: skip
    return layout


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 30))


def _back(layout: Layout, rng: np.random.Generator, y: float, height: float, style: str) -> None:
    """A row of buildings across the view at distance y."""
    x = -38.0 - float(rng.uniform(0, 8))
    while x < 40:
        length = float(rng.uniform(9, 18))
        tall = height * float(rng.uniform(0.85, 1.2))
        layout.walls.append(Wall(x, y, 1.0, 0.0, length, tall, _seed(rng), style))
        x += length
    layout.far = min(layout.far, y - 0.5)


def _side(layout: Layout, rng: np.random.Generator, x: float, near: float, far: float, style: str) -> None:
    """A building along the view at x: on the left for x < 0, else on the right."""
    height = float(rng.uniform(5, 9))
    if x < 0:
        layout.walls.append(Wall(x, near, 0.0, 1.0, far - near, height, _seed(rng), style))
    else:
        layout.walls.append(Wall(x, far, 0.0, -1.0, far - near, height, _seed(rng), style))


def _scatter(layout: Layout, rng: np.random.Generator, kinds: str, count: int, near: float = 4.5) -> None:
    """Props at free spots, mostly toward the edges and the back so that the middle stays open."""
    names = kinds.split()
    for _ in range(count * 6):
        if count == 0:
            return
        u = FRAME_SIZE[0] * float(rng.choice([rng.uniform(0.0, 0.25), rng.uniform(0.75, 1.0), rng.random()]))
        depth = float(rng.uniform(near, 20))
        if 0.25 < u / FRAME_SIZE[0] < 0.75 and depth < 12:
            continue
        x, y = layout.camera.stand_at(u, depth)
        if layout.free(x, y, 0.9):
            kind = names[int(rng.integers(len(names)))]
            size = {"lamp": rng.uniform(4, 5.5), "tree": rng.uniform(4, 7), "pole": rng.uniform(2.5, 4)}.get(kind, 1.0)
            layout.props.append(Prop(kind, x, y, float(size), float(rng.choice([0, np.pi / 2])), _seed(rng)))
            count -= 1


def _street(layout: Layout, rng: np.random.Generator) -> None:
    _back(layout, rng, float(rng.uniform(14.5, 18)), 7.5, str(rng.choice(["house", "shops"])))
    _scatter(layout, rng, "lamp pole bin bollard tree", int(rng.integers(3, 6)))


def _plaza(layout: Layout, rng: np.random.Generator) -> None:
    _back(layout, rng, float(rng.uniform(17, 24)), 8.5, str(rng.choice(["house", "shops"])))
    if rng.random() < 0.5:
        _side(layout, rng, float(rng.choice([-1, 1]) * rng.uniform(8, 11)), 5, layout.far + 0.5, "shops")
    _scatter(layout, rng, "bench bench planter bin lamp tree bollard", int(rng.integers(4, 8)))


def _car_park(layout: Layout, rng: np.random.Generator) -> None:
    _back(layout, rng, float(rng.uniform(19, 26)), 5.5, str(rng.choice(["garage", "plain", "hedge"])))
    _scatter(layout, rng, "lamp bollard bush tree bin pole", int(rng.integers(3, 6)), 7.0)


def _park(layout: Layout, rng: np.random.Generator) -> None:
    layout.far = float(rng.uniform(22, 30))
    if rng.random() < 0.6:
        _back(layout, rng, layout.far + 3, 2.6, "hedge")
    for _ in range(int(rng.integers(6, 10))):
        x, y = float(rng.uniform(-18, 18)), float(rng.uniform(13, layout.far + 6))
        layout.props.append(Prop("tree", x, y, float(rng.uniform(4.5, 8)), 0.0, _seed(rng)))
    _scatter(layout, rng, "bench bin lamp bush tree", int(rng.integers(4, 7)))


def _entrance(layout: Layout, rng: np.random.Generator) -> None:
    _back(layout, rng, float(rng.uniform(12.5, 15)), 8.0, str(rng.choice(["shops", "garage", "house"])))
    _side(layout, rng, float(rng.choice([-1, 1]) * rng.uniform(6.5, 8.5)), 4, layout.far + 0.5, "house")
    _scatter(layout, rng, "planter bin bollard lamp bush bench", int(rng.integers(3, 6)))


def _alley(layout: Layout, rng: np.random.Generator) -> None:
    half = float(rng.uniform(3.6, 4.8))
    end = float(rng.uniform(18, 26))
    styles = ["house", "shops", "garage", "plain"]
    _back(layout, rng, end, 8.0, str(rng.choice(styles)))
    _side(layout, rng, -half - float(rng.uniform(0, 1)), -1, end, str(rng.choice(styles)))
    _side(layout, rng, half + float(rng.uniform(0, 1)), -1, end, str(rng.choice(styles)))
    _scatter(layout, rng, "bin crate pole bin lamp", int(rng.integers(2, 5)))
