"""What of a request goes where, and what a session cannot be told."""

import pytest

from llm_gateway.bridges.copilot.plan import Prompt, conversation_parts, picture, plan_of, text_of, thinks
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.parts import (
    Image,
    Inline,
    Link,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import FunctionTool, Message, Request, ToolChoice
from llm_gateway.dialects.bridge.stream import Lost

PIXEL = Image(Inline("QUJD", "image/png"))
CALL = ToolCall("c1", "look", "{}")
RESULT = ToolResult("c1", (Text("sunny"),))


def _said(role: Role, *parts: Part | str) -> Message:
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def _what(losses: tuple[Lost, ...]) -> list[str]:
    return [loss.what for loss in losses]


def test_the_last_message_is_asked_and_the_rest_is_history() -> None:
    one, two = _said("user", "a"), _said("assistant", "b")
    plan = plan_of(Request((_said("system", "S"), one, two, _said("user", "c", PIXEL))))
    assert plan.system == "S"
    assert plan.history == (one, two)
    assert plan.prompt == Prompt("c", (PIXEL,))
    assert not plan.results
    assert not plan.losses
    several = plan_of(Request((one, _said("user", "b"), _said("user", "c"))))
    assert several.history == (one, _said("user", "b"))
    assert several.prompt == Prompt("c")


def test_results_answer_the_calls_at_the_end_of_the_history() -> None:
    head = (_said("user", "a"), _said("assistant", "b", CALL))
    plan = plan_of(Request((*head, _said("user", RESULT))))
    assert (plan.history, plan.prompt, plan.results) == (head, None, (RESULT,))
    more = plan_of(Request((*head, _said("user", RESULT, "and?"))))
    assert more.history == (*head, _said("user", RESULT))
    assert (more.prompt, more.results) == (Prompt("and?"), ())
    apart = plan_of(Request((*head, _said("user", RESULT), _said("user", "x"), _said("user", "y"))))
    assert apart.history == (*head, _said("user", RESULT), _said("user", "x"))
    assert apart.prompt == Prompt("y")


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (_said("system", "S"),),
        (_said("user", "a"), _said("assistant", "b")),
        (_said("user", RESULT),),
        (_said("user", "a"), _said("assistant", "b"), _said("user", RESULT)),
    ],
)
def test_a_conversation_that_ends_with_nothing_to_answer_is_refused(messages: tuple[Message, ...]) -> None:
    with pytest.raises(BridgeFault) as told:
        plan_of(Request(messages))
    assert (told.value.kind, told.value.param) == ("refused", "messages")


def test_pictures_are_taken_in_the_request_itself_only() -> None:
    link = Image(Link("https://example.invalid/x.png"))
    assert picture(PIXEL) == Inline("QUJD", "image/png")
    inside = (_said("user", "a"), _said("assistant", CALL), _said("user", ToolResult("c1", (link,))))
    for messages in ((_said("user", link),), inside):
        with pytest.raises(BridgeFault) as told:
            plan_of(Request(messages))
        assert (told.value.kind, told.value.param) == ("refused", "images")


def test_system_texts_in_the_middle_go_to_the_beginning_and_that_is_said() -> None:
    plan = plan_of(
        Request((_said("system", "A"), _said("user", "x"), _said("system", "B"), _said("user", "y")))
    )
    assert plan.system == "A\n\nB"
    assert _what(plan.losses) == ["messages.system"]


def test_tools_are_offered_as_far_as_that_can_be_said() -> None:
    tools = (FunctionTool("look", strict=True), FunctionTool("go"))

    def offered(choice: ToolChoice) -> tuple[list[str], list[str]]:
        plan = plan_of(Request((_said("user", "x"),), tools=tools, tool_choice=choice))
        return [tool.name for tool in plan.tools], _what(plan.losses)

    assert offered(ToolChoice()) == (["look", "go"], ["tools.strict"])
    assert offered(ToolChoice("none")) == ([], [])
    assert offered(ToolChoice("named", ("go",))) == (["go"], ["tool_choice", "tools.strict"])
    assert offered(ToolChoice("auto", ("look",), parallel=False))[0] == ["look"]
    assert "parallel_tool_calls" in offered(ToolChoice(parallel=False))[1]


def test_an_answer_is_the_same_in_whatever_pieces_it_is_sent_back() -> None:
    ask, call_2 = _said("user", "a"), ToolCall("c0", "go", "{}")
    whole = (ask, _said("assistant", "b", CALL, call_2), _said("user", RESULT))
    pieces = (
        ask,
        _said("assistant", Thinking("t"), "b"),
        _said("assistant", call_2, CALL),
        _said("user", RESULT),
    )
    assert conversation_parts(whole) == conversation_parts(pieces) == ((ask,), "b", ("c0", "c1"))
    assert conversation_parts((ask,)) is None


def test_text_is_what_was_said_in_words() -> None:
    assert text_of((Text("a"), PIXEL, Refusal("no"), CALL)) == "a\nno"
    assert thinks((_said("assistant", Thinking("t")),))
    assert not thinks((_said("assistant", "t"),))
