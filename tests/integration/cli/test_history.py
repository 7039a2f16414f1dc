"""``rules rehearse`` and ``backfill`` as a person types them."""

import pytest

from tests.integration.cli.test_cli import ONE_RULE, Site, refused, site

__all__ = ["site"]


@pytest.fixture
def here(site: Site) -> Site:
    (site.folder / "drafts").mkdir(exist_ok=True)
    return site


def draft(site: Site, text: str) -> str:
    path = site.folder / "drafts" / "draft.yaml"
    path.write_text(text)
    return str(path)


def test_a_draft_is_rehearsed_and_nothing_is_changed(here: Site) -> None:
    unchanged = here.json("rules", "rehearse", draft(here, ONE_RULE), "--same")
    assert (unchanged["rule"], unchanged["videos"], unchanged["unscored"]) == ("running", 1, [])
    assert {row["change"] for row in unchanged["differences"]} <= {"same"}
    events = unchanged["same"]
    never = here.json("rules", "rehearse", draft(here, ONE_RULE.replace("0.1", "1.0")))
    always = here.json("rules", "rehearse", draft(here, ONE_RULE.replace("0.1", "0.0")))
    assert (never["lost"], never["found"], never["moved"]) == (events, 0, 0)
    assert always["lost"] == 0
    assert events + always["found"] >= 1
    shown = here.run("rules", "rehearse", draft(here, ONE_RULE.replace("0.1", "0.0")), "--same")
    assert shown.stdout.splitlines()[0].split() == [
        "change", "camera", "file", "before", "after", "peak_before", "peak_after",
    ]  # fmt: skip
    assert "hall/2026-03-01/10-00-00.mp4" in shown.stdout
    [rule] = here.json("rules", "list")
    assert rule["version"] == 1


def test_new_words_are_scored_for_the_rehearsal_only(here: Site) -> None:
    path = draft(here, "name: new\ntexts: [a dog]\nthreshold: 0\n")
    refused(here.run("rules", "rehearse", path), "--score")
    outcome = here.json("rules", "rehearse", path, "--score", "--from", "2026-03-01", "--camera", "ha*")
    assert (outcome["videos"], outcome["found"], outcome["lost"]) == (1, 1, 0)
    [event] = outcome["differences"]
    assert (event["before"], event["after"]) == (None, "2026-03-01 10:00:00 +4.0 s")
    refused(here.run("rules", "rehearse", path, "--camera", "gate"), "No camera is called")
    assert [rule["rule"] for rule in here.json("rules", "list")] == ["running"]


def test_a_backfill_is_quoted_budgeted_and_done_once(here: Site) -> None:
    rules = here.folder / "later"
    rules.mkdir()
    (rules / "dog.yaml").write_text("texts: [a dog, a cat]\nactive: false\n")
    assert here.run("rules", "apply", str(rules)).returncode == 0
    quoted = here.json("backfill", "dog", "--quote")["quote"]
    assert (quoted["videos"], quoted["segments"], quoted["lvlm_calls"]) == (1, 5, 0)  # clip asks no language model
    assert quoted["gpu_hours"] > 0
    assert "5 segments" in quoted["measured"]
    assert here.json("backfill", "dog", "--segments", "4")["remaining"]["videos"] == 1
    done = here.json("backfill", "dog", "--newest-first")
    assert (done["counts"]["rows_scored"], done["took"]["segments"], done["remaining"]["videos"]) == (5, 5, 0)
    assert here.json("backfill", "dog")["quote"]["videos"] == 0
    refused(here.run("backfill", "cow"), "no rule 'cow'")


def test_coverage_is_asked_by_rule_day_and_file_and_checked(here: Site) -> None:
    [row] = here.json("coverage", "--rule", "running", "--by", "day")
    assert (row["camera"], row["day"], row["state"], float(row["seconds_of_footage"])) == (
        "hall", "2026-03-01", "scored", 4.0,
    )  # fmt: skip
    assert here.json("coverage", "--rule", "running", "--by", "file")[0]["uri"].endswith("10-00-00.mp4")
    refused(here.run("coverage", "--camera", "hell"), "did you mean 'hall'?")
    refused(here.run("coverage", "--rule", "runing"), "did you mean 'running'?")
    assert here.json("coverage", "--rule", "running", "--unfinished") == []
    assert here.json("coverage", "--cascade") == []  # no scorer here has one
    checked = here.run("coverage", "--check")
    assert (checked.returncode, "the ledger adds up" in checked.stderr) == (0, True)
