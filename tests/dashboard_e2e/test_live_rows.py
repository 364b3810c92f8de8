"""A request is on the page within a second of its beginning, running; and its row says how it ended."""

import threading
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from dashboard_e2e.stage import Looker, Site
from gateway_process import GatewayProcess

pytestmark = pytest.mark.browsers

_SOON_MS = 1000
_DRAIN_S = 30  # how long answers may take that are being made


@pytest.mark.parametrize("path", ["/", "/requests"])
def test_a_request_is_there_within_a_second(looker: Looker, path: str) -> None:
    page = looker.open(path)
    page.wait_for_selector('[data-live][data-state="on"]')
    before = set(page.locator("[data-row]").evaluate_all("rows => rows.map((row) => row.id)"))
    began = time.monotonic()
    asking = threading.Thread(target=looker.site.gateway.chat, args=("demo/slow",))
    asking.start()
    try:
        page.wait_for_function(
            "known => [...document.querySelectorAll('[data-row]')].some((row) => !known.includes(row.id))",
            arg=list(before),
            timeout=_SOON_MS,
        )
        assert time.monotonic() - began < _SOON_MS / 1000
        first = page.locator("[data-live] [data-row]").first
        expect(first).to_contain_text("running")
    finally:
        asking.join()
    expect(first).to_contain_text("ok")


def test_it_can_be_paused(looker: Looker) -> None:
    page = looker.open("/requests")
    page.wait_for_selector('[data-live][data-state="on"]')
    page.keyboard.press("l")
    page.wait_for_selector('[data-live][data-state="off"]')
    before = page.locator("[data-row]").first.get_attribute("id")
    looker.site.gateway.chat("demo/echo")
    page.wait_for_timeout(500)
    assert page.locator("[data-row]").first.get_attribute("id") == before
    page.keyboard.press("l")
    page.wait_for_selector('[data-live][data-state="on"]')


def test_who_points_at_the_rows_is_not_disturbed(looker: Looker) -> None:
    page = looker.open("/requests")
    page.wait_for_selector('[data-live][data-state="on"]')
    row = page.locator("[data-row]").first
    before = row.get_attribute("id")
    row.hover()
    looker.site.gateway.chat("demo/echo")
    pill = page.locator("[data-fresh]")
    expect(pill).to_be_visible()
    expect(pill).to_have_text("1 new")
    assert row.get_attribute("id") == before
    page.mouse.move(0, 0)
    expect(pill).to_be_hidden()
    assert page.locator("[data-row]").first.get_attribute("id") != before


def test_a_gateway_that_ends_waits_for_no_open_page(browser: Browser, tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, "") as gateway:
        looker = Site(gateway).look(browser)
        looker.page.wait_for_selector('[data-live][data-state="on"]', state="attached")
        began = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - began < _DRAIN_S / 2
        looker.page.wait_for_selector('[data-live][data-state="lost"]', state="attached")
        looker.context.close()
