"""The bridge: how it is, what goes on in which session, what is lost or refused, how a turn is stopped."""

import asyncio
from pathlib import Path

import psutil
import pytest
from msgspec import Raw

from bridges.copilot.copilot_stage import Stage, played, until, user
from bridges.copilot.fake_cli import IDLE, Scene, message, piece, request, used
from bridges.copilot.test_account import MODELS
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.copilot.bridge import CopilotBridge
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import BridgeModel
from llm_gateway.canonical.events import Finished, Measured, Started, TextDelta
from llm_gateway.canonical.parts import Image, Inline, Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import Format, FunctionTool, Message, Reasoning, Request
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.stream import Lost, Said

PIXEL = Image(Inline("QUJD", "image/png"))
ANSWER = [piece("Hello"), used(), message("Hello"), IDLE]
CALLS = [used("tool_calls"), message("", ("c1", "look"), ("c2", "look")), request("c1"), request("c2")]
TOOLS = (FunctionTool("look"),)


def _assistant(*parts: Text | Thinking | ToolCall) -> Message:
    return Message("assistant", parts)


def _lost(said: list[Said]) -> list[str]:
    return [each.what for each in said if isinstance(each, Lost)]


def _results(*call_ids: str) -> Message:
    return user(*(ToolResult(call_id, (Text("sunny"),)) for call_id in call_ids))


