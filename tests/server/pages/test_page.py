"""A page is one value in two forms, and what goes wrong is told in the form that was asked for."""

import asyncio
import json

import msgspec
import pytest

from fakes import FakeClock, FakeWire
from llm_gateway.errors import MalformedRequest, NotFound
from llm_gateway.http.exchange import Exchange
from llm_gateway.server.pages.page import Asked, Frame, Page, wants_html
from llm_gateway.wire.ready import ready
from rawhttp import Reply

BROWSER = (b"accept", b"text/html,application/xhtml+xml,*/*;q=0.8")
FRAGMENT = (b"hx-request", b"true")


class View(msgspec.Struct):
    """What the page for signing in shows."""

    next: str = "/"
    command: str = "llm-gateway open"
    issuer: str = ""
    problem: str = ""
    token: bool = False


@ready
class Said(msgspec.Struct, forbid_unknown_fields=True):
    number: int


def frame() -> Frame:
    return Frame(FakeClock(), lambda exchange: "the-token", lambda: "ok")


async def make(asked: Asked) -> View:
    if asked.query.get("wrong"):
        raise NotFound("there is no <b>such</b> request")
    return View()


PAGE = Page("/", "sign-in", make, "A page")


def answer(
    page: Page, target: str, *headers: tuple[bytes, bytes], method: str = "GET", body: bytes = b""
) -> Reply:
    wire = FakeWire()
    exchange = wire.exchange(method.encode(), target.encode(), headers, body=body)
    asyncio.run(frame().route(page).answer(exchange, ""))
    return wire.reply


def test_a_browser_gets_html_that_may_run_nothing_of_others() -> None:
    reply = answer(PAGE, "/", BROWSER)
    assert reply.header("content-type") == "text/html; charset=utf-8"
    policy = reply.header("content-security-policy") or ""
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert reply.header("cache-control") == "no-store"
    assert (reply.header("server-timing") or "").startswith("page;dur=")
    assert b'<meta name="csrf" content="the-token">' in reply.body


def test_a_program_gets_the_same_value_as_json() -> None:
    reply = answer(PAGE, "/", (b"accept", b"application/json"))
    assert reply.header("content-type") == "application/json"
    assert json.loads(reply.body) == {
        "next": "/",
        "command": "llm-gateway open",
        "issuer": "",
        "problem": "",
        "token": False,
    }


def test_an_error_is_a_page_for_a_browser() -> None:
    reply = answer(PAGE, "/?wrong=1", BROWSER)
    assert reply.status == 404
    assert b"there is no &lt;b&gt;such&lt;/b&gt; request" in reply.body


@pytest.mark.parametrize("headers", [(), (FRAGMENT,)])
def test_an_error_is_an_error_for_a_program_and_a_script(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    with pytest.raises(NotFound):
        answer(PAGE, "/?wrong=1", *headers)


def test_a_script_is_told_that_there_is_no_such_part() -> None:
    with pytest.raises(MalformedRequest, match="no part 'none'"):
        answer(PAGE, "/?part=none", FRAGMENT)


def test_who_asks_for_a_part_without_the_script_gets_the_page() -> None:
    assert b"<!doctype html>" in answer(PAGE, "/?part=none", BROWSER).body


@pytest.mark.parametrize("body", [b"", b"{}", b'{"number":"x"}', b'{"number":1,"more":2}', b"\xff"])
def test_a_wrong_body_is_refused(body: bytes) -> None:
    async def taken(asked: Asked) -> Said:
        return await asked.told(Said)

    with pytest.raises(MalformedRequest, match="not what this path takes"):
        answer(Page("/x", "sign-in", taken, "", method="POST"), "/x", method="POST", body=body)


def test_what_changes_something_is_for_those_who_show_the_token() -> None:
    assert frame().route(PAGE).access == "page"
    assert frame().route(msgspec.structs.replace(PAGE, method="POST")).access == "dashboard"


def test_only_a_browser_or_its_script_wants_html() -> None:
    def asking(*headers: tuple[bytes, bytes]) -> Exchange:
        return FakeWire().exchange(b"GET", b"/", headers)

    assert wants_html(asking(BROWSER)) and wants_html(asking(FRAGMENT))
    assert not wants_html(asking()) and not wants_html(asking((b"accept", b"*/*")))
