"""The conversation as servers of this dialect demand it, whatever it was before."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import (
    Image,
    Inline,
    Part,
    Refusal,
    Role,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.messages.families import family_of
from llm_gateway.dialects.messages.write_messages import Conversation, write_messages

OLDER, NEWER, OTHER = "claude-sonnet-4-5", "claude-opus-5-5", "local"
BEGIN = {"type": "text", "text": "Begin."}


def user(*parts: Part | str) -> Message:
    return said("user", *parts)


def model(*parts: Part | str) -> Message:
    return said("assistant", *parts)


def system(*parts: Part | str) -> Message:
    return said("system", *parts)


def said(role: Role, *parts: Part | str) -> Message:
    return Message(role, tuple(Text(part) if isinstance(part, str) else part for part in parts))


def call(call_id: str, arguments: str = "{}", name: str = "f") -> ToolCall:
    return ToolCall(call_id, name, arguments)


def result(call_id: str, text: str = "out") -> ToolResult:
    return ToolResult(call_id, (Text(text),))


def write(*messages: Message, to: str = NEWER) -> tuple[Conversation, list[str]]:
    losses = Losses()
    talk = write_messages(messages, family_of(to), losses)
    return talk, [loss.what for loss in losses.found()]


def turns(talk: Conversation) -> list[tuple[str, list[str]]]:
    """Return who says what: text as it is, blocks by type and id."""
    told = json.loads(msgspec.json.encode(talk.messages))
    return [(turn["role"], [short(block) for block in turn["content"]]) for turn in told]


def short(block: dict[str, object]) -> str:
    match block["type"]:
        case "text":
            return str(block["text"])
        case "tool_use":
            return f"use {block['id']}"
        case "tool_result":
            return f"result {block['tool_use_id']}"
    return str(block["type"])


def test_the_system_prompt_is_what_comes_first() -> None:
    talk, lost = write(system("a", "b"), system("c", ""), user("hi"))
    assert talk.system == [{"type": "text", "text": text} for text in "abc"]
    assert (turns(talk), lost) == ([("user", ["hi"])], [])


def test_later_system_messages_are_said_by_the_user() -> None:
    talk, lost = write(system("a"), user("hi"), system("now", "then"), model("ok"), system(" "), user("more"))
    assert turns(talk) == [
        ("user", ["hi", "<system>\nnow\n\nthen\n</system>"]),
        ("assistant", ["ok"]),
        ("user", ["more"]),
    ]
    assert lost == ["messages.system"]


def test_a_system_message_is_text_alone() -> None:
    talk, lost = write(system("a", Image(Inline("x", "image/png"))), user("hi"))
    assert (len(talk.system), lost) == (1, ["messages.system"])


def test_messages_of_one_role_become_one() -> None:
    talk, lost = write(user("a"), user("b"), model("c"), model("d"), user(""), model("e"), user("f"))
    assert turns(talk) == [("user", ["a", "b"]), ("assistant", ["c", "d", "e"]), ("user", ["f"])]
    assert lost == []


def test_results_follow_their_calls_at_once() -> None:
    """Parallel results in one message, in the order of the calls, before anything else."""
    talk, lost = write(
        user("hi"),
        model("I look", call("a"), call("b")),
        system("be quick"),
        user("are you there?"),
        user(result("b"), "and this"),
        user(result("a")),
        model("done"),
        user("thanks"),
    )
    assert turns(talk) == [
        ("user", ["hi"]),
        ("assistant", ["I look", "use a", "use b"]),
        ("user", ["result a", "result b", "<system>\nbe quick\n</system>", "are you there?", "and this"]),
        ("assistant", ["done"]),
        ("user", ["thanks"]),
    ]
    assert lost == ["messages.system"]


def test_calls_one_after_another_keep_their_results() -> None:
    talk, lost = write(
        user("hi"), model(call("a")), user(result("a", "1")), model(call("b")), user(result("b", "2"))
    )
    assert [role for role, _ in turns(talk)] == ["user", "assistant", "user", "assistant", "user"]
    assert lost == []


def test_ids_that_come_again_are_told_apart() -> None:
    talk, lost = write(
        user("hi"),
        model(call("x")),
        user(result("x", "1")),
        model(call("x"), call("a:b")),
        user(result("x", "2"), result("a:b", "3")),
    )
    told = json.loads(msgspec.json.encode(talk.messages))
    uses = [block["id"] for turn in told for block in turn["content"] if block["type"] == "tool_use"]
    assert uses[:2] == ["x", "x_2"] and uses[2].startswith("a_b_")
    results = [block for turn in told for block in turn["content"] if block["type"] == "tool_result"]
    assert [block["tool_use_id"] for block in results] == uses
    assert [block["content"][0]["text"] for block in results] == ["1", "2", "3"]
    assert lost == []


def test_a_call_without_a_result_is_told_that_there_is_none() -> None:
    talk, lost = write(user("hi"), model(call("a")), user("go on"))
    assert turns(talk)[-1] == ("user", ["result a", "go on"])
    block = json.loads(msgspec.json.encode(talk.messages))[-1]["content"][0]
    assert (block["content"], block["is_error"]) == ("There is no result of this call.", True)
    assert lost == ["messages.tool_result"]
    talk, lost = write(user("hi"), model(call("a")))
    assert turns(talk)[-1] == ("user", ["result a"])


def test_a_result_without_its_call_is_text() -> None:
    told = "The result of a call that is not in this conversation:"
    talk, lost = write(
        user(result("a", "old")), model(call("a")), user(result("a", "new"), result("a", "twice"))
    )
    assert turns(talk) == [
        ("user", [told, "old"]),
        ("assistant", ["use a"]),
        ("user", ["result a", told, "twice"]),
    ]
    assert lost == ["messages.tool_result"]


@pytest.mark.parametrize("messages", [(), (system("a"),), (user(""), system(" "))])
def test_there_is_always_something_to_answer(messages: tuple[Message, ...]) -> None:
    talk, lost = write(*messages)
    assert talk.messages == [{"role": "user", "content": [BEGIN]}]
    assert "messages" in lost


def test_the_user_speaks_first() -> None:
    talk, lost = write(model("Hello!"), user("hi"))
    assert turns(talk) == [("user", ["Begin."]), ("assistant", ["Hello!"]), ("user", ["hi"])]
    assert lost == ["messages"]


def test_an_answer_that_was_begun() -> None:
    talk, lost = write(user("hi"), model("The answer is \n"), to=OLDER)
    assert turns(talk)[-1] == ("assistant", ["The answer is"])
    assert lost == []
    talk, lost = write(user("hi"), model("The answer is "), to=NEWER)
    assert turns(talk)[-1] == ("user", ["Go on."])
    assert lost == ["messages.assistant"]


def test_thinking_goes_back_to_whoever_sealed_it() -> None:
    ours, others = Seal("messages", "s"), Seal("gemini", "g")
    talk, lost = write(
        user("hi"),
        model(
            Thinking("a", ours), Thinking("", ours, redacted=True), Thinking("b", others), Thinking("c"), "d"
        ),
        user("x"),
    )
    assert talk.messages[1]["content"] == [
        {"type": "thinking", "thinking": "a", "signature": "s"},
        {"type": "redacted_thinking", "data": "s"},
        {"type": "text", "text": "d"},
    ]
    assert lost == ["messages.thinking"]


def test_a_call_sealed_elsewhere_goes_without_its_seal() -> None:
    _, lost = write(user("x"), model(ToolCall("a", "f", "{}", seal=Seal("gemini", "g"))), user(result("a")))
    assert lost == ["messages.tool_calls.seal"]


@pytest.mark.parametrize(
    ("arguments", "told", "lost"),
    [
        ("", {}, []),
        ("  ", {}, []),
        ("{}", {}, []),
        (' {"a": 1.0}', {"a": 1.0}, []),
        ("[1]", {"arguments": "[1]"}, ["messages.tool_calls.arguments"]),
        ('{"a":', {"arguments": '{"a":'}, ["messages.tool_calls.arguments"]),
    ],
)
def test_the_input_of_a_call_is_an_object(arguments: str, told: object, lost: list[str]) -> None:
    talk, losses = write(user("x"), model(call("a", arguments)), user(result("a")))
    written = json.loads(msgspec.json.encode(talk.messages))[1]["content"][0]
    assert (written["input"], losses) == (told, lost)


def test_arguments_keep_their_spelling() -> None:
    talk, _ = write(user("x"), model(call("a", '{"n": 1.0, "e":1e3}')), user(result("a")))
    assert b'"input":{"n": 1.0, "e":1e3}' in msgspec.json.encode(talk.messages)


def test_calls_of_custom_tools_are_wrapped_and_names_spelled() -> None:
    talk, _ = write(user("x"), model(ToolCall("a", "my.patch", 'say "x"', custom=True)), user(result("a")))
    written = json.loads(msgspec.json.encode(talk.messages))[1]["content"][0]
    assert (written["name"], written["input"]) == ("my-2e-patch-lgw1", {"input": 'say "x"'})
    assert list(talk.called) == ["my.patch"]


def test_the_models_own_part_is_text_and_calls() -> None:
    talk, lost = write(user("x"), model(Refusal("no"), Image(Inline("x", "image/png"))), user("y"))
    assert turns(talk)[1] == ("assistant", ["no"])
    assert lost == ["messages.assistant"]


@pytest.mark.parametrize(
    ("messages", "resumed"),
    [
        ((user("x"),), False),
        ((user("x"), model(call("a")), user(result("a"))), True),
        ((user("x"), model(Thinking("t", Seal("messages", "s")), call("a")), user(result("a"))), False),
        ((user("x"), model(call("a")), user(result("a")), model("done"), user("y")), False),
    ],
)
def test_whether_the_model_goes_on_without_its_thoughts(messages: tuple[Message, ...], resumed: bool) -> None:
    assert write(*messages)[0].resumed is resumed


IDS = st.sampled_from(("a", "b", "a.b"))
PARTS = st.one_of(
    st.sampled_from(("", " ", "x")).map(Text),
    st.builds(ToolCall, IDS, st.sampled_from(("f", "g.h")), st.sampled_from(("", "{}", '{"a":1}', "odd"))),
    st.builds(ToolResult, IDS, st.sampled_from(((), (Text("r"),)))),
    st.builds(Thinking, st.just("t"), st.sampled_from((None, Seal("messages", "s"), Seal("chat", "c")))),
)
MESSAGES = st.lists(
    st.builds(
        Message, st.sampled_from(("system", "user", "assistant")), st.lists(PARTS, max_size=4).map(tuple)
    ),
    max_size=7,
)


@given(MESSAGES, st.sampled_from((OLDER, NEWER, OTHER)))
def test_any_conversation_becomes_one_that_is_taken(messages: list[Message], to: str) -> None:
    talk, _ = write(*messages, to=to)
    told = json.loads(msgspec.json.encode(talk.messages))
    assert told and told[0]["role"] == "user"
    waiting: list[str] = []
    ids: list[str] = []
    for before, turn in zip([None, *told], told, strict=False):
        assert before is None or before["role"] != turn["role"]
        assert turn["content"]
        kinds = [block["type"] for block in turn["content"]]
        results = [block["tool_use_id"] for block in turn["content"] if block["type"] == "tool_result"]
        assert results == waiting  # all of them, in the order of the calls
        assert kinds[: len(results)] == ["tool_result"] * len(results)
        waiting = [block["id"] for block in turn["content"] if block["type"] == "tool_use"]
        ids += waiting
        assert all(block["text"].strip() for block in turn["content"] if block["type"] == "text")
        assert all(
            isinstance(block["input"], dict) for block in turn["content"] if block["type"] == "tool_use"
        )
    assert not waiting and len(set(ids)) == len(ids)


@given(MESSAGES)
def test_nothing_that_was_said_is_lost_in_silence(messages: list[Message]) -> None:
    talk, lost = write(*messages)
    text = msgspec.json.encode([talk.system, talk.messages]).decode()
    parts = [(message.role, part) for message in messages for part in message.parts]
    calls = sum(isinstance(part, ToolCall) and role == "assistant" for role, part in parts)
    assert text.count('"tool_use"') == calls
    if any(isinstance(part, ToolResult) and role == "user" and part.parts for role, part in parts):
        assert '"r"' in text
    misplaced = any(
        isinstance(part, ToolCall | Thinking) if role != "assistant" else isinstance(part, ToolResult)
        for role, part in parts
    )
    if misplaced:
        assert lost
