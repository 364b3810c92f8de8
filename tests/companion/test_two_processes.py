"""Two processes and a link between them: either is killed, frozen or cut off, and what becomes of answers."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge_stage import HELLO, refusal, whole
from companion_place import BODY, Place, eventually, placed
from llm_gateway.companion.remote import RemoteEngine
from llm_gateway.errors import UpstreamTruncated

TESTS = Path(__file__).resolve().parents[1]


class Child:
    """A process that plays one side."""

    def __init__(self, *arguments: str) -> None:
        paths = os.pathsep.join((str(TESTS), str(TESTS.parent / "src")))
        self.process = subprocess.Popen(
            [sys.executable, str(TESTS / "companion_child.py"), *arguments],
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def line(self) -> str:
        assert self.process.stdout is not None
        return (await asyncio.to_thread(self.process.stdout.readline)).strip()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@asynccontextmanager
async def companion(place: Place) -> AsyncIterator[Child]:
    """Start a companion, and wait until its bridge is known."""
    token = (await place.registry.invite("mac")).token.reveal()
    child = Child("companion", place.url, token, str(place.home / "desk"))
    try:
        await eventually(lambda: any(each.offered for each in place.of("mac")), 15)
        yield child
    finally:
        child.end()


def engine_of(place: Place) -> RemoteEngine:
    return place.hub.engines["claude"]


def test_a_companion_that_is_killed_is_unreachable_at_once(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with companion(place) as child:
            answer = await engine_of(place).answer("turn", BODY, "long")
            await answer.read()
            child.send(signal.SIGKILL)
            with pytest.raises(UpstreamTruncated):
                await asyncio.wait_for(whole(answer), 5)
            await eventually(lambda: engine_of(place).health.state == "unreachable")
            told = await refusal(await engine_of(place).answer("turn", BODY, "m"))
            assert told == (502, "bridge_unreachable")
            again = Child("companion", place.url, "", str(place.home / "desk"))
            try:
                await eventually(lambda: engine_of(place).health.state == "ok", 15)
                assert await whole(await engine_of(place).answer("turn", BODY, "m")) == HELLO
            finally:
                again.end()

    placed(tmp_path, scene)


def test_a_laptop_that_sleeps_is_missed_within_five_seconds_and_back_within_five(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with companion(place) as child:
            engine = engine_of(place)
            answer = await engine.answer("turn", BODY, "long")
            child.send(signal.SIGSTOP)
            loop = asyncio.get_running_loop()
            began = loop.time()
            with pytest.raises(UpstreamTruncated):
                await whole(answer)
            assert loop.time() - began < 5
            assert engine.health.state == "unreachable"
            child.send(signal.SIGCONT)
            assert await eventually(lambda: engine.health.state == "ok") < 5

    placed(tmp_path, scene)


def test_a_gateway_that_is_killed_is_found_again_within_five_seconds(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        home = tmp_path / "gateway"
        home.mkdir()
        gateway = Child("gateway", str(home))
        url, token = (await gateway.line()).split()
        desk = place.desk("mac")
        desk.start(token, url)
        await eventually(lambda: desk.progress)
        assert desk.progress[-1].state == "connected"
        gateway.send(signal.SIGKILL)
        gateway.end()
        await eventually(lambda: desk.progress[-1].state == "away")
        gateway = Child("gateway", str(home))
        try:
            assert (await gateway.line()).split() == [url, "-"]
            assert await eventually(lambda: desk.progress[-1].state == "connected") < 5
        finally:
            gateway.end()

    placed(tmp_path, scene)


def test_a_join_token_that_is_used_again_elsewhere_is_refused_and_on_record(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        token = (await place.registry.invite("mac")).token.reveal()
        first = Child("companion", place.url, token, str(place.home / "desk"))
        thief = None
        try:
            await eventually(lambda: place.hub.connected, 15)
            thief = Child("companion", place.url, token, str(place.home / "thief"))
            assert await thief.line() == "token_used"
            refused = [
                each.detail["kind"] for each in place.ledger.audit.entries() if "refused" in each.action
            ]
            assert refused == ["token_used"]
            await place.hub.revoke("mac")
            assert await asyncio.wait_for(first.line(), 5) == "revoked"
        finally:
            first.end()
            if thief is not None:
                thief.end()

    placed(tmp_path, scene)


def test_fifty_parallel_answers_beside_one_that_nobody_reads(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with companion(place):
            engine = engine_of(place)
            unread = await engine.answer("turn", BODY, "long")

            async def one() -> int:
                answer = await engine.answer("turn", BODY, "m")
                return answer.status if await whole(answer) == HELLO else 0

            assert await asyncio.gather(*(one() for _ in range(50))) == [200] * 50
            unread.release()

    placed(tmp_path, scene)


def test_a_link_that_flaps_does_not_thunder(tmp_path: Path) -> None:
    """Cut each second for a while: the companion is back each time, with longer pauses."""

    async def scene(place: Place) -> None:
        async with companion(place):
            before = place.logged.getvalue().count("a companion is connected")
            for _ in range(5):
                place.listener.hurry()
                await asyncio.sleep(1)
            assert await eventually(lambda: engine_of(place).health.state == "ok") < 5
            after = place.logged.getvalue().count("a companion is connected")
            assert after - before <= 6

    placed(tmp_path, scene)
