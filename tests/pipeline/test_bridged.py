"""A bridge behind the whole pipeline: clients of every dialect are answered, accounted for, and told."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bridge_stage import Stage as BridgeStage
from fakes import FakeIncoming
from llm_gateway.bridges.contract import Ask, Turn
from llm_gateway.bridges.engine import Bounds
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.events import CallDelta, CallStarted, Finished, Measured, Started, TextDelta
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.bridge.stream import Said
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.pipeline.handle import handle
from llm_gateway.wire.headers import get
from pipeline_stage import Stage, on_stage

USAGE = Usage(uncached=11, cache_read=5, output=7, reasoning=2)
SAYS: list[Said] = [
    Started("id-1", "vendor-1"),
    TextDelta("Guten "),
    TextDelta("Tag"),
    Measured(USAGE),
    Finished("stop"),
]
TURNS: dict[str, tuple[CallPath, dict[str, object]]] = {
    "chat": (CallPath("chat/completions"), {"messages": [{"role": "user", "content": "Hallo"}]}),
    "responses": (CallPath("responses"), {"input": "Hallo"}),
    "messages": (
        CallPath("messages"),
        {"max_tokens": 100, "messages": [{"role": "user", "content": "Hallo"}]},
    ),
    "gemini": (
        CallPath("generateContent", "b/m"),
        {"contents": [{"role": "user", "parts": [{"text": "Hallo"}]}]},
    ),
    "ollama": (CallPath("chat"), {"messages": [{"role": "user", "content": "Hallo"}]}),
}


class Bridged:
    """A stage with one bridge among its providers."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.bridge_stage = BridgeStage(Bounds())
        self.bridge = self.bridge_stage.bridge
        self.bridge.says = list(SAYS)
        stage.engines["b"] = self.bridge_stage.engine
        stage.plan_by({"either": ("b/m", "demo/echo")})

    async def ask(self, dialect: str, *headers: tuple[bytes, bytes], **more: object) -> FakeIncoming:
        path, body = TURNS[dialect]
        stream = bool(more.pop("stream", False))
        if dialect == "gemini" and stream:
            path = CallPath("streamGenerateContent", "b/m", "alt=sse")
        elif dialect != "gemini":
            body = {"model": "b/m", "stream": stream, **body}
        incoming = self.stage.incoming(json.dumps({**body, **more}).encode(), *headers)
        await handle(incoming, self.stage.gateway, DIALECTS[dialect], path)
        return incoming


def bridged(home: Path, scene: Callable[[Bridged], Awaitable[None]]) -> None:
    async def play(stage: Stage) -> None:
        with_bridge = Bridged(stage)
        await scene(with_bridge)
        await with_bridge.bridge_stage.engine.close()
        await with_bridge.bridge_stage.tasks.close()

    on_stage(home, play)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", TURNS)
def test_every_client_is_answered_and_accounted_for(tmp_path: Path, dialect: str, *, stream: bool) -> None:
    async def scene(with_bridge: Bridged) -> None:
        incoming = await with_bridge.ask(dialect, stream=stream)
        assert incoming.status == 200
        assert b"Tag" in incoming.sent
        end = await with_bridge.stage.settlement()
        assert (end.outcome, end.provider, end.model, end.usage) == ("ok", "b", "m", USAGE)
        (asked,) = with_bridge.bridge.asked
        assert asked.model == "m"
        assert asked.request.messages[-1].parts[0].text == "Hallo"  # type: ignore[union-attr]

    bridged(tmp_path, scene)


@pytest.mark.parametrize("dialect", TURNS)
def test_a_call_of_a_tool_reaches_every_client(tmp_path: Path, dialect: str) -> None:
    async def scene(with_bridge: Bridged) -> None:
        calls: list[Said] = [
            CallStarted(0, "call_1", "look_up"),
            CallDelta(0, '{"what":"x"}'),
            Finished("tool_calls"),
        ]
        with_bridge.bridge.says = list(calls)
        incoming = await with_bridge.ask(dialect)
        assert incoming.status == 200
        assert b"look_up" in incoming.sent

    bridged(tmp_path, scene)


