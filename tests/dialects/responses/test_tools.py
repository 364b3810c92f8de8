"""Tools: every one that the client executes is there under one legal name, and the way back is noted."""

import json

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.request import CustomTool, FunctionTool
from llm_gateway.dialects.responses.tools import Known, Toolbox, known_tools
from llm_gateway.errors import MalformedRequest

FIND = {"type": "function", "name": "find", "parameters": {"type": "object"}, "strict": False}
SEARCH = {"type": "tool_search", "execution": "client", "description": "Search.", "parameters": {"a": 1}}


def toolbox(*tools: object) -> tuple[Toolbox, list[str]]:
    losses = Losses()
    box = Toolbox(losses)
    box.add_all(Raw(json.dumps(tools).encode()), "tools")
    return box, [loss.what for loss in losses.found()]


def test_functions_and_tools_of_free_text() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: A"}
    box, lost = toolbox(
        {"type": "function", "name": "f", "description": "F.", "parameters": {"n": 1.0}, "strict": True},
        {"type": "function", "name": "g", "parameters": None, "strict": None},
        {"type": "custom", "name": "c", "description": "C.", "format": grammar},
        {"type": "custom", "name": "d", "format": {"type": "text"}},
    )
    assert list(box.tools.values()) == [
        FunctionTool("f", "F.", Raw(b'{"n": 1.0}'), True),
        FunctionTool("g"),
        CustomTool("c", "C.", "lark", "start: A"),
        CustomTool("d"),
    ]
    assert lost == [] and box.note() == ""


def test_a_schema_stays_as_it_was_written() -> None:
    losses = Losses()
    box = Toolbox(losses)
    box.add_all(Raw(b'[{"type":"function","name":"f","parameters":{ "minimum" : 1.50e1 }}]'), "tools")
    tool = box.tools["f"]
    assert isinstance(tool, FunctionTool)
    assert tool.schema is not None and bytes(tool.schema) == b'{ "minimum" : 1.50e1 }'


def test_a_namespace_becomes_names_and_a_note() -> None:
    patch = {"type": "custom", "name": "patch"}
    box, lost = toolbox(
        {"type": "namespace", "name": "crm", "description": "Of CRM.", "tools": [FIND, patch]}
    )
    assert list(box.tools) == ["crm__find", "crm__patch"]
    # What is said of the group is told once.
    assert [tool.description for tool in box.tools.values()] == ["About all tools of crm: Of CRM.", ""]
    assert known_tools(box.note()) == {
        "crm__find": Known("function", "crm", "find"),
        "crm__patch": Known("custom", "crm", "patch"),
    }
    assert lost == []
    assert box.name("crm", "find") == "crm__find"


def test_the_default_namespace_is_none() -> None:
    box, _ = toolbox({"type": "namespace", "name": "functions", "description": "D", "tools": [FIND]})
    assert list(box.tools) == ["find"] and box.note() == ""
    assert box.name("functions", "find") == box.name("", "find") == "find"


def test_names_that_meet_are_told_apart() -> None:
    box, lost = toolbox(
        {"type": "function", "name": "crm__find"},
        {"type": "namespace", "name": "crm", "tools": [FIND]},
    )
    first, second = box.tools
    assert first == "crm__find" and second.startswith("crm__find_")
    assert known_tools(box.note()) == {second: Known("function", "crm", "find")}
    assert lost == []


def test_a_tool_told_twice_is_one_tool() -> None:
    box, lost = toolbox(FIND, FIND)
    assert len(box.tools) == 1 and lost == []
    _, lost = toolbox(FIND, {**FIND, "description": "another"})
    assert lost == ["tools.name"]


def test_the_vendors_tools_that_a_client_executes_are_functions() -> None:
    box, lost = toolbox(SEARCH, {"type": "local_shell"}, {"type": "shell"}, {"type": "apply_patch"})
    assert list(box.tools) == ["tool_search", "local_shell", "shell", "apply_patch"]
    assert {name: known.kind for name, known in known_tools(box.note()).items()} == {
        name: name for name in box.tools
    }
    assert lost == ["tools.local_shell", "tools.shell", "tools.apply_patch"]
    for tool in box.tools.values():
        assert isinstance(tool, FunctionTool) and tool.schema is not None and tool.description
        assert isinstance(json.loads(bytes(tool.schema)), dict)


