"""The DAG files as Airflow's own dag-processor reads them: no error, light, documented, with forms."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.sandbox import SandboxedEnvironment

from anyanomaly_core.evaluation.labels.formats import FORMATS
from anyanomaly_core.evaluation.variants import GROUPS
from anyanomaly_core.profile import builtin_profiles

ROOT = Path(__file__).resolve().parents[3]
DAGS = ROOT / "dags"
HEAVY = {"torch", "torchvision", "transformers", "open_clip", "pandas", "scipy", "pyarrow", "av"}
# Runs in a process of its own: Airflow configures itself at import, from the environment.
READ = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
bag = DagBag(sys.argv[1])
dags = {dag_id: DagSerialization.to_dict(dag) for dag_id, dag in bag.dags.items()}
print("RESULT " + json.dumps({"errors": bag.import_errors, "dags": dags, "modules": sorted(sys.modules)}, default=str))
"""
# The first run of a new installation that is started a minute after a DAG's turn, which lies at the given moment.
FIRST = """
import json, sys
from unittest import mock
import pendulum
from airflow.serialization.decoders import decode_timetable
from airflow.timetables import trigger
from airflow.timetables.base import TimeRestriction
timetable = decode_timetable(json.loads(sys.argv[1]))
timetable = getattr(timetable, "timetable", timetable)
turn = pendulum.parse(sys.argv[2])
with mock.patch.object(trigger, "utcnow", lambda: turn.add(minutes=1)):
    assert timetable._align_to_prev(turn.add(minutes=1)) == turn
    never_ran = {"last_automated_data_interval": None, "restriction": TimeRestriction(None, None, False)}
    first = timetable.next_dagrun_info(**never_ran)
print("RESULT", (first.run_after - turn).total_days())
"""
TURNS = {
    "ingest_archive": ("2026-11-28T01:00Z", 1),
    "scan_archive": ("2026-11-28T03:00Z", 1),
    "index_archive": ("2026-11-28T04:00Z", 1),
    "morning_report": ("2026-11-28T05:30Z", 1),
    "maintain_archive": ("2026-11-29T06:00Z", 7),
}
MAPPED = [
    ("ingest_archive", "register_files", "chunk"),
    ("scan_archive", "scan_unit", "unit"),
    ("backfill_rule", "score_days", "work"),
    ("evaluate_scorer", "score_part", "part"),
    ("index_archive", "index_part", "part"),
]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return read_dags(tmp_path_factory.mktemp("airflow"))


