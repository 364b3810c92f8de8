"""OpenAI's hosts over HTTP: what is asked of them, and the time by their clock."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from llm_gateway.bridges.asking import Asking
from llm_gateway.bridges.chatgpt.server_time import server_time
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.upstream.client import Upstream
from llm_gateway.vault import Secret
from scripted import Close, Gate, Hang, ScriptedUpstream, Send
from scripted.wording import chunk, head, response, stream_head

Scene = Callable[[Asking, ScriptedUpstream], Awaitable[None]]


def played(scene: Scene, *, port: int = 0) -> None:
    async def run(upstream: ScriptedUpstream) -> None:
        pool = Pool(connect_timeout=1.0)
        place = Endpoint(
            "chatgpt", "responses", "http", "127.0.0.1", port or upstream.port, "/v1", auth="none"
        )
        try:
            await scene(Asking("the host", Upstream(pool, Patience(0.5, 0.5)), place, 0.2), upstream)
        finally:
            pool.close()

    with ScriptedUpstream() as upstream:
        asyncio.run(run(upstream))


def test_a_form_is_posted_and_its_answer_read_whole() -> None:
    async def scene(asking: Asking, upstream: ScriptedUpstream) -> None:
        upstream.queue((Send(response(200, b"{}", (("date", "now"),))),))
        reply = await asking.form("oauth/token", b"a=b")
        assert (reply.status, reply.body) == (200, b"{}")
        (asked,) = upstream.asked()
        assert (asked.target, asked.body) == ("/v1/oauth/token", b"a=b")
        assert asked.header("content-type") == "application/x-www-form-urlencoded"
        assert (asked.header("user-agent") or "").startswith("llm_gateway/")
        assert asked.header("authorization") is None

    played(scene)


def test_something_is_read_under_a_token() -> None:
    async def scene(asking: Asking, upstream: ScriptedUpstream) -> None:
        assert (await asking.get("models", Secret("t"))).status == 200
        assert (await asking.get("models")).status == 200
        assert [each.header("authorization") for each in upstream.requests] == ["Bearer t", None]
        assert "Bearer" not in repr(vars(asking))

    played(scene)


def test_a_stream_comes_piece_by_piece_and_its_end_is_seen() -> None:
    async def scene(asking: Asking, upstream: ScriptedUpstream) -> None:
        upstream.queue((Send(stream_head()), Send(chunk(b"data: 1\n\n")), Gate("more"), Send(b"0\r\n\r\n")))
        answer = await asking.json("responses", Secret("t"), b"{}", b"text/event-stream")
        assert await asking.more(answer) == b"data: 1\n\n"
        upstream.open("more")
        assert await asking.more(answer) == b""
        answer.release()
        (asked,) = upstream.asked()
        assert (asked.target, asked.header("accept")) == ("/v1/responses", "text/event-stream")
        assert (asked.header("content-type"), asked.header("authorization")) == (
            "application/json",
            "Bearer t",
        )

    played(scene)


def test_what_is_cut_or_late_is_a_fault_of_the_hosts() -> None:
    async def scene(asking: Asking, upstream: ScriptedUpstream) -> None:
        upstream.queue(
            (Send(stream_head()), Close()),
            (Send(head(200, (("content-length", "9"),)) + b"{"), Close()),
            (Hang(),),
            (Send(response(302, b"", (("location", "http://127.0.0.1:1/"),))),),
        )
        answer = await asking.json("responses", Secret("t"), b"{}", b"text/event-stream")
        with pytest.raises(BridgeFault, match="the host") as cut:
            await asking.more(answer)
        assert cut.value.kind == "bridge_disconnected"
        answer.release()
        for kind in ("bridge_disconnected", "upstream_timeout", "bridge_failed"):
            with pytest.raises(BridgeFault, match="the host") as raised:
                await asking.form("oauth/token", b"")
            assert raised.value.kind == kind

    played(scene)


def test_a_host_that_is_away_is_told_so() -> None:
    async def scene(asking: Asking, _: ScriptedUpstream) -> None:
        with pytest.raises(BridgeFault, match="network") as raised:
            await asking.get("models")
        assert raised.value.kind == "bridge_unreachable"

    played(scene, port=1)


def test_a_long_error_is_read_to_a_bound() -> None:
    async def scene(asking: Asking, upstream: ScriptedUpstream) -> None:
        upstream.queue((Send(response(500, b"x" * 200_000)),))
        reply = await asking.form("oauth/token", b"")
        assert (reply.status, len(reply.body)) == (500, 64 * 1024)

    played(scene)


def test_the_servers_clock_is_read_where_it_is_told() -> None:
    assert server_time([(b"date", b"Tue, 14 Nov 2023 22:13:20 GMT")], 7) == 1_700_000_000_000_000
    for headers in ([], [(b"date", b"soon")], [(b"date", b"\xff")]):
        assert server_time(headers, 7) == 7
