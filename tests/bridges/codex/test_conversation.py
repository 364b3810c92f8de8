"""One turn with the app server: that it is stopped whenever somebody leaves, and what is refused before."""

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from bridges.codex.codex_stage import Stage, asks, played, until
from bridges.codex.fake_codex import Scene, call, completed, delta, raw, raw_end, used
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.events import CallStarted, Finished, Measured, TextDelta
from llm_gateway.canonical.parts import Image, Inline, Text, ToolCall, ToolResult
from llm_gateway.canonical.request import FunctionTool, Reasoning

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

    scene = Scene(tmp_path, turns=[[call("c1", "a", {}), call("c2", "b", {})]])
    played(scene, act)
    assert scene.asked("turn/interrupt") == [], "their results are waited for"


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


# the next turn of a conversation


def counted(said: list[object]) -> list[int]:
    return [each.usage.input for each in said if isinstance(each, Measured)]


def test_a_conversation_goes_on_in_its_thread(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        assert counted([*await stage.hear(asks("one"))]) == [40]
        assert counted([*await stage.hear(asks("one", "Hello", "two"))]) == [25], "without the turn before"
        assert counted([*await stage.hear(asks("one", "Hello", "two", "Well", "three"))]) == [35]

    second: list[object] = [delta("We"), delta("ll"), used(65), completed()]
    scene = Scene(
        tmp_path, turns=[[delta("Hello"), used(), completed()], second, [delta("!"), used(100), completed()]]
    )
    played(scene, act)
    assert len(scene.asked("thread/start")) == 1
    given = [str(each["items"]) for each in scene.asked("thread/inject_items")]
    assert ["one" in each for each in given] == [True, False, False], "only what is new is said"
    assert ["two" in each for each in given] == [False, True, False]
    assert {str(each["threadId"]) for each in scene.asked("turn/start")} == {"thread-1"}


@pytest.mark.parametrize(
    "other",
    [
        asks("one", "Hello!", "two"),
        asks("one, no", "Hello", "two"),
        asks("one", "Hello", "two", model="gpt-5"),
        asks("one", "Hello", "two", reasoning=Reasoning("high")),
        asks("one", "Hello", "two", tools=(FunctionTool("a"),)),
    ],
)
def test_another_conversation_is_another_thread(tmp_path: Path, other: Ask) -> None:
    async def act(stage: Stage) -> None:
        await stage.hear("one")
        await stage.hear(other)

    scene = Scene(tmp_path, turns=[HELLO, HELLO])
    played(scene, act)
    assert len(scene.asked("thread/start")) == 2


def test_two_that_go_on_from_the_same_do_not_share_it(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        await stage.hear("one")
        await asyncio.gather(*(stage.hear(asks("one", "Hello", "two")) for _ in range(2)))

    scene = Scene(tmp_path, turns=[HELLO] * 3)
    played(scene, act)
    assert sorted(str(each["threadId"]) for each in scene.asked("turn/start")) == [
        "thread-1",
        "thread-1",
        "thread-2",
    ]


def test_a_thread_that_codex_has_forgotten_is_begun_anew(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        await stage.hear("one")
        assert await stage.hear(asks("one", "Hello", "two")) != []

    scene = Scene(tmp_path, turns=[HELLO, HELLO], forgets=["thread-1"])
    played(scene, act)
    assert [each["threadId"] for each in scene.asked("turn/start")] == ["thread-1", "thread-2"]


TOOLS = (FunctionTool("mcp__files"), FunctionTool("b"))
CALLS: list[object] = [
    raw(type="function_call", name="client_mcp__files", arguments='{"x": 1}', call_id="c1"),
    raw(type="function_call", name="b", arguments="{}", call_id="c2"),
    call("c2", "b", {}),
    raw_end(),
    call("c1", "client_mcp__files", {"x": 1}),
]
CALLED = (ToolCall("c1", "mcp__files", '{"x": 1}'), ToolCall("c2", "b", "{}"))


def after_tools(*results: ToolResult, said: str = "") -> Ask:
    more = (Text(said),) if said else ()
    return asks("one", CALLED, (*results, *more), tools=TOOLS)


RESULTS = (ToolResult("c1", (Text("first"),)), ToolResult("c2", (Text("no"),), is_error=True))


def test_a_turn_waits_for_the_results_of_its_tools(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        first = await stage.hear(asks("one", tools=TOOLS))
        assert [each.name for each in first if isinstance(each, CallStarted)] == ["mcp__files", "b"]
        assert counted([*first]) == [40]
        second = await stage.hear(after_tools(*RESULTS))
        assert [each.text for each in second if isinstance(each, TextDelta)] == ["Hello"]
        assert counted([*second]) == [60]

    answered: list[object] = [used(40), delta("Hello"), used(100), completed()]
    scene = Scene(tmp_path, turns=[CALLS], results_are=answered)
    played(scene, act)
    assert len(scene.asked("thread/start")) == len(scene.asked("turn/start")) == 1
    assert scene.asked("turn/interrupt") == []
    assert dict(scene.answered()) == {
        "c1": {"success": True, "contentItems": [{"type": "inputText", "text": "first"}]},
        "c2": {"success": True, "contentItems": [{"type": "inputText", "text": "The tool failed.\nno"}]},
    }


@pytest.mark.parametrize(
    "ask",
    [
        after_tools(RESULTS[0]),
        after_tools(*RESULTS, said="And hurry."),
        after_tools(ToolResult("c1", (Text("x"), Image(Inline("AAAA", "image/png")))), RESULTS[1]),
    ],
)
def test_anything_but_their_results_begins_anew_with_all_that_was_said(tmp_path: Path, ask: Ask) -> None:
    async def act(stage: Stage) -> None:
        await stage.hear(asks("one", tools=TOOLS))
        assert await stage.hear(ask) != []
        await until(lambda: stage.scene.asked("turn/interrupt"))

    scene = Scene(tmp_path, turns=[CALLS, HELLO])
    played(scene, act)
    assert scene.asked("turn/interrupt") == THE_TURN
    assert "one" in str(scene.asked("thread/inject_items")[1])
    assert scene.answered() == []


def test_leaving_while_tools_wait_and_coming_back_late(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        await stage.hear(asks("one", tools=TOOLS))
        await stage.hear("something else")
        stage.clock.advance(601)
        assert await stage.hear(after_tools(*RESULTS)) != []
        await until(lambda: stage.scene.asked("turn/interrupt"))

    scene = Scene(tmp_path, turns=[CALLS, HELLO, HELLO])
    played(scene, act)
    assert len(scene.asked("thread/start")) == 3


def test_a_turn_that_codex_ended_meanwhile_is_begun_anew(tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        await stage.hear(asks("one", tools=TOOLS))
        async with stage.server.use() as running:
            await until(lambda: running.threads["thread-1"])
            end = {"threadId": "thread-1", "turn": {"id": "turn-1", "status": "interrupted"}}
            running.notified("turn/completed", stage.notice({"params": end}))
        assert await stage.hear(after_tools(*RESULTS)) != []

    scene = Scene(tmp_path, turns=[CALLS, HELLO])
    played(scene, act)
    assert len(scene.asked("thread/start")) == 2


def test_a_call_that_codex_answers_itself_is_the_end_of_the_turn(tmp_path: Path) -> None:
    itself = raw(type="function_call_output", call_id="c1", output="unsupported call")

    async def act(stage: Stage) -> None:
        assert (await stage.hear(asks("one", tools=TOOLS)))[-1] == Finished("tool_calls")
        await until(lambda: stage.scene.asked("turn/interrupt"))

    played(Scene(tmp_path, turns=[[*CALLS[:-1], itself]]), act)
