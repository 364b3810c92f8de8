"""The first thing on a new gateway: a request sent from the page, its answer, and the row that it made."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from dashboard_e2e.stage import Site
from gateway_process import GatewayProcess

pytestmark = pytest.mark.browsers


def test_a_test_request_shows_its_answer_and_its_row(browser: Browser, tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, "") as gateway:
        looker = Site(gateway).look(browser)
        page = looker.page
        expect(page.get_by_role("heading", name="Begin in three steps")).to_be_visible()
        page.get_by_label("Model").select_option("demo/echo")
        page.get_by_role("button", name="Send a test request").click()
        tested = page.locator("#tested")
        expect(tested).to_contain_text("You said:")
        link = tested.get_by_role("link", name="The row that it made")
        path = str(link.get_attribute("href"))
        row = page.locator("[data-live] [data-row]")
        expect(row).to_have_attribute("id", f"r-{path.removeprefix('/requests/')}")
        expect(row.locator(".pill")).to_have_text("ok")
        assert not looker.violations() and not looker.wider_than_the_window()
        link.click()
        page.wait_for_url(f"**{path}", wait_until="domcontentloaded")
        looker.ready()
        expect(page.locator(".told")).to_contain_text("this dashboard")
        looker.close()
