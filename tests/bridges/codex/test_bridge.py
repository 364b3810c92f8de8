"""The bridge to Codex as its engine uses it: turns, how it is, its models, logins."""

import json
from pathlib import Path

import pytest

from bridges.codex.codex_stage import Stage, asks, played, settings, until
from bridges.codex.fake_codex import Scene, call, completed, delta, error, raw, raw_end, thought, used
from llm_gateway.bridges.codex.bridge import open_bridge
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import BridgeModel, Window, account_mark
from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Finished,
    Measured,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.parts import Seal
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.bridge.stream import Lost

USED = Measured(Usage(uncached=30, cache_read=8, cache_write=2, output=12, reasoning=3))
HELLO: list[object] = [delta("Hel"), delta("lo"), used(), completed()]
SAID = [Started("turn-1", "gpt-6"), TextDelta("Hel"), TextDelta("lo"), USED, Finished("stop")]


def test_a_conversation_is_a_thread_of_its_own(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        assert await stage.hear("Hello") == SAID

    scene = Scene(tmp_path, turns=[HELLO])
    played(scene, act)
    assert scene.methods() == [
        "initialize",
        "initialized",
        "config/read",
        "account/read",
        "thread/start",
        "thread/inject_items",
        "turn/start",
    ]
    (thread,) = scene.asked("thread/start")
    assert (thread["environments"], thread["approvalPolicy"], thread["ephemeral"]) == ([], "never", True)
    folder = Path(str(thread["cwd"]))
    assert folder != tmp_path
    assert not folder.exists(), "the empty folder is gone with the program"
    (given,) = scene.asked("thread/inject_items")
    content = [{"type": "input_text", "text": "Hello"}]
    assert given["items"] == [{"type": "message", "role": "user", "content": content}]


def test_thinking_is_told_with_its_seal(tmp_path: Path) -> None:
    turn: list[object] = [
        thought("first"),
        thought(" more"),
        thought("second", part=1),
        raw(type="reasoning", id="rs_1", encrypted_content="ENC"),
        *HELLO,
    ]

    async def act(stage: Stage) -> None:
        said = await stage.hear("Hello")
        assert said[1:5] == [
            ThinkingDelta("first"),
            ThinkingDelta(" more"),
            ThinkingDelta("\n\nsecond"),
            Sealed(Seal("responses", "rs_1.ENC")),
        ]

    played(Scene(tmp_path, turns=[turn]), act)


def test_calls_of_tools_that_codex_does_not_ask_for_end_the_turn(tmp_path: Path) -> None:
    turn: list[object] = [
        raw(type="function_call", name="a", arguments='{"x": 1}', call_id="c1"),
        call("c1", "a", {"x": 1}),
        raw(type="function_call", name="b", arguments="", call_id="c2"),
        raw_end(),
    ]

    async def act(stage: Stage) -> None:
        assert (await stage.hear("Hello"))[1:] == [
            CallStarted(0, "c1", "a"),
            CallDelta(0, '{"x": 1}'),
            CallStarted(1, "c2", "b"),
            USED,
            Finished("tool_calls"),
        ]
        await until(lambda: stage.scene.asked("thread/unsubscribe"))

    scene = Scene(tmp_path, turns=[turn])
    played(scene, act)
    assert scene.asked("turn/interrupt") == [{"threadId": "thread-1", "turnId": "turn-1"}]
    assert scene.answered() == []


def test_what_is_lost_is_told_and_whose_file_codex_adds(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        said = await stage.hear("Hello")
        (lost,) = [each for each in said if isinstance(each, Lost)]
        assert lost.what == "messages.system"
        assert said.index(lost) == 1

    played(Scene(tmp_path, turns=[HELLO], sources=["/home/person/.codex/AGENTS.md"]), act)


@pytest.mark.fault("B9")
def test_a_turn_that_nobody_is_logged_in_for_is_not_tried(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        with pytest.raises(BridgeFault) as fault:
            await stage.hear("Hello")
        assert fault.value.kind == "auth_required"
        assert fault.value.action is not None
        assert fault.value.action.command == "llm-gateway login codex"

    nobody = {"result": {"account": None, "requiresOpenaiAuth": True}}
    scene = Scene(tmp_path, answers={"account/read": nobody})
    played(scene, act)
    assert not scene.asked("thread/start")


def test_a_fault_in_a_turn_is_one(tmp_path: Path) -> None:
    limited = error({"responseStreamDisconnected": {"httpStatusCode": 429}}, retries=True)

    async def act(stage: Stage) -> None:
        with pytest.raises(BridgeFault) as fault:
            await stage.hear("Hello")
        assert (fault.value.kind, fault.value.retry_after) == ("rate_limited", 60)
        assert await stage.hear("Hello") != []

    scene = Scene(tmp_path, turns=[[limited], HELLO])
    played(scene, act)
    assert scene.asked("turn/interrupt") == [{"threadId": "thread-1", "turnId": "turn-1"}]


def test_how_it_is_with_a_plan(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        health = await stage.bridge.health()
        assert (health.state, health.verified, health.account) == ("ok", "login_seen", "plus")
        assert health.version == "0.169.0"
        assert health.windows == (Window("5 hours", 0.25, 1_800_000_000_000_000), Window("long", 0.5))
        assert "person" not in repr(health)

    short = {"usedPercent": 25, "windowDurationMins": 300, "resetsAt": 1_800_000_000}
    long = {"usedPercent": 50, "windowDurationMins": None, "resetsAt": None}
    played(Scene(tmp_path, limits={"primary": short, "secondary": long}), act)


def test_how_it_is_without_a_program_or_with_an_old_one(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        health = await stage.bridge.health()
        assert (health.state, health.required) == ("version_mismatch", "0.163.0")
        assert "0.99.0 is too old" in health.reason
        stage.scene.program.unlink()
        health = await stage.bridge.health()
        assert health.state == "not_installed"
        assert health.action is not None
        assert health.action.command == "npm install -g @openai/codex"

    played(Scene(tmp_path, version="codex-cli 0.99.0"), act)


def test_how_it_is_when_the_vendor_cannot_be_asked(tmp_path: Path) -> None:
    refused = {"error": {"code": -32603, "message": "workspace routing discovery failed"}}

    async def act(stage: Stage) -> None:
        health = await stage.bridge.health()
        assert (health.state, health.verified) == ("unreachable", "none")
        assert "workspace" not in health.reason
        assert await stage.hear("Hello") == SAID, "the turn says what is wrong, if anything"

    played(Scene(tmp_path, turns=[HELLO], answers={"account/read": refused}), act)


def test_slow_limits_are_not_in_the_way_and_a_slow_account_is(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        async with stage.server.use():
            health = await stage.bridge.health()
        assert (health.state, health.windows) == ("ok", ())

    played(Scene(tmp_path, answers={"account/rateLimits/read": None}), act, looks=0.5)

    async def silent(stage: Stage) -> None:
        async with stage.server.use():
            assert (await stage.bridge.health()).state == "unreachable"

    played(Scene(tmp_path, answers={"account/read": None}), silent, looks=0.2)


def test_which_account_it_is_can_be_told_and_not_whose(tmp_path: Path) -> None:
    limits = {
        "rateLimits": {
            "primary": {"usedPercent": 30, "windowDurationMins": 300},
            "credits": {"hasCredits": True},
        },
        "accountId": "acct-1-of-a-person",
    }

    async def act(stage: Stage) -> None:
        health = await stage.bridge.health()
        assert health.mark == account_mark("openai", "acct-1-of-a-person")
        assert [each.name for each in health.windows] == ["5 hours", "credits"]
        assert "acct-1" not in repr(health)

    played(Scene(tmp_path, answers={"account/rateLimits/read": {"result": limits}}), act)


def test_how_it_is_while_it_starts(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        assert (await stage.bridge.health()).state == "starting"

    played(Scene(tmp_path, answers={"initialize": None}), act, looks=0.2)


def test_limits_of_another_form_are_another_version(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        assert (await stage.bridge.health()).state == "version_mismatch"

    played(Scene(tmp_path, answers={"account/rateLimits/read": {"result": {"rateLimits": 3}}}), act)


def test_its_models_are_those_that_are_shown(tmp_path: Path) -> None:
    models = [
        {"id": "gpt-6", "displayName": "GPT-6", "hidden": False},
        {"id": "review", "displayName": "Review", "hidden": True},
    ]
    pages = {"model/list": {"result": {"data": models, "nextCursor": None}}}

    async def act(stage: Stage) -> None:
        assert await stage.bridge.models() == (BridgeModel("gpt-6", "GPT-6", 272_000),)

    played(Scene(tmp_path, answers=pages), act)

    async def none(stage: Stage) -> None:
        assert await stage.bridge.models() == ()

    played(Scene(tmp_path, answers={"model/list": {"error": {"code": -32603, "message": "no"}}}), none)


def test_a_login_and_its_end(tmp_path: Path) -> None:
    begun = {"type": "chatgptDeviceCode", "loginId": "l", "userCode": "ABCD", "verificationUrl": "https://v"}

    async def act(stage: Stage) -> None:
        steps = stage.bridge.login()
        step = await anext(aiter(steps))
        assert (step.kind, step.url, step.code) == ("code", "https://v", "ABCD")
        with pytest.raises(BridgeFault, match="pasted"):
            await stage.bridge.answered("x")
        await stage.bridge.logout()

    played(Scene(tmp_path, answers={"account/login/start": {"result": begun}}), act)

    async def refused(stage: Stage) -> None:
        with pytest.raises(BridgeFault, match="did not log out"):
            await stage.bridge.logout()

    played(Scene(tmp_path, answers={"account/logout": {"error": {"code": -1, "message": "no"}}}), refused)


def test_nothing_is_started_before_it_is_needed(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.place()

    async def act(stage: Stage) -> None:
        bridge = open_bridge(settings(scene), stage.around)
        await bridge.close()

    played(scene, act)
    assert scene.runs() == []


def test_its_environment_has_none_of_ours(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        await stage.hear(asks("Hello"))

    scene = Scene(tmp_path, turns=[HELLO])
    played(scene, act)
    assert "OPENAI_API_KEY" not in scene.environ()
    assert {"CODEX_HOME", "HOME", "PATH"} <= scene.environ()
    assert json.dumps(scene.runs()).count("analytics.enabled=false") == 1
