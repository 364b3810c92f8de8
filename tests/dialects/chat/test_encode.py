"""Requests written: what every server takes, and what is read back is what was written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from llm_gateway.canonical.parts import (
    Audio,
    Document,
    FileId,
    Image,
    Inline,
    Link,
    Part,
    Refusal,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import (
    CustomTool,
    Format,
    FunctionTool,
    Message,
    Reasoning,
    Request,
    Sampling,
    ToolChoice,
)
from llm_gateway.dialects.chat.decode import decode_request
from llm_gateway.dialects.chat.encode import encode_request
from llm_gateway.dialects.chat.request import read_call
from llm_gateway.dialects.contract import Path, Target

TARGET = Target("m")
HI = Message("user", (Text("hi"),))
ADD = FunctionTool("add", "", Raw(b'{"type":"object"}'))
PNG = Inline("iVBORw==", "image/png")


# JSON as a server gets it: of any shape.
def written(request: Request, target: Target = TARGET) -> tuple[dict[str, Any], list[str]]:
    encoded = encode_request(request, target)
    return json.loads(encoded.body), [loss.what for loss in encoded.losses]


def messages(*told: Message) -> tuple[list[dict[str, Any]], list[str]]:
    body, lost = written(Request(told))
    return body["messages"], lost


def test_the_least_that_can_be_asked() -> None:
    assert written(Request((HI,))) == ({"model": "m", "messages": [{"role": "user", "content": "hi"}]}, [])


def test_a_stream_reports_its_usage_where_it_may_be_asked_to() -> None:
    body, _ = written(Request((HI,), stream=True))
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    body, _ = written(Request((HI,), stream=True), Target("m", usage=False))
    assert body["stream"] is True and "stream_options" not in body


def test_everything_that_chat_can_say() -> None:
    request = Request(
        (HI,),
        (ADD,),
        ToolChoice("required", parallel=False),
        Sampling(5, 1.0, 0.5, None, 7, -1.0, 0.25, ("a",)),
        Reasoning("high"),
        Format("schema", "s", "d", Raw(b'{"type":"object"}'), True),
        user="u",
    )
    body, lost = written(request)
    assert not lost
    assert body["tool_choice"] == "required" and body["parallel_tool_calls"] is False
    assert body["reasoning_effort"] == "high"
    schema = {"name": "s", "description": "d", "schema": {"type": "object"}, "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": schema}
    assert (body["max_tokens"], body["seed"], body["stop"]) == (5, 7, ["a"])
    assert body["user"] == "u"
    call = read_call(encode_request(request, TARGET).body, Path("chat/completions"))
    assert decode_request(call).request == request


@pytest.mark.parametrize(
    ("request_", "lost"),
    [
        (Request((HI,), sampling=Sampling(top_k=4)), ["top_k"]),
        (Request((HI,), reasoning=Reasoning("max")), ["reasoning.effort"]),
        (Request((HI,), reasoning=Reasoning(budget=5, shown=True)), ["reasoning.budget", "reasoning.shown"]),
        (Request((HI,), reasoning=Reasoning()), []),
        (Request((HI,), service_tier="standard_only"), ["service_tier"]),
        (Request((HI,), service_tier="default"), []),
        (Request((HI,), cache_key="k"), ["prompt_cache_key"]),
        (Request((HI,), user="u" * 65), ["user"]),
        (Request((HI,), service_tier="auto"), []),
        (Request((HI,), tool_choice=ToolChoice("named", ("add",))), ["tool_choice"]),
        (Request((HI,), tool_choice=ToolChoice("none", parallel=False)), []),
        (Request((HI,), (CustomTool("sh", "", "lark", "x"),)), ["tools.grammar"]),
        (Request((HI,), (CustomTool("sh"),)), []),
    ],
)
def test_what_cannot_be_said_is_reported(request_: Request, lost: list[str]) -> None:
    assert written(request_)[1] == lost


@pytest.mark.parametrize(
    ("budget", "effort"), [(0, "none"), (1, "low"), (1024, "low"), (4096, "medium"), (32_000, "high")]
)
def test_a_budget_is_told_as_an_effort(budget: int, effort: str) -> None:
    assert written(Request((HI,), reasoning=Reasoning(budget=budget)))[0]["reasoning_effort"] == effort
    both = Reasoning("minimal", budget)
    assert written(Request((HI,), reasoning=both))[0]["reasoning_effort"] == "minimal"


def test_forms_have_what_servers_demand() -> None:
    assert written(Request((HI,), format=Format("json")))[0]["response_format"] == {"type": "json_object"}
    body, _ = written(Request((HI,), format=Format("schema")))
    assert body["response_format"]["json_schema"] == {"name": "answer"}


def test_tools_none_of_which_is_allowed_are_not_told() -> None:
    body, lost = written(Request((HI,), (ADD,), ToolChoice("required", ("other",))))
    assert "tools" not in body and "tool_choice" not in body
    assert lost == ["tool_choice"]


def test_text_is_one_string_whoever_says_it() -> None:
    two = (Text("a"), Text("b"))
    told, lost = messages(Message("system", two), Message("assistant", two), Message("user", two))
    assert [message["content"] for message in told] == ["a\n\nb", "ab", "a\n\nb"]
    assert not lost


def test_a_model_said_text_a_refusal_and_calls() -> None:
    call = ToolCall("c1", "add", "{}", seal=Seal("chat", "g"))
    custom = ToolCall("c2", "sh", "ls", custom=True)
    (told,), lost = messages(Message("assistant", (call, custom, Refusal("no"))))
    assert not lost
    assert told == {
        "role": "assistant",
        "content": None,
        "refusal": "no",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "add", "arguments": "{}"},
                "extra_content": {"google": {"thought_signature": "g"}},
            },
            {"id": "c2", "type": "function", "function": {"name": "sh", "arguments": '{"input":"ls"}'}},
        ],
    }
    assert messages(Message("assistant", ())) == ([{"role": "assistant", "content": ""}], [])


def test_a_server_gets_its_own_reasoning_back_and_no_others() -> None:
    own = Thinking("t", Seal("chat", "reasoning"))
    asked = {"role": "user", "content": "hi"}
    assert messages(Message("assistant", (own, Text("a"))), HI) == (
        [{"role": "assistant", "content": "a", "reasoning": "t"}, asked],
        [],
    )
    other = Thinking("t", Seal("messages", "s"))
    assert messages(Message("assistant", (other, Text("a"))), HI) == (
        [{"role": "assistant", "content": "a"}, asked],
        ["messages.thinking"],
    )


def test_an_answer_that_was_begun_is_not_gone_on_with_by_everybody() -> None:
    begun = Message("assistant", (Text("There once"),))
    told, lost = messages(HI, begun)
    assert (told[-1], lost) == ({"role": "assistant", "content": "There once"}, ["messages.assistant"])
    for last in (HI, Message("assistant", (Text("a"), ToolCall("x", "f", "{}"))), Message("assistant", ())):
        assert messages(HI, begun, last)[1] == []


@pytest.mark.parametrize("seal", [Seal("chat", "reasoning_content"), Seal("messages", "s"), None])
def test_what_the_model_only_thought_is_left_out(seal: Seal | None) -> None:
    thought = Message("assistant", (Thinking("t", seal),))
    assert messages(HI, thought) == ([{"role": "user", "content": "hi"}], ["messages.thinking"])
    told, _ = messages(HI, Message("assistant", (Thinking("t", seal), ToolCall("x", "f", "{}"))))
    assert told[1]["tool_calls"], "what was thought before a call goes with it"


def test_results_come_before_what_the_user_says() -> None:
    result = ToolResult("c1", (Text("3"), Text("4")))
    told, lost = messages(Message("user", (Text("and?"), result, ToolResult("c2", ()))))
    assert not lost
    assert told == [
        {"role": "tool", "tool_call_id": "c1", "content": "3\n\n4"},
        {"role": "tool", "tool_call_id": "c2", "content": ""},
        {"role": "user", "content": "and?"},
    ]


def test_a_failure_of_a_tool_is_told_in_the_text() -> None:
    for result, text in (((Text("no"),), "The tool failed.\nno"), ((), "The tool failed.")):
        told, lost = messages(Message("user", (ToolResult("c1", result, is_error=True),)))
        assert told == [{"role": "tool", "tool_call_id": "c1", "content": text}]
        assert lost == ["messages.tool.is_error"]


@pytest.mark.parametrize("said", [(), (Text("a"),)])
def test_a_call_without_arguments_is_one_with_an_empty_object(said: tuple[Part, ...]) -> None:
    told, lost = messages(Message("assistant", (*said, ToolCall("c1", "now", ""))))
    assert told[0]["tool_calls"][0]["function"] == {"name": "now", "arguments": "{}"} and not lost


def test_the_pictures_of_a_result_come_after_it() -> None:
    told, lost = messages(Message("user", (ToolResult("c1", (Image(PNG),)), Text("see?"))))
    assert not lost
    assert told[0] == {"role": "tool", "tool_call_id": "c1", "content": "The result is in the next message."}
    assert [part["type"] for part in told[1]["content"]] == ["text", "image_url", "text"]
    assert "c1" in told[1]["content"][0]["text"]


@pytest.mark.parametrize(
    ("message", "lost"),
    [
        (Message("system", (Text("a"), Image(PNG))), "messages.system"),
        (Message("assistant", (Text("a"), Image(PNG))), "messages.assistant"),
        (Message("user", (ToolResult("c", (), is_error=True),)), "messages.tool.is_error"),
        (Message("user", (Text("a"), Image(FileId("f")))), "messages.image"),
        (
            Message("assistant", (ToolCall("c", "a", "{}", seal=Seal("gemini", "s")),)),
            "messages.tool_calls.extra_content",
        ),
    ],
)
def test_parts_that_cannot_be_told_are_reported(message: Message, lost: str) -> None:
    assert messages(message)[1] == [lost]


words = st.text(min_size=1, max_size=9)
ids = st.from_regex(r"c[0-9]{1,3}", fullmatch=True)
inline = st.builds(Inline, st.just("aGk="), st.sampled_from(("image/png", "image/webp")))
media: st.SearchStrategy[Part] = (
    st.builds(Image, inline | st.builds(Link, st.just("https://x/y")), st.sampled_from(("", "low")))
    | st.builds(Document, st.just(Inline("JVBE", "application/pdf")) | st.builds(FileId, ids), words)
    | st.builds(Audio, st.just(Inline("SUQz", "audio/mpeg")))
)
thoughts = st.builds(
    Thinking, words, st.sampled_from((Seal("chat", "reasoning"), Seal("chat", "reasoning_content")))
)
calls = st.builds(ToolCall, ids, words, words)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """Return a conversation in the order that chat keeps: thoughts, text, refusal, calls; one text each."""
    said: list[Message] = []
    for role in draw(
        st.lists(st.sampled_from(("system", "user", "media", "results", "assistant")), min_size=1)
    ):
        text = Text(draw(words))
        match role:
            case "system":
                said.append(Message("system", (text,)))
            case "user":
                said.append(Message("user", (text,)))
            case "media":
                said.append(Message("user", (text, *draw(st.lists(media, min_size=1, max_size=3)))))
            case "results":
                texts = draw(st.lists(words, min_size=1, max_size=2))
                results = [ToolResult(draw(ids), (Text(told),)) for told in texts]
                # Two such messages in a row are one: nothing tells them apart in this dialect.
                if said and isinstance(said[-1].parts[-1], ToolResult):
                    continue
                said.append(Message("user", tuple(results)))
            case _:
                refusals = st.lists(st.builds(Refusal, words), max_size=1)
                said.append(Message("assistant", (text, *draw(refusals), *draw(st.lists(calls, max_size=2)))))
    return tuple(said)


flags = st.none() | st.booleans()
raws = st.sampled_from((Raw(b'{"type":"object"}'), Raw(b'{"a":1.0}')))
tools = st.lists(st.builds(FunctionTool, ids, st.text(max_size=9), raws, flags), min_size=1, max_size=3)
numbers = st.none() | st.floats(-2, 2)
wholes = st.none() | st.integers(1, 9999)
samplings = st.builds(
    Sampling,
    wholes,
    numbers,
    numbers,
    st.none(),
    wholes,
    numbers,
    numbers,
    st.lists(words, max_size=3).map(tuple),
)
requests = st.builds(
    Request,
    conversations(),
    tools.map(tuple),
    st.builds(ToolChoice, st.sampled_from(("auto", "none", "required")), st.just(()), flags)
    | st.builds(ToolChoice, st.just("named"), st.tuples(ids), flags),
    samplings,
    st.none() | st.builds(Reasoning, st.sampled_from(("none", "minimal", "low", "medium", "high", "xhigh"))),
    st.none()
    | st.just(Format("json"))
    | st.builds(Format, st.just("schema"), ids, st.text(max_size=5), st.none() | raws, flags),
    st.booleans(),
    st.text(max_size=5),
)


@given(request_=requests)
def test_what_chat_can_say_is_read_back(request_: Request) -> None:
    encoded = encode_request(request_, TARGET)
    told = decode_request(read_call(encoded.body, Path("chat/completions")))
    lost = [loss.what for loss in encoded.losses]
    assert (lost, told.losses) == (["messages.assistant"] if _begun(request_.messages[-1]) else [], ())
    assert told.request == request_


def _begun(last: Message) -> bool:
    """Whether an answer was begun, and is to be gone on with."""
    return last.role == "assistant" and {type(part) for part in last.parts} & {Text, ToolCall} == {Text}


@given(thinking=thoughts, text=words)
def test_reasoning_goes_back_word_for_word(thinking: Thinking, text: str) -> None:
    assert thinking.seal is not None
    (told, _), lost = messages(Message("assistant", (thinking, Text(text))), HI)
    assert told[thinking.seal.data] == thinking.text
    assert not lost