def test_a_function_of_the_clients_may_be_called_like_a_tool_of_the_vendors() -> None:
    box, _ = toolbox({"type": "function", "name": "shell"}, {"type": "shell"})
    own, vendors = box.tools
    assert own == "shell" and vendors != "shell"
    assert box.vendors("shell") == vendors and box.name("", "shell") == "shell"
    assert known_tools(box.note()) == {vendors: Known("shell")}


@pytest.mark.parametrize(
    ("tool", "lost"),
    [
        ({"type": "web_search"}, "tools.web_search"),
        ({"type": "mcp", "server_label": "s"}, "tools.mcp"),
        ({"type": "what is this"}, "tools.unknown"),
        ({"type": "shell", "environment": {"type": "container_auto"}}, "tools.shell"),
        ({"type": "tool_search"}, "tools.tool_search"),
    ],
)
def test_what_only_the_vendor_executes_is_lost(tool: object, lost: str) -> None:
    box, losses = toolbox(tool)
    assert not box.tools and losses == [lost]


@pytest.mark.parametrize(
    ("member", "lost"),
    [
        ({"defer_loading": True}, ["tools.defer_loading"]),
        ({"defer_loading": False}, []),
        ({"allowed_callers": ["direct"]}, []),
        ({"allowed_callers": ["programmatic"]}, ["tools.allowed_callers"]),
        ({"output_schema": {"type": "string"}}, ["tools.output_schema"]),
        ({"async": True}, ["tools.async"]),
        ({"new": 1}, ["tools.function.new"]),
    ],
)
def test_what_a_tool_says_beyond_is_reported(member: dict[str, object], lost: list[str]) -> None:
    box, losses = toolbox({**FIND, **member})
    assert list(box.tools) == ["find"] and losses == lost


def test_other_members_and_forms_are_reported() -> None:
    _, lost = toolbox({"type": "custom", "name": "c", "format": {"type": "new"}})
    assert lost == ["tools.custom.format"]
    _, lost = toolbox({"type": "namespace", "name": "n", "tools": [], "new": 1})
    assert lost == ["tools.namespace.new"]


@pytest.mark.parametrize(
    ("tools", "where"),
    [
        (b"7", "tools"),
        (b"[7]", "tools[0]"),
        (b"[{}]", "tools[0].type"),
        (b'[{"type":7}]', "tools[0].type"),
        (b'[{"type":"function"}]', "tools[0].name"),
        (b'[{"type":"function","name":"f","strict":7}]', "tools[0].strict"),
        (b'[{"type":"namespace","name":"n","tools":7}]', "tools[0].tools"),
        (b'[{"type":"namespace","name":"n","tools":[{"type":"custom"}]}]', "tools[0].tools[0].name"),
    ],
)
def test_what_is_no_tool_is_refused_with_its_place(tools: bytes, where: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        Toolbox(Losses()).add_all(Raw(tools), "tools")
    assert caught.value.param == where


def test_adding_returns_the_names() -> None:
    box = Toolbox(Losses())
    assert box.add_all(Raw(b""), "tools") == box.add_all(Raw(b"null"), "tools") == []
    again = Raw(json.dumps([FIND, {"type": "web_search"}]).encode())
    assert box.add_all(again, "tools") == box.add_all(again, "tools") == ["find"]


def test_a_choice_means_declared_tools() -> None:
    box, _ = toolbox(
        {"type": "function", "name": "find"}, {"type": "namespace", "name": "crm", "tools": [FIND]}
    )
    assert list(box.chosen("", "find")) == ["find"]
    assert list(box.chosen("functions", "find")) == ["find"]
    assert list(box.chosen("crm", "find")) == list(box.chosen("crm", "")) == ["crm__find"]
    assert list(box.chosen("", "other")) == list(box.chosen("crm", "other")) == []
    box, _ = toolbox({"type": "namespace", "name": "crm", "tools": [FIND]})
    assert list(box.chosen("", "find")) == ["crm__find"]
    box.name("", "gone")  # of an earlier call: no tool of this request
    assert list(box.chosen("", "gone")) == []


def test_no_note_is_no_tools() -> None:
    assert known_tools("") == {}
