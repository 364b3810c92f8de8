"""The live stream: a row when a request begins, the same again when it has ended, and an end of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fakes import FakeWire
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.records import Intent
from llm_gateway.pipeline.handle import handle
from llm_gateway.server.pages.live import Live
from llm_gateway.server.pages.page import Frame
from pipeline_stage import Stage, on_stage, request


async def look_on(
    stage: Stage,
    target: bytes,
    act: Callable[[], Awaitable[None]],
    *,
    stays: Callable[[Exchange], bool] = lambda exchange: True,
    ending: Callable[[], bool] = lambda: False,
) -> bytes:
    """Return what somebody is sent who looks on while something happens, until the ledger closes."""
    frame = Frame(stage.clock, lambda exchange: "", lambda: "ok")
    wire = FakeWire()
    exchange = wire.exchange(b"GET", target)
    looking = asyncio.ensure_future(Live(stage.ledger, frame, stays, ending).answer(exchange, ""))
    while b"retry" not in wire.sent:  # noqa: ASYNC110 - a wire tells nobody
        await asyncio.sleep(0.01)
    await act()
    await stage.ledger.close()
    await looking
    assert exchange.done
    return wire.sent


@pytest.mark.parametrize(
    "target, rows", [(b"/live", 1), (b"/live?provider=demo", 1), (b"/live?provider=first", 0)]
)
def test_rows_come_as_requests_do(tmp_path: Path, target: bytes, rows: int) -> None:
    async def scene(stage: Stage) -> bytes:
        async def act() -> None:
            incoming = stage.incoming(request(model="demo/echo"))
            await handle(incoming, stage.gateway, CHAT, CallPath("chat/completions"))
            await asyncio.sleep(0.3)

        return await look_on(stage, target, act)

    sent = on_stage(tmp_path, scene, closes_ledger=True)
    assert (b"event: row" in sent) == bool(rows)
    if rows:
        last = sent.rpartition(b"event: row")[2]
        assert b'<tr id="r-' in last and b">ok</span>" in last
    assert b"event: over" in sent


def test_who_asks_for_the_head_alone_does_not_look_on(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        frame = Frame(stage.clock, lambda exchange: "", lambda: "ok")
        exchange = FakeWire().exchange(b"HEAD", b"/live")
        await Live(stage.ledger, frame, lambda exchange: True, lambda: False).answer(exchange, "")
        assert exchange.done

    on_stage(tmp_path, scene)


def test_who_may_look_no_more_is_told_that_it_is_over(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> bytes:
        async def act() -> None:
            await asyncio.sleep(0)

        return await look_on(stage, b"/live", act, stays=lambda exchange: False)

    assert b"event: over" in on_stage(tmp_path, scene, closes_ledger=True)


def test_an_end_of_a_line_in_a_name_ends_no_line_of_the_stream(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> bytes:
        async def act() -> None:
            name = "x\revent: over\rdata: over\r\r"
            intent = Intent("1" * 32, 0, "", name, "", "chat", "chat/completions", "m", "demo", "m")
            await stage.ledger.begin(intent)
            await asyncio.sleep(0.3)

        return await look_on(stage, b"/live", act)

    sent = on_stage(tmp_path, scene, closes_ledger=True)
    assert b"event: row" in sent and b"\ndata: event: over\n" in sent
    assert sent.count(b"event: over\ndata: over\n\n") == 1 and sent.count(b"\r\n") == sent.count(b"\r")


def test_a_gateway_that_ends_has_no_last_word(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> bytes:
        async def act() -> None:
            await asyncio.sleep(0)

        return await look_on(stage, b"/live", act, ending=lambda: True)

    assert b"over" not in on_stage(tmp_path, scene, closes_ledger=True)
