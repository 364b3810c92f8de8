"""How a session is started: stripped of what is the program's own, with nothing said among its arguments."""

from pathlib import Path

import msgspec
import pytest

from llm_gateway.bridges.claude.launch import Launch, launch_of
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import Format, FunctionTool, Reasoning, Request

SCHEMA = msgspec.Raw(b'{"type":"object","properties":{}}')


def launched(**told: object) -> Launch:
    return launch_of("opus", "", msgspec.structs.replace(Request(()), **told), Losses())


def test_it_is_a_plain_model() -> None:
    arguments = Launch("opus", "secret words").arguments(None)
    at = arguments.index("--tools")
    assert arguments[at + 1] == ""
    assert {
        "--setting-sources=",
        "--strict-mcp-config",
        "--no-session-persistence",
        "--disable-slash-commands",
        "--include-partial-messages",
        "--model=opus",
    } <= set(arguments)
    assert not any(each.startswith(("--mcp-config", "--resume", "--effort")) for each in arguments)


def test_what_a_client_says_is_not_among_the_arguments() -> None:
    launch = launch_of(
        "--dangerously-skip-permissions",
        "secret words",
        Request(
            (),
            (FunctionTool("secret_tool", "secret words"),),
            format=Format("schema", schema=msgspec.Raw(b'{"title":"secret"}')),
        ),
        Losses(),
    )
    arguments = launch.arguments(Path("/x/history.jsonl"))
    assert "secret" not in " ".join(arguments)
    assert "--model=--dangerously-skip-permissions" in arguments, "a name is no option"
    assert "--resume=/x/history.jsonl" in arguments
    assert "--allowedTools=mcp__c" in arguments
    servers = next(each for each in arguments if each.startswith("--mcp-config="))
    assert msgspec.json.decode(servers.removeprefix("--mcp-config=")) == {
        "mcpServers": {"c": {"type": "sdk", "name": "c", "timeout": 3_600_000, "disableAutoBackground": True}}
    }
    opening = msgspec.json.decode(msgspec.json.encode(launch.opening()))
    assert opening == {
        "subtype": "initialize",
        "hooks": None,
        "systemPrompt": "secret words",
        "jsonSchema": {"title": "secret"},
    }


def test_any_json_is_an_object() -> None:
    assert launched(format=Format("json")).schema == b'{"type":"object"}'
    assert launched(format=Format("schema", schema=SCHEMA)).schema == bytes(SCHEMA)
    assert launched().schema == b""


@pytest.mark.parametrize(
    ("reasoning", "arguments"),
    [
        (None, []),
        (Reasoning("none"), ["--thinking=disabled"]),
        (Reasoning(budget=0), ["--thinking=disabled"]),
        (Reasoning("minimal"), ["--effort=low", "--thinking-display=summarized"]),
        (Reasoning("xhigh", shown=False), ["--effort=xhigh", "--thinking-display=omitted"]),
        (Reasoning(budget=2048), ["--max-thinking-tokens=2048", "--thinking-display=summarized"]),
        (Reasoning(), ["--thinking-display=summarized"]),
    ],
)
def test_how_much_is_thought(reasoning: Reasoning | None, arguments: list[str]) -> None:
    plain = launched().arguments(None)
    assert [each for each in launched(reasoning=reasoning).arguments(None) if each not in plain] == arguments


def test_sessions_are_told_apart_by_what_they_are_for() -> None:
    tools = (FunctionTool("weather"),)
    keys = {
        each.key
        for each in (
            launched(),
            launched(tools=tools),
            launched(reasoning=Reasoning("low")),
            launched(format=Format("json")),
            Launch("sonnet", ""),
            Launch("opus", "x"),
        )
    }
    assert len(keys) == 6
    assert launched(tools=tools).key == launched(tools=tools).key
