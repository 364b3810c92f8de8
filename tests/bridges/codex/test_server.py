"""The app server: one for all, started when it is needed, anew when it ended, and gone when it is idle."""

import asyncio
from pathlib import Path

import pytest
from msgspec import Raw

from bridges.codex.codex_stage import Stage, asks, played, until
from bridges.codex.fake_codex import Scene, completed, delta
from llm_gateway.bridges.codex.protocol import Limits, LimitWindow
from llm_gateway.bridges.codex.server import Running
from llm_gateway.bridges.faults import BridgeFault

HELLO: list[object] = [delta("Hello"), completed()]


def starts(scene: Scene) -> int:
    return len([run for run in scene.runs() if run[:2] == ["app-server", "-c"]])


def test_many_use_one(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        await asyncio.gather(*(stage.hear(f"Hello {n}") for n in range(8)))

    scene = Scene(tmp_path, turns=[HELLO] * 8)
    played(scene, act)
    assert starts(scene) == 1
    assert len({thread["threadId"] for thread in scene.asked("turn/start")}) == 8


def test_who_waits_for_the_start_may_leave_and_others_stay(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        first = stage.tasks.start("first", stage.hear("Hello"))
        second = stage.tasks.start("second", stage.hear("Hello"))
        await asyncio.sleep(0)
        first.cancel()
        assert await second != []

    scene = Scene(tmp_path, turns=[HELLO])
    played(scene, act)
    assert starts(scene) == 1


def test_it_is_started_anew_when_it_has_ended(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        for _ in range(2):
            with pytest.raises(BridgeFault, match="ended by itself") as fault:
                await stage.hear("Hello")
            assert fault.value.kind == "bridge_failed"

    scene = Scene(tmp_path, turns=[[delta("Hel"), "die"]])
    played(scene, act)
    assert starts(scene) == 2


def test_one_that_does_not_start_is_a_fault_without_its_words(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        with pytest.raises(BridgeFault, match="does not start") as fault:
            await stage.hear("Hello")
        assert "its own words" not in fault.value.message

    played(Scene(tmp_path, dies=True), act)


def test_one_that_does_not_let_itself_be_known_is_a_fault(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        with pytest.raises(BridgeFault, match="does not start"):
            await stage.hear("Hello")

    refused = {"error": {"code": -32600, "message": "no"}}
    played(Scene(tmp_path, answers={"config/read": refused}), act)


def test_it_goes_when_it_is_idle_and_a_look_alone_does_not_keep_it(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        assert await stage.hear("Hello") != []
        async with stage.server.use() as running:
            await asyncio.sleep(0.1)
            assert running.rpc.fault is None, "not while it is used"
        await until(lambda: running.rpc.fault is not None)
        assert await stage.hear("Hello") != []

    scene = Scene(tmp_path, turns=[HELLO])
    played(scene, act, idle=0.05)
    assert starts(scene) == 2


def test_closing_it_ends_a_start(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        asking = stage.tasks.start("asking", stage.hear("Hello"))
        await until(lambda: stage.scene.asked("initialize"))
        await stage.server.close()
        with pytest.raises(asyncio.CancelledError):
            await asking

    played(Scene(tmp_path, answers={"initialize": None}), act)


def test_the_persons_own_programs_are_put_out_of_the_way(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        await stage.hear("Hello")

    own = {
        "mcp_servers": {"files": {"command": "x"}},
        "features": {"memories": True, "old": False, "odd": {}},
    }
    scene = Scene(tmp_path, turns=[HELLO], config=own)
    played(scene, act)
    (thread,) = scene.asked("thread/start")
    config = thread["config"]
    assert isinstance(config, dict)
    assert (
        config["mcp_servers.files.enabled"] is config["features.memories"] is config["features.odd"] is False
    )
    assert "features.old" not in config


def test_what_it_asks_leave_for_is_declined(tmp_path: Path) -> None:
    asked: list[object] = [
        {"id": "a", "method": "item/commandExecution/requestApproval", "params": {"threadId": "THREAD"}},
        {"id": "b", "method": "item/permissions/requestApproval", "params": {}},
        {"id": "c", "method": "mcpServer/elicitation/request", "params": {}},
        {"id": "d", "method": "execCommandApproval", "params": {}},
        {"id": "e", "method": "account/chatgptAuthTokens/refresh", "params": {}},
        {"id": "f", "method": "item/tool/call", "params": {"threadId": "of nobody"}},
        {"id": "g", "method": "item/tool/call", "params": {"threadId": 3}},
    ]

    async def act(stage: Stage) -> None:
        await stage.hear("Hello")
        await until(lambda: len(stage.scene.answered()) == len(asked))

    scene = Scene(tmp_path, turns=[[*asked, *HELLO]])
    played(scene, act)
    answers = dict(scene.answered())
    nothing = {"code": -32601, "message": "this client does nothing of the kind"}
    assert answers == {
        "a": {"decision": "decline"},
        "b": {"permissions": {}},
        "c": {"action": "decline"},
        "d": {"decision": "denied"},
        "e": nothing,
        "f": nothing,
        "g": nothing,
    }


def test_limits_are_as_they_were_where_they_are_not_told_again(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        async with stage.server.use() as running:
            short, long = LimitWindow(10), LimitWindow(20)
            running.told(Limits(short, long, "rate_limit_reached"))
            sparse = (
                b'{"rateLimits":{"primary":{"usedPercent":30},"secondary":null,"rateLimitReachedType":null}}'
            )
            running.notified("account/rateLimits/updated", Raw(sparse))
            assert running.limits == Limits(LimitWindow(30), long, None)

    played(Scene(tmp_path), act)


def test_notifications_that_are_of_nobody_or_no_form_are_nothing(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        async with stage.server.use() as running:
            speak_to(running, "account/rateLimits/updated", b'{"rateLimits": 3}')
            speak_to(running, "account/login/completed", b"[]")
            speak_to(running, "turn/completed", b'{"threadId": "of nobody"}')
            speak_to(running, "skills/changed", b"{}")
            speak_to(running, "warning", b'{"threadId": null}')
        assert await stage.hear(asks("Hello")) != []

    played(Scene(tmp_path, turns=[HELLO]), act)


def speak_to(running: Running, method: str, params: bytes) -> None:
    running.notified(method, Raw(params))
