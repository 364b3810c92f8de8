"""A login goes on step by step, is one at a time, ends, fails and can be called off."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from bridge_stage import Stage, played
from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.logins import Logins

CODE = LoginStep("code", "enter it there", url="https://vendor.example/device", code="ABCD")
DONE = LoginStep("done", "you are logged in")


def script(stage: Stage, go: asyncio.Event, *, fails: bool = False) -> list[str]:
    """Let the bridge's login wait for `go` between its steps; return where it writes what it was at."""
    heard: list[str] = []

    async def login() -> AsyncIterator[LoginStep]:
        heard.append("begun")
        try:
            yield CODE
            await go.wait()
            if fails:
                raise BridgeFault("auth_required", "the code has expired; begin again")
            yield DONE
        except asyncio.CancelledError:
            heard.append("called off")
            raise

    stage.bridge.login = login  # type: ignore[method-assign]
    return heard


def test_it_goes_on_step_by_step() -> None:
    async def scene(stage: Stage) -> None:
        go = asyncio.Event()
        heard = script(stage, go)
        logins = Logins({"b": stage.engine}, stage.tasks)
        first = await logins.begin("b", 5)
        assert (first.steps, first.over) == ((CODE,), False)
        assert (await logins.begin("b", 5)).steps == (CODE,)
        assert heard == ["begun"], "there is one at a time"
        assert not (await logins.after("b", 1, 0.02)).over
        go.set()
        assert (await logins.after("b", 1, 5)).steps == (CODE, DONE)
        last = await logins.after("b", 2, 5)
        assert (last.over, last.error) == (True, "")

    played(scene)


def test_what_was_wrong_before_it_is_wrong_no_more() -> None:
    async def scene(stage: Stage) -> None:
        stage.bridge.says = [BridgeFault("auth_required", "log in")]
        (await stage.ask()).release()
        assert (await stage.engine.look()).state == "auth_required"
        go = asyncio.Event()
        go.set()
        script(stage, go)
        logins = Logins({"b": stage.engine}, stage.tasks)
        await logins.begin("b", 5)
        assert (await logins.after("b", 2, 5)).over
        assert (await stage.engine.look()).state == "ok"

    played(scene)


def test_one_that_fails_says_why() -> None:
    async def scene(stage: Stage) -> None:
        go = asyncio.Event()
        script(stage, go, fails=True)
        logins = Logins({"b": stage.engine}, stage.tasks)
        await logins.begin("b", 5)
        go.set()
        failed = await logins.after("b", 1, 5)
        assert (failed.over, failed.error) == (True, "the code has expired; begin again")

    played(scene)


def test_one_that_just_ends_or_has_a_defect_is_no_success() -> None:
    async def scene(stage: Stage) -> None:
        async def login(*, broken: bool) -> AsyncIterator[LoginStep]:
            yield CODE
            if broken:
                raise KeyError("code")

        logins = Logins({"b": stage.engine}, stage.tasks)
        for broken in (False, True):
            stage.bridge.login = partial(login, broken=broken)  # type: ignore[method-assign]
            await logins.begin("b", 5)
            ended = await logins.after("b", 1, 5)
            assert ended.over and "broke off" in ended.error
            await asyncio.sleep(0.01)
        assert [type(each) for each in stage.failures] == [KeyError]
        stage.failures.clear()

    played(scene)


def test_it_can_be_called_off() -> None:
    async def scene(stage: Stage) -> None:
        heard = script(stage, asyncio.Event())
        logins = Logins({"b": stage.engine}, stage.tasks)
        await logins.begin("b", 5)
        logins.call_off("b")
        logins.call_off("b")
        await asyncio.sleep(0.01)
        assert heard == ["begun", "called off"]
        with pytest.raises(KeyError):
            await logins.after("b", 0, 1)

    played(scene)


def test_what_is_pasted_reaches_the_bridge() -> None:
    async def scene(stage: Stage) -> None:
        logins = Logins({"b": stage.engine}, stage.tasks)
        with pytest.raises(BridgeFault, match="nothing was asked"):
            await logins.answer("b", "text")
        with pytest.raises(KeyError):
            await logins.begin("c", 1)

    played(scene)
