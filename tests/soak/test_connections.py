"""Connections of clients: kept where they may be, and what is known of an exchange that broke off."""

import asyncio
from collections.abc import Callable, Coroutine

from rawhttp import request
from scripted import Close, CloseOnReuse, Pause, Reset, Script, ScriptedUpstream, Send, chat
from scripted.wording import LAST_CHUNK, chunk, head, response, stream_head
from soak.connections import Connections, Exchange

ASK = request("POST", "/v1/chat/completions", body=b'{"model": "m"}')


def asking(
    act: Callable[[Connections], Coroutine[object, object, None]], *scripts: Script
) -> ScriptedUpstream:
    """Let a client act on an upstream that plays these scripts."""

    async def acting(port: int) -> None:
        connections = Connections(port)
        try:
            await act(connections)
        finally:
            connections.close()

    with ScriptedUpstream(("m",)) as upstream:
        upstream.queue(*scripts)
        asyncio.run(acting(upstream.port))
    return upstream


def exchanged(*scripts: Script, leave_after: int = 0) -> Exchange:
    """Return the last of as many exchanges as there are scripts."""
    found: list[Exchange] = []

    async def act(connections: Connections) -> None:
        found.extend([await connections.exchange(ASK, leave_after=leave_after) for _ in scripts])

    asking(act, *scripts)
    return found[-1]


def test_a_whole_answer() -> None:
    exchange = exchanged(chat.plain("m", "Grüße"))
    assert (exchange.status, exchange.ended) == (200, "whole")
    assert exchange.reply is not None and exchange.reply.whole
    assert exchange.reply.body == chat.completion("m", "Grüße")
    assert exchange.header("content-type") == "application/json" and exchange.header("none") == ""


def test_a_stream_after_an_interim_answer() -> None:
    events = chat.events("m", ["a", "b"])
    exchange = exchanged((Send(head(103)), *chat.stream(events)))
    assert (exchange.status, exchange.ended, bytes(exchange.body)) == (200, "whole", b"".join(events))


def test_answers_that_break_off() -> None:
    begun = (Send(stream_head()), Send(chunk(b"data: 1\n\n")))
    for script in ((*begun, Reset()), (*begun, Close())):
        exchange = exchanged(script)
        assert exchange.ended == "cut" and bytes(exchange.body) == b"data: 1\n\n"
        assert exchange.reply is not None and not exchange.reply.whole
    short = exchanged((Send(response(200, b"12345")[:-2]), Close()))
    assert (short.ended, bytes(short.body)) == ("cut", b"123")
    nothing = exchanged((Reset(),))
    assert nothing.ended == "nothing" and nothing.reply is None


def test_a_client_leaves_after_some_pieces() -> None:
    pieces = [Send(chunk(b"%d" % number)) for number in range(9)]
    exchange = exchanged((Send(stream_head()), *pieces, Pause(60), Send(LAST_CHUNK)), leave_after=2)
    assert (exchange.ended, bytes(exchange.body)) == ("left", b"01")


def test_connections_are_kept_or_not() -> None:
    async def act(connections: Connections) -> None:
        for _ in range(3):
            assert (await connections.exchange(ASK)).ended == "whole"
        assert connections.opened == 1
        await connections.exchange(ASK, fresh=True)
        assert connections.opened == 2
        await connections.exchange(ASK)  # its server closes afterwards, and says so
        assert connections.opened == 2
        assert (await connections.exchange(ASK)).ended == "whole"
        assert connections.opened == 3

    last_words = response(200, b"{}", (("connection", "close"),))
    upstream = asking(act, *[chat.plain("m")] * 4, (Send(last_words), Close()))
    assert [connected.requests for connected in upstream.connections] == [4, 1, 1]


def test_a_connection_that_was_closed_meanwhile_is_not_used() -> None:
    async def act(connections: Connections) -> None:
        await connections.exchange(ASK)
        await asyncio.sleep(0.05)
        assert (await connections.exchange(ASK)).ended == "whole"
        assert connections.opened == 2

    asking(act, (*chat.plain("m"), Close()))


def test_nothing_is_tried_again() -> None:
    async def act(connections: Connections) -> None:
        await connections.exchange(ASK)
        assert (await connections.exchange(ASK)).ended == "nothing"

    asking(act, (*chat.plain("m"), CloseOnReuse()))


def test_a_request_may_break_off() -> None:
    async def act(connections: Connections) -> None:
        await connections.break_off(ASK, 0.01)
        assert connections.opened == 1

    assert asking(act).asked() == []
