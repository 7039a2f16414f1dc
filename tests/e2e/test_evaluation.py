"""``evaluate_scorer`` as the scheduler runs it: labelled footage in, figures in SQL, a report on disk."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from small_site import Site, film

from anyanomaly_core.embedded import report, runs

DAG = "evaluate_scorer"
EVENTS = "video,class,first_frame,last_frame\na.mp4,run,0,11\nb.mp4,car,12,23\n"


@pytest.fixture(scope="module")
def labelled(site: Site) -> str:
    """Two films of two segments each under the installation's ``evaluation_root``; their labels name two classes."""
    yard = Path(site.installation.settings["EVALUATION_ROOT"]) / "yard"
    for name in ("a.mp4", "b.mp4"):
        film(yard / name, 1.92)  # 48 frames
    labels = yard / "_labels"
    labels.mkdir()
    (labels / "classes.csv").write_text("class,text\nrun,a person running\ncar,a car\n", encoding="utf-8")
    (labels / "events.csv").write_text(EVENTS, encoding="utf-8")
    return yard.name


def test_a_labelled_archive_is_judged_and_the_figures_are_in_sql(site: Site, labelled: str) -> None:
    before = _rows(site, "SELECT count(*) FROM videos")
    run_id = site.api.trigger(DAG, {"archive": labelled, "ablate": ["contexts", "readouts"]})
    run = runs.follow(site.api, DAG, run_id, timeout_s=300)
    states = {instance["task_id"]: (instance["state"], instance["pool"]) for instance in run.instances}
    assert states == {
        "plan_evaluation": ("success", "default_pool"),
        "score_part": ("success", "gpu"),
        "measure": ("success", "gpu"),
    }
    measured = _xcom(site, run_id, "measure")
    assert (measured["videos"], measured["videos_without_scores"]) == (2, 0)
    told = Path(measured["report"])
    assert {path.name for path in told.parent.iterdir()} >= {"report.html", "report.md", "measures.csv"}
    assert "<svg" in told.read_text(encoding="utf-8")

    figures = "SELECT post_processing, value FROM evaluation_list WHERE archive = 'yard' AND metric = 'roc_auc'"
    means = _rows(site, f"{figures} AND protocol = 'honest' AND class = '(mean of classes)'")
    assert {reading for reading, _ in means} >= {"as scored", "key frame alone", "key frame + position"}
    assert any(value == pytest.approx(measured["roc_auc"], abs=1e-4) for how, value in means if how == "as scored")
    scorers = _rows(site, "SELECT count(DISTINCT scorer_id) FROM evaluation_list WHERE post_processing = 'as scored'")
    assert scorers == [(2,)], "the profile's readout, and the other one"
    assert _rows(site, "SELECT count(*) FROM videos") == before, "judged footage is not ingested"


def _rows(site: Site, statement: str) -> list[tuple[Any, ...]]:
    return report.query(site.installation, statement)[1]


def _xcom(site: Site, run_id: str, task: str) -> dict[str, Any]:
    path = f"/api/v2/dags/{DAG}/dagRuns/{quote(run_id, safe='')}/taskInstances/{task}/xcomEntries/return_value"
    value = site.api._send("GET", f"{path}?deserialize=true")["value"]
    return json.loads(value) if isinstance(value, str) else value  # type: ignore[no-any-return]
