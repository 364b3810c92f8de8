"""Conversations read: every part understood or reported, calls and results put together."""

import json
from typing import Any

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import (
    Document,
    Image,
    Inline,
    Link,
    Part,
    Seal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from llm_gateway.canonical.request import Message
from llm_gateway.dialects.gemini.contents import read_contents
from llm_gateway.dialects.gemini.seals import BYPASS, call_signature, signature_of, thoughts_of
from llm_gateway.errors import MalformedRequest

PNG = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
PICTURE = Image(Inline("AA==", "image/png"))


# JSON as a client sends it: of any shape.
def read(contents: Any, **more: Any) -> tuple[tuple[Message, ...], list[str]]:
    losses = Losses()
    fields = {key: Raw(json.dumps(value).encode()) for key, value in {"contents": contents, **more}.items()}
    return read_contents(fields, losses), [loss.what for loss in losses.found()]


def parts(*told: Any, role: str = "model") -> tuple[tuple[Part, ...], list[str]]:
    (message,), lost = read([{"role": role, "parts": list(told)}])
    return message.parts, lost


def call(name: str, call_id: str = "", **more: Any) -> dict[str, Any]:
    told = {"name": name, "args": {"a": 1}}
    return {"functionCall": {**told, "id": call_id} if call_id else told, **more}


def result(name: str, response: object, call_id: str = "", **more: Any) -> dict[str, Any]:
    told = {"name": name, "response": response, **more}
    return {"functionResponse": {**told, "id": call_id} if call_id else told}


def test_who_said_what() -> None:
    hi = {"parts": [{"text": "hi"}]}
    messages, lost = read([hi, {"role": "model", **hi}, {"role": "user", **hi}], systemInstruction=hi)
    assert [message.role for message in messages] == ["system", "user", "assistant", "user"]
    assert all(message.parts == (Text("hi"),) for message in messages) and lost == []


@pytest.mark.parametrize(
    "system", ["be", {"parts": {"text": "be"}}, {"role": "user", "parts": [{"text": "be"}, {"text": ""}]}]
)
def test_every_form_of_the_instruction(system: object) -> None:
    messages, lost = read([{"parts": [{"text": "hi"}]}], systemInstruction=system)
    assert messages[0] == Message("system", (Text("be"),)) and lost == []


def test_one_object_stands_for_a_list() -> None:
    assert read({"parts": {"text": "hi"}})[0] == (Message("user", (Text("hi"),)),)
    assert read([{"parts": [{"text": "hi"}]}], systemInstruction="")[0] == (Message("user", (Text("hi"),)),)


@pytest.mark.parametrize(
    ("contents", "param"),
    [
        (None, "contents"),
        ([], "contents"),
        ("hi", "contents"),
        ([{"role": "system", "parts": []}], "contents[0].role"),
        ([{"parts": "hi"}], "contents[0].parts"),
        ([{"parts": ["hi"]}], "contents[0].parts[0]"),
        ([{"parts": [{"text": 5}]}], "contents[0].parts[0].text"),
        ([{"parts": [{"functionCall": {}}]}], "contents[0].parts[0].functionCall.name"),
        ([{"parts": [{"functionCall": {"name": "a", "args": 5}}]}], "contents[0].parts[0].functionCall.args"),
        ([{"parts": [{"functionCall": 5}]}], "contents[0].parts[0].functionCall"),
        ([{"parts": [result("a", 5, "x")]}], "contents[0].parts[0].functionResponse.response"),
        ([{"parts": [result("a", {})]}], "contents[0].parts[0].functionResponse"),
        ([{"parts": [{"text": "a", "thoughtSignature": 5}]}], "contents[0].parts[0].thoughtSignature"),
    ],
)
def test_what_cannot_be_understood_is_refused(contents: object, param: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        read(contents)
    assert caught.value.param == param


def test_pieces_of_a_stream_are_put_together() -> None:
    signed = signature_of(Seal("messages", "sig"))
    told = parts(
        {"text": "th", "thought": True},
        {"text": "ink", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": signed},
        {"text": "a"},
        {"text": "b"},
        {"text": ""},
    )
    assert told == ((Thinking("think", Seal("messages", "sig")), Text("ab")), [])


def test_thinking_and_its_seals() -> None:
    hidden = signature_of(Seal("messages", "data"), redacted=True)
    told = parts(
        {"thought": True, "text": "", "thoughtSignature": hidden},
        {"thought": True, "text": "x"},
        {"text": "a", "thoughtSignature": "c2ln"},
        {"text": "", "thoughtSignature": "c2ln"},
    )
    seal = Seal("gemini", "c2ln")
    assert told == (
        (
            Thinking("", Seal("messages", "data"), redacted=True),
            Thinking("x"),
            Text("a"),
            Thinking("", seal),
            Thinking("", seal),
        ),
        [],
    )


def test_calls_have_the_ids_they_came_with() -> None:
    told = parts(call("f", "x", thoughtSignature="c2ln"), call("g", "y"))
    assert told == (
        (ToolCall("x", "f", '{"a":1}', seal=Seal("gemini", "c2ln")), ToolCall("y", "g", '{"a":1}')),
        [],
    )
    assert parts({"functionCall": {"name": "f"}})[0] == (ToolCall("call_gemini_0", "f", "{}"),)


def test_what_was_thought_before_a_call_comes_back_with_it() -> None:
    sealed, hidden = Thinking("t", Seal("messages", "s")), Thinking("", Seal("messages", "d"), redacted=True)
    said: list[Part] = [sealed, Text("a"), hidden]
    told = call("f", "x", thoughtSignature=call_signature(None, thoughts_of(said)))
    other = call("g", "y", thoughtSignature=call_signature(None, thoughts_of([hidden])))
    wanted = (sealed, Text("a"), hidden, ToolCall("x", "f", '{"a":1}'))
    assert parts({"text": "a"}, told) == (wanted, []), "from a client that drops thoughts"
    merged = {"text": "t", "thought": True, "thoughtSignature": signature_of(Seal("messages", "d"))}
    assert parts(merged, {"text": "a"}, told) == (wanted, []), "from one that puts them together"
    found, _ = parts({"text": "a"}, told, {"text": "b"}, other)
    assert found == (*wanted, Text("b"), hidden, ToolCall("y", "g", '{"a":1}'))


def test_the_word_for_no_signature_is_no_seal() -> None:
    assert parts(call("f", "x", thoughtSignature=BYPASS)) == ((ToolCall("x", "f", '{"a":1}'),), [])


def test_results_find_their_calls() -> None:
    messages, lost = read(
        [
            {"role": "model", "parts": [call("f"), call("g"), call("f")]},
            {
                "role": "user",
                "parts": [result("f", {"output": "1"}), result("f", {"output": "3"}), result("g", {})],
            },
            {"role": "model", "parts": [call("f", "named")]},
            {"role": "function", "parts": [result("f", {"output": "4"})]},
        ]
    )
    calls = [part.id for part in (*messages[0].parts, *messages[2].parts) if isinstance(part, ToolCall)]
    results = [part for part in (*messages[1].parts, *messages[3].parts) if isinstance(part, ToolResult)]
    assert calls == ["call_gemini_0", "call_gemini_1", "call_gemini_2", "named"]
    assert [each.call_id for each in results] == ["call_gemini_0", "call_gemini_2", "call_gemini_1", "named"]
    assert [each.name for each in results] == ["f", "f", "g", "f"] and lost == []


def test_results_with_ids_of_their_own_find_calls_without() -> None:
    """Clients give ids to calls that came without, and say them in the result alone."""
    messages, _ = read(
        [
            {"role": "model", "parts": [call("f", "x"), call("f"), call("g"), call("f")]},
            {
                "parts": [
                    result("f", {"output": "2"}, "f-1"),
                    result("f", {"output": "1"}, "x"),
                    result("f", {"output": "3"}, "f-2"),
                    result("f", {"output": "no call"}, "f-3"),
                ]
            },
        ]
    )
    results = [part.call_id for part in messages[1].parts if isinstance(part, ToolResult)]
    assert results == ["call_gemini_1", "x", "call_gemini_3", "f-3"]


def test_a_result_with_an_id_need_not_have_a_call_here() -> None:
    (message,), _ = read([{"parts": [result("f", {"output": "1"}, "other")]}])
    assert message.parts == (ToolResult("other", (Text("1"),), "f"),)


@pytest.mark.parametrize(
    ("response", "text", "failed"),
    [
        ({"output": "1"}, "1", False),
        ({"result": "1"}, "1", False),
        ({"output": {"a": [1]}}, '{"a":[1]}', False),
        ({"error": "no"}, "no", True),
        ({"error": {"code": 5}}, '{"code":5}', True),
        ({"temperature": 5}, '{"temperature":5}', False),
        ({"output": "1", "error": "no"}, '{"output":"1","error":"no"}', False),
        ({"error": "no", "code": 5}, '{"error":"no","code":5}', True),
        ({"output": None}, None, False),
        ({}, None, False),
        (None, None, False),
    ],
)
def test_what_a_tool_answered(response: object, text: str | None, failed: bool) -> None:
    (found,), lost = parts(result("f", response, "x"), role="user")
    assert found == ToolResult("x", (Text(text),) if text is not None else (), "f", failed)
    assert lost == []


def test_results_hold_pictures_and_files() -> None:
    pdf = {"inline_data": {"mime_type": "application/pdf", "data": "AA=="}}
    (found,), lost = parts(result("f", {"output": "1"}, "x", parts=[PNG, pdf]), role="user")
    assert isinstance(found, ToolResult) and lost == []
    assert found.parts == (Text("1"), PICTURE, Document(Inline("AA==", "application/pdf")))
    sound = {"inlineData": {"mimeType": "audio/wav", "data": "AA=="}}
    assert parts(result("f", {}, "x", parts=[sound]), role="user")[1] == [
        "contents.parts.functionResponse.parts"
    ]


def test_media_are_read() -> None:
    link = {"fileData": {"fileUri": "https://x.org/a.png"}}
    assert parts({"text": "see"}, PNG, link, role="user") == (
        (Text("see"), PICTURE, Image(Link("https://x.org/a.png", "image/png"))),
        [],
    )


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        ({"executableCode": {"code": "1"}}, "contents.parts.executableCode"),
        ({"codeExecutionResult": {"outcome": "OK"}}, "contents.parts.codeExecutionResult"),
        ({**PNG, "videoMetadata": {"fps": 5}}, "contents.parts.videoMetadata"),
        ({**PNG, "media_resolution": {"level": "LOW"}}, "contents.parts.mediaResolution"),
        ({"text": "a", "thought": True, "new": 1}, "contents.parts.new"),
        ({"new thing": 1}, "contents.parts.(unknown)"),
        ({"functionCall": {"name": "f", "willContinue": True}}, "contents.parts.functionCall.willContinue"),
        (result("f", {}, "x", scheduling="SILENT"), "contents.parts.functionResponse.scheduling"),
    ],
)
def test_nothing_is_lost_in_silence(part: object, lost: str) -> None:
    assert parts(part)[1] == [lost]


def test_members_of_contents_and_instructions_are_not_lost_in_silence() -> None:
    messages, lost = read([{"parts": [], "new": 1}], systemInstruction={"parts": [PNG], "old": 1})
    assert messages == (Message("user", ()),)
    assert lost == ["systemInstruction.old", "systemInstruction.inlineData", "contents.new"]


def test_a_call_that_is_marked_as_a_thought_is_a_call() -> None:
    assert parts(call("f", "x", thought=True)) == ((ToolCall("x", "f", '{"a":1}'),), [])