def read_dags(home: Path, **settings: str) -> dict[str, Any]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW_")}
    environment |= {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONPATH": str(ROOT)}
    environment |= {"ANYANOMALY_STATE_DIR": str(home), **settings}
    names = {"rules": ["falls", "Ölspur"], "profiles": ["/profiles/night.yaml"]}
    (home / "names.json").write_text(json.dumps(names), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", READ, str(DAGS)], capture_output=True, text=True, check=False, env=environment, cwd=home
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(lines[0].removeprefix("RESULT "))
    return found


def tasks_of(read: dict[str, Any], dag_id: str) -> dict[str, dict[str, Any]]:
    return {task["__var"]["task_id"]: task["__var"] for task in read["dags"][dag_id]["dag"]["tasks"]}


def params_of(read: dict[str, Any], dag_id: str) -> dict[str, dict[str, Any]]:
    return dict(read["dags"][dag_id]["dag"]["params"])


def test_every_file_gives_the_dag_it_is_named_after(read: dict[str, Any]) -> None:
    assert read["errors"] == {}
    assert set(read["dags"]) == {file.stem for file in DAGS.glob("*.py")}


def test_reading_them_loads_nothing_heavy(read: dict[str, Any]) -> None:
    assert not HEAVY & set(read["modules"])


def test_every_dag_and_task_is_documented(read: dict[str, Any]) -> None:
    for dag_id, written in read["dags"].items():
        assert len(written["dag"]["doc_md"]) > 100, dag_id
        for task_id, task in tasks_of(read, dag_id).items():
            own = task.get("doc_md") or task.get("partial_kwargs", {}).get("doc_md")
            assert own, f"{dag_id}.{task_id}"
            assert len(own) > 30, f"{dag_id}.{task_id}"


def test_every_param_has_a_title_and_an_explanation(read: dict[str, Any]) -> None:
    for dag_id, written in read["dags"].items():
        for name, param in written["dag"]["params"]:
            assert param["schema"]["__var"].get("title"), f"{dag_id}: {name}"
            assert param["description"], f"{dag_id}: {name}"


def test_a_field_that_may_stay_empty_carries_no_star(read: dict[str, Any]) -> None:
    """Airflow's page marks whatever does not allow null, and only what has no default must be given."""
    required = set()
    for dag_id, written in read["dags"].items():
        for name, param in written["dag"]["params"]:
            kind = param["schema"]["__var"].get("type")
            assert kind, f"{dag_id}: {name} takes anything"
            if isinstance(param["default"], dict):  # Airflow's way to write that there is none
                required.add((dag_id, name))
                assert kind == "string"
            else:
                assert "null" in kind, f"{dag_id}: {name}"
    assert required == {
        ("adopt_rule", "draft"),
        ("backfill_rule", "rule"),
        ("change_rule_state", "rule"),
        ("change_rule_state", "state"),
        ("evaluate_scorer", "archive"),
    }


def test_a_backfill_is_a_dry_run_until_somebody_unticks_it(read: dict[str, Any]) -> None:
    assert params_of(read, "backfill_rule")["dry_run"]["default"] is True


def test_days_say_whose_they_are(read: dict[str, Any]) -> None:
    for dag_id in ("scan_archive", "backfill_rule"):
        for name in ("from", "to"):
            assert "each camera's own time zone, inclusive" in params_of(read, dag_id)[name]["description"]


def test_forms_propose_the_rules_and_profiles_that_were_written_for_them(read: dict[str, Any]) -> None:
    assert params_of(read, "backfill_rule")["rule"]["schema"]["__var"]["examples"] == ["falls", "Ölspur"]
    assert params_of(read, "scan_archive")["rules"]["schema"]["__var"]["examples"] == ["falls", "Ölspur"]
    profiles = params_of(read, "scan_archive")["profile"]["schema"]["__var"]["examples"]
    assert profiles == sorted([*builtin_profiles(), "/profiles/night.yaml"])


def test_the_evaluation_offers_what_there_is(read: dict[str, Any]) -> None:
    fields = params_of(read, "evaluate_scorer")
    assert fields["ablate"]["schema"]["__var"]["examples"] == list(GROUPS)
    assert set(fields["label_format"]["schema"]["__var"]["enum"]) == {"auto", *FORMATS}


def test_every_dag_and_task_is_ours(read: dict[str, Any]) -> None:
    for dag_id in read["dags"]:
        for task_id, task in tasks_of(read, dag_id).items():
            own = task.get("partial_kwargs", task)
            assert own["owner"] == "anyanomaly", f"{dag_id}.{task_id}"
            assert "refuse_unknown_fields" in json.dumps(task), f"{dag_id}.{task_id}"


WATCHED = {  # these work through footage for as long as it takes; tests/unit/test_watchdog.py has what ends them
    ("backfill_rule", "score_days"),
    ("evaluate_scorer", "measure"),
    ("evaluate_scorer", "score_part"),
    ("index_archive", "index_part"),
    ("ingest_archive", "discover_files"),
    ("ingest_archive", "register_files"),
    ("morning_report", "draw_attention"),
    ("scan_archive", "scan_unit"),
    ("try_rule", "try_draft"),
}


def test_whatever_does_not_watch_its_progress_has_a_time_out(read: dict[str, Any]) -> None:
    without = set()
    for dag_id in read["dags"]:
        for task_id, task in tasks_of(read, dag_id).items():
            if task.get("partial_kwargs", task).get("execution_timeout") is None:
                without.add((dag_id, task_id))
        assert "dagrun_timeout" not in read["dags"][dag_id]["dag"], "a run may wait for a slot"
    assert without == WATCHED


def test_runs_tell_of_their_failure_when_somebody_wants_to_know(read: dict[str, Any], tmp_path: Path) -> None:
    assert not [dag_id for dag_id, dag in read["dags"].items() if dag["dag"].get("has_on_failure_callback")]
    told = read_dags(tmp_path, ANYANOMALY_FAILURE_MAIL_TO="night@example.org")
    assert told["errors"] == {}
    assert all(dag["dag"]["has_on_failure_callback"] for dag in told["dags"].values())


@given(name=st.text(max_size=400) | st.text(min_size=249, max_size=252))
def test_names_of_mapped_tasks_fit_airflows_database(read: dict[str, Any], name: str) -> None:
    for dag_id, task_id, argument in MAPPED:
        template = tasks_of(read, dag_id)[task_id]["partial_kwargs"]["map_index_template"]
        rendered = SandboxedEnvironment().from_string(template).render({argument: {"name": name}})
        assert len(rendered) <= 250
        if len(name) <= 250:
            assert rendered == name
        else:
            assert (rendered[:124], rendered[-124:]) == (name[:124], name[-124:])


@pytest.mark.parametrize("dag_id", TURNS)
def test_a_new_installation_waits_for_its_first_turn(read: dict[str, Any], dag_id: str, tmp_path: Path) -> None:
    turn, days = TURNS[dag_id]
    timetable = json.dumps(read["dags"][dag_id]["dag"]["timetable"])
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}
    command = [sys.executable, "-c", FIRST, timetable, turn]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, done.stderr[-3000:]
    assert float(lines[0].removeprefix("RESULT ")) == days


def test_scans_run_in_the_gpu_pool_and_are_tried_again(read: dict[str, Any]) -> None:
    unit = tasks_of(read, "scan_archive")["scan_unit"]["partial_kwargs"]
    assert unit["pool"] == "gpu"
    assert (unit["retries"], unit["queue"]) == (5, "scan")
    assert "unit" in unit["map_index_template"]


def test_backfills_run_in_their_own_pool_behind_the_nightly_scans(read: dict[str, Any]) -> None:
    days = tasks_of(read, "backfill_rule")["score_days"]["partial_kwargs"]
    assert (days["pool"], days["weight_rule"], days.get("priority_weight", 1)) == ("backfill", "absolute", 1)
    assert (days["retries"], days["queue"]) == (5, "scan")
    timetable = read["dags"]["backfill_rule"]["dag"]["timetable"]
    assert timetable["__type"].endswith("DaysOfFootage"), "a second rule can have a run for the same day"
    assert read["dags"]["backfill_rule"]["dag"].get("start_date") is None


@pytest.mark.parametrize("dag_id", ["ingest_archive", "scan_archive", "backfill_rule"])
def test_the_summary_always_comes(read: dict[str, Any], dag_id: str) -> None:
    assert tasks_of(read, dag_id)["summarize"]["trigger_rule"] == "all_done"
