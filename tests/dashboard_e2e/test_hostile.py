"""No text that others can set runs on any page, in any theme of spelling: stored, shown, and asked for."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser

from dashboard_e2e.hostile import CONFIG, TEXTS, fill
from dashboard_e2e.stage import Looker, Site
from gateway_process import GatewayProcess
from llm_gateway.dashboard.navigation import PLACES
from rawhttp import request

pytestmark = pytest.mark.browsers

_TURNS = 60
_SHOWN = {"overview", "requests", "usage", "clients", "routing", "limits"}  # where such texts come to
_ADDRESSES = "[...document.querySelectorAll('[src],[href],[action]')].map((e) => e.src || e.href || e.action)"
_MADE = "document.querySelectorAll('iframe, svg[onload], img[onerror], [onfocus], b[onclick]').length"
_LINKS = "all => all.map((e) => e.getAttribute('href'))"
# A refusal is a page as well, which the browser puts on record as an error of loading.
_REFUSED = "the server responded with a status of 4"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("hostile")
    fill(home / "gateway", _TURNS)
    with GatewayProcess(home, CONFIG) as gateway:
        for text in TEXTS:
            _ask(gateway, text)
        yield Site(gateway)


@pytest.fixture(scope="module")
def victim(hostile: Site, browser: Browser) -> Iterator[Looker]:
    somebody = hostile.look(browser)
    yield somebody
    somebody.close()


def _ask(gateway: GatewayProcess, text: str) -> None:
    """Ask as a client that says such a text wherever it can say something."""
    shown = "".join(c for c in text if c.isascii() and c.isprintable())
    headers = [("User-Agent", shown), ("x-llm-gateway-client", shown), ("x-llm-gateway-caller", shown)]
    for model in ("demo/echo", text):
        body = gateway.chat_body(model, user=text, metadata={"session_id": text})
        with gateway.client() as client:
            client.send(request("POST", "/v1/chat/completions", body=body, key=gateway.key, headers=headers))
            client.read_reply()


def unharmed(looker: Looker, where: str) -> None:
    assert looker.page.evaluate("window.hit") is None, where
    for url in looker.page.evaluate(_ADDRESSES):
        ours = str(url).startswith(looker.site.url)
        assert ours or str(url).startswith("https://"), (where, url)
    assert looker.page.evaluate(_MADE) == 0, where


def test_no_page_runs_what_is_stored(victim: Looker) -> None:
    shown = set()
    for place in PLACES:
        page = victim.open(place.path)
        for folded in page.locator("main details:not([open]) > summary").all()[:60]:
            if folded.is_visible():
                folded.click()
        unharmed(victim, place.path)
        if "window.hit=1" in page.locator("main").inner_text():
            shown.add(place.name)
    assert shown >= _SHOWN


def test_no_request_runs_what_it_says_of_itself(victim: Looker) -> None:
    page = victim.open("/requests?since=all&limit=200")
    links = page.locator("[data-row] a[data-open]").evaluate_all(_LINKS)
    assert len(links) >= _TURNS
    for link in dict.fromkeys([*links[:10], *links[-15:]]):
        victim.open(str(link))
        unharmed(victim, str(link))


@pytest.mark.parametrize("text", TEXTS)
def test_no_page_runs_what_it_is_asked(victim: Looker, text: str) -> None:
    asked = quote(text)
    for path in (
        f"/requests?q={asked}&client={asked}&model={asked}",
        f"/clients?client={asked}",
        f"/routing?model={asked}&q={asked}",
        f"/usage?by={asked}",
        f"/playground?model={asked}",
        f"/requests/{asked}",
        f"/sign-in?next={asked}",
        f"/?since={asked}",
    ):
        victim.page.goto(victim.site.url + path, wait_until="domcontentloaded")
        victim.wrong = [each for each in victim.wrong if _REFUSED not in each]
        unharmed(victim, path)
    assert not victim.wrong


def test_no_live_row_runs(victim: Looker) -> None:
    page = victim.open("/requests")
    page.wait_for_selector('[data-live][data-state="on"]')
    for text in TEXTS:
        before = page.locator("[data-row]").first.get_attribute("id")
        _ask(victim.site.gateway, text)
        page.wait_for_function("known => document.querySelector('[data-row]').id !== known", arg=before)
        unharmed(victim, text)
