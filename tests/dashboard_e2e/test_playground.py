"""One prompt to several models in a browser: pieces are text, one is stopped, no address has the prompt."""

import pytest
from playwright.sync_api import expect

from dashboard_e2e.stage import Looker

pytestmark = pytest.mark.browsers

SAID = "<img src=x onerror=alert(1)> & <b>bold</b>"


def test_answers_stand_side_by_side(looker: Looker) -> None:
    page = looker.open("/playground?models=demo/echo,demo/slow,nobody/x")
    page.get_by_label("Model 4").fill("demo/error-500")
    page.wait_for_url("**/playground?models=demo%2Fecho%2Cdemo%2Fslow%2Cnobody%2Fx%2Cdemo%2Ferror-500")
    page.get_by_label("Prompt", exact=True).fill(SAID)
    page.get_by_role("button", name="Ask").click()
    columns = page.locator(".answer")
    expect(columns).to_have_count(4)
    slow = columns.nth(1)
    expect(slow.locator(".said")).to_contain_text("demo")
    slow.get_by_role("button", name="Stop").click()
    expect(slow).to_contain_text("Stopped.")
    echo = columns.nth(0)
    expect(echo.locator(".said")).to_contain_text(SAID)
    expect(echo.locator(".facts")).to_contain_text("Tokens out")
    assert page.locator(".answer img, .answer b").count() == 0
    expect(columns.nth(2).locator("[data-problem]")).to_contain_text("nobody/x")
    expect(columns.nth(3).locator("[data-problem]")).not_to_be_empty()
    expect(page.get_by_role("button", name="Ask")).to_be_enabled()
    assert "bold" not in page.url
    assert not looker.violations() and not looker.wider_than_the_window()
    echo.get_by_role("link", name="The request's row").click()
    page.wait_for_url("**/requests/*")
    looker.ready()
    page.go_back()
    looker.ready()
    expect(page.get_by_label("Model 4")).to_have_value("demo/error-500")
