"""The wheel alone, without the checkout: scoring from Python, and a database made from the SQL files inside it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import TestDatabase
from tests.integration.archive.small_archive import film

ROOT = Path(__file__).resolve().parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
TEN_LINES = """
import sys
import anyanomaly_core
from anyanomaly_core import score_video

scores = score_video("gate.mp4", ["a person lying on the ground"], profile="demo")
assert anyanomaly_core.__file__.startswith(sys.argv[1]), anyanomaly_core.__file__
assert not {"airflow", "sqlalchemy"} & set(sys.modules)
print(scores.frame_scores.shape, len(scores.frame_times_s), scores.to_arrow().num_rows, scores.to_pandas().shape)
scores.plot()
"""
UPGRADE = """
import sys
from anyanomaly_core.results import migrate, queries
print(migrate.upgrade(sys.argv[1]) == migrate.newest_revision(), len(queries.ready_queries()) > 20)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the wheel's contents; its dependencies are those of the environment."""
    wheels, target = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source")  # a build leaves folders in its source
    for name in ("anyanomaly_core", "tasks", "sql"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", source)
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, source]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = wheels.glob("*.whl")
    subprocess.run([*PIP, "install", "--no-deps", "--target", target, wheel], check=True, capture_output=True)
    return target


def run(installed: Path, folder: Path, code: str, argument: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANYANOMALY_")}
    environment = {**clean, "PYTHONPATH": str(installed), "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, argument]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_ten_lines_of_python_score_a_video(installed: Path, tmp_path: Path) -> None:
    film(tmp_path / "gate.mp4", 30)
    assert run(installed, tmp_path, TEN_LINES, str(installed)) == "(1, 30) 30 30 (30, 8)"


def test_the_types_are_announced(installed: Path) -> None:
    assert (installed / "anyanomaly_core" / "py.typed").exists()


def test_every_file_of_the_sql_folder_is_in_the_wheel(installed: Path) -> None:
    there = {path.relative_to(ROOT) for path in (ROOT / "sql").rglob("*") if path.suffix in {".sql", ".py"}}
    assert there
    assert [path for path in there if not (installed / "anyanomaly_core" / path).is_file()] == []


def test_a_database_is_made_from_the_sql_files_of_the_wheel(
    installed: Path, tmp_path: Path, make_database: Callable[[str], TestDatabase]
) -> None:
    url = make_database("of_the_wheel").url("anyanomaly")
    assert run(installed, tmp_path, UPGRADE, url) == "True True"
