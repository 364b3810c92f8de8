"""One prompt to several models in a browser: pieces are text, one is stopped, no address has the prompt."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from dashboard_e2e.stage import Looker, Site
from gateway_process import GatewayProcess, configuration
from scripted import Gate, Hang, ScriptedUpstream, Send, chat
from scripted.wording import chunk, stream_head

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


def test_who_stops_an_answer_ends_it_at_its_provider(browser: Browser, tmp_path: Path) -> None:
    parts = chat.events("a", ["One ", "two ", "three "])
    begun = (Send(stream_head()), *(Send(chunk(each)) for each in parts[:3]))
    with ScriptedUpstream() as upstream:
        upstream.on("held", (*begun, Hang()))
        upstream.on("later", (*begun, Gate("on"), *chat.stream(parts[3:])[1:]))
        config = configuration(upstream.url, models=["held", "later"])
        with GatewayProcess(tmp_path, config) as gateway:
            looker = Site(gateway).look(browser)
            page = looker.open("/playground?models=scripted/held,scripted/later")
            page.get_by_label("Prompt", exact=True).fill("Count")
            page.get_by_role("button", name="Ask").click()
            held, later = page.locator(".answer").nth(0), page.locator(".answer").nth(1)
            # Both have begun, and neither has ended: they come side by side, piece by piece.
            expect(held.locator(".said")).to_have_text("One two ")
            expect(later.locator(".said")).to_have_text("One two ")
            held.get_by_role("button", name="Stop").click()
            (asked,) = [each for each in upstream.asked() if each.model == "held"]
            upstream.wait_closed(asked.connection)
            assert asked.connection.ended_by == "peer"
            upstream.open("on")
            expect(later.locator(".said")).to_have_text("One two three ")
            expect(later.get_by_role("link", name="The request's row")).to_be_visible()
            looker.open("/requests")
            told = page.locator("#rows tbody tr", has_text="held")
            expect(told.locator(".pill")).to_have_text("cancelled")
            looker.close()
