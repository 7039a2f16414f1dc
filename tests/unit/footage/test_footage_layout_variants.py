"""Names nobody thought of: any order of parts, any marks between them, ends, serial numbers and hexadecimal digits."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from anyanomaly_core.footage.layout import read_path

STAMPS = ("%Y%m%d_%H%M%S", "%Y%m%d%H%M%S", "%Y-%m-%dT%H-%M-%S", "%Y-%m-%d_%H.%M.%S", "%Y%m%d-%H%M%S")
DATES = ("%Y-%m-%d", "%Y%m%d", "%Y_%m_%d", "%Y.%m.%d")
TIMES = ("%H-%M-%S", "%H%M%S", "%H.%M.%S", "%H_%M_%S")
CAMERAS = ("gate", "front door", "cam01", "01", "NVR_ch2", "192.168.1.10", "B8A44F998877")
Part = tuple[str, str]  # of the layout, of the name


def moment(random: Random) -> datetime:
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(3 * 10**9))


def serial(random: Random) -> str:
    """Digits, hexadecimal digits, a UUID, a word, or another date or time."""
    digits = random.choice(("0123456789", "0123456789abcdef", "0123456789ABCDEF"))
    token = "".join(random.choices(digits, k=random.choice((4, 6, 7, 8, 10, 12, 14, 17))))
    uuid = f"{random.getrandbits(128):032x}"
    other = moment(random).strftime(random.choice(("%Y%m%d", "%H%M%S", "%Y%m%d%H%M%S", "%H%M", "%d%m%Y")))
    return random.choice((token, f"{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:]}", "clip", "M", other))


def name_of(random: Random, begin: datetime) -> tuple[str, str, str]:
    """A layout, a name that was written by it, and the camera in it."""
    end = begin + timedelta(seconds=random.randrange(1, 7200))
    camera = random.choice(CAMERAS)
    if random.random() < 0.3:
        form, kind = random.choice(STAMPS), "datetime"
        parts: list[Part] = []
    else:
        form, kind = random.choice(TIMES), "time"
        parts = [("{date}", begin.strftime(random.choice(DATES)))]
    parts += [(f"{{{kind}}}", begin.strftime(form)), ("{camera}", camera)]
    if random.random() < 0.5:
        parts.append((random.choice((f"{{end_{kind}}}", "{any}")), end.strftime(form)))
    parts += [("{any}", serial(random)) for _ in range(random.randrange(3))]
    random.shuffle(parts)
    marks = [random.choice("/_-/. /") for _ in parts[1:]]
    layout = parts[0][0] + "".join(mark + part for mark, (part, _) in zip(marks, parts[1:], strict=True))
    name = parts[0][1] + "".join(mark + text for mark, (_, text) in zip(marks, parts[1:], strict=True))
    return f"{layout}.{{ext}}", f"{name}.mp4", camera


@pytest.mark.parametrize("seed", range(4))
def test_a_name_states_its_beginning_and_its_camera_or_nothing(seed: int) -> None:
    random, right = Random(seed), 0  # noqa: S311  (to make names)
    for _ in range(700):
        begin = moment(random)
        layout, name, camera = name_of(random, begin)
        stated = read_path(name, layout, "UTC")
        assert stated.recorded_at in {begin, None}, (layout, name, stated)
        assert stated.camera in {camera, None}, (layout, name, stated)
        assert stated.problem or (stated.recorded_at and stated.camera), (layout, name)
        right += stated.recorded_at is not None and stated.camera is not None
    assert right > 580
