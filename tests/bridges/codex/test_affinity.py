"""Which conversation a request goes on with: what counts as the same, and what does not."""

import msgspec
import pytest

from bridges.codex.codex_stage import asks
from llm_gateway.bridges.codex.affinity import answer_items, key_of, split, tool_results
from llm_gateway.bridges.codex.catalogue import Known
from llm_gateway.bridges.codex.recipe import Recipe, recipe
from llm_gateway.bridges.contract import Ask
from llm_gateway.canonical.parts import Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.request import FunctionTool, Reasoning

CALL = ToolCall("c", "mcp__x", "{}")
THOUGHT = Thinking("so", Seal("responses", "rs_1.ENC"))


def made(ask: Ask, folder: str = "/empty") -> Recipe:
    return recipe(ask, Known(), {}, folder)


def key(ask: Ask, folder: str = "/empty") -> str:
    told = made(ask, folder)
    return key_of(told, told.items)


def test_what_is_new_comes_after_the_last_answer() -> None:
    told = made(asks("a", "b", "c"))
    before, new = split(told.items)
    assert (len(before), len(new)) == (2, 1)
    assert split(made(asks("a")).items)[0] == ()
    before, new = split(made(asks("a", (CALL,), "c")).items)
    assert [item["type"] for item in before] == ["message", "function_call"]


@pytest.mark.parametrize("tools", [(), (FunctionTool("mcp__x"),)])
def test_an_answer_is_what_its_client_sends_back(tools: tuple[FunctionTool, ...]) -> None:
    first = made(asks("one", tools=tools))
    said = (
        *first.items,
        *answer_items(
            (THOUGHT, Text("a"), Text("b"), CALL),
            msgspec.structs.replace(first, names={"client_mcp__x": "mcp__x"}),
        ),
    )
    expected = key_of(first, said)
    for sent_back in (
        (Text("ab"), CALL),
        (Text("a"), Text("b"), CALL),
        (Thinking("so"), Text("ab"), CALL),
        (THOUGHT, Text("a"), THOUGHT, Text("b"), CALL),
    ):
        told = made(asks("one", sent_back, "two", tools=tools), folder="/another")
        assert key_of(told, split(told.items)[0]) == expected


@pytest.mark.parametrize(
    "other",
    [
        asks("One"),
        asks("one", "two"),
        asks("one", model="gpt-5"),
        asks("one", reasoning=Reasoning("high")),
        asks("one", tools=(FunctionTool("a"),)),
        asks("one", tools=(FunctionTool("a", "does"),)),
    ],
)
def test_anything_that_differs_is_another(other: Ask) -> None:
    assert key(other) != key(asks("one"))
    assert key(other) == key(other, "/another"), "but for the folder"


def result(call: str, output: object) -> dict[str, object]:
    return {"type": "function_call_output", "call_id": call, "output": output}


def test_results_of_tools_are_what_codex_waits_for() -> None:
    found = tool_results([result("b", "2"), result("a", "1")], {"a", "b"})
    assert found == {
        "a": {"success": True, "contentItems": [{"type": "inputText", "text": "1"}]},
        "b": {"success": True, "contentItems": [{"type": "inputText", "text": "2"}]},
    }


@pytest.mark.parametrize(
    "items",
    [
        [],
        [result("a", "1")],
        [result("a", "1"), result("c", "2")],
        [result("a", "1"), result("a", "2"), result("b", "3")],
        [result("a", "1"), result("b", [{"type": "input_image", "image_url": "data:"}])],
        [result("a", "1"), result("b", "2"), {"type": "message", "role": "user", "content": []}],
    ],
)
def test_anything_else_is_none_of_them(items: list[dict[str, object]]) -> None:
    assert tool_results(items, {"a", "b"}) is None
