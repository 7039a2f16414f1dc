"""A stranger writes, tries, rehearses and activates a rule: in Chromium, through the real Airflow, no file opened."""

import pytest
from playwright.sync_api import expect
from review_browser import PAGES, chromium, logged_in
from small_site import Site

from anyanomaly_core.embedded import report

OUTCOME_MS = 240_000  # a run of Airflow that loads models, on a busy machine


def test_a_rule_is_written_tried_rehearsed_and_adopted(site: Site) -> None:
    with chromium() as browser, logged_in(browser, site, "olga") as window:
        page = window.page
        page.goto(f"{PAGES}/rules")
        page.get_by_role("link", name="New rule").click()
        page.get_by_label("Name").fill("test-picture")
        page.get_by_label("Looks for").fill("a test picture\ncoloured bars")
        page.get_by_label("Threshold", exact=True).fill("0.02")
        page.get_by_label("At least seconds").fill("0")
        pictures = page.locator(".moments-to-try img")
        window.until(lambda: pictures.evaluate_all("all => all.some(image => image.naturalWidth > 0)"))
        page.get_by_role("button", name="Try", exact=True).click()
        outcome = page.locator("#outcome")
        expect(outcome).to_contain_text("The models look at it.")
        expect(outcome.get_by_role("heading", name="Tried")).to_be_visible(timeout=OUTCOME_MS)
        expect(outcome.locator(".looked-at img")).to_have_count(4)
        window.until(lambda: outcome.locator("img").first.evaluate("image => image.naturalWidth > 0"))
        window.shot("rule-tried", full_page=True)
        page.get_by_role("button", name="Score a sample and rehearse").click()
        expect(outcome.locator("[data-chart=histogram] canvas")).to_be_visible(timeout=OUTCOME_MS)
        expect(outcome).to_contain_text("scored for it just now")
        window.shot("rule-rehearsed", full_page=True)
        page.get_by_role("button", name="Adopt the rule").click()
        page.wait_for_url("**/rules/test-picture?adopted=1", timeout=OUTCOME_MS)
        expect(page.locator("main")).to_contain_text("Version 1 is in force.")
        assert not window.complaints
        [(author, state)] = report.query(
            site.installation,
            """SELECT rv.author, r.state::text FROM rules r JOIN rule_versions rv USING (rule_id)
               WHERE r.name = 'test-picture'""",
        )[1]
        assert (author, state) == ("olga", "active")
        page.get_by_role("button", name="Retire").click()  # other tests count rules
        expect(page.locator(".status")).to_contain_text("change_rule_state is")


def test_a_threshold_is_moved_by_keys_over_its_histogram_and_adopted(site: Site) -> None:
    with chromium() as browser, logged_in(browser, site, "olga") as window:
        page = window.page
        page.goto(f"{PAGES}/rules/a-car/edit", wait_until="networkidle")
        slider = page.get_by_role("slider", name="Threshold")
        slider.focus()
        page.keyboard.press("ArrowLeft")
        expect(page.get_by_label("Threshold", exact=True).first).to_have_value("0.49")
        page.wait_for_url("**threshold=0.49**")
        expect(page.locator("#outcome")).to_contain_text("With threshold 0.49")
        window.until(lambda: page.evaluate("document.activeElement.type") == "range")
        page.get_by_role("button", name="Adopt as version").click()
        page.wait_for_url("**/rules/a-car?adopted=*", timeout=OUTCOME_MS)
        assert not window.complaints
    [(threshold, author)] = report.query(
        site.installation,
        """SELECT round(rv.threshold::numeric, 2)::float, rv.author FROM rules r
           JOIN rule_versions rv ON (rv.rule_id, rv.version) = (r.rule_id, r.current_version) WHERE r.name = 'a-car'""",
    )[1]
    assert (threshold, author) == (pytest.approx(0.49), "olga")


def test_who_may_judge_is_offered_no_pen(site: Site) -> None:
    with chromium() as browser, logged_in(browser, site, "rita") as window:
        window.page.goto(f"{PAGES}/rules")
        assert window.page.get_by_role("link", name="New rule").count() == 0
        window.page.goto(f"{PAGES}/rules/a-car/edit")
        assert window.page.get_by_role("button", name="Adopt as version").count() == 0
