"""The connection edge: whatever happens to a request, its client gets one answer, and it tells no secrets."""

import asyncio
import json

import pytest

from fakes import FakeWire
from http_loop import Stage as Listening
from http_loop import on_stage as listening
from llm_gateway.dialects.chat import CHAT
from llm_gateway.errors import (
    Draining,
    GatewayError,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    Unauthenticated,
)
from llm_gateway.http.exchange import Exchange
from llm_gateway.server.access import Access
from llm_gateway.server.edge import JSON, respond_json
from llm_gateway.server.routes import Answering, Route
from rawhttp import Reply, parse_replies
from server_stage import DASHBOARD, OWNER, Door


async def hello(exchange: Exchange, rest: str) -> None:
    exchange.respond(200, b"content-type: text/plain\r\n", b"hello " + rest.encode())


def door(answer: Answering = hello, access: str = "open", *, dashboard: str = DASHBOARD) -> Door:
    return Door(
        Route("GET", "/it", answer, "It", access),
        Route("POST", "/it", answer, "It", access),
        Route("GET", "/below/{}", answer, "What is below", access),
        dashboard=dashboard,
    )


def asked(behind: Door, target: str = "/it", *headers: tuple[bytes, bytes], method: str = "GET") -> Reply:
    return asyncio.run(behind.ask(target, *headers, method=method))


def refusals(behind: Door) -> dict[str, int]:
    return behind.metrics._refused


# answers


def test_a_request_finds_its_handler_and_its_query_stays_out_of_it() -> None:
    assert asked(door()).body == b"hello "
    assert asked(door(), "/below/a/b?c=d").body == b"hello a/b"


def test_head_is_answered_like_get_without_a_body() -> None:
    wire = FakeWire()
    asyncio.run(door().edge.serve(wire.exchange(b"HEAD", b"/below/x")))
    assert wire.sent.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"content-length: 7\r\n" in wire.sent and wire.sent.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_monitor_is_told_at_the_root_that_the_gateway_runs_and_no_more(method: str) -> None:
    door = Door(Route("GET", "/", hello, "", "page"), Route("GET", "/x", hello, "", "page"))
    reply = asyncio.run(door.ask("/", method=method))
    assert (reply.status, reply.body) == (200, b"LLM Gateway is running" if method == "GET" else b"")
    assert reply.header("content-type") == "text/plain; charset=utf-8"
    assert asyncio.run(door.ask("/", (b"accept", b"text/html"), method=method)).status == 303
    assert asyncio.run(door.ask("/", token="wrong", method=method)).status == 401
    assert asyncio.run(door.ask("/x", method=method)).status == 401


def test_json_is_for_nobody_to_keep() -> None:
    wire = FakeWire()
    respond_json(wire.exchange(b"GET", b"/"), b'{"a":1}', 201)
    assert (wire.reply.status, wire.reply.json()) == (201, {"a": 1})
    assert wire.reply.header("content-type") == "application/json"
    assert wire.reply.header("cache-control") == "no-store"


# errors


def leaves(of: type[GatewayError]) -> list[type[GatewayError]]:
    below = of.__subclasses__()
    return [leaf for each in below for leaf in leaves(each)] if below else [of]


@pytest.mark.parametrize("kind", leaves(GatewayError), ids=lambda kind: kind.__name__)
def test_every_error_is_told_in_openais_shape(kind: type[GatewayError]) -> None:
    async def fails(exchange: Exchange, _: str) -> None:
        raise error

    error = kind("what it is", allowed=("PUT",)) if kind is MethodNotAllowed else kind("what it is")
    behind = door(fails)
    reply = asked(behind)
    assert reply.status == kind.status
    assert reply.error()["message"] == "what it is" and reply.error()["code"] == kind.kind
    assert reply.header("content-type") == "application/json"
    assert reply.header("cache-control") == "no-store"
    assert reply.header("retry-after") == ("5" if kind.status == 503 else None)
    assert refusals(behind) == {kind.kind: 1}
    assert behind.log_lines() == [], "what a client did wrong is no line in the log"


def test_the_field_at_fault_is_named() -> None:
    async def fails(exchange: Exchange, _: str) -> None:
        raise MalformedRequest("too many", param="limit")

    assert asked(door(fails)).error()["param"] == "limit"


