"""Answers that are kept and given again: to whom, how they look, what they cost, and which are never kept."""

import asyncio
import gzip
import json
from pathlib import Path

import pytest

from fakes import FakeIncoming
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.settings import CacheSettings
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.records import Settlement
from llm_gateway.ledger.stated_prices import flat
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.handle import handle
from llm_gateway.pipeline.limits import Bounds
from llm_gateway.vault import mint_key
from pipeline_stage import ASKED, Stage, on_stage, request
from scripted import Script, chat, faults

Header = tuple[bytes, bytes]
ON: Header = (b"x-llm-gateway-cache", b"on")
OFF: Header = (b"x-llm-gateway-cache", b"off")
REFRESH: Header = (b"x-llm-gateway-cache", b"refresh")
CACHE = b"x-llm-gateway-cache"
USED = Usage(uncached=32, cache_read=8, output=12, reasoning=2)
TOOLS = [*ASKED, {"role": "tool", "tool_call_id": "c", "content": "3 °C"}]
DOLLAR = flat("1", "1")


async def say(stage: Stage, body: bytes, *headers: Header, key: str = "") -> FakeIncoming:
    """Send a request and return what the client heard."""
    incoming = stage.incoming(body, *headers)
    if key:
        incoming.headers[0] = (b"authorization", b"Bearer " + key.encode())
    await handle(incoming, stage.gateway, CHAT, CallPath("chat/completions"))
    assert incoming.done
    return incoming


async def ends(stage: Stage) -> list[Settlement]:
    """Return the ends of all turns, the oldest first."""
    turns = await stage.ledger.read(page)
    return [turn.settlement for turn in reversed(turns) if turn.settlement is not None]


def asked(stage: Stage) -> int:
    return len(stage.scripted.asked())


