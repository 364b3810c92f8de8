"""A bridge as a provider: slots, queue, deadlines, states, and a turn that stops when nobody listens."""

import asyncio
import time

import pytest

from bridge_stage import HELLO, Stage, played, refusal, whole
from llm_gateway.bridges.contract import Ask, Bridge, Turn
from llm_gateway.bridges.engine import Bounds
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action, Health
from llm_gateway.canonical.events import Failed, Finished, TextDelta
from llm_gateway.dialects.bridge.stream import Said
from llm_gateway.errors import ConfigError, UpstreamTruncated
from llm_gateway.wire.headers import get


def test_a_turn_is_answered_and_proves_the_login() -> None:
    async def scene(stage: Stage) -> None:
        assert (await stage.engine.look()).verified == "login_seen"
        answer = await stage.ask()
        assert answer.status == 200
        assert await whole(answer) == HELLO
        assert answer.ended
        await asyncio.sleep(0)
        health = await stage.engine.look()
        assert (health.state, health.verified, health.running) == ("ok", "turn_succeeded", 0)
        assert health.last_success_us == stage.clock.now_us()
        assert stage.engine.models == ("m",)

    played(scene)


@pytest.mark.parametrize(
    ("fault", "status", "state"),
    [
        (BridgeFault("auth_required", "log in", action=Action("log in")), 401, "auth_required"),
        (BridgeFault("not_entitled", "no plan"), 403, "not_entitled"),
        (BridgeFault("rate_limited", "used up", resets_us=1_700_000_060_000_000), 429, "rate_limited"),
        (BridgeFault("bridge_unreachable", "offline"), 502, "unreachable"),
        (BridgeFault("refused", "too long"), 400, "ok"),
        (BridgeFault("bridge_failed", "it broke"), 502, "ok"),
    ],
)
def test_a_fault_is_an_answer_and_a_state(fault: BridgeFault, status: int, state: str) -> None:
    async def scene(stage: Stage) -> None:
        stage.bridge.says = [fault]
        assert await refusal(await stage.ask()) == (status, fault.kind)
        health = await stage.engine.look()
        assert health.state == state
        assert health.reason == ("" if state == "ok" else fault.message)
        assert health.action == (fault.action if state != "ok" else None)
        stage.clock.advance(61)
        assert (await stage.engine.look()).state == "ok"

    played(scene)


def test_a_limit_lasts_until_it_begins_anew() -> None:
    async def scene(stage: Stage) -> None:
        resets = stage.clock.now_us() + 3600 * 1_000_000
        stage.bridge.says = [BridgeFault("rate_limited", "used up", retry_after=3600, resets_us=resets)]
        answer = await stage.ask()
        assert (b"retry-after", b"3600") in answer.headers
        assert (b"x-should-retry", b"false") in answer.headers
        stage.clock.advance(3500)
        assert (await stage.engine.look()).resets_us == resets
        stage.clock.advance(101)
        assert (await stage.engine.look()).state == "ok"

    played(scene)


def test_three_failures_in_a_row_degrade_it() -> None:
    async def scene(stage: Stage) -> None:
        stage.bridge.says = [BridgeFault("bridge_failed", "it broke")]
        for state in ("ok", "ok", "degraded"):
            await stage.ask()
            assert (await stage.engine.look()).state == state
        assert stage.engine.bridge is stage.bridge
        stage.bridge.says = list(HELLO)
        await whole(await stage.ask())
        assert (await stage.engine.look()).state == "ok"

    played(scene)


def test_too_many_at_a_time_wait_and_more_are_refused() -> None:
    async def scene(stage: Stage) -> None:
        stage.bridge.wait = asyncio.Event()
        asking = [stage.tasks.start("ask", stage.ask()) for _ in range(4)]
        await asyncio.sleep(0.01)
        assert len(stage.bridge.asked) == 2
        health = await stage.engine.look()
        assert (health.state, health.running, health.waiting) == ("busy", 2, 2)
        assert await refusal(await stage.ask()) == (429, "bridge_busy")
        stage.bridge.wait.set()
        for each in asking:
            assert await whole(await each) == HELLO

    played(scene, Bounds(parallel=2, queue=2))


def test_nobody_waits_for_ever() -> None:
    async def scene(stage: Stage) -> None:
        stage.bridge.wait = asyncio.Event()
        first = stage.tasks.start("ask", stage.ask())
        await asyncio.sleep(0)
        late = await stage.ask()
        assert get(late.headers, b"retry-after") == b"10", "who has waited already is not to wait here again"
        assert await refusal(late) == (429, "bridge_busy")
        stage.bridge.wait.set()
        await whole(await first)

    played(scene, Bounds(parallel=1, wait=0.05))


