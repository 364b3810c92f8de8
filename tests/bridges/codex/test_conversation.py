"""One turn with the app server: that it is stopped whenever somebody leaves, and what is refused before."""

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from bridges.codex.codex_stage import Stage, asks, played, until
from bridges.codex.fake_codex import Scene, call, completed, delta, raw
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.events import CallStarted, Finished, TextDelta

HELLO: list[object] = [delta("Hello"), completed()]
THE_TURN = [{"threadId": "thread-1", "turnId": "turn-1"}]


def test_leaving_in_the_middle_stops_the_model_at_once(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        turn = stage.bridge.turn(asks("Hello"))
        while not isinstance(await anext(turn), TextDelta):
            pass
        left = time.monotonic()
        await turn.aclose()
        await until(lambda: stage.scene.asked("turn/interrupt"))
        assert time.monotonic() - left < 1
        await until(lambda: stage.scene.asked("thread/unsubscribe"))
        assert await stage.hear("Hello") != [], "the others go on"

    scene = Scene(tmp_path, turns=[[delta("Hel")], HELLO])
    played(scene, act)
    assert scene.asked("turn/interrupt") == THE_TURN


def test_being_cancelled_while_it_waits_stops_the_model(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        asking = stage.tasks.start("asking", stage.hear("Hello"))
        await until(lambda: stage.scene.asked("turn/start"))
        asking.cancel()
        await until(lambda: stage.scene.asked("turn/interrupt"))

    scene = Scene(tmp_path, turns=[[]])
    played(scene, act)
    assert scene.asked("turn/interrupt") == THE_TURN


@pytest.mark.parametrize("method", ["thread/start", "thread/inject_items"])
def test_leaving_before_it_has_begun_begins_nothing(tmp_path: Path, method: str) -> None:
    async def act(stage: Stage) -> None:
        asking = stage.tasks.start("asking", stage.hear("Hello"))
        await until(lambda: stage.scene.asked(method))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: stage.scene.asked("thread/unsubscribe"))

    scene = Scene(tmp_path, turns=[HELLO], slow=[method])
    played(scene, act)
    assert scene.asked("turn/start") == []
    assert scene.asked("turn/interrupt") == []


def test_without_raw_events_calls_are_collected_until_it_is_quiet(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        said = await stage.hear("Hello")
        assert [each.name for each in said if isinstance(each, CallStarted)] == ["a", "b"]
        assert said[-1] == Finished("tool_calls")
        await until(lambda: stage.scene.asked("turn/interrupt"))

    played(Scene(tmp_path, turns=[[call("c1", "a", {}), call("c2", "b", {})]]), act)


@pytest.mark.parametrize(
    ("method", "code", "message", "kind", "param"),
    [
        ("thread/start", -32001, "Server overloaded; retry later.", "bridge_busy", ""),
        ("thread/start", -32600, "dynamic tool name is reserved: x", "refused", "tools"),
        ("thread/start", -32600, "failed to load configuration", "refused", ""),
        ("thread/inject_items", -32600, "remote image URLs are not supported", "refused", "messages.image"),
        ("thread/inject_items", -32600, "items[0] is not a valid response item", "refused", "messages"),
        ("thread/inject_items", -32601, "unknown", "version_mismatch", ""),
        ("turn/start", -32603, "for person@example.com", "bridge_failed", ""),
    ],
)
def test_what_the_app_server_refuses(
    tmp_path: Path, method: str, code: int, message: str, kind: str, param: str
) -> None:
    async def act(stage: Stage) -> None:
        with pytest.raises(BridgeFault) as fault:
            await stage.hear("Hello")
        assert (fault.value.kind, fault.value.param) == (kind, param)
        assert "person" not in fault.value.message

    played(Scene(tmp_path, answers={method: {"error": {"code": code, "message": message}}}), act)


def test_a_picture_that_is_left_out_is_told_before_the_model_is_asked(tmp_path: Path) -> None:
    kinds = {"content_item_kinds": ["images.preparation_error"]}
    echo = raw("auto-compact-0", type="message", internal_chat_message_metadata_passthrough=kinds)
    told = msgspec.json.decode(msgspec.json.encode(echo).replace(b"THREAD", b"thread-1"))

    async def act(stage: Stage) -> None:
        with pytest.raises(BridgeFault, match="picture"):
            await stage.hear("Hello")

    scene = Scene(tmp_path, before={"thread/inject_items": [told]})
    played(scene, act)
    assert scene.asked("turn/start") == []