@pytest.mark.parametrize("fields", [{}, {"stream": True}, {"stream": True, "stream_options": {}}])
def test_an_equal_request_gets_the_same_bytes_and_nobody_is_asked(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    async def scene(stage: Stage) -> None:
        first = await say(stage, request(**fields), ON)
        stage.clock.advance(7.9)
        again = await say(stage, request(**fields), ON)
        assert (asked(stage), again.status, again.sent) == (1, 200, first.sent)
        assert (first.field(CACHE), first.field(b"age")) == (b"miss", None)
        assert (again.field(CACHE), again.field(b"age")) == (b"hit; age=7", b"7")
        assert again.field(b"content-type") == first.field(b"content-type")
        assert again.field(b"x-llm-gateway-provider") == b"first"
        assert (again.field(b"x-llm-gateway-attempts"), again.field(b"server-timing")) == (
            b"0",
            b"upstream;dur=0.0",
        )
        ids = [each.field(b"x-llm-gateway-request-id") for each in (first, again)]
        assert None not in ids and ids[0] != ids[1]
        assert b"req_" + (ids[1] or b"") == again.field(b"x-request-id"), "and never the first one's"
        assert again.pieces[-1][1] == 2, "its end is on record before the client has it"

    on_stage(tmp_path, scene)


def test_it_is_a_turn_that_used_nothing_and_says_what_it_saved(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        book = PriceBook({"first/m": DOLLAR}, {})
        stage.spending.use(book, {"first"}, {})
        await say(stage, request(), ON)
        again = await say(stage, request(), ON)
        asked_for, cached = await ends(stage)
        assert (asked_for.usage, asked_for.cost_nano, asked_for.cached_from) == (USED, 52_000, "")
        assert (cached.outcome, cached.http_status, cached.attempts) == ("ok", 200, ())
        assert (cached.provider, cached.model) == ("first", "m")
        assert (cached.usage, cached.cost_nano) == (Usage(), 0)
        assert (cached.cached_from, cached.saved, cached.saved_nano) == (asked_for.id, USED, 52_000)
        assert (cached.response_id, cached.finish_reason) == (chat.ID, "stop")
        assert cached.response_bytes == len(again.sent)
        assert again.field(b"x-llm-gateway-cost-usd") == b"0"

    on_stage(tmp_path, scene)


def test_what_nobody_counted_is_a_saving_as_estimated(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(chat.plain("m", usage=None))
        await say(stage, request(), ON)
        await say(stage, request(), ON)
        first, cached = await ends(stage)
        assert first.usage is not None and first.usage.estimated
        assert (cached.usage, cached.saved, cached.saved_nano) == (Usage(), first.usage, None)

    on_stage(tmp_path, scene)


def test_an_answer_that_was_written_anew_is_kept_as_it_was_written(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        body = json.dumps({"model": "first/m", "max_tokens": 5, "top_k": 3, "messages": ASKED}).encode()
        heard: list[FakeIncoming] = []
        for _ in range(2):
            from_messages = stage.incoming(body, ON)
            await handle(from_messages, stage.gateway, DIALECTS["messages"], CallPath("messages"))
            heard.append(from_messages)
        first, again = heard
        assert (asked(stage), again.sent) == (1, first.sent)
        losses = first.field(b"x-llm-gateway-losses")
        assert losses and losses == again.field(b"x-llm-gateway-losses")
        assert (await ends(stage))[1].losses == (await ends(stage))[0].losses != ()

    on_stage(tmp_path, scene)


# who gets it


def test_it_is_not_for_who_did_not_ask(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await say(stage, request(), ON)
        for headers in ((), (OFF,)):
            heard = await say(stage, request(), *headers)
            assert heard.field(CACHE) is None
        assert asked(stage) == 3

    on_stage(tmp_path, scene)


def test_nothing_is_done_for_a_request_that_says_nothing(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await say(stage, request())
        readings = {name: read() for name, read in stage.replays.gauges().items()}
        assert set(readings.values()) == {0.0}

    on_stage(tmp_path, scene)


def test_one_key_never_gets_what_another_was_answered(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        other = mint_key()
        stage.let_in(other, Identity("key_2", "ada"))
        await say(stage, request(), ON)
        assert (await say(stage, request(), ON, key=other)).field(CACHE) == b"miss"
        nightly = (b"x-llm-gateway-caller", b"nightly")
        assert (await say(stage, request(), ON, nightly)).field(CACHE) == b"miss"
        assert asked(stage) == 3

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    ("settings", "agent"),
    [
        (CacheSettings(keys=("ada",)), b"curl/8"),
        (CacheSettings(clients=("codex-cli",)), b"codex_cli_rs/0.50"),
    ],
)
def test_a_key_or_a_client_may_use_it_without_asking(
    tmp_path: Path, settings: CacheSettings, agent: bytes
) -> None:
    async def scene(stage: Stage) -> None:
        stage.replays.use(settings)
        said = (b"user-agent", agent)
        await say(stage, request(), said)
        assert (await say(stage, request(), said)).field(CACHE) == b"hit; age=0"
        assert (await say(stage, request(), said, OFF)).field(CACHE) is None
        tools = [await say(stage, request(messages=TOOLS), said) for _ in range(2)]
        assert [each.field(CACHE) for each in tools] == [b"bypass; tool-results"] * 2
        assert asked(stage) == 4

    on_stage(tmp_path, scene)


def test_another_key_and_another_client_do_not_use_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.replays.use(CacheSettings(keys=("grace",), clients=("codex-cli",)))
        assert [(await say(stage, request())).field(CACHE) for _ in range(2)] == [None, None]

    on_stage(tmp_path, scene)


def test_whoever_runs_it_may_switch_it_off(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await say(stage, request(), ON)
        stage.replays.use(CacheSettings(enabled=False, keys=("ada",)))
        assert stage.replays.gauges()["llm_gateway_response_cache_bytes"]() == 0
        assert (await say(stage, request(), ON)).field(CACHE) == b"bypass; off"
        assert (await say(stage, request())).field(CACHE) is None
        assert asked(stage) == 3

    on_stage(tmp_path, scene)


def test_who_asks_for_it_gets_answers_to_what_tools_gave(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        heard = [await say(stage, request(messages=TOOLS), ON) for _ in range(2)]
        assert [each.field(CACHE) for each in heard] == [b"miss", b"hit; age=0"]

    on_stage(tmp_path, scene)


def test_a_packed_request_is_the_one_that_is_in_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await say(stage, request(), ON)
        heard = await say(stage, gzip.compress(request()), ON, (b"content-encoding", b"gzip"))
        assert heard.field(CACHE) == b"hit; age=0"

    on_stage(tmp_path, scene)


# how old it may be


def test_a_request_may_want_a_younger_answer_and_a_new_one(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(chat.plain("m", "first"), chat.plain("m", "second"))
        await say(stage, request(), ON)
        stage.clock.advance(60)
        assert (await say(stage, request(), (CACHE, b"61"))).field(CACHE) == b"hit; age=60"
        assert b"second" in (await say(stage, request(), (CACHE, b"60"))).sent
        assert b"second" in (await say(stage, request(), ON)).sent, "it took the older one's place"
        assert (await say(stage, request(), REFRESH)).field(CACHE) == b"miss"
        assert asked(stage) == 3

    on_stage(tmp_path, scene)


def test_no_answer_is_given_again_when_its_time_is_over(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.replays.use(CacheSettings(ttl=10))
        await say(stage, request(), ON)
        stage.clock.advance(10)
        assert (await say(stage, request(), (CACHE, b"3600"))).field(CACHE) == b"miss"

    on_stage(tmp_path, scene)


# what is never kept

PIECES = chat.events("m", usage=None)


@pytest.mark.parametrize(
    ("script", "fields"),
    [
        (faults.failing(503), {}),
        (faults.failing(429), {}),
        (faults.failing(400), {"stream": True}),
        (faults.cut_stream("reset"), {"stream": True}),
        (faults.cut_stream("eof"), {"stream": True}),
        (faults.cut_stream("polite"), {"stream": True}),
        (faults.overloaded(), {"stream": True}),
        (chat.stream([piece.replace(b'"stop"', b'"content_filter"') for piece in PIECES]), {"stream": True}),
        (chat.stream([piece.replace(b'"content":', b'"refusal":') for piece in PIECES]), {"stream": True}),
    ],
)
def test_what_is_no_good_answer_is_not_kept(
    tmp_path: Path, script: Script, fields: dict[str, object]
) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(script)
        await say(stage, request(**fields), ON)
        stage.clock.advance(100)
        again = await say(stage, request(**fields), ON)
        assert (again.status, again.field(CACHE)) == (200, b"miss")
        assert (await say(stage, request(**fields), ON)).field(CACHE) == b"hit; age=0"

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("fields", [{}, {"stream": True}])
def test_what_is_too_large_is_not_kept(tmp_path: Path, fields: dict[str, object]) -> None:
    async def scene(stage: Stage) -> None:
        size = len((await say(stage, request(**fields))).sent)
        stage.replays.use(CacheSettings(max_entry_bytes=size - 1))
        heard = [await say(stage, request(**fields), ON) for _ in range(2)]
        assert [each.field(CACHE) for each in heard] == [b"miss", b"miss"]
        stage.replays.use(CacheSettings(max_entry_bytes=size))
        heard = [await say(stage, request(**fields), ON) for _ in range(2)]
        assert [each.field(CACHE) for each in heard] == [b"miss", b"hit; age=0"]

    on_stage(tmp_path, scene)


def test_a_stream_that_its_client_left_is_not_kept(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(faults.hang_mid_stream())
        leaving = stage.incoming(request(stream=True), ON)
        task = asyncio.create_task(handle(leaving, stage.gateway, CHAT, CallPath("chat/completions")))
        await leaving.heard(b"data:")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await say(stage, request(stream=True), ON)).field(CACHE) == b"miss"
        assert (await ends(stage))[0].outcome == "cancelled"

    on_stage(tmp_path, scene)


# targets and limits


def test_another_targets_answer_is_not_taken_for_the_first_ones(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.plan_by({"fast": ("down/m", "first/m"), "other": ("first/m",)})
        heard = [await say(stage, request(model="fast"), ON) for _ in range(2)]
        assert [each.field(CACHE) for each in heard] == [b"miss", b"miss"]
        stage.plan_by({"fast": ("first/m", "down/m"), "other": ("first/m",)})
        assert (await say(stage, request(model="fast"), ON)).field(CACHE) == b"hit; age=0"
        assert (await say(stage, request(model="other"), ON)).field(CACHE) == b"miss"

    on_stage(tmp_path, scene)


def test_a_spent_budget_does_not_keep_anybody_from_what_is_kept(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        book = PriceBook({"first/m": DOLLAR}, {})
        await say(stage, request(), ON)
        stage.spending.use(book, {"first"}, {("key", "ada"): Bounds(per_day=0, tokens_per_minute=1)})
        assert (await say(stage, request(), OFF)).status == 429
        assert (await say(stage, request(), ON)).field(CACHE) == b"hit; age=0"
        used = {each.limit: each.used for each in stage.spending.standing()}
        assert (used["usd_per_day"], used["tokens_per_minute"]) == (0, 0)

    on_stage(tmp_path, scene)


def test_it_counts_as_a_request(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await say(stage, request(), ON)
        stage.spending.use(PriceBook({}, {}), (), {("key", "ada"): Bounds(requests_per_minute=1)})
        assert (await say(stage, request(), ON)).status == 200
        assert (await say(stage, request(), ON)).status == 429

    on_stage(tmp_path, scene)


def test_it_is_counted(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for _ in range(3):
            await say(stage, request(), ON)
        readings = {name: read() for name, read in stage.replays.gauges().items()}
        assert readings["llm_gateway_response_cache_hits_total"] == 2
        assert readings["llm_gateway_response_cache_misses_total"] == 1
        assert readings["llm_gateway_response_cache_answers"] == 1
        assert readings["llm_gateway_response_cache_bytes"] > len(chat.completion("m"))

    on_stage(tmp_path, scene)
