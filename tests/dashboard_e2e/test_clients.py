"""An application connected and put back in a browser, on a page that says so at every step."""

import pytest
from playwright.sync_api import Browser, expect

from dashboard_e2e.sites import Made

pytestmark = pytest.mark.browsers


def test_an_application_is_connected_and_put_back(made: Made, browser: Browser) -> None:
    site = made.fresh("clients")
    settings = site.gateway.home / "user" / ".claude" / "settings.json"
    before = settings.read_bytes()
    looker = site.look(browser)
    page = looker.open("/clients")
    page.locator("#c-claude-code-laptop").get_by_role("link", name="Claude Code").click()
    page.locator(".connection").get_by_role("link", name="Connect…").click()
    page.wait_for_url(lambda url: "plan=1" in url, wait_until="domcontentloaded")
    looker.ready()
    assert "plan=1" in page.url and settings.read_bytes() == before
    expect(page.locator(".diff .come").first).to_be_visible()
    assert not looker.violations() and not looker.wider_than_the_window()

    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "plan=1" not in url, wait_until="domcontentloaded")
    page.go_back()
    looker.ready()
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url(lambda url: "did=connected" in url, wait_until="domcontentloaded")
    looker.ready()
    assert site.url.encode() in settings.read_bytes()
    expect(page.get_by_text("Claude Code is set to the gateway.")).to_be_visible()
    assert not looker.violations()

    page.locator(".connection").get_by_role("link", name="Undo…").click()
    looker.ready()
    page.get_by_role("button", name="Put back").click()
    page.wait_for_url(lambda url: "did=undone" in url, wait_until="domcontentloaded")
    looker.ready()
    expect(page.get_by_text("Its settings are as they were")).to_be_visible()
    assert settings.read_bytes() == before
    looker.close()


def test_a_plan_that_is_another_one_by_now_is_told(made: Made, browser: Browser) -> None:
    site = made.fresh("clients-changed")
    settings = site.gateway.home / "user" / ".claude" / "settings.json"
    looker = site.look(browser)
    page = looker.open("/clients?client=claude-code&plan=1")
    settings.write_text("{}\n")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#told")).to_contain_text("look at the plan again")
    assert settings.read_text() == "{}\n"
    looker.wrong = [each for each in looker.wrong if "409" not in each]
    looker.close()
