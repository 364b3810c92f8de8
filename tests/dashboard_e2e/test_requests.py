"""Requests found, looked at, sent again and asked again in a browser: everything stands in the address."""

import json
import os
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard_e2e.sites import Made
from dashboard_e2e.stage import Looker, Site
from gateway_process import GatewayProcess
from rawhttp import request
from scripted import ScriptedUpstream, chat

pytestmark = pytest.mark.browsers

_ROWS = "table#rows tbody tr"
_CONFIG = """
[[providers]]
name = "scripted"
base_url = "{url}"
dialects = ["chat"]
models = ["scripted-model"]

[aliases]
spare = ["away/away-model", "scripted/scripted-model"]

[[providers]]
name = "away"
base_url = "http://127.0.0.1:9"
dialects = ["chat"]
models = ["away-model"]
"""


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as made:
        yield made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("requests")
    with GatewayProcess(home, _CONFIG.format(url=upstream.url)) as gateway:
        yield Site(gateway)


@pytest.fixture
def looker(site: Site, browser: Browser) -> Iterator[Looker]:
    somebody = site.look(browser)
    yield somebody
    somebody.close()


def clients(page: Page) -> set[str]:
    return set(page.locator(f"{_ROWS} td:nth-child(2)").all_inner_texts())


def test_a_value_is_chosen_and_let_go_of(made: Made, browser: Browser) -> None:
    looker = made.site("small").look(browser)
    page = looker.open("/requests")
    before = clients(page)
    assert len(before) >= 3
    page.get_by_label("Client", exact=True).get_by_role("link", name="codex-cli").click()
    page.wait_for_url("**/requests?client=codex-cli", wait_until="domcontentloaded")
    looker.ready()
    assert clients(page) == {"codex-cli"}
    shown = page.locator("#filter-title").inner_text()
    assert int(shown.split()[0]) == page.locator(_ROWS).count()

    page.get_by_label("Status", exact=True).get_by_role("link", name="error").click()
    page.wait_for_url("**/requests?client=codex-cli&status=error", wait_until="domcontentloaded")
    looker.ready()
    assert set(page.locator(f"{_ROWS} .pill").all_inner_texts()) == {"error"}
    page.reload(wait_until="domcontentloaded")
    looker.ready()
    assert clients(page) == {"codex-cli"}

    page.go_back(wait_until="domcontentloaded")
    looker.ready()
    assert "ok" in page.locator(f"{_ROWS} .pill").all_inner_texts()
    page.go_back(wait_until="domcontentloaded")
    looker.ready()
    assert clients(page) == before
    page.go_forward(wait_until="domcontentloaded")
    looker.ready()
    page.get_by_role("link", name="Clear the filter").click()
    page.wait_for_url("**/requests", wait_until="domcontentloaded")
    looker.ready()
    assert clients(page) == before
    looker.close()


def test_a_request_is_found_by_its_id(looker: Looker, site: Site) -> None:
    identity = site.gateway.chat("demo/echo").header("x-llm-gateway-request-id")
    site.gateway.chat("demo/echo")
    assert identity
    page = looker.open("/requests")
    page.get_by_label("Id, session, or part of a name").fill(identity)
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_url(f"**/requests?q={identity}", wait_until="domcontentloaded")
    looker.ready()
    expect(page.locator(_ROWS)).to_have_count(1)
    expect(page.locator(_ROWS)).to_have_attribute("id", f"r-{identity}")
    page.get_by_label("Id, session, or part of a name").fill("no-such-thing")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No request is so")).to_be_visible()