def test_what_is_not_there_and_what_is_there_with_other_methods() -> None:
    behind = door()
    missing, wrong = asked(behind, "/nothing?key=lgw_secret"), asked(behind, method="PUT")
    assert (missing.status, missing.error()["code"]) == (404, NotFound.kind)
    assert b"lgw_secret" not in missing.body
    assert (wrong.status, wrong.error()["code"]) == (405, MethodNotAllowed.kind)
    assert wrong.header("allow") == "GET, POST, HEAD"
    assert refusals(behind) == {NotFound.kind: 1, MethodNotAllowed.kind: 1}


def test_a_defect_of_ours_costs_one_answer_and_tells_nothing() -> None:
    async def fails(exchange: Exchange, _: str) -> None:
        raise RuntimeError("password hunter2 at /home/ada/.config")

    behind = door(fails)
    reply = asked(behind)
    assert (reply.status, reply.error()["code"]) == (500, "internal_error")
    assert b"hunter2" not in reply.body and b"ada" not in reply.body and b"Runtime" not in reply.body
    (line,) = behind.log_lines()
    assert (line["level"], line["where"]) == ("error", "request")
    assert "RuntimeError" in str(line["error"])


@pytest.mark.parametrize("error", [RuntimeError("a defect"), MalformedRequest("too late")])
def test_after_the_head_is_out_an_answer_breaks_off_instead_of_changing_its_mind(error: Exception) -> None:
    async def fails(exchange: Exchange, _: str) -> None:
        exchange.begin(200, b"", b"half")
        raise error

    wire = FakeWire()
    exchange = wire.exchange(b"GET", b"/it")
    asyncio.run(door(fails).edge.serve(exchange))
    assert exchange.done and exchange.close_after
    (reply,) = parse_replies(wire.sent)
    assert (reply.status, reply.body, reply.whole) == (200, b"half", False)


@pytest.mark.parametrize("error", [RuntimeError("a defect"), MalformedRequest("too late")])
def test_after_a_whole_answer_nothing_more_is_said(error: Exception) -> None:
    async def fails(exchange: Exchange, _: str) -> None:
        await hello(exchange, "")
        raise error

    assert asked(door(fails)).body == b"hello "


@pytest.mark.parametrize("begun", [True, False])
def test_a_handler_that_forgets_to_answer_does_not_leave_its_client_waiting(begun: bool) -> None:
    async def forgets(exchange: Exchange, _: str) -> None:
        if begun:
            exchange.begin(200, b"", b"half")

    wire = FakeWire()
    exchange = wire.exchange(b"GET", b"/it")
    asyncio.run(door(forgets).edge.serve(exchange))
    assert exchange.done and exchange.close_after
    assert not any(reply.whole for reply in parse_replies(wire.sent))


def test_a_cancellation_goes_on_and_is_answered_by_nobody() -> None:
    async def leaves_now(exchange: Exchange, _: str) -> None:
        raise asyncio.CancelledError

    behind = door(leaves_now)
    wire = FakeWire()
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(behind.edge.serve(wire.exchange(b"GET", b"/it")))
    assert wire.sent == b"" and behind.log_lines() == [] and refusals(behind) == {}


def test_bytes_that_never_became_a_request_are_told_and_counted() -> None:
    behind = door()
    error = MalformedRequest("the request is not valid HTTP/1.1")
    headers, body = behind.edge.refusal(error)
    behind.edge.refused(error)
    assert headers == JSON and body == CHAT.encode_error(error)
    assert refusals(behind) == {"invalid_request": 1}


# before anything else


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ((b"host", b"evil.test"), 400),
        ((b"origin", b"https://evil.test"), 403),
        ((b"sec-fetch-site", b"cross-site"), 403),
    ],
)
@pytest.mark.parametrize("target", ["/it", "/nothing"])
def test_the_guard_comes_first(header: tuple[bytes, bytes], status: int, target: str) -> None:
    async def never(exchange: Exchange, _: str) -> None:
        raise AssertionError("it got past the guard")

    behind = door(never)
    behind.edge.draining = True
    assert asked(behind, target, header).status == status
    assert behind.log_lines() == []


def test_a_host_that_is_somebody_else_is_misdirected() -> None:
    wire = FakeWire()
    exchange = wire.exchange(b"GET", b"/it")
    exchange.headers = [(b"host", b"evil.test")]
    asyncio.run(door().edge.serve(exchange))
    assert wire.reply.status == 421
    assert not any(name.startswith("access-control-") for name, _ in wire.reply.headers)


def test_the_guard_looks_at_every_new_header_section_of_a_connection() -> None:
    good = b"GET /it HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    bad = (
        b"GET /it HTTP/1.1\r\nhost: evil.test\r\n\r\n",
        b"GET /it HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: https://evil.test\r\n\r\n",
    )
    last = b"GET /it HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"

    async def play(stage: Listening) -> bytes:
        return await stage.say(good + good + bad[0] + bad[0] + good + bad[1] + bad[1] + last)

    replies = parse_replies(listening(play, door().edge.serve))
    assert [reply.status for reply in replies] == [200, 200, 421, 421, 200, 403, 403, 200]


