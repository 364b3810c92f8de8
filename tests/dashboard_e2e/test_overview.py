"""The first page in a browser: a test request shows its row, and what is to be done is renewed by itself."""

import pytest
from playwright.sync_api import expect

from dashboard_e2e.stage import Looker

pytestmark = pytest.mark.browsers

_SOON_MS = 4000


def test_a_test_request_shows_its_answer_and_its_row(looker: Looker) -> None:
    page = looker.open("/")
    page.wait_for_selector('[data-live][data-state="on"]')
    page.get_by_label("Model").select_option("demo/echo")
    page.get_by_role("button", name="Send a test request").click()
    told = page.locator("#tested")
    expect(told).to_contain_text("This is the demo of LLM Gateway")
    address = told.get_by_role("link", name="The row that it made").get_attribute("href")
    assert address is not None
    expect(page.locator(f"#r-{address.rpartition('/')[2]}")).to_contain_text("ok")


def test_the_verdict_is_renewed_and_what_has_the_focus_keeps_it(looker: Looker) -> None:
    page = looker.open("/")
    title = page.locator("#capture-title")
    before = title.inner_text()
    summary = page.locator(".numbers summary").first
    summary.focus()
    page.keyboard.press("Enter")
    with page.expect_response(lambda reply: "/overview/capture" in reply.url, timeout=_SOON_MS):
        looker.site.gateway.chat("demo/echo")
    expect(title).to_contain_text("AI client")
    assert before
    assert page.locator(".numbers details").first.get_attribute("open") is not None
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_a_hidden_page_asks_for_nothing(looker: Looker) -> None:
    page = looker.open("/")
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
    page.wait_for_timeout(700)  # what was asked for before is answered
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2200)
    assert [each for each in asked if "/overview/" in each] == []


def test_the_time_of_the_figures_is_in_the_address(looker: Looker) -> None:
    page = looker.open("/")
    page.get_by_role("link", name="7d", exact=True).click()
    page.wait_for_url("**/?since=7d", wait_until="domcontentloaded")
    looker.ready()
    expect(page.get_by_role("heading", name="Requests, last 7d")).to_be_visible()
    page.go_back(wait_until="domcontentloaded")
    expect(page.get_by_role("heading", name="Requests, last 24h")).to_be_visible()
