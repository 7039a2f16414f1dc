"""What a person reads: every figure with its interval, what is unknown as unknown, and names as mere text."""

import csv
import re
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from anyanomaly_core.evaluation.event_metrics import EVENT_METRICS
from anyanomaly_core.evaluation.provenance import checkout_commit, code_version
from anyanomaly_core.evaluation.report.files import markdown, write_evaluation_report
from anyanomaly_core.evaluation.report.page import render_evaluation_page
from anyanomaly_core.evaluation.report.tables import reliability_of, summary_tables
from tests.unit.evaluation.small_summary import small_summary

HOSTILE = "<img src=x onerror=alert(1)>|\u202e{}.mp4"


class Tags(HTMLParser):
    """Counts elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: dict[str, int] = {}
        self.classes: dict[str, int] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        name = dict(attrs).get("class") or ""
        self.classes[name] = self.classes.get(name, 0) + 1


def test_the_page_draws_labels_scores_and_gaps_and_runs_nothing() -> None:
    text = render_evaluation_page(small_summary([], HOSTILE))
    assert "[U+202E]" in text
    assert "\u202e" not in text, "no name turns the text around it"
    page = Tags(text)
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    assert page.classes["label"] == 6, "three videos show both classes once"
    assert page.classes["unscored"] == 1
    assert page.classes["unlabelled"] == 6
    assert page.classes["point"] == len(reliability_of(small_summary([])))


def test_markdown_tables_are_whole() -> None:
    text = markdown(small_summary(["contexts", "smoothing"], HOSTILE))
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    assert "Scores of the demo models mean something on rendered demo footage only." in text
    assert re.search(r"\| cat \| 3 \| 46 of 186 \| 14 of 60 \| 0\.\d{3} \(0\.\d{3} to \d\.\d{3}\) †", text)
    assert "| profile | 396 | 60 | 24 | 0 | 3 of 24 | 0 |" in text


def test_the_report_says_where_its_figures_come_from() -> None:
    summary = small_summary([])
    for text in (markdown(summary), unescape(render_evaluation_page(summary))):
        for fact in ("demo (scorer anyanomaly", "ViT-small, revision abc", "yard-vlm, revision served:yard-vlm-7b"):
            assert fact in text
        for fact in ("2026-11-28 09:30 UTC", "anyanomaly 0.1.0 (3f2a9c1)", "a cat", "50 resamples"):
            assert fact in text


def test_the_commit_is_this_checkouts_or_unknown(tmp_path: Path) -> None:
    here = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    if here.returncode == 0:
        assert here.stdout.strip() in code_version()
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    package = tmp_path / "site-packages" / "anyanomaly_core"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    assert checkout_commit(package) is None, "a package inside somebody else's checkout has not its commit"


def test_what_was_tuned_on_labels_says_so() -> None:
    (table,) = [table for table in summary_tables(small_summary([])) if table.title == "Tuned on the test labels"]
    assert {row[1] for row in table.rows} == {"cat", "dog", "(mean of classes)"}
    assert all("sigma" in row[3] or row[3] == "each class its own" for row in table.rows)


def test_csv_has_every_figure(tmp_path: Path) -> None:
    summary = small_summary(["weights"])
    write_evaluation_report(summary, tmp_path)
    with (tmp_path / "measures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(summary.measures)
    for row, measure in zip(rows, summary.measures, strict=True):
        assert float(row["value"]) == pytest.approx(measure.value, abs=1e-6)
        assert (row["low"] == "") == (measure.interval is None)


def test_what_was_left_out_is_named_in_every_report() -> None:
    summary = small_summary([])
    missing = tuple(f"lost-{number}.mp4" for number in range(7))
    summary = replace(summary, archive=replace(summary.archive, missing=missing, unlabelled=("spare.mp4",)))
    summary.problems["bad.mp4"] = "it is text"
    summary.failures.update({"the server said <no>": 12, **{f"reason {number}": 1 for number in range(9)}})
    for text in (markdown(summary), unescape(render_evaluation_page(summary))):
        for told in ("bad.mp4 has no scores: it is text", "12 segment rows failed: the server said <no>", *missing):
            assert told in text
        assert "and for 5 other reasons" in text
        assert "1 of the videos is here, but not labelled, and left out: spare.mp4" in text


def test_the_mean_has_no_interval_that_its_classes_do_not_have() -> None:
    summary = small_summary(["weights"], lost=1)
    assert [measure for measure in summary.measures if measure.metric == "roc_auc" and measure.protocol == "honest"]
    of_frames = [m for m in summary.measures if m.metric not in EVENT_METRICS]  # an unscored video misses its events
    assert not [m for m in of_frames if m.interval is not None or m.difference_interval is not None]
    assert "better" not in markdown(summary).replace("`better`", "")


def test_anybody_can_compute_a_figure_again(tmp_path: Path) -> None:
    """The Mann-Whitney statistic, pair by pair, from the frames file alone."""
    summary = small_summary([])
    write_evaluation_report(summary, tmp_path)
    rows = pq.read_table(tmp_path / "frames.parquet").to_pylist()
    assert len(rows) == 3 * 2 * 80
    assert sum(row["score"] is None for row in rows) == 24
    assert sum(row["label"] is None for row in rows) == 60
    for name in ("cat", "dog"):
        own = [row for row in rows if row["class"] == name and row["score"] is not None]
        shown = [row["score"] for row in own if row["label"] == 1]
        normal = [row["score"] for row in own if row["label"] == 0]
        wins = sum((a > b) + (a == b) / 2 for a in shown for b in normal)
        measure = summary.find("profile", name, "roc_auc")
        assert measure is not None
        assert wins / len(shown) / len(normal) == pytest.approx(measure.value)