def test_it_says_how_it_is_and_what_it_offers(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        health = await stage.bridge.health()
        assert (health.state, health.account) == ("ok", "individual")
        assert [model.id for model in await stage.bridge.models()] == ["sees", "auto", "small"]

    scene = Scene(tmp_path)
    scene.told["models"] = MODELS
    played(scene, play)


def test_configured_models_are_those_it_offers(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        assert await stage.bridge.models() == (BridgeModel("sees", "Sees", 128000), BridgeModel("new"))

    scene = Scene(tmp_path)
    scene.told["models"] = MODELS
    played(scene, play, models=("sees", "new"))


def test_it_says_that_it_is_starting_instead_of_waiting_for_that(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        assert (await stage.bridge.health()).state == "starting"

    scene = Scene(tmp_path)
    scene.told["silent"] = ["connect"]
    played(scene, play)


def test_a_login_that_somebody_made_meanwhile_is_seen(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        assert (await stage.bridge.health()).state == "auth_required"
        stage.scene.environ(login=True)
        stage.clock.advance(60)
        assert (await stage.bridge.health()).state == "auth_required"
        await until(lambda: len(stage.scene.asked("sessionFs.setProvider")) == 2)
        async with asyncio.timeout(5):
            while (await stage.bridge.health()).state != "ok":  # noqa: ASYNC110 - the state is asked for
                await asyncio.sleep(0.01)

    scene = Scene(tmp_path)
    scene.told["login"] = False
    played(scene, play)


def test_a_turn_is_answered_and_gone_on_with_in_its_session(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        system = Message("system", (Text("S"),))
        started, *said = await stage.hear(Request((system, user("hi"))))
        assert isinstance(started, Started)
        assert started.model == "m"
        assert said[0] == TextDelta("Hello")
        assert isinstance(said[1], Measured)
        assert said[2] == Finished("stop")
        again = Request((system, user("hi"), _assistant(Text("Hello ")), user("and?")))
        assert (await stage.hear(again))[-1] == Finished("stop")
        assert len(stage.scene.asked("session.create")) == 1
        assert [each["prompt"] for each in stage.scene.asked("session.send")] == ["hi", "and?"]

    played(Scene(tmp_path, ANSWER, ANSWER), play)


def test_another_conversation_is_told_in_a_session_of_its_own(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await stage.hear("hi")
        other = Request((user("hi"), _assistant(Thinking("t"), Text("something else")), user("and?")))
        assert _lost(await stage.hear(other)) == ["messages.thinking"]
        assert len(stage.scene.asked("session.create")) == 1
        [opening] = stage.scene.asked("session.resume")
        assert opening["model"] == "m"
        await until(lambda: [each for each in stage.scene.asked() if each.get("result")])
        [told] = [str(each["result"]) for each in stage.scene.asked() if each.get("result")]
        assert "something else" in told
        assert "user.message" in told

    played(Scene(tmp_path, ANSWER, ANSWER), play)


def test_calls_wait_in_their_session_for_their_results(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        said = await stage.hear(Request((user("go"),), tools=TOOLS))
        assert said[-1] == Finished("tool_calls")
        calls = _assistant(ToolCall("c1", "look", '{"a": 1}'), ToolCall("c2", "look", "{}"))
        asked = Request((user("go"), calls, _results("c1"), _results("c2")), tools=TOOLS)
        assert (await stage.hear(asked))[-1] == Finished("stop")
        given = stage.scene.asked("session.tools.handlePendingToolCall")
        assert [each["requestId"] for each in given] == ["r-c1", "r-c2"]
        assert not stage.scene.asked("session.resume")

    scene = Scene(tmp_path, CALLS, ANSWER)
    scene.told["last"] = ["r-c2"]
    played(scene, play)


def test_calls_whose_session_is_gone_wait_in_a_new_one(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        calls = _assistant(ToolCall("c1", "look", '{"a": 1}'), ToolCall("c2", "look", "{}"))
        form = Format("json")
        asked = Request((user("go"), calls, _results("c1", "c2")), tools=TOOLS, format=form)
        assert _lost(await stage.hear(asked)) == ["response_format"]
        given = stage.scene.asked("session.tools.handlePendingToolCall")
        assert [each["requestId"] for each in given] == ["lgw-c1", "lgw-c2"]

    scene = Scene(tmp_path, ANSWER)
    scene.told["last"] = ["lgw-c2"]
    played(scene, play)


def test_who_says_more_than_the_results_is_in_a_new_session(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await stage.hear(Request((user("go"),), tools=TOOLS))
        calls = _assistant(ToolCall("c1", "look", "{}"), ToolCall("c2", "look", "{}"))
        more = Request((user("go"), calls, _results("c1", "c2"), user("and hurry")), tools=TOOLS)
        assert (await stage.hear(more))[-1] == Finished("stop")
        assert len(stage.scene.asked("session.resume")) == 1
        assert stage.scene.asked("session.send")[-1]["prompt"] == "and hurry"
        await until(lambda: stage.scene.asked("session.detach"))

    played(Scene(tmp_path, CALLS, ANSWER), play)


def test_what_a_model_does_not_take_is_lost_or_refused(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await stage.bridge.models()
        with pytest.raises(BridgeFault) as told:
            await stage.hear(Request((user(PIXEL),)), "small")
        assert (told.value.kind, told.value.param) == ("refused", "images")
        inside = (user("a"), _assistant(ToolCall("c", "look", "{}")), user(ToolResult("c", (PIXEL,))))
        with pytest.raises(BridgeFault):
            await stage.hear(Request(inside), "small")
        assert not stage.scene.asked("session.create")
        asked = Request((user("hi"),), reasoning=Reasoning(effort="max", budget=100, shown=True))
        assert _lost(await stage.hear(asked, "sees")) == ["reasoning.effort", "reasoning.budget"]
        assert _lost(await stage.hear(Request((user("hi"),), reasoning=Reasoning("high")), "sees")) == []
        max_effort, high_effort = stage.scene.asked("session.create")
        assert "reasoningEffort" not in max_effort
        assert max_effort["reasoningSummary"] == "detailed"
        assert high_effort["reasoningEffort"] == "high"

    scene = Scene(tmp_path, ANSWER, ANSWER)
    scene.told["models"] = MODELS
    played(scene, play)


def test_a_turn_is_stopped_at_once(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        turn = stage.bridge.turn(Ask("m", Request((user("hi"),))))
        assert isinstance(await anext(turn), Started)
        await turn.aclose()
        await until(lambda: stage.scene.asked("session.abort"))
        await until(lambda: stage.scene.asked("session.detach"))

    played(Scene(tmp_path, [piece("He")]), play)


def test_a_model_that_there_is_not_is_refused(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        with pytest.raises(BridgeFault) as told:
            await stage.hear("hi")
        assert (told.value.kind, told.value.param) == ("refused", "model")

    scene = Scene(tmp_path)
    scene.told["refused"] = {"session.create": 'Model "m" is not available.'}
    played(scene, play)


def test_a_turn_that_cannot_be_begun_leaves_its_session(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        with pytest.raises(BridgeFault):
            await stage.hear("hi")
        await until(lambda: stage.scene.asked("session.detach"))

    scene = Scene(tmp_path)
    scene.told["refused"] = {"session.send": "?"}
    played(scene, play)


@pytest.mark.fault("B9")
@pytest.mark.parametrize(("login", "kind"), [(True, "bridge_unreachable"), (False, "auth_required")])
def test_without_a_login_a_turn_fails_for_that(login: bool, kind: str, tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        with pytest.raises(BridgeFault) as told:
            await stage.hear("hi")
        assert told.value.kind == kind

    scene = Scene(tmp_path, [("session.error", {"errorType": "query", "message": "no token"})])
    scene.told["login"] = login
    played(scene, play)


def test_a_program_that_ends_in_the_middle_is_started_again_for_the_next_turn(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        with pytest.raises(BridgeFault) as told:
            await stage.hear("hi")
        assert told.value.kind == "bridge_failed"
        stage.scene.environ(turns=[ANSWER])
        assert (await stage.hear("hi"))[-1] == Finished("stop")

    played(Scene(tmp_path, [piece("He"), ("end", {})]), play)


def test_a_login_is_made_and_taken_back(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await stage.bridge.health()
        steps = [step.kind async for step in stage.bridge.login()]
        assert steps == ["code", "done"]
        await stage.bridge.logout()
        assert len(stage.scene.asked("connect")) == 2, "the one that ran did not know of the login"
        assert stage.scene.asked("account.logout")
        with pytest.raises(BridgeFault, match="nothing to paste"):
            await stage.bridge.answered("x")

    scene = Scene(tmp_path)
    scene.told["printed"] = ["visit https://github.com/login/device and enter code ABCD-1234"]
    played(scene, play)


def test_a_login_that_nobody_waits_for_ends(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        steps = stage.bridge.login()
        assert (await anext(steps)).kind == "code"
        await steps.aclose()
        assert not psutil.Process().children()

    scene = Scene(tmp_path)
    scene.told["printed"] = ["visit https://github.com/login/device and enter code ABCD-1234"]
    played(scene, play)


def test_a_login_that_cannot_be_kept_is_made_by_hand_and_waited_for(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        bridge = CopilotBridge(BridgeSettings("github-copilot"), stage.around, looks_every=0.01)
        steps = bridge.login()
        assert [(await anext(steps)).kind, (await anext(steps)).kind] == ["code", "run"]
        (stage.scene.home / "token").touch()
        assert (await anext(steps)).kind == "done"
        await bridge.close()

    scene = Scene(tmp_path)
    code = "visit https://github.com/login/device and enter code ABCD-1234"
    scene.told |= {"login": "after", "printed": [code, "but the token was not saved."], "status": 1}
    played(scene, play)


def test_a_logout_that_the_cli_does_not_do_is_told(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        with pytest.raises(BridgeFault, match="did not log out"):
            await stage.bridge.logout()
        assert len(stage.scene.asked("account.logout")) == 2, "the second without the keychain"

    scene = Scene(tmp_path)
    scene.told["refused"] = {"account.logout": "Keychain error"}
    played(scene, play)


def test_schemas_of_tools_go_along(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        tool = FunctionTool("look", "d", Raw(b'{"type":"object","properties":{"a":{}}}'))
        await stage.hear(Request((user("hi"),), tools=(tool,)))
        [opening] = stage.scene.asked("session.create")
        assert opening["tools"][0]["parameters"]["properties"] == {"a": {}}  # type: ignore[index]
        assert isinstance(stage.bridge, CopilotBridge)

    played(Scene(tmp_path, ANSWER), play)
