"""One request in a browser: opened, sound, closed to the list as it was left, shown, asked again, deleted."""

import json
import os
import subprocess

import pytest
from playwright.sync_api import Browser, expect

from dashboard_e2e.stage import Looker, Site
from rawhttp import request

pytestmark = pytest.mark.browsers

_SAID = "Guten <b>Tag</b>"


@pytest.mark.parametrize(("width", "dark"), [(1600, False), (380, True)])
def test_it_is_sound_and_closes_to_where_it_was_opened(
    small: Site, browser: Browser, width: int, dark: bool
) -> None:
    looker = small.look(browser, width=width, dark=dark)
    page = looker.open("/requests?since=all&status=failed")
    expect(page.locator('a.chip[aria-current="true"]')).to_have_count(1)
    assert not (found := looker.violations()), found
    page.locator("[data-open]").first.click()
    looker.ready()
    expect(page.locator("h1")).to_contain_text("Request")
    assert not (found := looker.violations()), found
    assert not (found := looker.wider_than_the_window()), found
    page.keyboard.press("Escape")
    page.wait_for_url(f"{small.url}/requests?since=all&status=failed", wait_until="domcontentloaded")
    looker.close()


def kept(site: Site) -> str:
    """Say something with a key that keeps it; return the key."""
    key = str(site.owner("POST", "/api/keys", {"name": "keeper", "keep_content_days": 1})["key"])
    body = json.dumps({"model": "demo/echo", "input": _SAID}).encode()
    with site.gateway.client() as client:
        client.send(request("POST", "/v1/responses", body=body, key=key))
        assert client.read_reply().status == 200
    return key


def test_what_was_said_is_shown_asked_again_and_deleted(looker: Looker) -> None:
    key = kept(looker.site)
    page = looker.open("/requests?key=keeper")
    page.locator("[data-open]").first.click()
    looker.ready()
    expect(page.locator("#said-title ~ p").first).to_contain_text("It is kept")
    page.get_by_role("button", name="Show what was said").click()
    expect(page.locator("#content")).to_contain_text(_SAID)
    page.get_by_role("button", name="Copy as curl, with what was said").click()
    command = str(page.evaluate("navigator.clipboard.readText()"))
    environ = {**os.environ, "LLM_GATEWAY_KEY": key}
    ran = subprocess.run(["bash", "-c", command], env=environ, capture_output=True, check=True, timeout=30)
    assert _SAID.encode() in ran.stdout and key not in command
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("#replayed")).to_contain_text("demo/echo said")
    assert not (found := looker.violations()), found
    page.evaluate("() => { window.confirm = () => true; }")
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator("main")).to_contain_text("was deleted")