def test_nothing_new_is_taken_while_it_drains() -> None:
    behind = door()
    behind.edge.draining = True
    reply = asked(behind)
    assert (reply.status, reply.error()["code"]) == (503, Draining.kind)
    assert reply.header("retry-after") == "5"


@pytest.mark.parametrize("target", ["/it", "/v1/responses", "/nothing"])
def test_an_upgrade_to_websocket_is_426_at_once_on_every_path(target: str) -> None:
    """Codex asks for one first; after 426 it goes on over HTTP at once, after others it waits seconds."""

    async def play(stage: Listening) -> bytes:
        return await stage.say(
            b"GET %b HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: keep-alive, Upgrade\r\n"
            b"upgrade: WebSocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAA\r\n\r\n"
            % target.encode()
        )

    (reply,) = parse_replies(listening(play, door().edge.serve))
    assert (reply.status, reply.error()["code"]) == (426, "upgrade_refused")
    assert reply.header("upgrade") == "HTTP/1.1"


@pytest.mark.parametrize(
    "fields",
    [
        b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAA\r\n",
        b"upgrade: websocket\r\nconnection: close\r\n",
    ],
    ids=["h2c", "not asked for"],
)
def test_another_upgrade_is_a_plain_request(fields: bytes) -> None:
    async def play(stage: Listening) -> bytes:
        return await stage.say(b"GET /it HTTP/1.1\r\nhost: 127.0.0.1\r\n%b\r\n" % fields)

    (reply,) = parse_replies(listening(play, door().edge.serve))
    assert (reply.status, reply.body) == (200, b"hello ")


# who may


def may(access: str, *headers: tuple[bytes, bytes], dashboard: str = DASHBOARD) -> bool:
    reply = asked(door(access=access, dashboard=dashboard), "/it", *headers)
    if reply.status == 401:
        assert reply.error()["code"] == Unauthenticated.kind
        assert reply.header("www-authenticate") == "Bearer"
        shown = json.dumps(reply.error())
        assert OWNER not in shown and DASHBOARD not in shown
    return reply.status == 200


def bearer(token: str) -> tuple[bytes, bytes]:
    return (b"authorization", b"Bearer " + token.encode())


@pytest.mark.parametrize(
    ("access", "nobody", "dashboard", "owner"),
    [
        ("open", True, True, True),
        ("key", True, True, True),  # the handler asks for it, in its client's own words
        ("dashboard", False, True, True),
        ("owner", False, False, True),
        ("a level that nobody thought of", False, False, True),
    ],
)
def test_who_may_see_what(access: str, nobody: bool, dashboard: bool, owner: bool) -> None:
    assert may(access) is nobody
    assert may(access, bearer("wrong")) is nobody
    assert may(access, bearer(DASHBOARD)) is dashboard
    assert may(access, bearer(OWNER)) is owner


@pytest.mark.parametrize("header", [b"x-api-key", b"x-goog-api-key", b"api-key", b"x-llm-gateway-key"])
def test_a_token_may_stand_where_a_key_may(header: bytes) -> None:
    assert may("dashboard", (header, DASHBOARD.encode()))
    assert may("owner", (b"accept", b"*/*"), (header, OWNER.encode()))
    assert not may("owner", (b"cookie", b"token=" + OWNER.encode()))


@pytest.mark.parametrize("offered", ["", "x", OWNER[:-1], OWNER + "x", "\u00fc"])
def test_without_a_dashboard_token_only_the_owner_may(offered: str) -> None:
    for header in (bearer(offered), (b"x-llm-gateway-key", offered.encode())):
        assert not may("dashboard", header, dashboard="")
    assert may("dashboard", bearer(OWNER), dashboard="")


def test_a_token_in_the_query_does_not_open() -> None:
    assert asked(door(access="owner"), f"/it?key={OWNER}").status == 401


def test_what_is_missing_is_told() -> None:
    access = Access(OWNER.encode(), b"")
    with pytest.raises(Unauthenticated, match="LLM_GATEWAY_DASHBOARD_TOKEN"):
        access.require("dashboard", FakeWire().exchange(b"GET", b"/it"))
    with pytest.raises(Unauthenticated, match="owner"):
        access.require("owner", FakeWire().exchange(b"GET", b"/it"))
