"""Attempts that did not become the answer: what they may be billed for is theirs, and in nothing else.

The first target is `first`, the next one `second`; both are paid, at one price.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from ends_stage import PRICE
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.routing import RoutingSettings
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.records import Settlement
from llm_gateway.pipeline.handle import handle
from llm_gateway.pipeline.limits import Bounds, Scope
from llm_gateway.upstream.client import Line
from pipeline_stage import Stage, endpoint, on_stage, request
from scripted import Close, CloseOnReuse, Hang, Reset, Script, Send, chat, faults, wording

_KEY: Scope = ("key", "ada")
_BODY = request(model="fast")
_STREAM = request(model="fast", stream=True)
_ANSWERED = Usage(32, 8, 0, 12, 2)
_COST = 32 * 1000 + 8 * 100 + 12 * 10_000
_GOOD: Script = chat.plain("m")
_PIECES = chat.events("m", ["eins ", "zwei "])

Scene = Callable[[Stage], Awaitable[None]]


def in_vain(body: bytes) -> Usage:
    return Usage(-(-len(body) // 4), estimated=True)


def played(home: Path, scene: Scene, settings: RoutingSettings | None = None) -> None:
    """Play a scene with prices and a budget, in which `fast` is `first`, then `second`."""

    async def play(stage: Stage) -> None:
        paid = ("first", "second", "down")
        book = PriceBook({f"{name}/m": PRICE for name in paid}, {})
        stage.spending.use(book, paid, {_KEY: Bounds(parallel=10, per_day=10**15)})
        stage.plan_by({"fast": ("first/m", "second/m"), "down": ("down/m", "second/m")})
        stage.dispatcher.use(settings or RoutingSettings(retries=0))
        await scene(stage)

    on_stage(home, play)


async def answered(stage: Stage, body: bytes, *scripts: Script) -> Settlement:
    """Ask, and return how it ended; nothing is held then, and everything that was used is counted."""
    stage.scripted.queue(*scripts)
    await handle(stage.incoming(body), stage.gateway, CHAT, CallPath("chat/completions"))
    return counted(stage)


def counted(stage: Stage) -> Settlement:
    ends = stage.settlements()
    used = {each.limit: each.used for each in stage.spending.standing()}
    tried = [attempt.cost_nano or 0 for end in ends for attempt in end.attempts]
    assert used == {"parallel": 0, "usd_per_day": sum(tried) + sum(end.cost_nano or 0 for end in ends)}
    return ends[-1]


@pytest.mark.parametrize(
    ("body", "script"),
    [
        (_BODY, (Send(wording.response(200, chat.completion("m"))[:-9]), Close())),
        (_STREAM, (Send(wording.stream_head()), Close())),
        (_BODY, (Close(),)),
        (_BODY, faults.BROKEN_ANSWERS["not HTTP"]),
    ],
    ids=["inside", "after its head", "before its head", "no HTTP"],
)
def test_one_that_breaks_off_may_be_billed_and_the_answer_is_the_next_ones(
    tmp_path: Path, body: bytes, script: Script
) -> None:
    async def scene(stage: Stage) -> None:
        good = _GOOD if body == _BODY else chat.stream(chat.events("m"))
        end = await answered(stage, body, script, good)
        assert (end.outcome, end.provider, end.usage) == ("ok", "second", _ANSWERED)
        first, second = end.attempts
        assert (first.provider, first.usage) == ("first", in_vain(body))
        assert first.cost_nano == in_vain(body).uncached * 1000
        assert (second.provider, second.usage, second.cost_nano) == ("second", None, None)
        assert end.cost_nano == _COST
        assert end.money is not None and end.money.retried_nano == first.cost_nano
        assert end.money.baseline_nano == end.cost_nano + (end.money.prompt_cache_nano or 0)

    played(tmp_path, scene)


@pytest.mark.parametrize(
    "script",
    [
        *(faults.failing(status) for status in (401, 404, 429, 500, 503)),
        faults.redirect("http://127.0.0.1:1/", 307),
    ],
    ids=["401", "404", "429", "500", "503", "redirect"],
)
def test_one_that_refuses_is_not_billed(tmp_path: Path, script: Script) -> None:
    async def scene(stage: Stage) -> None:
        end = await answered(stage, _BODY, script, _GOOD)
        assert [each.usage for each in end.attempts] == [None, None]
        assert end.money is not None and end.money.retried_nano is None

    played(tmp_path, scene)


def test_one_that_cannot_be_reached_is_not_billed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        end = await answered(stage, request(model="down"), _GOOD)
        assert [(each.provider, each.usage) for each in end.attempts] == [("down", None), ("second", None)]

    played(tmp_path, scene)


def test_one_that_is_left_for_its_silence_may_be_billed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        end = await answered(stage, _STREAM, (Hang(),), chat.stream(chat.events("m")))
        first, second = end.attempts
        assert (first.error_kind, first.usage) == ("upstream_timeout", in_vain(_STREAM))
        assert (end.provider, end.usage, second.usage) == ("second", _ANSWERED, None)

    played(tmp_path, scene, RoutingSettings(retries=0, next_target_after=0.1))


def test_the_slower_of_two_may_be_billed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        end = await answered(stage, _BODY, (Hang(),), _GOOD)
        by_provider = {each.provider: each for each in end.attempts}
        assert by_provider["first"].error_kind == "cancelled"
        assert by_provider["first"].usage == in_vain(_BODY)
        assert (end.provider, end.usage, by_provider["second"].usage) == ("second", _ANSWERED, None)

    played(tmp_path, scene, RoutingSettings(retries=0, hedge_after=0.02))


def test_a_kept_connection_that_had_rested_too_long_is_nobodys_bill(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await answered(stage, _BODY, (*_GOOD, CloseOnReuse()))
        end = await answered(stage, _BODY, _GOOD)
        first, second = end.attempts
        assert (first.error_kind, first.usage) == ("upstream_broken", None)
        assert (end.provider, end.usage, second.usage) == ("second", _ANSWERED, None)

    played(tmp_path, scene)


def test_after_the_first_byte_nobody_else_is_asked(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        begun: Script = (
            Send(wording.stream_head()),
            *(Send(wording.chunk(each)) for each in _PIECES[:3]),
            Reset(),
        )
        end = await answered(stage, _STREAM, begun, _GOOD)
        assert len(stage.scripted.asked()) == 1
        assert (end.outcome, end.provider) == ("truncated", "first")
        assert end.usage == Usage(in_vain(_STREAM).uncached, output=3, estimated=True)
        assert [each.usage for each in end.attempts] == [None], "it counts once"

    played(tmp_path, scene)


def test_where_nobody_answers_the_turn_used_nothing_and_each_attempt_may_be_billed(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        gone: Script = (Close(),)
        end = await answered(stage, _BODY, gone, gone)
        assert (end.outcome, end.usage, end.cost_nano) == ("error", None, None)
        assert [each.usage for each in end.attempts] == [in_vain(_BODY)] * 2
        assert end.money is not None and end.money.retried_nano == 2 * in_vain(_BODY).uncached * 1000

    played(tmp_path, scene)


def test_who_leaves_while_the_second_is_asked_used_that_and_the_first_is_its_own(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue((Close(),), (Hang(),))
        asking = handle(stage.incoming(_BODY), stage.gateway, CHAT, CallPath("chat/completions"))
        task = asyncio.ensure_future(asking)
        await asyncio.to_thread(stage.scripted.wait_asked, 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        end = counted(stage)
        assert (end.outcome, end.provider, end.usage) == ("cancelled", "second", in_vain(_BODY))
        assert [each.usage for each in end.attempts] == [in_vain(_BODY), None]

    played(tmp_path, scene)


def test_who_leaves_before_there_is_a_connection_used_nothing(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
        silent = await asyncio.start_server(lambda _, peer: accepted.set_result(peer), "127.0.0.1", 0)
        made = endpoint("first", silent.sockets[0].getsockname()[1])
        stage.lines["first", "chat"] = Line(msgspec.structs.replace(made, scheme="https"))
        stage.plan_by({"fast": ("first/m", "second/m")})
        asking = handle(stage.incoming(_BODY), stage.gateway, CHAT, CallPath("chat/completions"))
        task = asyncio.ensure_future(asking)
        peer = await accepted  # and TLS is never agreed on
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        peer.transport.abort()
        await asyncio.sleep(0)
        silent.close()
        end = counted(stage)
        assert (end.outcome, end.usage, end.cost_nano) == ("cancelled", None, None)
        assert [each.usage for each in end.attempts] == [None]

    played(tmp_path, scene)
