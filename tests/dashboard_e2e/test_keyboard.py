"""Everything by keys alone: where to go, rows, the search, the list of keys, and where the focus is."""

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard_e2e.sites import Made
from dashboard_e2e.stage import Looker
from llm_gateway.dashboard.navigation import PLACES

pytestmark = pytest.mark.browsers

_IN_DIALOG = (
    "document.activeElement === document.body || document.activeElement.closest('dialog[open]') !== null"
)


def test_g_and_a_letter_go_to_every_page(looker: Looker) -> None:
    for place in (*PLACES[1:], PLACES[0]):
        looker.page.keyboard.press("g")
        looker.page.keyboard.press(place.key)
        looker.page.wait_for_url(looker.site.url + place.path, wait_until="domcontentloaded")
        looker.ready()


def test_rows_are_walked_and_opened(looker: Looker) -> None:
    page = looker.open("/requests")
    page.keyboard.press("j")
    page.keyboard.press("j")
    marked = page.locator("[data-row].at")
    expect(marked).to_have_count(1)
    second = page.locator("[data-row]").nth(1).get_attribute("id")
    assert marked.get_attribute("id") == second
    page.keyboard.press("k")
    first = str(page.locator("[data-row]").first.get_attribute("id"))
    expect(marked).to_have_attribute("id", first)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/requests/{first.removeprefix('r-')}", wait_until="domcontentloaded")
    looker.ready()
    page.keyboard.press("Escape")
    page.wait_for_url(f"{looker.site.url}/requests", wait_until="domcontentloaded")


def test_the_search_and_the_list_of_keys_are_a_key_away(looker: Looker) -> None:
    page = looker.open("/requests")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("demo")
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "q=demo" in url, wait_until="domcontentloaded")


def test_tab_shows_where_it_is(looker: Looker) -> None:
    page = looker.open("/")
    for _ in range(25):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            """() => {
              const at = document.activeElement, style = getComputedStyle(at);
              return at === document.body ? "body" : `${style.outlineStyle} ${style.outlineWidth}`;
            }"""
        )
        assert outline == "body" or ("none" not in outline and " 0px" not in outline), outline


def test_the_first_tab_skips_to_the_content(looker: Looker) -> None:
    page = looker.open("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until something of this name has the focus."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            return
    raise AssertionError(f"no Tab leads to {name!r}")


def test_an_application_is_connected_by_keys_alone(made: Made, browser: Browser) -> None:
    site = made.fresh("keyboard")
    settings = site.gateway.home / "user" / ".claude" / "settings.json"
    looker = site.look(browser)
    page = looker.page
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/clients", wait_until="domcontentloaded")
    looker.ready()
    for name, told in (
        ("Claude Code", "client=claude-code"),
        ("Connect…", "plan=1"),
        ("Apply", "did=connected"),
    ):
        tab_to(page, name)
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/clients?*{told}*", wait_until="domcontentloaded")
        looker.ready()
    assert site.url.encode() in settings.read_bytes()
    looker.close()


def test_a_dialog_keeps_the_focus_and_gives_it_back(looker: Looker) -> None:
    page = looker.open("/limits")
    tab_to(page, "New key")
    page.keyboard.press("Enter")
    expect(page.locator("#make-key")).to_be_visible()
    for _ in range(20):
        page.keyboard.press("Tab")
        assert page.evaluate(_IN_DIALOG)
    page.keyboard.press("Escape")
    expect(page.locator("#make-key")).to_be_hidden()
    expect(page.get_by_role("button", name="New key")).to_be_focused()
