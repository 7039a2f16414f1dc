"""The architecture's rules, checked on the source: who imports whom, and how long a file may be."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "anyanomaly_core"
MAX_LINES = 400
HEAVY = {
    "torch",
    "torchvision",
    "transformers",
    "open_clip",
    "pandas",
    "scipy",
    "numpy",
    "pyarrow",
    "av",
    "ffmpeg",
    "sqlalchemy",
}


def rooms_in_order() -> list[set[str]]:
    """The chain of docs/architecture.md; what stands between the same two arrows is one step."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    chain = re.search(r"^errors, config, profile.*?;", text, flags=re.MULTILINE | re.DOTALL)
    assert chain, "docs/architecture.md no longer states the order of the rooms"
    return [{room.strip() for room in step.split(",")} for step in chain.group().rstrip(";").split("→")]


def imported_modules(file: Path) -> set[str]:
    """Absolute names of everything a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = list(file.relative_to(ROOT).parent.parts)
            start = package[: len(package) - node.level + 1] if node.level else []
            found |= {".".join([*start, *filter(None, [node.module]), alias.name]) for alias in node.names}
    return found


def room_of(file: Path) -> str:
    return file.relative_to(CORE).parts[0].removesuffix(".py")


CORE_FILES = sorted(CORE.rglob("*.py"))


def test_every_room_has_its_place_in_the_order() -> None:
    known = set().union(*rooms_in_order()) | {"__init__", "profiles"}
    assert {room_of(file) for file in CORE_FILES} <= known


def test_rooms_import_only_from_rooms_before_them() -> None:
    place = {room: number for number, step in enumerate(rooms_in_order()) for room in step}
    wrong = []
    for file in CORE_FILES:
        room = room_of(file)
        if room == "__init__":  # the front door, which opens to all rooms
            continue
        for module in imported_modules(file):
            parts = module.split(".")
            if parts[0] != "anyanomaly_core" or len(parts) == 1 or parts[1] not in place or parts[1] == room:
                continue
            if place[parts[1]] > place[room] or (place[parts[1]] == place[room] and place[room] > 0):
                wrong.append(f"{file.relative_to(ROOT)} imports {module}")
    assert not wrong


def test_the_engine_knows_neither_results_nor_a_database() -> None:
    code = (
        "import sys, pkgutil, importlib, anyanomaly_core.engine as engine\n"
        "for module in pkgutil.iter_modules(engine.__path__, 'anyanomaly_core.engine.'):\n"
        "    importlib.import_module(module.name)\n"
        "print('\\n'.join(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    forbidden = {"sqlalchemy", "psycopg2", "anyanomaly_core.results", "anyanomaly_core.archive"}
    assert not forbidden & set(loaded)


def test_the_core_knows_neither_airflow_nor_what_is_built_on_it() -> None:
    wrong = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file in CORE_FILES
        for module in imported_modules(file)
        if module.split(".")[0] in {"airflow", "tasks", "dags", "plugins", "tests"}
    ]
    assert not wrong


def test_tasks_do_not_know_airflow() -> None:
    inside = {"review_plugin.py", "review_host.py"}  # pages inside Airflow
    wrong = [
        f"{f.name}: {m}"
        for f in (ROOT / "tasks").rglob("*.py")
        for m in imported_modules(f)
        if m.startswith("airflow") and f.name not in inside and f.parent.name != "wiring"
    ]
    assert not wrong


@pytest.mark.parametrize("file", sorted((ROOT / "dags").glob("*.py")), ids=lambda file: file.name)
def test_dag_files_import_airflow_and_tasks_only(file: Path) -> None:
    allowed = {"airflow", "tasks", "datetime", "typing"}
    assert {module.split(".")[0] for module in imported_modules(file)} <= allowed
    top_level = {
        module.split(".")[0]
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom | ast.Import)
        for module in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
        if not module.startswith("tasks.wiring")
    }
    assert "tasks" not in top_level, "tasks are imported inside the tasks: a DAG file is read every half minute"


def test_nothing_of_ours_reaches_into_airflows_database() -> None:
    """Its models and sessions are not its public interface; the REST API and the task SDK are."""
    inside = ("airflow.models", "airflow.utils.session", "airflow.settings", "airflow.api.common")
    wrong = [
        f"{file.name}: {module}"
        for folder in ("tasks", "dags")
        for file in (ROOT / folder).rglob("*.py")
        for module in imported_modules(file)
        if module.startswith(inside)
    ]
    assert not wrong


def test_what_dag_files_share_is_light(tmp_path: Path) -> None:
    """Beside Airflow, which loads more than enough itself."""
    code = (
        "import sys, airflow.sdk, airflow.timetables.trigger; before = set(sys.modules)\n"
        "import tasks.wiring.defaults, tasks.wiring.timetable; print('\\n'.join(set(sys.modules) - before))"
    )
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    loaded = set(done.stdout.split())
    assert not HEAVY & loaded
    assert "anyanomaly_core.archive.names" in loaded
    assert not {"anyanomaly_core.results", "anyanomaly_core.engine", "anyanomaly_core.scoring"} & loaded


def test_importing_the_package_is_light() -> None:
    """Airflow imports error types while it reads DAG files; the settings are read by every command."""
    code = "import sys, anyanomaly_core.errors, anyanomaly_core.config; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("module", ["anyanomaly_core.review.app", "anyanomaly_core.cli.app"])
def test_pages_and_commands_do_without_the_networks(module: str) -> None:
    """Torch takes seconds and 300 MB, in each of the web server's processes and before every command."""
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("folder", ["anyanomaly_core", "tasks", "dags", ".ci", "sql", "plugins", "tests"])
def test_files_stay_short(folder: str) -> None:
    too_long = {
        str(file.relative_to(ROOT)): lines
        for file in (ROOT / folder).rglob("*.py")
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) >= MAX_LINES
    }
    assert not too_long
