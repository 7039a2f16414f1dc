"""What is proposed for a folder that nobody described, and what is said not to be certain."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from anyanomaly_core.cli.app import app
from anyanomaly_core.errors import ConfigurationError, FootageError
from anyanomaly_core.footage.local_time import Zones
from anyanomaly_core.footage.recorders.proposal import Proposal, propose
from tests.unit.footage.test_footage_recorders import PUBLISHED, WRITERS

ROME = ZoneInfo("Europe/Rome")
BEGIN = datetime(2026, 6, 13, 9, 58, 20, tzinfo=ROME)  # no other date has its numbers


def archive(root: Path, names: Iterable[str], *, at: Iterable[datetime] = (), length: float = 10) -> Path:
    """Empty files, changed when recordings of so many seconds that begin at these moments would end."""
    moments = list(at)
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        if moments:
            os.utime(path, (moments[number].timestamp() + length,) * 2)
    return root


def minutes(count: int = 30) -> list[datetime]:
    return [BEGIN + timedelta(seconds=599 * number) for number in range(count)]


def proposed(root: Path, zone: str = "Europe/Rome", layout: str = "") -> Proposal:
    return propose(str(root), Zones(zone), layout=layout)


@pytest.mark.parametrize(
    "recorder", [name for name in WRITERS if name not in {"motioneye", "reolink-ftp", "blue-iris", "motion"}]
)
def test_recorders_are_recognized(tmp_path: Path, recorder: str) -> None:
    moments = minutes()
    found = proposed(archive(tmp_path, map(WRITERS[recorder], moments), at=moments))
    assert found.layout == recorder
    assert (found.stated, found.looked_at, found.is_likely, len(found.examples)) == (30, 30, True, 10)
    begun = {file.uri: file.recorded_at for file in found.examples}
    assert begun.items() <= {WRITERS[recorder](at): at.astimezone(UTC) for at in moments}.items()


@pytest.mark.parametrize("name", ["dahua", "reolink", "yi-hack", "unifi"])
def test_published_names_are_recognized_all_at_once(tmp_path: Path, name: str) -> None:
    paths = [path for recorder, path, *_ in PUBLISHED if recorder == name]
    assert proposed(archive(tmp_path / "gate", paths)).layout in {name, f"{name} as gate"}


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("gate/%Y-%m-%d/%H-%M-%S.mp4", "{camera}/{date}/{time}.{ext}"),
        ("gate_%Y%m%dT%H%M%S.mkv", "{camera}_{datetime}.{ext}"),
        ("%Y/%m/%d/gate-%H%M%S.mp4", "{year}/{month}/{day}/{camera}-{time}.{ext}"),
        ("site/gate/%d.%m.%Y/%H-%M-%S_A1B2C3.avi", "site/{camera}/{eu_date}/{time}_{hex}.{ext}"),
        ("gate/%m-%d-%Y %H.%M.%S.mp4", "{camera}/{us_date} {time}.{ext}"),
        ("%Y%m%d-%H%M%S-001000_192.168.1.11-CH2.avi", "{datetime}-{number}_{camera}.{ext}"),
        ("%Y-%m-%d/%H/gate_%M%S.mp4", None),
        ("gate/clip_%Y-%m-%d_%H-%M-%S_%Y%m%d%H%M%S.mp4", "{camera}/clip_{datetime}_{end_datetime}.{ext}"),
        ("%Y-%m-%dT%H_%M_%S.mp4", "{datetime}.{ext} as root"),
    ],
)
def test_patterns_are_inferred_from_names_that_no_preset_knows(tmp_path: Path, name: str, layout: str | None) -> None:
    moments = minutes()
    names = [at.strftime(name).replace("gate", f"gate{n % 2}") for n, at in enumerate(moments)]
    found = proposed(archive(tmp_path / "root", names, at=moments))
    if layout is None:
        assert found.stated == 0  # nothing is said rather than something wrong
        return
    assert found.layout == layout
    shown = {file.uri: (file.camera, file.recorded_at) for file in found.examples}
    for path, at in zip(names, moments, strict=True):
        assert shown.get(path, (None, at.astimezone(UTC)))[1] == at.astimezone(UTC)
    if "CH2" in name:
        assert found.cameras == ("192.168.1.11-CH2",)
    else:
        assert found.cameras == (("root",) if "as root" in layout else ("gate0", "gate1"))


def test_the_time_of_change_decides_between_utc_and_local_time(tmp_path: Path) -> None:
    moments = minutes()
    names = [f"{at:recordings/%Y-%m-%d/%H/gate/%M.%S.mp4}" for at in moments]  # as Frigate, but in local time
    found = proposed(archive(tmp_path, names, at=moments))
    assert found.layout == "recordings/{date}/{hour}/{camera}/{minute}.{second}.{ext}"
    assert found.examples[0].recorded_at == moments[0].astimezone(UTC)
    wrong = proposed(tmp_path, layout="frigate")
    assert any("1:59:50 before" in doubt and "zone is hardly right" in doubt for doubt in wrong.doubts)
    late = proposed(tmp_path, zone="Asia/Dubai")
    assert any("2:00:10 after" in doubt for doubt in late.doubts)


def test_what_is_not_certain_is_said(tmp_path: Path) -> None:
    names = [WRITERS["reolink"](at) for at in minutes()]
    archive(tmp_path, [*names, "gate/notes.bvr", "x.ubv"])
    found = proposed(tmp_path, "UTC")
    said = "\n".join(found.doubts)
    assert not found.is_likely
    assert "is summer time, but there is none then in UTC" in said
    assert "x.ubv" in said
    assert "unifi-protect-remux" in said
    assert "Blue Iris" in said
    report = found.report(Zones("UTC"))
    assert report.startswith("ANYANOMALY_ARCHIVE_LAYOUT=reolink\n")
    assert "0 of 32 files" in report
    assert "Every file has a camera of its own" in "".join(
        proposed(archive(tmp_path / "flat", [f"cam{n}_20260613_{n:02}0000.mp4" for n in range(24)])).doubts
    )


def test_names_cannot_steer_a_terminal(tmp_path: Path) -> None:
    path = archive(tmp_path, ["gate.mp4"]) / "gate.mp4.json"
    path.write_text(json.dumps({"camera": "\x1b[31mred\x07", "recorded_at": "2026-06-13T09:58:20Z"}))
    report = proposed(tmp_path, layout="{any}").report(Zones("UTC"))
    assert "red" in report
    assert all(character.isprintable() or character == "\n" for character in report)


def test_an_empty_folder_and_a_wrong_layout_are_told(tmp_path: Path) -> None:
    with pytest.raises(FootageError, match="holds no footage"):
        proposed(tmp_path)
    with pytest.raises(FootageError, match="is not a folder"):
        proposed(tmp_path / "away")
    with pytest.raises(ConfigurationError, match="kamera"):
        proposed(archive(tmp_path, ["a.mp4"]), layout="{kamera}.{ext}")
    assert proposed(tmp_path).layout.endswith("{camera}.{ext}")


def test_the_command_shows_files_before_anything_is_ingested(tmp_path: Path) -> None:
    moments = minutes()
    archive(tmp_path, map(WRITERS["dahua"], moments), at=moments)
    command = [sys.executable, "-m", "anyanomaly_core.cli", "layout", str(tmp_path)]
    environment = {**os.environ, "ANYANOMALY_TIME_ZONE": "Europe/Rome"}
    text = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert "ANYANOMALY_ARCHIVE_LAYOUT=dahua" in text
    assert text.count("2026-06-13 ") == 10
    assert "2026-06-13 09:58:20+02:00" in text
    done = CliRunner().invoke(app, ["layout", str(tmp_path), "--json", "--time-zone", "UTC"])
    found = json.loads(done.stdout)
    assert (found["layout"], found["stated"], found["cameras"]) == ("dahua", 30, ["NVR_ch1"])
    assert found["examples"][0]["recorded_at"] == "2026-06-13T09:58:20+00:00"
