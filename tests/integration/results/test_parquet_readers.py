"""Parquet files as analysts read them, with the code of docs/sql.md; cameras and rules whose names are digits."""

import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine

from anyanomaly_core.results.writer import commit_unit
from tests.integration.results import world

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sql.md"
LONG = "the camera above the north door, " * 10


@pytest.fixture
def folder(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Scores of cameras 01 and 1 and one with a long name, by rules of digits; the working directory."""
    rules, scorer = (world.add_rule(engine, "7"), world.add_rule(engine, "07")), world.add_scorer(engine)
    for number, camera in enumerate(("01", "1", LONG)):
        world.add_camera(engine, camera)
        video = world.add_video(engine, f"{number}.mp4", camera)
        commit_unit(engine, world.unit_result(engine, video, rules, scorer, failing=0), tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def documented(language: str) -> str:
    part = PAGE.read_text(encoding="utf-8").partition("## The same facts in Parquet")[2]
    [block] = re.findall(rf"```{language}\n(.*?)```", part, flags=re.DOTALL)
    return str(block)


@pytest.mark.usefixtures("folder")
def test_columns_name_cameras_and_rules_whatever_a_reader_makes_of_the_folders() -> None:
    for relation in ("frame_scores", "segment_scores"):
        guessed = pq.read_table(relation)  # as pandas.read_parquet and pyarrow do without being told anything
        names = guessed.select(["camera_id", "rule_name"]).to_pylist()
        assert {(row["camera_id"], row["rule_name"]) for row in names} == {
            (camera, rule) for camera in ("01", "1", LONG) for rule in ("7", "07")
        }
        found = duckdb.read_parquet(f"{relation}/**/*.parquet").project("camera_id, rule_name").distinct().fetchall()
        assert set(found) == {(row["camera_id"], row["rule_name"]) for row in names}


@pytest.mark.usefixtures("folder")
def test_the_documented_pyarrow_code_tells_cameras_apart() -> None:
    spoken: dict[str, Any] = {}
    exec(documented("python"), spoken)  # noqa: S102  (of our own page)
    assert isinstance(spoken["scores"], pa.dataset.Dataset)
    table = spoken["highest"]
    assert set(table["camera"].to_pylist()) == set(table["camera_id"].to_pylist()) == {"01"}
    assert table.schema.field("rule").type == pa.string()
    assert min(table["score"].to_pylist()) > 0.8


def test_the_documented_duckdb_query_runs_from_python_as_shipped(folder: Path) -> None:
    """In a process that has no pytz: DuckDB would need it for times with a zone, and does not install it."""
    code = (
        "import sys; sys.modules['pytz'] = None; import duckdb\n"
        f"rows = duckdb.sql({documented('sql')!r}).fetchall()\n"
        "print(len(rows), {row[1] for row in rows}, rows[0][2].isoformat())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    count, cameras, first = done.stdout.split()
    assert int(count) > 0
    assert cameras == "{'01'}"
    assert 0 <= (datetime.fromisoformat(first) - world.START.replace(tzinfo=None)).total_seconds() < 4