def test_who_leaves_the_queue_leaves_it_free() -> None:
    async def scene(stage: Stage) -> None:
        stage.bridge.wait = asyncio.Event()
        first, second, third = (stage.tasks.start("ask", stage.ask()) for _ in range(3))
        await asyncio.sleep(0.01)
        second.cancel()
        stage.bridge.wait.set()
        assert await whole(await first) == HELLO
        assert await whole(await third) == HELLO
        assert (await stage.engine.look()).running == 0

    played(scene, Bounds(parallel=1))


@pytest.mark.parametrize("events", [0, 1])
def test_a_turn_that_says_nothing_is_given_up(events: int) -> None:
    async def scene(stage: Stage) -> None:
        if not events:
            stage.bridge.wait = asyncio.Event()
            assert await refusal(await stage.ask()) == (504, "upstream_timeout")
        else:
            stage.bridge.says = [TextDelta("hi"), *([TextDelta("more")] * 100)]
            answer = await stage.ask()
            assert await answer.read()
            stage.bridge.wait = asyncio.Event()
            with pytest.raises(UpstreamTruncated):
                await whole(answer)
        await asyncio.sleep(0)
        assert stage.bridge.stopped == 1

    played(scene, Bounds(first=0.05, between=0.05))


@pytest.mark.fault("B7")
def test_an_answer_that_drips_ends_in_all() -> None:
    async def scene(stage: Stage) -> None:
        async def drip(ask: Ask) -> Turn:
            while True:
                yield TextDelta(".")
                await asyncio.sleep(0.01)

        stage.bridge.turn = drip  # type: ignore[method-assign]
        answer = await stage.ask()
        with pytest.raises(UpstreamTruncated, match="in all"):
            await whole(answer)

    played(scene, Bounds(total=0.1))


@pytest.mark.fault("B7")
def test_an_answer_without_end_is_cut_off() -> None:
    async def scene(stage: Stage) -> None:
        stage.bridge.says = [TextDelta("x" * 1024 * 1024)] * 10_240
        answer, passed = await stage.ask(), 0

        def count(data: bytes) -> bool:
            nonlocal passed
            passed += len(data)
            return True

        with pytest.raises(UpstreamTruncated, match="cut off: it is over"):
            await answer.pour(count)
        assert 60 * 1024 * 1024 < passed <= 64 * 1024 * 1024
        assert (await stage.engine.look()).last_error

    played(scene)


def test_a_client_that_leaves_stops_the_turn_at_once() -> None:
    async def scene(stage: Stage) -> None:
        answer = await stage.ask()
        stage.bridge.wait = asyncio.Event()
        answer.release()
        answer.release()
        await asyncio.sleep(0.02)
        assert (await stage.engine.look()).running == 0

    played(scene)


def test_a_client_that_leaves_before_the_answer_stops_the_turn() -> None:
    async def scene(stage: Stage) -> None:
        stage.bridge.wait = asyncio.Event()
        asking = stage.tasks.start("ask", stage.ask())
        await asyncio.sleep(0.01)
        asking.cancel()
        await asyncio.sleep(0.01)
        assert stage.bridge.stopped == 1
        assert (await stage.engine.look()).running == 0

    played(scene)


def test_a_slow_reader_holds_the_turn_back() -> None:
    async def scene(stage: Stage) -> None:
        made = 0

        async def pour(ask: Ask) -> Turn:
            nonlocal made
            while made < 1000:
                made += 1
                yield TextDelta("x")
            yield Finished("stop")

        stage.bridge.turn = pour  # type: ignore[method-assign]
        answer = await stage.ask()
        await asyncio.sleep(0.05)
        assert made <= 65
        assert len(await whole(answer)) == 1001

    played(scene)


@pytest.mark.parametrize(
    "says", [[TextDelta("hi")], [TextDelta("hi"), BridgeFault("bridge_failed", "broke")]]
)
def test_an_answer_without_its_end_is_told_to_be_cut(says: list[Said | BridgeFault]) -> None:
    async def scene(stage: Stage) -> None:
        stage.bridge.says = says
        answer = await stage.ask()
        assert await answer.read()
        with pytest.raises(UpstreamTruncated):
            await answer.read()
        assert not answer.ended

    played(scene)


def test_a_failure_within_the_answer_is_passed_on() -> None:
    async def scene(stage: Stage) -> None:
        stage.bridge.says = [TextDelta("hi"), Failed("it broke")]
        answer = await stage.ask()
        data = await answer.read()
        assert b"it broke" in data

    played(scene)


