"""Answers that are read on when their client has left: as their provider counts, and no longer than is set.

By what is usual they are cut off at once: `test_every_end.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ends_stage import Ends, on_ends, paid
from ends_told import PAIRS, shown, streams
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.routing import RoutingSettings
from llm_gateway.config.settings import CacheSettings
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.ledger.records import Settlement
from llm_gateway.pipeline.handle import handle
from pipeline_stage import Stage, on_stage, request
from scripted import Close, Gate, Hang, Script, Send, chat, wording
from speaking_ends import CLIENTS

_FINISH = RoutingSettings(retries=0, on_disconnect="finish", finish_seconds=30.0)
_ANSWERED = Usage(32, 8, 0, 12, 2)
_EVENTS = chat.events("m", ["eins ", "zwei "])
_BEGUN: Script = (Send(wording.stream_head()), *(Send(wording.chunk(each)) for each in _EVENTS[:2]))
_REST: Script = (*(Send(wording.chunk(each)) for each in _EVENTS[2:]), Send(wording.LAST_CHUNK))


@pytest.mark.parametrize(("name", "provider"), PAIRS)
def test_a_stream_is_read_to_its_end_and_counted_by_its_provider(
    tmp_path: Path, name: str, provider: str
) -> None:
    async def scene(ends: Ends) -> None:
        ends.use(_FINISH)
        stream = shown(name, provider)[0]
        whole = stream.told(stream.cuts[-1]).usage
        assert whole is not None
        for at in (0, 1, len(stream.pieces) // 2):
            end = (await ends.gone_on_with(CLIENTS[name], stream, at)).settlement
            assert (end.outcome, end.http_status, end.counted) == ("cancelled", 499, "provider"), at
            assert end.usage is not None and not end.usage.estimated
            assert (end.usage.input, end.usage.output) == (whole.input, whole.output), at
            assert end.cost_nano == paid(end.usage)
            assert end.money is not None and end.money.baseline_nano is None, (
                "nobody got it: it avoided nothing"
            )

    on_ends(tmp_path, scene)


def test_what_does_not_end_in_time_is_cut_off(tmp_path: Path) -> None:
    async def scene(ends: Ends) -> None:
        ends.use(RoutingSettings(retries=0, on_disconnect="finish", finish_seconds=0.3))
        stream = streams("messages")[0]
        for at in (0, 9):
            cut = await ends.gone_on_with(CLIENTS["messages"], stream, at, ends=False)
            assert 0.3 <= cut.kept_s < 1.0
            assert cut.settlement.outcome == "cancelled"
            assert cut.settlement.usage == stream.told(at).used(cut.request_bytes)

    on_ends(tmp_path, scene)


@pytest.mark.parametrize("name", ["messages", "ollama", "websocket"])
def test_who_is_still_there_when_the_gateway_stops_is_told(tmp_path: Path, name: str) -> None:
    async def scene(ends: Ends) -> None:
        ends.use(_FINISH)
        client = CLIENTS[name]
        for stream, at, cut in await ends.stop(client, streams("messages")[:1]):
            end = cut.settlement
            assert (end.outcome, end.error_kind) == (("ok", "") if cut.complete else ("error", "draining")), (
                at
            )
            assert cut.complete or client.error(cut.heard), (stream.name, at)

    on_ends(tmp_path, scene, at_once=1000)


# with a client whose handler is cancelled


def played(home: Path, scene: Callable[[Stage], Awaitable[None]]) -> None:
    async def play(stage: Stage) -> None:
        stage.dispatcher.use(_FINISH)
        await scene(stage)

    on_stage(home, play)


async def left(stage: Stage, body: bytes, *headers: tuple[bytes, bytes], asked: int = 1) -> None:
    """Ask, and leave when the upstream stands at its gate."""
    incoming = stage.incoming(body, *headers)
    task = asyncio.ensure_future(handle(incoming, stage.gateway, CHAT, CallPath("chat/completions")))
    await asyncio.to_thread(stage.scripted.wait_asked, asked)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def ended(stage: Stage) -> Settlement:
    async with asyncio.timeout(10):
        while not stage.settlements():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return stage.settlements()[-1]


def test_a_whole_answer_is_waited_for(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue((Gate("answer"), *chat.plain("m")))
        await left(stage, request())
        assert stage.settlements() == [] and stage.metrics.inflight == 1
        stage.scripted.open("answer")
        end = await ended(stage)
        assert (end.outcome, end.usage) == ("cancelled", _ANSWERED)

    played(tmp_path, scene)


def test_nobody_else_is_asked_for_who_has_left(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.plan_by({"fast": ("first/m", "second/m")})
        stage.scripted.queue((Gate("break"), Close()))
        await left(stage, request(model="fast"))
        stage.scripted.open("break")
        end = await ended(stage)
        assert (end.outcome, end.usage) == ("cancelled", None)
        assert len(stage.scripted.asked()) == 1
        (attempt,) = end.attempts
        assert attempt.usage is not None and attempt.usage.estimated

    played(tmp_path, scene)


def test_the_answer_that_nobody_waited_for_is_kept_where_answers_are(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.replays.use(CacheSettings(enabled=True))
        again = (b"x-llm-gateway-cache", b"on")
        stage.scripted.queue((*_BEGUN, Gate("rest"), *_REST))
        await left(stage, request(stream=True, temperature=0), again)
        stage.scripted.open("rest")
        first = await ended(stage)
        incoming = stage.incoming(request(stream=True, temperature=0), again)
        await handle(incoming, stage.gateway, CHAT, CallPath("chat/completions"))
        second = stage.settlements()[-1]
        assert second.cached_from == first.id and incoming.sent.endswith(b"data: [DONE]\n\n")
        assert len(stage.scripted.asked()) == 1

    played(tmp_path, scene)


def test_a_gateway_that_stops_does_not_wait_for_it_and_accounts_for_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue((*_BEGUN, Hang()))
        await left(stage, request(stream=True))
        await stage.tasks.close()
        (end,) = stage.settlements()
        assert (end.outcome, end.usage) == (
            "cancelled",
            Usage(-(-len(request(stream=True)) // 4), output=2, estimated=True),
        )
        assert stage.scripted.asked()[0].connection.requests == 1

    played(tmp_path, scene)


def test_it_breaks_off_by_itself(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue((*_BEGUN, Gate("break"), Close()))
        await left(stage, request(stream=True))
        stage.scripted.open("break")
        end = await ended(stage)
        assert (end.outcome, end.error_kind) == ("cancelled", "cancelled")
        assert end.usage is not None and end.usage.output == 2

    played(tmp_path, scene)
