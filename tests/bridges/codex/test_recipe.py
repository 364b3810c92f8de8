"""A request as Codex is asked it: names of tools, what was said, how to answer, and what is lost."""

import pytest
from msgspec import Raw

from bridges.codex.codex_stage import asks
from llm_gateway.bridges.codex.catalogue import Known
from llm_gateway.bridges.codex.recipe import Recipe, recipe, without
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.parts import Image, Inline, Link, Refusal, Text, ToolCall, ToolResult
from llm_gateway.canonical.request import (
    Effort,
    Format,
    FunctionTool,
    Message,
    Reasoning,
    Request,
    ToolChoice,
)

KNOWN = Known(272_000, "medium", ("low", "medium", "high"))
A, B, MCP = (
    FunctionTool("a", "does"),
    FunctionTool("b", schema=Raw(b'{"type":"object"}')),
    FunctionTool("mcp__x"),
)
PICTURE = Inline("AAAA", "image/png")


def made(ask: Ask) -> Recipe:
    return recipe(ask, KNOWN, {"some": "settings"}, "/empty")


def lost(ask: Ask) -> list[str]:
    return [loss.what for loss in made(ask).losses]


def offered(ask: Ask) -> list[object]:
    tools = made(ask).thread.get("dynamicTools", [])
    assert isinstance(tools, list)
    return [tool["name"] for tool in tools]


def test_a_thread_is_a_plain_model_in_an_empty_folder() -> None:
    thread = made(asks("Hello")).thread
    assert thread["model"] == "gpt-6"
    assert (thread["cwd"], thread["sandbox"], thread["approvalPolicy"]) == ("/empty", "read-only", "never")
    assert (thread["ephemeral"], thread["environments"], thread["config"]) == (True, [], {"some": "settings"})
    assert thread["baseInstructions"] == ""
    assert "dynamicTools" not in thread


def test_the_persons_own_settings_are_put_out_of_the_way() -> None:
    config = without(("files", "web"), ("current_time_reminder",))
    assert config["mcp_servers.files.enabled"] is config["mcp_servers.web.enabled"] is False
    assert config["features.current_time_reminder"] is config["features.shell_tool"] is False
    assert (config["notify"], config["web_search"], config["developer_instructions"]) == ([], "disabled", "")


def test_what_was_said_is_told_in_its_order() -> None:
    talk = (
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("Hello"), Image(PICTURE, "low"), Image(PICTURE, "high"))),
        Message("assistant", (Refusal("No."), ToolCall("c", "a", "{}"))),
        Message("user", (ToolResult("c", (Text("x"), Image(PICTURE, "low"))),)),
        Message("system", (Text("Late."),)),
    )
    plan = made(Ask("gpt-6", Request(talk)))
    assert [(item["type"], item.get("role")) for item in plan.items] == [
        ("message", "developer"),
        ("message", "user"),
        ("message", "assistant"),
        ("function_call", None),
        ("function_call_output", None),
        ("message", "developer"),
    ]
    assert "'detail': 'auto'" in str(plan.items[1])
    assert "'detail': 'high'" in str(plan.items[1])
    assert "low" not in str(plan.items)
    assert plan.items[2]["content"] == [{"type": "output_text", "text": "No."}]
    assert [loss.what for loss in plan.losses] == ["messages.image.detail"]


def test_a_picture_that_is_to_be_fetched_is_refused() -> None:
    with pytest.raises(BridgeFault, match="data URL") as fault:
        made(asks((Image(Link("https://example.com/x.png")),)))
    assert (fault.value.kind, fault.value.param) == ("refused", "messages.image")


def test_nothing_is_nothing_to_answer() -> None:
    with pytest.raises(BridgeFault, match="nothing to answer"):
        made(Ask("gpt-6", Request(())))