def test_a_request_tells_how_it_went(looker: Looker, site: Site) -> None:
    identity = site.gateway.chat("spare").header("x-llm-gateway-request-id")
    page = looker.open(f"/requests/{identity}")
    attempts = page.get_by_label("Attempts, as a table").locator("tbody tr")
    expect(attempts).to_have_count(2)
    expect(attempts.nth(0)).to_contain_text("away/away-model")
    expect(attempts.nth(0)).to_contain_text("no answer")
    expect(attempts.nth(1)).to_contain_text("scripted/scripted-model")
    tokens = page.locator("section", has=page.locator("#tokens-title"))
    usage = chat.USAGE
    expect(tokens.locator("dd").nth(0)).to_have_text(str(usage["prompt_tokens"]))
    expect(tokens.locator("dd").nth(4)).to_have_text(str(usage["completion_tokens"]))
    expect(tokens).to_contain_text("The provider counted them.")
    assert not looker.violations() and not looker.wider_than_the_window()


def test_money_is_added_up_anew(made: Made, browser: Browser) -> None:
    looker = made.site("large").look(browser)
    page = looker.open("/requests?since=all&provider=anthropic&status=ok")
    page.locator("[data-open]").first.click()
    page.wait_for_url("**/requests/*", wait_until="domcontentloaded")
    looker.ready()
    money = page.locator("section", has=page.locator("#money-title"))
    expect(money.locator(".pill").first).to_have_text("reproduces")
    part = money.get_by_label("What was used, part by part")
    lines = [row.split("\t") for row in part.locator("tbody tr").all_inner_texts()]
    sums = [float(line[-1].strip().lstrip("$")) for line in lines]
    assert sum(sums[:-1]) == pytest.approx(sums[-1], abs=2e-9)
    assert not looker.violations()
    looker.close()


def test_what_is_copied_as_curl_is_a_command_that_works(looker: Looker, site: Site) -> None:
    identity = site.gateway.chat("demo/echo", stream=True).header("x-llm-gateway-request-id")
    page = looker.open("/requests")
    rows = page.locator(_ROWS)
    count = rows.count()
    expect(rows.first).to_have_attribute("id", f"r-{identity}")
    page.keyboard.press("j")
    page.keyboard.press(".")
    expect(page.locator("#told")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert site.gateway.key not in copied and "$LLM_GATEWAY_KEY" in copied
    environ = {"PATH": os.environ["PATH"], "LLM_GATEWAY_KEY": site.gateway.key}
    done = subprocess.run(["sh", "-c", copied], env=environ, capture_output=True, timeout=60, check=True)
    assert b"Hello" in done.stdout and b"data: [DONE]" in done.stdout
    expect(rows).to_have_count(count + 1)
    page.mouse.move(0, 0)
    looker.open(f"/requests/{identity}")
    page.keyboard.press(".")
    expect(page.locator("#told")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == copied


def test_what_is_kept_is_shown_asked_again_and_deleted(looker: Looker, site: Site) -> None:
    made = site.owner("POST", "/api/keys", {"name": "keeper", "keep_content_days": 7})
    body = json.dumps({"model": "demo/echo", "input": "Kept <b>words</b>"}).encode()
    with site.gateway.client() as client:
        client.send(request("POST", "/v1/responses", body=body, key=str(made["key"])))
        identity = client.read_reply().header("x-llm-gateway-request-id")
    page = looker.open(f"/requests/{identity}")
    page.get_by_role("button", name="Show what was said").click()
    expect(page.locator("#content pre").first).to_have_text("Kept <b>words</b>")
    page.get_by_label("Ask it again of").fill("scripted/scripted-model")
    page.get_by_role("button", name="Ask again").click()
    expect(page.locator("#replayed")).to_contain_text("scripted/scripted-model said:")
    expect(page.locator("#replayed blockquote")).to_have_text(chat.TEXT)
    assert not looker.violations()
    page.get_by_role("link", name="The row that it made").click()
    page.wait_for_url("**/requests/*", wait_until="domcontentloaded")
    looker.ready()
    expect(page.locator("h1")).not_to_contain_text(str(identity))
    expect(page.locator(".told")).to_contain_text("replay")
    expect(page.locator("#status-title")).to_contain_text("scripted-model")

    looker.open(f"/requests/{identity}")
    page.evaluate("window.confirm = () => true")
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_text("it never was, was deleted, or its time is over")).to_be_visible()
