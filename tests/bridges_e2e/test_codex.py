"""Codex itself as a bridge: what its app server makes of turns, against a scripted provider on loopback."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import msgspec
import pytest

from bridges_e2e.stage import PIXEL, SILENT, Stage, asks, environ, failing, heard, picture, played
from clients_e2e.running import RefusingProxy
from llm_gateway.canonical.events import TextDelta
from llm_gateway.canonical.parts import Text, Thinking, ToolCall, ToolResult
from llm_gateway.canonical.request import Format, FunctionTool, Message, Reasoning
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.bridges import BridgeSettings
from real_clients import Installation
from scripted import Gate, Received, ScriptedUpstream, Send, responses
from scripted.wording import response

pytestmark = pytest.mark.real_clients

MODEL = "gpt-6.1-sol"
USED = Usage(uncached=32, cache_read=8, output=12, reasoning=2)
SCHEMA = (
    b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],'
    b'"additionalProperties":false}'
)

Scene = Callable[[Stage], Coroutine[object, object, None]]
Play = Callable[[Scene], None]


def asking(url: str) -> str:
    """Return the settings of a Codex that asks the scripted provider."""
    return (
        'model_provider = "scripted"\n[model_providers.scripted]\nname = "scripted"\n'
        f'base_url = "{url}/v1"\nwire_api = "responses"\nsupports_websockets = false\n'
        'experimental_bearer_token = "not-a-token"\n'
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the bridges that remembers what it found out of the program."""
    return tmp_path_factory.mktemp("bridges")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the folder in which Codex keeps its login and settings."""
    home = tmp_path / "codex"
    home.mkdir()
    return home


@pytest.fixture
def play(
    home: Path, folder: Path, installation: Installation, proxy: RefusingProxy, scripted: ScriptedUpstream
) -> Play:
    """Return a way to play a scene with a Codex that asks the scripted provider."""
    (home / "config.toml").write_text(asking(scripted.url))
    settings = BridgeSettings("codex", home=str(home), parallel=8, first_timeout=20.0)
    return lambda scene: played(settings, environ(installation, home.parent, proxy), folder, scene)


def items(asked: Received) -> list[dict[str, object]]:
    """Return what the provider was asked, without ids and the list of tools."""
    told = asked.json()["input"]
    assert isinstance(told, list)
    return [{**item, "id": None} for item in told if item["type"] != "additional_tools"]


def tools(asked: Received) -> list[str]:
    """Return the names of the tools that the provider was offered, wherever they stand."""
    body = asked.json()
    given, told = body.get("tools") or [], body["input"]
    assert isinstance(given, list)
    assert isinstance(told, list)
    for item in told:
        given += item.get("tools", []) if item["type"] == "additional_tools" else []
    return [each["name"] for tool in given for each in tool.get("tools", [tool])]


def said(role: str, text: str) -> dict[str, object]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "id": None, "role": role, "content": [{"type": kind, "text": text}]}


def test_a_plain_model_is_asked_and_nothing_else(
    play: Play, scripted: ScriptedUpstream, proxy: RefusingProxy
) -> None:
    async def scene(stage: Stage) -> None:
        answer = await stage.hear(asks("Hello", "Hi", "How are you?", system="Be brief."), MODEL)
        assert answer.text == responses.TEXT
        assert answer.response.usage == USED
        assert answer.response.finish == "stop"
        assert answer.response.model == MODEL
        assert sum(isinstance(event, TextDelta) for event in answer.events) > 1, "it is streamed"
        health = await stage.engine.look()
        assert (health.state, health.verified) == ("ok", "turn_succeeded")
        assert {"gpt-6.1-sol", "gpt-5.5"} <= set(stage.engine.models)
        assert "codex-auto-review" not in stage.engine.models
        assert all(model.context >= 100_000 for model in stage.engine.offered)

    proxy.refused.clear()
    play(scene)
    (asked,) = scripted.asked()
    assert items(asked) == [
        said("developer", "Be brief."),
        said("user", "Hello"),
        said("assistant", "Hi"),
        said("user", "How are you?"),
    ]
    assert tools(asked) == []
    assert str(asked.header("user-agent")).startswith("llm_gateway/")
    assert not [line for line in proxy.refused if "openai" not in line], "it asks nobody else"


def test_tools_of_the_client_are_called_by_it_alone(play: Play, scripted: ScriptedUpstream) -> None:
    calls = [
        responses.reasoning(),
        responses.function_call("exec_command", {"cmd": "ls"}, "call_1"),
        responses.function_call("client_mcp__files__read", {"path": "a"}, "call_2"),
    ]
    *begun, end, last = responses.stream(responses.events(MODEL, calls))
    scripted.queue((*begun, Gate("called"), end, last))
    offered = tuple(
        FunctionTool(name, "d", msgspec.Raw(SCHEMA)) for name in ("exec_command", "mcp__files__read")
    )
    request = msgspec.structs.replace(asks("Read it."), tools=offered)

    async def scene(stage: Stage) -> None:
        answer = await stage.begin(request, MODEL)
        scripted.open("called")
        first = await heard(answer)
        assert first.response.finish == "tool_calls"
        assert first.response.usage == USED
        thought, *called = first.response.parts
        assert called == [
            ToolCall("call_1", "exec_command", '{"cmd": "ls"}'),
            ToolCall("call_2", "mcp__files__read", '{"path": "a"}'),
        ]
        assert isinstance(thought, Thinking)
        results = (ToolResult("call_1", (Text("x" * 300_000),)), ToolResult("call_2", (picture(),)))
        talk = (*request.messages, Message("assistant", (thought, *called)), Message("user", results))
        second = await stage.hear(msgspec.structs.replace(request, messages=talk), MODEL)
        assert second.text == responses.TEXT

    play(scene)
    first, second = scripted.asked()
    assert tools(first) == tools(second) == ["client_exec_command", "client_mcp__files__read"]
    _, sealed, call, other, result, shown = items(second)
    assert (sealed["type"], sealed["encrypted_content"]) == ("reasoning", responses.ENCRYPTED)
    assert (call["name"], call["arguments"]) == ("client_exec_command", '{"cmd": "ls"}')
    assert other["name"] == "client_mcp__files__read"
    assert (result["call_id"], result["output"]) == ("call_1", "x" * 300_000), "nothing is cut"
    assert PIXEL in str(shown["output"])


def test_a_conversation_goes_on_where_its_provider_keeps_it(play: Play, scripted: ScriptedUpstream) -> None:
    calls = [
        responses.reasoning(),
        responses.function_call("weather", {"city": "A"}, "call_1"),
        responses.function_call("time", {}, "call_2"),
    ]
    scripted.queue(responses.stream(responses.events(MODEL, calls)))
    offered = tuple(FunctionTool(name, "d", msgspec.Raw(SCHEMA)) for name in ("weather", "time"))
    request = msgspec.structs.replace(asks("How is it?", system="Be brief."), tools=offered)

    async def scene(stage: Stage) -> None:
        first = await stage.hear(request, MODEL)
        called = tuple(part for part in first.response.parts if isinstance(part, ToolCall))
        results = (ToolResult("call_1", (Text("x" * 100_000),)), ToolResult("call_2", (Text("noon"),)))
        talk = [*request.messages, Message("assistant", called), Message("user", results)]
        second = await stage.hear(msgspec.structs.replace(request, messages=tuple(talk)), MODEL)
        assert second.text == responses.TEXT
        talk += [Message("assistant", (Text(second.text),)), Message("user", (Text("And now?"),))]
        third = await stage.hear(msgspec.structs.replace(request, messages=tuple(talk)), MODEL)
        assert third.text == responses.TEXT
        assert [heard.response.usage for heard in (first, second, third)] == [USED] * 3

    play(scene)
    asked = scripted.asked()
    assert len({each.json()["prompt_cache_key"] for each in asked}) == 1
    talks = [items(each) for each in asked]
    kinds = [[item["type"] for item in talk] for talk in talks]
    assert kinds[1] == [
        *kinds[0],
        *("reasoning", "function_call", "function_call", "function_call_output", "function_call_output"),
    ]
    assert kinds[2][: len(kinds[1])] == kinds[1], "thinking that the client did not send back is there"
    assert talks[2][: len(talks[1])] == talks[1]
    assert "x" * 100_000 in str(talks[1])


def test_pictures_schemas_and_effort_get_through(play: Play, scripted: ScriptedUpstream) -> None:
    request = msgspec.structs.replace(
        asks((Text("Where is this?"), picture())),
        format=Format("schema", "place", schema=msgspec.Raw(SCHEMA)),
        reasoning=Reasoning("high", shown=True),
    )

    async def scene(stage: Stage) -> None:
        answer = await stage.hear(request, "gpt-5.5")
        thought = answer.response.parts[0]
        assert isinstance(thought, Thinking)
        assert thought.text == "Erst denken."
        assert not answer.losses
        broken = msgspec.structs.replace(
            picture(), source=msgspec.structs.replace(picture().source, data="AAAA")
        )
        refused = await stage.hear(asks((Text("And this?"), broken)), "gpt-5.5")
        assert (refused.status, refused.kind) == (400, "refused"), "it would be told that there was a picture"

    play(scene)
    (asked,) = scripted.asked()
    (content,) = (item["content"] for item in items(asked))
    assert "Where is this?" in str(content)
    assert f"data:image/png;base64,{PIXEL}" in str(content)
    body = asked.json()
    assert body["reasoning"] == {"effort": "high", "summary": "auto"}
    assert '"json_schema"' in msgspec.json.encode(body["text"]).decode()


def test_a_long_conversation_is_sent_as_it_is(play: Play, scripted: ScriptedUpstream) -> None:
    async def scene(stage: Stage) -> None:
        long = [f"{number}: {'word ' * 60_000}" for number in range(7)]
        assert (await stage.hear(asks(*long), MODEL)).text == responses.TEXT

    play(scene)
    (asked,) = scripted.asked()
    assert len(items(asked)) == 7
    assert len(asked.body) > 2_000_000


def test_eight_at_a_time(play: Play, scripted: ScriptedUpstream) -> None:
    async def scene(stage: Stage) -> None:
        await stage.hear(asks("warm"), MODEL)
        began = time.monotonic()
        answers = await asyncio.gather(*(stage.hear(asks(f"Hello {n}"), MODEL) for n in range(8)))
        assert {answer.text for answer in answers} == {responses.TEXT}
        assert {answer.response.usage for answer in answers} == {USED}
        assert time.monotonic() - began < 5

    play(scene)
    assert len({asked.body for asked in scripted.asked()}) == 9


def test_refusals_are_told_before_codex_tries_again(play: Play, scripted: ScriptedUpstream) -> None:
    refusals = {
        400: ("refused", 400, "ok"),
        500: ("bridge_failed", 502, "ok"),
        401: ("auth_required", 401, "auth_required"),
        429: ("rate_limited", 429, "rate_limited"),
    }

    async def scene(stage: Stage) -> None:
        await stage.engine.look()
        for status, (kind, told, state) in refusals.items():
            scripted.forget()
            scripted.queue(*[failing(status)] * 12)
            began = time.monotonic()
            answer = await stage.hear(asks("Hello"), MODEL)
            assert (answer.kind, answer.status) == (kind, told)
            assert time.monotonic() - began < 6, "Codex itself would go on for up to half a minute"
            assert (await stage.engine.look(fresh=True)).state == state
        scripted.forget()
        assert (await stage.hear(asks("Hello"), MODEL)).text == responses.TEXT

    play(scene)


def test_a_used_up_plan_is_told_with_its_end(play: Play, scripted: ScriptedUpstream) -> None:
    ends = int(time.time()) + 3600
    body = {"error": {"type": "usage_limit_reached", "message": "no", "plan_type": "plus", "resets_at": ends}}
    limits = (
        ("x-codex-primary-used-percent", "100.0"),
        ("x-codex-primary-window-minutes", "300"),
        ("x-codex-primary-reset-at", str(ends)),
    )
    scripted.queue((Send(response(429, msgspec.json.encode(body), limits)),))

    async def scene(stage: Stage) -> None:
        answer = await stage.begin(asks("Hello"), MODEL)
        wait = dict(answer.headers)[b"retry-after"]
        assert 3500 < int(wait) <= 3600
        assert (await heard(answer)).kind == "rate_limited"
        health = await stage.engine.look()
        assert (health.state, health.resets_us) == ("rate_limited", ends * 1_000_000)
        assert [(window.name, window.used) for window in health.windows] == [("5 hours", 1.0)]

    play(scene)


def test_an_answer_that_breaks_off_is_not_told_twice(play: Play, scripted: ScriptedUpstream) -> None:
    scripted.queue(responses.stream(responses.events(MODEL, ending="")))

    async def scene(stage: Stage) -> None:
        answer = await stage.begin(asks("Hello"), MODEL)
        with pytest.raises(Exception, match="Codex cannot reach its vendor"):
            await heard(answer)

    play(scene)


def test_a_client_that_goes_away_stops_the_model(play: Play, scripted: ScriptedUpstream) -> None:
    *begun, _end, _last = responses.stream(responses.events(MODEL))
    scripted.queue((*begun, *SILENT))
    took: list[float] = []

    async def scene(stage: Stage) -> None:
        answer = await stage.begin(asks("Hello"), MODEL)
        assert b"started" in await answer.read()
        gone = time.monotonic()
        answer.release()
        connection = scripted.connections[-1]
        ended = await asyncio.to_thread(scripted.wait_closed, connection)
        took.append(ended - gone)
        assert (await stage.hear(asks("Again"), MODEL)).text == responses.TEXT

    play(scene)
    assert took[0] < 0.5


def test_a_client_that_goes_away_before_it_began(play: Play, scripted: ScriptedUpstream) -> None:
    scripted.queue(SILENT)

    async def scene(stage: Stage) -> None:
        await stage.engine.look()
        asking = stage.tasks.start("asking", stage.begin(asks("Hello"), MODEL))
        await asyncio.to_thread(scripted.wait_asked)
        asking.cancel()
        await asyncio.to_thread(scripted.wait_closed, scripted.connections[-1])

    play(scene)


def test_the_end_of_the_program_is_the_end_of_a_turn_and_the_next_starts_it(
    play: Play, scripted: ScriptedUpstream
) -> None:
    *begun, _end, _last = responses.stream(responses.events(MODEL))
    scripted.queue((*begun, *SILENT))

    async def scene(stage: Stage) -> None:
        answer = await stage.begin(asks("Hello"), MODEL)
        await answer.read()
        await stage.engine.bridge.close()
        with pytest.raises(Exception, match="codex"):
            await heard(answer)
        assert (await stage.hear(asks("Again"), MODEL)).text == responses.TEXT

    play(scene)