@pytest.mark.fault("B9")
def test_health_is_asked_for_rarely_and_at_once_when_it_matters() -> None:
    async def scene(stage: Stage) -> None:
        await stage.engine.look()
        await stage.engine.look()
        assert stage.bridge.looks == 1
        await stage.engine.look(fresh=True)
        assert stage.bridge.looks == 2
        stage.clock.advance(16)
        await stage.engine.look()
        assert stage.bridge.looks == 3
        stage.bridge.says = [BridgeFault("bridge_failed", "it broke")]
        await stage.ask()
        await asyncio.sleep(0)
        assert stage.engine.doubted
        await stage.engine.look()
        assert stage.bridge.looks == 4 and not stage.engine.doubted

    played(scene)


def test_a_paused_bridge_takes_no_turn() -> None:
    async def scene(stage: Stage) -> None:
        stage.engine.pause(paused=True)
        assert await refusal(await stage.ask()) == (403, "bridge_disabled")
        assert (await stage.engine.look()).state == "disabled"
        assert not stage.bridge.asked
        stage.engine.pause(paused=False)
        assert await whole(await stage.ask()) == HELLO

    played(scene)


def test_a_health_that_fails_is_a_state() -> None:
    async def scene(stage: Stage) -> None:
        async def health() -> Health:
            raise BridgeFault("version_mismatch", "too old", action=Action("update it"))

        stage.bridge.health = health  # type: ignore[method-assign]
        seen = await stage.engine.look()
        assert (seen.state, seen.reason, seen.action) == ("version_mismatch", "too old", Action("update it"))

    played(scene)


def test_one_that_starts_is_looked_at_again_soon() -> None:
    async def scene(stage: Stage) -> None:
        stage.bridge.state = Health("starting", "it starts")
        assert (await stage.engine.look()).state == "starting"
        assert stage.engine.doubted
        stage.bridge.state = Health("ok")
        await stage.engine.look(fresh=True)
        assert not stage.engine.doubted

    played(scene)


def test_a_new_login_makes_up_for_what_was_wrong() -> None:
    async def scene(stage: Stage) -> None:
        stage.bridge.says = [BridgeFault("auth_required", "log in")]
        await refusal(await stage.ask())
        assert (await stage.engine.look(fresh=True)).state == "auth_required"
        stage.engine.renewed()
        assert (await stage.engine.look()).state == "ok"

    played(scene)


def test_a_place_that_becomes_free_in_the_moment_of_giving_up_is_taken() -> None:
    async def scene(stage: Stage) -> None:
        await stage.engine._enter()
        waiting = stage.tasks.start("wait", stage.engine._enter())
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.02, stage.engine._give)
        asyncio.get_running_loop().call_soon(time.sleep, 0.1)  # both are due in one turn of the loop
        await waiting
        stage.engine._give()
        assert (await stage.engine.look()).running == 0

    played(scene, Bounds(parallel=1, wait=0.05))


def test_one_that_cannot_be_opened_is_a_state_and_holds_no_place() -> None:
    async def scene(stage: Stage) -> None:
        def opened() -> Bridge:
            raise ConfigError("VENDOR_URL is no address")

        stage.engine._opened = opened
        for _ in range(3):
            assert await refusal(await stage.ask()) == (502, "bridge_failed")
        health = await stage.engine.look()
        assert (health.state, health.running) == ("error", 0)
        assert "VENDOR_URL" in health.reason

    played(scene, Bounds(parallel=1, queue=0))


def test_a_defect_in_a_look_is_a_state_and_is_logged() -> None:
    async def scene(stage: Stage) -> None:
        async def health() -> Health:
            raise KeyError("version")

        stage.bridge.health = health  # type: ignore[method-assign]
        assert (await stage.engine.look()).state == "error"
        assert [type(each) for each in stage.failures] == [KeyError]
        stage.failures.clear()

    played(scene)


def test_who_waits_for_a_look_shares_the_next_one() -> None:
    async def scene(stage: Stage) -> None:
        async def health() -> Health:
            stage.bridge.looks += 1
            await asyncio.sleep(0.01)
            return stage.bridge.state

        stage.bridge.health = health  # type: ignore[method-assign]
        await asyncio.gather(*(stage.engine.look(fresh=True) for _ in range(10)))
        assert stage.bridge.looks == 2, "one that had begun, and one for all who came then"

    played(scene)


def test_what_was_seen_is_told_without_looking() -> None:
    async def scene(stage: Stage) -> None:
        assert stage.engine.seen.state == "starting" and stage.bridge.looks == 0
        await stage.engine.look()
        assert stage.engine.seen == Health("ok", verified="login_seen") and stage.bridge.looks == 1

    played(scene)
