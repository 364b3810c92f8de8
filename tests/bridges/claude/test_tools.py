"""The client's tools as a server: names there and back, the handshake, calls, results."""

import msgspec
import pytest

from llm_gateway.bridges.claude.tools import (
    PREFIX,
    Call,
    called,
    can_hand_over,
    offered,
    read_call,
    serve,
    told_result,
    written_name,
)
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Document, Image, Inline, Link, ResultPart, Text, ToolResult
from llm_gateway.canonical.request import CustomTool, FunctionTool, Request, Tool, ToolChoice

SCHEMA = msgspec.Raw(b'{"type":"object","properties":{"city":{"type":"string"}}}')
WEATHER = FunctionTool("weather", "Tells it. " * 900, SCHEMA)
PATCH = CustomTool("apply_patch", "Patches.")
PNG = Image(Inline("aGk=", "image/png"))


def listed(*tools: Tool, choice: ToolChoice = ToolChoice()) -> tuple[list[object], set[str]]:  # noqa: B008
    losses = Losses()
    found = offered(Request((), tools, choice), losses)
    return [each["name"] for each in found], {loss.what for loss in losses.found()}


def test_tools_are_listed_as_an_mcp_server_does() -> None:
    (tool,) = offered(Request((), (WEATHER,)), Losses())
    assert tool["name"] == "weather"
    assert tool["description"] == WEATHER.description
    assert msgspec.json.decode(msgspec.json.encode(tool["inputSchema"])) == msgspec.json.decode(SCHEMA)
    assert tool["_meta"] == {"anthropic/alwaysLoad": True, "anthropic/maxResultSizeChars": 500_000}


def test_what_the_program_decides_itself_is_a_loss() -> None:
    assert listed(WEATHER, PATCH) == (["weather", "apply_patch"], set())
    assert listed(WEATHER, choice=ToolChoice("none")) == ([], set())
    assert listed(WEATHER, choice=ToolChoice("required")) == (["weather"], {"tool_choice"})
    assert listed(WEATHER, PATCH, choice=ToolChoice("named", ("weather",))) == (["weather"], {"tool_choice"})
    assert listed(WEATHER, choice=ToolChoice(parallel=False)) == (["weather"], {"parallel_tool_calls"})


@pytest.mark.parametrize("name", ["weather", "a.b/c", "x" * 128, "ä" * 40, "y" * 110])
def test_a_name_fits_and_comes_back(name: str) -> None:
    written = written_name(name, Losses())
    assert written.startswith(PREFIX)
    assert len(written) <= 128
    assert written.isascii()
    short = written.removeprefix(PREFIX)
    if len(name) == 128:
        assert called([name]) == {short: name}
    elif name.isascii() and "." not in name:
        assert called([name]) == {}
        assert short == name


@pytest.mark.parametrize(
    ("message", "result"),
    [
        (
            {"id": 0, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}},
            {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "llm-gateway", "version": "1"},
            },
        ),
        ({"id": 1, "method": "tools/list"}, {"tools": ({"name": "weather"},)}),
        ({"id": 2, "method": "ping"}, {}),
        ({"method": "notifications/initialized"}, {}),
    ],
)
def test_it_is_a_server_that_has_tools(message: dict[str, object], result: object) -> None:
    answer = serve(message, ({"name": "weather"},))
    assert answer["result"] == result
    assert answer.get("id") == message.get("id")


def test_it_has_nothing_else() -> None:
    answer = serve({"id": 3, "method": "resources/list"}, ())
    assert "result" not in answer
    assert "error" in answer
    asked = serve({"id": 4, "method": "initialize"}, ())["result"]
    assert isinstance(asked, dict)
    assert asked["protocolVersion"] == "2025-06-18"


def test_a_call_is_told_by_the_models_id_of_it() -> None:
    message: dict[str, object] = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "weather", "_meta": {"claudecode/toolUseId": "toolu_1", "progressToken": 2}},
    }
    assert read_call(message) == Call("toolu_1", 2)
    assert read_call({**message, "method": "tools/list"}) is None
    assert read_call({**message, "params": {"name": "weather"}}) is None


@pytest.mark.parametrize(
    ("part", "fits"),
    [
        (Text("sunny"), True),
        (PNG, True),
        (Text("x" * 400_001), False),
        (Image(Inline("aGk=", "image/tiff")), False),
        (Image(Link("https://x.example/a.png")), False),
        (Document(Inline("aGk=", "application/pdf")), False),
    ],
)
def test_a_result_is_handed_over_only_as_it_is(part: ResultPart, fits: bool) -> None:
    assert can_hand_over(ToolResult("toolu_1", (part,))) is fits


def test_a_result_is_told_with_its_call() -> None:
    told = told_result(Call("toolu_1", 2), ToolResult("toolu_1", (Text("sunny"), PNG), is_error=True))
    assert told == {
        "jsonrpc": "2.0",
        "id": 2,
        "result": {
            "content": [
                {"type": "text", "text": "sunny"},
                {"type": "image", "data": "aGk=", "mimeType": "image/png"},
            ],
            "isError": True,
        },
    }
