"""The bridge to an agent: how it is, conversations, usage, models, and whose vendors forbid it."""

from pathlib import Path

import pytest

from bridges.acp.fake_agent import Scene, Stage, chunk, end, played, until, user
from llm_gateway.bridges.acp.bridge import DEFAULT, AcpBridge
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import BridgeModel
from llm_gateway.canonical.events import Finished, Measured, Started, TextDelta, ThinkingDelta
from llm_gateway.canonical.parts import Image, Inline, Text
from llm_gateway.canonical.request import Message, Request
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.bridge.stream import Lost, Said

PIXEL = Image(Inline("QUJD", "image/png"))
ANSWER = [chunk("t", "agent_thought_chunk"), chunk("Hello"), end()]
OPTION = {"configOptions": [{"id": "m", "category": "model", "options": [{"value": "a", "name": "A"}]}]}


def _lost(said: list[Said]) -> list[str]:
    return [each.what for each in said if isinstance(each, Lost)]


def _usage(said: list[Said]) -> Usage:
    [measured] = [each for each in said if isinstance(each, Measured)]
    return measured.usage


def _again(answer: str = "Hello") -> Request:
    return Request((user("hi"), Message("assistant", (Text(answer),)), user("and?")))


def test_a_session_that_opens_is_all_that_shows_of_a_login(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        for _ in range(2):
            health = await stage.bridge.health()
            assert (health.state, health.verified, health.version) == ("ok", "none", "7")
        assert await stage.bridge.models() == (BridgeModel(DEFAULT, "whatever fake decides on"),)
        await stage.hear("hi")
        assert len(stage.scene.asked("session/new")) == 1, "the turn has the one that was looked at"

    played(Scene(tmp_path, ANSWER), play)


@pytest.mark.fault("B9")
def test_without_a_login_the_agents_own_ways_are_told(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        health = await stage.bridge.health()
        assert health.state == "auth_required"
        assert health.action is not None
        assert health.action.text == "log in with the agent itself: Log in with a browser"
        assert health.action.command == "agent"
        with pytest.raises(BridgeFault) as told:
            await stage.hear("hi")
        assert told.value.kind == "auth_required"
        assert told.value.action == health.action
        (tmp_path / "token").touch()
        assert (await stage.bridge.health()).state == "ok"

    scene = Scene(tmp_path)
    scene.told["login"] = True
    played(scene, play)


def test_it_says_that_it_is_starting_instead_of_waiting_for_that(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        assert (await stage.bridge.health()).state == "starting"

    scene = Scene(tmp_path)
    scene.told["silent"] = ["session/new"]
    played(scene, play)


def test_an_agent_that_is_not_there_is_not_installed(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        with pytest.raises(BridgeFault) as told:
            await stage.bridge.health()
        assert told.value.kind == "bridge_not_installed"

    played(Scene(tmp_path), play, command=("no-such-agent",))


def test_a_turn_is_told_and_what_nobody_counted_is_estimated(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        started, *said = await stage.hear("hi")
        assert isinstance(started, Started)
        assert started.model == DEFAULT
        assert said == [
            ThinkingDelta("t"),
            TextDelta("Hello"),
            Measured(Usage(uncached=1, output=2, estimated=True)),
            Finished("stop", native="end_turn"),
        ]

    played(Scene(tmp_path, ANSWER), play)


def test_a_conversation_goes_on_in_its_session_and_counts_its_own_turns(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        first, second = await stage.hear("hi"), await stage.hear(_again("Hello "))
        assert _lost(second) == []
        assert [each["sessionId"] for each in stage.scene.asked("session/prompt")] == ["s1", "s1"]
        assert stage.scene.asked("session/prompt")[1]["prompt"] == [{"type": "text", "text": "and?"}]
        assert _usage(first) == Usage(uncached=32, cache_read=8, output=12, reasoning=2)
        assert _usage(second) == Usage(uncached=50, cache_read=10, cache_write=20, output=8)

    used = {"inputTokens": 40, "outputTokens": 12, "thoughtTokens": 2, "cachedReadTokens": 8}
    more = {"inputTokens": 120, "outputTokens": 20, "thoughtTokens": 2, "cachedReadTokens": 18}
    more["cachedWriteTokens"] = 20
    played(Scene(tmp_path, [chunk("Hello"), end(usage=used)], [chunk("x"), end(usage=more)]), play)


def test_one_that_counts_each_turn_for_itself_is_believed(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await stage.hear("hi")
        assert _usage(await stage.hear(_again())) == Usage(uncached=10, output=3)

    turns = (
        [chunk("Hello"), end(usage={"inputTokens": 40, "outputTokens": 12})],
        [end(usage={"inputTokens": 10, "outputTokens": 3})],
    )
    played(Scene(tmp_path, *turns), play)


def test_another_conversation_is_told_in_a_new_session(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await stage.hear("hi")
        assert _lost(await stage.hear(_again("something else"))) == ["messages"]
        assert [each["sessionId"] for each in stage.scene.asked("session/prompt")] == ["s1", "s2"]
        assert "something else" in str(stage.scene.asked("session/prompt")[1])

    played(Scene(tmp_path, ANSWER, ANSWER), play)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("max_tokens", "length"), ("max_turn_requests", "other"), ("refusal", "refusal")],
)
def test_it_ends_as_the_agent_says(reason: str, finish: str, tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        assert (await stage.hear("hi"))[-1] == Finished(finish, native=reason)  # type: ignore[arg-type]

    played(Scene(tmp_path, [chunk("a"), end(reason)]), play)


@pytest.mark.fault("B10")
def test_an_agent_that_stops_by_itself_has_not_answered(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        with pytest.raises(BridgeFault) as told:
            await stage.hear("hi")
        assert told.value.kind == "bridge_disconnected"

    played(Scene(tmp_path, [chunk("a"), end("cancelled")]), play)


def test_pictures_go_to_those_who_see(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        with pytest.raises(BridgeFault) as told:
            await stage.hear(Request((user(PIXEL),)))
        assert told.value.param == "images"
        assert not stage.scene.asked("session/prompt")

    scene = Scene(tmp_path)
    scene.greets(agentCapabilities={})
    played(scene, play)


def test_a_model_of_the_agent_is_chosen_and_no_other(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await stage.bridge.health()
        assert await stage.bridge.models() == (BridgeModel("a", "A"),)
        await stage.hear("hi", "a")
        assert stage.scene.asked("session/set_config_option")[0]["value"] == "a"
        with pytest.raises(BridgeFault) as told:
            await stage.hear("hi", "b")
        assert (told.value.kind, told.value.param) == ("refused", "model")

    scene = Scene(tmp_path, ANSWER)
    scene.told["opened"] = OPTION
    played(scene, play)


def test_a_configured_name_is_the_agents_when_it_offers_none(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        assert await stage.bridge.models() == (BridgeModel("mine"),)
        assert (await stage.hear("hi", "mine"))[-1] == Finished("stop", native="end_turn")

    played(Scene(tmp_path, ANSWER), play, models=("mine",))


def test_a_turn_is_stopped_at_once(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        turn = stage.bridge.turn(Ask(DEFAULT, Request((user("hi"),))))
        await anext(turn)
        await turn.aclose()
        await until(lambda: stage.scene.asked("session/cancel"))

    played(Scene(tmp_path, [chunk("He")]), play)


@pytest.mark.parametrize(("capabilities", "starts"), [({}, 2), ({"sessionCapabilities": {"close": {}}}, 1)])
def test_one_that_closes_no_session_is_had_anew_when_it_has_many(
    capabilities: dict[str, object], starts: int, tmp_path: Path
) -> None:
    async def play(stage: Stage) -> None:
        for _ in range(60):
            await stage.hear("hi")
        assert len(stage.scene.asked("initialize")) == starts

    scene = Scene(tmp_path, *([end()] for _ in range(60)))
    scene.greets(agentCapabilities=capabilities)
    played(scene, play)


def test_who_would_lose_an_account_is_warned_and_left_off(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        health = await stage.bridge.health()
        assert health.state == "disabled"
        assert "suspends accounts" in health.reason
        assert health.action is not None
        with pytest.raises(BridgeFault) as told:
            await stage.hear("hi")
        assert told.value.kind == "bridge_disabled"

    played(Scene(tmp_path), play, command=("gemini", "--acp"))


def test_one_that_is_such_an_agent_behind_another_name_is_left_off_too(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        with pytest.raises(BridgeFault) as told:
            await stage.bridge.health()
        assert told.value.kind == "bridge_disabled"
        assert not stage.scene.asked("session/new")

    scene = Scene(tmp_path)
    scene.greets(agentInfo={"name": "gemini-cli"})
    played(scene, play)


def test_its_owner_may_say_to_use_it(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        assert (await stage.bridge.health()).state == "ok"

    scene = Scene(tmp_path)
    scene.greets(agentInfo={"name": "gemini-cli"})
    played(scene, play, enabled=True)


def test_a_person_logs_in_with_the_agent_itself(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        bridge = AcpBridge(stage.settings, stage.around, looks_every=0.01)
        steps = bridge.login()
        run = await anext(steps)
        assert (run.kind, run.command) == ("run", "agent")
        (tmp_path / "token").touch()
        assert (await anext(steps)).kind == "done"
        with pytest.raises(BridgeFault, match="nothing to paste"):
            await bridge.answered("x")
        await bridge.close()

    scene = Scene(tmp_path)
    scene.told["login"] = True
    played(scene, play)


def test_it_logs_out_where_it_can_be_told_to(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await stage.bridge.logout()
        assert stage.scene.asked("logout") == [{}]
        stage.scene.environ(refused={"logout": -32603})
        with pytest.raises(BridgeFault):
            await stage.bridge.logout()

    played(Scene(tmp_path), play)
    scene = Scene(tmp_path)
    scene.greets(agentCapabilities={})

    async def cannot(stage: Stage) -> None:
        with pytest.raises(BridgeFault, match="cannot be told"):
            await stage.bridge.logout()

    played(scene, cannot)