@pytest.mark.parametrize("dialect", TURNS)
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (BridgeFault("auth_required", "log in with `llm-gateway login b`"), 401),
        (BridgeFault("rate_limited", "the plan is used up", retry_after=60), 429),
        (BridgeFault("bridge_unreachable", "there is no network"), 502),
        (BridgeFault("upstream_timeout", "the vendor said nothing"), 504),
    ],
)
def test_every_client_is_told_why_there_is_no_answer(
    tmp_path: Path, dialect: str, fault: BridgeFault, status: int
) -> None:
    async def scene(with_bridge: Bridged) -> None:
        with_bridge.bridge.says = [fault]
        incoming = await with_bridge.ask(dialect)
        assert incoming.status == status
        assert fault.message.encode() in incoming.sent
        assert (await with_bridge.stage.settlement()).http_status == status
        if status == 429:
            assert incoming.field(b"retry-after") == b"60"

    bridged(tmp_path, scene)


def test_an_alias_goes_on_where_the_bridge_cannot(tmp_path: Path) -> None:
    async def scene(with_bridge: Bridged) -> None:
        with_bridge.bridge.says = [BridgeFault("auth_required", "log in")]
        incoming = await with_bridge.ask("chat", model="either")
        assert (incoming.status, incoming.field(b"x-llm-gateway-provider")) == (200, b"demo")

    bridged(tmp_path, scene)


def test_what_it_cannot_do_is_refused_before_it_is_asked(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]

    async def scene(with_bridge: Bridged) -> None:
        incoming = await with_bridge.ask("chat", tools=tools)
        assert incoming.status == 400
        error = json.loads(incoming.sent)["error"]
        assert (error["code"], error["param"]) == ("unsupported_by_bridge", "tools")
        elsewhere = await with_bridge.ask("chat", model="either", tools=tools)
        assert elsewhere.field(b"x-llm-gateway-provider") == b"demo"
        assert not with_bridge.bridge.asked

    bridged(tmp_path, scene)


def test_what_it_does_not_take_is_told(tmp_path: Path) -> None:
    async def scene(with_bridge: Bridged) -> None:
        incoming = await with_bridge.ask("chat", temperature=0.5)
        assert b"temperature" in (get(incoming.fields, b"x-llm-gateway-losses") or b"")
        strict = await with_bridge.ask("chat", (b"x-llm-gateway-strict", b"1"), temperature=0.5)
        assert strict.status == 422
        assert len(with_bridge.bridge.asked) == 1

    bridged(tmp_path, scene)


def test_a_stream_that_breaks_off_says_so_and_is_settled(tmp_path: Path) -> None:
    async def scene(with_bridge: Bridged) -> None:
        with_bridge.bridge.says = [
            TextDelta("Guten "),
            BridgeFault("bridge_disconnected", "the link is gone"),
        ]
        incoming = await with_bridge.ask("messages", stream=True)
        assert incoming.status == 200
        assert b"event: error" in incoming.sent and b"the link is gone" in incoming.sent
        end = await with_bridge.stage.settlement()
        assert end.outcome == "truncated"
        assert end.usage is not None and end.usage.estimated

    bridged(tmp_path, scene)


def test_a_client_that_leaves_stops_the_vendor_within_100_ms(tmp_path: Path) -> None:
    async def scene(with_bridge: Bridged) -> None:
        stopped: list[float] = []
        loop = asyncio.get_running_loop()

        async def turn(ask: Ask) -> Turn:
            yield TextDelta("Guten ")
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                stopped.append(loop.time())
                raise

        with_bridge.bridge.turn = turn  # type: ignore[method-assign]
        asking = with_bridge.stage.tasks.start("ask", with_bridge.ask("chat", stream=True))
        await asyncio.sleep(0.05)
        left = loop.time()
        asking.cancel()
        await asyncio.wait({asking})
        await asyncio.sleep(0.05)
        assert stopped and stopped[0] - left < 0.1
        assert (await with_bridge.stage.settlement()).outcome == "cancelled"

    bridged(tmp_path, scene)