def test_tools_are_told_with_their_schemas() -> None:
    thread = made(asks("Hello", tools=(A, B))).thread
    assert thread["dynamicTools"] == [
        {
            "type": "function",
            "name": "a",
            "description": "does",
            "inputSchema": Raw(b'{"type":"object","properties":{}}'),
        },
        {"type": "function", "name": "b", "description": "", "inputSchema": B.schema},
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("exec_command", "client_exec_command"),
        ("shell_command", "client_shell_command"),
        ("mcp", "client_mcp"),
        ("mcp__files__read", "client_mcp__files__read"),
        ("a.b c", "client_a_b_c"),
        ("", "client_"),
        ("mcpfiles", "mcpfiles"),
        ("x" * 128, "x" * 128),
        ("x" * 129, "client_" + "x" * 113),
    ],
)
def test_names_that_codex_keeps_to_itself_are_told_as_others(name: str, told: str) -> None:
    tool = FunctionTool(name)
    plan = made(asks("Hello", (ToolCall("c", name, "{}"),), "And?", tools=(tool,)))
    assert offered(asks("Hello", tools=(tool,))) == [told]
    assert plan.items[1]["name"] == told
    assert plan.names == ({told: name} if name != told else {})


def test_a_name_that_is_made_is_nobody_elses() -> None:
    ask = asks("Hello", tools=(FunctionTool("a.b"), FunctionTool("client_a_b"), FunctionTool("a b")))
    assert sorted(map(str, offered(ask))) == ["client_a_b", "client_a_b_", "client_a_b__"]
    assert set(made(ask).names.values()) == {"a.b", "a b"}


@pytest.mark.parametrize(
    ("choice", "names", "losses"),
    [
        (ToolChoice(), ["a", "client_mcp__x"], []),
        (ToolChoice("none"), [], []),
        (ToolChoice("required"), ["a", "client_mcp__x"], ["tool_choice"]),
        (ToolChoice("named", ("mcp__x",)), ["client_mcp__x"], ["tool_choice"]),
        (ToolChoice("auto", ("a",)), ["a"], []),
        (ToolChoice(parallel=False), ["a", "client_mcp__x"], ["parallel_tool_calls"]),
    ],
)
def test_a_choice_of_tools_is_told_as_far_as_it_can_be(
    choice: ToolChoice, names: list[str], losses: list[str]
) -> None:
    ask = asks("Hello", tools=(A, MCP), tool_choice=choice)
    assert (offered(ask), lost(ask)) == (names, losses)


def test_strict_tools_are_not() -> None:
    assert lost(asks("Hello", tools=(FunctionTool("a", strict=True),))) == ["tools.strict"]


@pytest.mark.parametrize(
    ("reasoning", "effort", "summary", "losses"),
    [
        (None, "medium", "none", []),
        (Reasoning(), "medium", "none", []),
        (Reasoning("high", shown=True), "high", "auto", []),
        (Reasoning("max"), "high", "none", ["reasoning.effort"]),
        (Reasoning("none"), "low", "none", ["reasoning.effort"]),
        (Reasoning(budget=0), "low", "none", ["reasoning.budget", "reasoning.effort"]),
        (Reasoning(budget=2000), "low", "none", ["reasoning.budget"]),
        (Reasoning(budget=8000, shown=False), "medium", "none", ["reasoning.budget"]),
        (Reasoning(budget=32000), "high", "none", ["reasoning.budget"]),
    ],
)
def test_how_much_to_think(
    reasoning: Reasoning | None, effort: Effort, summary: str, losses: list[str]
) -> None:
    plan = made(asks("Hello", reasoning=reasoning))
    assert (plan.turn["effort"], plan.turn["summary"]) == (effort, summary)
    assert [loss.what for loss in plan.losses] == losses


def test_a_model_that_nobody_knows_is_asked_as_wanted() -> None:
    plan = recipe(asks("Hello", reasoning=Reasoning("max")), Known(), {}, "/empty")
    assert (plan.turn["effort"], plan.losses) == ("max", ())
    assert "effort" not in recipe(asks("Hello"), Known(), {}, "/empty").turn


def test_a_form_is_a_schema() -> None:
    schema = Raw(b'{"type":"object"}')
    form = Format("schema", "n", "d", schema, strict=False)
    plan = made(asks("Hello", format=form))
    assert plan.turn["outputSchema"] == schema
    assert [loss.what for loss in plan.losses] == ["response_format.description", "response_format.strict"]
    assert lost(asks("Hello", format=Format("json"))) == ["response_format"]


def test_the_persons_tier_is_not_used_up() -> None:
    turn = made(asks("Hello")).turn
    assert (turn["input"], turn["serviceTierForTurn"]) == ([], "default")
