"""A key made, limited and rotated in a browser: it is shown once, and is nowhere after that."""

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard_e2e.sites import Made
from server_stage import home_files

pytestmark = pytest.mark.browsers


def shown(page: Page) -> str:
    """Return the key that is shown, having let it be copied."""
    expect(page.locator("[data-key-text]")).not_to_be_empty()
    key = page.locator("[data-key-text]").inner_text()
    assert key.startswith("lgw_")
    page.get_by_role("button", name="Copy the key").click()
    assert page.evaluate("navigator.clipboard.readText()") == key
    return key


def test_a_key_is_shown_once(made: Made, browser: Browser) -> None:
    site = made.fresh("keys")
    looker = site.look(browser)
    page = looker.open("/limits")
    page.get_by_role("button", name="New key").click()
    form = page.locator("#make-key")
    form.get_by_label("Name").fill("tablet")
    form.get_by_label("Only for the client").fill("<b>")
    form.get_by_label("US dollars a day").fill("2.5")
    assert not looker.violations()
    form.get_by_role("button", name="Make the key").click()
    expect(form.locator("[data-key-error]")).to_contain_text("no name of an application")
    form.get_by_label("Only for the client").fill("codex-cli")
    form.get_by_role("button", name="Make the key").click()
    expect(page.locator("#shown-key")).to_contain_text("This is shown once.")
    assert not looker.violations()
    key = shown(page)
    page.get_by_role("button", name="I have it").click()
    row = page.locator("tr", has=page.get_by_role("button", name="Rotate tablet"))
    expect(row).to_contain_text("$2.5 per day")
    assert key not in page.content() and "lgw_" not in page.url

    row.get_by_role("button", name="Limits of tablet").click()
    limits = page.locator("#limit-key")
    expect(limits.get_by_label("US dollars a day")).to_have_value("2.5")
    limits.get_by_label("Requests a minute").fill("5")
    limits.get_by_role("button", name="Set the limits").click()
    expect(row).to_contain_text("5 requests per minute, $2.5 per day")
    row.get_by_role("button", name="Rotate tablet").click()
    page.locator("#rotate-key").get_by_role("button", name="Make the new key").click()
    after = shown(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Rotate tablet")).to_have_count(2)
    page.go_back()
    page.go_forward()
    looker.ready()
    assert key != after and key not in page.content() and after not in page.content()
    stored = home_files(site.gateway.home)
    assert not [each for each in (key, after) if each.encode() in stored]
    looker.wrong = [each for each in looker.wrong if "400" not in each]
    looker.close()


def test_a_key_works_until_it_is_revoked(made: Made, browser: Browser) -> None:
    site = made.fresh("keys-revoked")
    looker = site.look(browser)
    page = looker.open("/limits")
    page.get_by_role("button", name="New key").click()
    page.locator("#make-key").get_by_label("Name").fill("phone")
    page.locator("#make-key").get_by_role("button", name="Make the key").click()
    key = shown(page)
    assert site.gateway.get("/v1/models", key=key).status == 200
    looker.open("/limits")
    assert key not in page.content()
    page.evaluate("window.confirm = () => true")
    page.get_by_role("button", name="Revoke phone").click()
    expect(page.get_by_role("button", name="Revoke phone")).to_have_count(0)
    assert site.gateway.get("/v1/models", key=key).status == 401
    looker.open("/limits?ended=1")
    expect(page.locator("tr", has_text="phone").locator(".pill")).to_have_text("revoked")
    looker.close()
