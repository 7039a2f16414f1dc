"""From labelled footage to report, tables and SQL, with real (random, tiny) models and a real database."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from sqlalchemy import Engine, text

from anyanomaly_core.config import get_settings
from anyanomaly_core.errors import ConfigurationError
from anyanomaly_core.evaluation.benchmark_run import BenchmarkRun
from anyanomaly_core.evaluation.evaluate import evaluate
from anyanomaly_core.evaluation.labels.formats import open_archive
from anyanomaly_core.evaluation.labels.pixel_truth import mask_line
from anyanomaly_core.evaluation.variants import CONTEXTS, ablation
from anyanomaly_core.footage.decode import decode
from anyanomaly_core.profile import load_profile
from anyanomaly_core.results.engine import make_engine
from anyanomaly_core.results.queries import run_ready
from tasks import evaluate as tasks
from tests.conftest import TestDatabase
from tests.integration.archive.small_archive import film, make_models


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return make_models(tmp_path_factory.mktemp("models"))


@pytest.fixture
def root(tmp_path: Path, profile: Path, database: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Two films, a folder of frames, a text file that calls itself a film; labels of two classes."""
    archive = tmp_path / "labelled" / "small"
    film(archive / "a.mp4", 26)
    film(archive / "b.mp4", 17, pattern="smptebars")
    frames = archive / "c"
    frames.mkdir()
    for number in range(9):
        noise = np.random.default_rng(number).integers(0, 255, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(frames / f"{number:03d}.png")
    (archive / "broken.mp4").write_text("no film\n" * 50)
    labels = archive / "_labels"
    labels.mkdir()
    (labels / "classes.csv").write_text("class,text\nrun,a person running\ncar,a car\ncar,a van\n")
    (labels / "events.csv").write_text(
        "video,class,first_frame,last_frame\na.mp4,run,8,15\nb.mp4,run,0,3\nc,car,2,40\n"
    )
    settings = {"DATABASE_URL": database.url(), "STATE_DIR": tmp_path / "state", "PROFILE": profile, "DEVICE": "cpu"}
    settings |= {"PARQUET_ROOT": tmp_path / "parquet", "ARCHIVE_ROOT": tmp_path / "none"}
    for key, value in {**settings, "EVALUATION_ROOT": tmp_path / "labelled"}.items():
        monkeypatch.setenv(f"ANYANOMALY_{key}", str(value))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    get_settings.cache_clear()
    yield archive
    get_settings.cache_clear()


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    started = [sys.executable, "-m", "anyanomaly_core.cli", "evaluate", *arguments]
    return subprocess.run(started, env=dict(os.environ), capture_output=True, text=True, timeout=200, check=False)


def figures(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT * FROM evaluation_list ORDER BY 1, 7, 8, 9")).mappings())


def test_the_command_reports_stores_and_goes_on(root: Path, profile: Path, engine: Engine, tmp_path: Path) -> None:
    arguments = [str(root), "--profile", str(profile), "--out", str(tmp_path / "out"), "--resamples", "40", "--json"]
    done = command(*arguments)
    assert done.returncode == 3, "done, but a video has no scores"
    assert "broken.mp4 has no scores: 'broken.mp4' is text, not video" in done.stderr
    shown = json.loads(done.stdout)
    assert {row["class"] for row in shown} == {"run", "car", "(any class)", "(mean of classes)"}
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<svg" in page
    assert "http" not in page.replace("http-equiv", ""), "nothing is fetched"
    assert "broken.mp4 has no scores" in page
    report = (tmp_path / "out" / "report.md").read_text()
    assert "| profile | 104 | 0 | 0 | 32 | 0 of 18 | 0 |" in report, (
        "26 + 17 + 9 frames, two classes; 32 frames past c's end"
    )
    with (tmp_path / "out" / "measures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(shown)

    stored = figures(engine)
    scored = [row for row in stored if row["post_processing"] == "as scored"]
    assert {row["class"] for row in scored} == {"run", "car", "(any class)", "(mean of classes)"}
    honest = next(row for row in rows if (row["variant"], row["class"], row["metric"]) == ("profile", "run", "roc_auc"))
    same = next(row for row in scored if (row["class"], row["metric"], row["protocol"]) == ("run", "roc_auc", "honest"))
    assert float(honest["value"]) == pytest.approx(same["value"], abs=1e-5)

    journals = {file: file.read_bytes() for file in (tmp_path / "state" / "evaluation" / "scores").iterdir()}
    assert len(journals) == 3
    again = command(*arguments)
    assert json.loads(again.stdout) == shown
    assert {file: file.read_bytes() for file in journals} == journals, "nothing was scored again (timings would differ)"
    assert len(figures(engine)) == len(stored), "the same evaluation replaces itself"


def test_the_command_says_what_helps_and_how_far_it_is(root: Path, profile: Path, tmp_path: Path) -> None:
    given = ["--profile", str(profile), "--videos", "2", "--no-store", "--resamples", "20", "--ablate", "contexts"]
    done = command(str(root), *given, "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert "reading footage: 2 of 2 videos" in done.stderr, "no terminal, no bar: lines"
    assert "scoring: 7 of 7 segments" in done.stderr
    table = done.stdout.split("group ")[1]
    assert [line.split("  ")[1].strip() for line in table.splitlines()[2:-1]] == list(CONTEXTS)


def test_some_classes_are_those_of_a_run_over_all(root: Path, profile: Path, tmp_path: Path) -> None:
    given = [str(root), "--profile", str(profile), "--no-store", "--resamples", "20", "--ablate", "none", "--json"]
    every = json.loads(command(*given, "--out", str(tmp_path / "all")).stdout)
    journals = {file: file.read_bytes() for file in (tmp_path / "state" / "evaluation" / "scores").iterdir()}
    (root / "_labels" / "masks").mkdir()
    masks = np.zeros((9, 48, 64), bool)
    masks[2:, 10:30, 20:50] = True
    (root / "_labels" / "masks" / "c.jsonl").write_text("".join(mask_line({"car": mask}) for mask in masks))
    done = command(*given, "--out", str(tmp_path / "car"), "--class", "car", "--pixels", "attention")
    with (tmp_path / "car" / "pixels.csv").open(newline="") as file:
        pixels = {row["metric"]: row for row in csv.DictReader(file)}
    assert pixels["pixel_roc_auc"]["frames"] == "9"
    assert 0 <= float(pixels["pixel_roc_auc"]["value"]) <= 1
    assert {row["class"] for row in json.loads(done.stdout)} == {"car", "(mean of classes)"}
    assert [row for row in json.loads(done.stdout) if row["class"] == "car"] == [
        row for row in every if row["class"] == "car"
    ]
    assert {file: file.read_bytes() for file in journals} == journals, "nothing was asked again"
    wrong = command(*given, "--out", str(tmp_path / "none"), "--class", "cow")
    assert (wrong.returncode, "no class 'cow'; it has run, car" in wrong.stderr) == (1, True)


def test_a_new_text_of_one_class_leaves_the_others_alone(root: Path, profile: Path) -> None:
    archive, judged = open_archive(root).first(2), load_profile(str(profile))
    variants = ablation(judged, [])
    first = BenchmarkRun(archive, judged, get_settings())
    before = [scored for _, (scored,) in first.predict(variants)]
    changed = replace(archive, texts={**archive.texts, "run": ("a person who runs",)})
    second = BenchmarkRun(changed, judged, get_settings())
    after = [scored for _, (scored,) in second.predict(variants)]
    for old, new in zip(before, after, strict=True):
        assert np.array_equal(old.columns["car"]["score"], new.columns["car"]["score"])
        assert not np.array_equal(old.columns["run"]["score"], new.columns["run"]["score"])
    assert second.lvlm.asked < first.lvlm.asked / 2, "the car has two texts and was not asked for again"


def test_two_scorers_side_by_side_in_sql(
    root: Path, profile: Path, database: TestDatabase, engine: Engine, tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    body = yaml.safe_load(profile.read_text())
    other.write_text(yaml.safe_dump({**body, "name": "other", "scoring": {**body["scoring"], "scorer": "clip"}}))
    archive = open_archive(root).first(2)
    for chosen in (profile, other):
        judged = load_profile(str(chosen))
        out = tmp_path / chosen.stem
        evaluate(archive, judged, get_settings(), resamples=20, out=out, engine=engine)
    reader = make_engine(database.url("reader"))
    answer = run_ready(reader, "scorers_compared_on_labels")
    reader.dispose()
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    run = next(row for row in rows if (row["class"], row["metric"]) == ("run", "roc_auc"))
    assert (run["first_profile"], run["second_profile"]) == ("tiny", "other")
    assert float(run["gain"]) == pytest.approx(float(run["second"]) - float(run["first"]), abs=2e-4)


@pytest.mark.usefixtures("root")
def test_the_tasks_of_the_dag(engine: Engine, tmp_path: Path) -> None:
    parts = tasks.plan_evaluation(archive="small", ablate=["contexts"])
    assert [part["count"] for part in parts] == [4]
    assert json.loads(json.dumps(parts)) == parts, "handed over as JSON"
    counts = tasks.score_part(parts[0])
    assert (counts["videos"], counts["videos_without_scores"], counts["scored"]) == (4, 1, 2 * (4 + 3 + 2))
    result = tasks.measure(parts, run_name="manual__2026-11-24T12:00:00+00:00")
    assert Path(result["report"]).is_file()
    assert Path(result["report"]).is_relative_to(tmp_path / "state" / "evaluation" / "reports")
    assert result["videos_without_scores"] == 1
    readings = {row["post_processing"] for row in figures(engine)}
    assert {"as scored", "key frame alone"} <= readings


@pytest.mark.parametrize(
    ("name", "problem"), [("../../etc", "leaves"), ("nothing", "there are: small"), ("small/../..", "leaves")]
)
@pytest.mark.usefixtures("root")
def test_the_dag_stays_under_its_root(name: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        tasks.plan_evaluation(archive=name)


def test_a_report_that_cannot_be_written_is_told_before_anything_is_scored(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"a\.mp4 for the report cannot be made"):
        evaluate(
            open_archive(root),
            load_profile(get_settings().profile),
            get_settings(),
            out=root / "a.mp4",
        )
    assert not (tmp_path / "state" / "evaluation" / "scores").exists()


def test_the_dag_finds_texts_for_labels_that_only_say_abnormal(root: Path) -> None:
    other = root.parent / "vectors"
    film(other / "a.mp4", 16)
    (other / "_labels").mkdir()
    np.save(other / "_labels" / "a.npy", np.arange(16) > 8)
    (other / "_labels" / "classes.csv").write_text("class,text\nanomaly,a person running\n")
    [part] = tasks.plan_evaluation(archive="vectors", profile=get_settings().profile)
    assert part["count"] == 1


def test_a_frame_folder_is_scored_pixel_for_pixel(root: Path, profile: Path, tmp_path: Path) -> None:
    bench = BenchmarkRun(open_archive(root), load_profile(str(profile)), get_settings())
    variants = ablation(load_profile(str(profile)), [])
    folder = next(video for video in open_archive(root).videos if video.name == "c")
    [(_, (scored,))] = list(bench.predict(variants, videos=[folder]))
    assert scored.frame_count == 9
    union_of = next((tmp_path / "state" / "evaluation" / "frame-folders").glob("*.mkv"))
    for frame in decode(union_of):
        assert np.array_equal(frame.image, np.asarray(Image.open(root / "c" / f"{frame.number:03d}.png")))
