"""A bridge logged in from the page, tried, paused and logged out, at a vendor that is made up.

What passes through the browser is an address and a code. The tokens that the vendor gives have a mark, and
nothing with that mark ever comes to the page.
"""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from bridges.m365.fake_vendor import CANARY, CLIENT_ID, Microsoft, Refusal
from dashboard_e2e.stage import Looker, Site
from gateway_process import GatewayProcess
from scripted import ScriptedUpstream

pytestmark = pytest.mark.browsers

NAME = "m365-copilot"


@pytest.fixture
def vendor() -> Microsoft:
    made = Microsoft()
    made.now_s = time.time()
    made.interval = 1
    return made


@pytest.fixture
def looker(vendor: Microsoft, tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Looker]:
    with ScriptedUpstream(responders=(vendor.respond,)) as upstream:
        environ = {
            "MICROSOFT_CLIENT_ID": CLIENT_ID,
            "M365_COPILOT_SERVICE_URL": upstream.url,
            "M365_COPILOT_LOGIN_URL": upstream.url,
        }
        with GatewayProcess(tmp_path_factory.mktemp("bridges"), "", environ=environ) as gateway:
            somebody = Site(gateway).look(browser)
            yield somebody
            somebody.close()


def pill(page: Page, words: str) -> None:
    expect(page.locator(f"#{NAME} .pill").first).to_have_text(words)


def test_a_bridge_is_logged_in_tried_paused_and_logged_out(looker: Looker, vendor: Microsoft) -> None:
    vendor.polls.extend(["authorization_pending"] * 2)
    page = looker.open("/bridges")
    card = page.locator(f"#{NAME}")
    pill(page, "login needed")
    card.get_by_role("button", name="Log in", exact=True).click()
    panel = page.locator("#login")
    expect(panel.locator(".code code")).to_have_text("FAKE2CODE")
    expect(panel.get_by_role("link", name="https://microsoft.com/devicelogin")).to_be_visible()
    assert page.url.endswith(f"/bridges?login={NAME}")
    panel.get_by_role("button", name="Copy the code FAKE2CODE").click()
    assert page.evaluate("navigator.clipboard.readText()") == "FAKE2CODE"
    assert not looker.violations() and not looker.wider_than_the_window()

    expect(panel.get_by_text("It is done.")).to_be_visible()
    pill(page, "ready, not proven")
    assert CANARY not in page.content()

    card.get_by_role("button", name="Send a test request").click()
    expect(page.locator("#smoke pre")).to_have_text("Hello from Copilot.")
    expect(page.locator("#smoke tr[data-row]")).to_have_count(1)
    looker.open("/bridges")
    pill(page, "answers")
    expect(card.locator(".chain li.done")).to_have_count(6)
    assert not looker.violations()

    card.get_by_role("button", name="Pause", exact=True).click()
    pill(page, "paused")
    card.get_by_role("button", name="Resume", exact=True).click()
    pill(page, "answers")
    page.evaluate("window.confirm = () => true")
    card.get_by_role("button", name="Log out", exact=True).click()
    pill(page, "login needed")
    assert CANARY not in page.content()


def test_a_login_goes_on_when_the_page_is_loaded_anew_and_says_why_it_failed(
    looker: Looker, vendor: Microsoft
) -> None:
    vendor.polls.extend(["authorization_pending"] * 2)
    vendor.polls.append(Refusal(400, "authorization_declined", "<b>AADSTS70000</b>: it was declined."))
    page = looker.open("/bridges")
    page.locator(f"#{NAME}").get_by_role("button", name="Log in", exact=True).click()
    expect(page.locator("#login .code code")).to_have_text("FAKE2CODE")
    page.reload()
    looker.ready()
    expect(page.locator("#login")).to_contain_text("FAKE2CODE")
    expect(page.locator("#login")).to_contain_text("It failed:")
    assert page.locator("#login b").count() == 0
    assert not looker.violations()
    page.locator("#login").get_by_role("button", name="Begin again").click()
    expect(page.locator("#login")).to_contain_text("It is done.")


def test_a_login_is_called_off(looker: Looker, vendor: Microsoft) -> None:
    vendor.polls.extend(["authorization_pending"] * 50)
    page = looker.open(f"/bridges?login={NAME}")
    page.locator("#login").get_by_role("button", name="Begin", exact=True).click()
    expect(page.locator("#login .code code")).to_have_text("FAKE2CODE")
    page.locator("#login").get_by_role("button", name="Call it off").click()
    page.wait_for_url(lambda url: url.endswith("/bridges"), wait_until="domcontentloaded")
    expect(page.locator("#login section")).to_have_count(0)
    pill(page, "login needed")
