"""Conversations written: turns of user and model, results with the calls they answer, signatures in place."""

import json

import pytest
from msgspec import Raw

from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import (
    Audio,
    Document,
    FileId,
    Image,
    Inline,
    Link,
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
from llm_gateway.dialects.gemini.families import family_of
from llm_gateway.dialects.gemini.seals import BYPASS
from llm_gateway.dialects.gemini.turns import arguments_of, write_turns

PICTURE = Image(Inline("AA==", "image/png"))
TOLD_PICTURE = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
GEMINI = Seal("gemini", "c2ln")
NEW, OLD = "gemini-3-flash", "gemini-2.5-flash"
BEGIN = {"role": "user", "parts": [{"text": "Begin."}]}
HI: tuple[Role, list[Part]] = ("user", [Text("hi")])


def write(*messages: tuple[Role, list[Part]], model: str = NEW) -> tuple[object, object, list[str]]:
    losses = Losses()
    told = write_turns([Message(role, tuple(parts)) for role, parts in messages], family_of(model), losses)
    system, contents = json.loads(json.dumps(told, default=lambda raw: json.loads(bytes(raw))))
    return system, contents, [loss.what for loss in losses.found()]


def test_turns_are_made_of_what_follows_each_other() -> None:
    system, contents, lost = write(
        ("system", [Text("be"), Text("")]),
        ("system", [Text("brief")]),
        ("user", [Text("a")]),
        ("user", [PICTURE, Text("")]),
        ("assistant", [Text("b"), Refusal("c")]),
        ("assistant", []),
        ("user", [Text("d")]),
    )
    assert system == [{"text": "be"}, {"text": "brief"}]
    assert contents == [
        {"role": "user", "parts": [{"text": "a"}, TOLD_PICTURE]},
        {"role": "model", "parts": [{"text": "b"}, {"text": "c"}]},
        {"role": "user", "parts": [{"text": "d"}]},
    ]
    assert lost == []


def test_a_system_message_later_on_is_said_as_the_user() -> None:
    system, contents, lost = write(("user", [Text("a")]), ("system", [Text("b")]), ("assistant", [Text("c")]))
    assert system == []
    assert contents == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}]},
    ]
    assert lost == ["messages.system"]


def test_a_conversation_of_the_system_alone_is_said_as_the_user() -> None:
    assert write(("system", [Text("a")])) == (
        [],
        [{"role": "user", "parts": [{"text": "a"}]}],
        ["messages.system"],
    )
    assert write(("system", [PICTURE])) == ([], [BEGIN], ["messages.system", "messages"])


@pytest.mark.parametrize("messages", [(), (("user", []),), (("user", [Text("")]), ("assistant", []))])
def test_a_conversation_in_which_nothing_is_said_is_begun(
    messages: tuple[tuple[Role, list[Part]], ...],
) -> None:
    assert write(*messages) == ([], [BEGIN], ["messages"])


@pytest.mark.parametrize("said", [Text("hello"), ToolCall("x", "f", "{}")])
def test_the_user_speaks_first(said: Part) -> None:
    _, contents, lost = write(("assistant", [said]), ("user", [ToolResult("x", ()), Text("a")]))
    assert isinstance(contents, list)
    assert contents[0] == BEGIN and [each["role"] for each in contents] == ["user", "model", "user"]
    assert lost[0] == "messages"


@pytest.mark.parametrize(("model", "asked"), [(NEW, False), (OLD, False), ("gemini-3.8-flash", True)])
def test_an_answer_that_was_begun(model: str, asked: bool) -> None:
    _, contents, lost = write(HI, ("assistant", [Text("b")]), model=model)
    said = [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": [{"text": "b"}]}]
    assert contents == said + [{"role": "user", "parts": [{"text": "Go on."}]}] * asked
    assert lost == ["messages.assistant"] * asked


@pytest.mark.parametrize("thought", [Thinking("t", GEMINI), Thinking("", GEMINI), Thinking("t")])
def test_a_thought_alone_is_no_turn_of_the_model(thought: Thinking) -> None:
    _, contents, lost = write(HI, ("assistant", [thought]), ("user", [Text("go on")]))
    assert contents == [{"role": "user", "parts": [{"text": "hi"}, {"text": "go on"}]}]
    assert lost == ["messages.thinking"]
    _, contents, lost = write(HI, ("assistant", [thought]))
    assert contents == [{"role": "user", "parts": [{"text": "hi"}]}]
    assert lost == ["messages.thinking"]


def test_thoughts_stay_with_what_is_said_before_and_after_them() -> None:
    _, contents, lost = write(
        HI,
        ("assistant", [Thinking("t", GEMINI)]),
        ("assistant", [Text("a")]),
        ("assistant", [Thinking("", GEMINI)]),
        ("user", [Text("b")]),
    )
    assert isinstance(contents, list) and lost == []
    assert contents[1]["parts"] == [
        {"text": "t", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "a"},
        {"text": "", "thoughtSignature": "c2ln"},
    ]


CALL = ToolCall("x", "f", '{"a": 1}')
TOLD_CALL = {"name": "f", "args": {"a": 1}, "id": "x"}


def test_calls_and_results() -> None:
    _, contents, lost = write(
        HI,
        ("assistant", [Text("a"), CALL, ToolCall("y", "g/h", "")]),
        ("user", [Text("go on"), ToolResult("y", (Text("1"), Text("2")), is_error=True)]),
        ("user", [ToolResult("x", ())]),
    )
    assert isinstance(contents, list)
    assert contents[1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "a"},
                {"functionCall": TOLD_CALL, "thoughtSignature": BYPASS},
                {"functionCall": {"name": "_g-2f-h-lgw1", "args": {}, "id": "y"}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {"output": ""}, "id": "x"}},
                {"functionResponse": {"name": "_g-2f-h-lgw1", "response": {"error": "1\n\n2"}, "id": "y"}},
                {"text": "go on"},
            ],
        },
    ]
    assert lost == []


def test_a_call_without_a_result_is_told_that_there_is_none() -> None:
    _, contents, lost = write(
        HI,
        ("assistant", [CALL, ToolCall("y", "g", "")]),
        ("user", [ToolResult("y", (Text("1"),)), Text("stop")]),
    )
    assert isinstance(contents, list)
    none = {"error": "There is no result of this call."}
    assert contents[2]["parts"] == [
        {"functionResponse": {"name": "f", "response": none, "id": "x"}},
        {"functionResponse": {"name": "g", "response": {"output": "1"}, "id": "y"}},
        {"text": "stop"},
    ]
    assert lost == ["messages.tool_result"]
    _, contents, lost = write(HI, ("assistant", [CALL]), model="gemini-3.8-flash")
    assert isinstance(contents, list)
    assert contents[2]["parts"] == [{"functionResponse": {"name": "f", "response": none, "id": "x"}}]
    assert lost == ["messages.tool_result"]


def test_results_come_before_what_the_system_says_later() -> None:
    _, contents, lost = write(
        HI, ("assistant", [CALL]), ("system", [Text("b")]), ("user", [ToolResult("x", (Text("1"),))])
    )
    assert isinstance(contents, list)
    assert ["functionResponse" in part for part in contents[2]["parts"]] == [True, False]
    assert lost == ["messages.system"]


def test_calls_of_one_id_have_their_results_in_turn() -> None:
    _, contents, lost = write(
        HI,
        ("assistant", [CALL]),
        ("user", [ToolResult("x", (Text("1"),))]),
        ("assistant", [ToolCall("x", "g", "")]),
        ("user", [ToolResult("x", (Text("2"),)), ToolResult("x", (Text("3"),))]),
    )
    assert isinstance(contents, list)
    assert contents[2]["parts"] == [
        {"functionResponse": {"name": "f", "response": {"output": "1"}, "id": "x"}}
    ]
    assert contents[4]["parts"] == [
        {"functionResponse": {"name": "g", "response": {"output": "2"}, "id": "x"}},
        {"text": "The result of a call that is not in this conversation:"},
        {"text": "3"},
    ]
    assert lost == ["messages.tool_result"]


@pytest.mark.parametrize(
    ("model", "seals", "signatures"),
    [
        (NEW, [None, None], [BYPASS, None]),
        (NEW, [GEMINI, None], ["c2ln", None]),
        (NEW, [None, GEMINI], [BYPASS, "c2ln"]),
        (OLD, [None, None], [None, None]),
        (OLD, [GEMINI, None], ["c2ln", None]),
    ],
)
def test_signatures_of_calls(model: str, seals: list[Seal | None], signatures: list[str | None]) -> None:
    calls: list[Part] = [ToolCall(str(at), "f", "{}", seal=seal) for at, seal in enumerate(seals)]
    losses = Losses()
    results: tuple[Part, ...] = (ToolResult("0", ()), ToolResult("1", ()))
    said = [Message("user", (Text("hi"),)), Message("assistant", tuple(calls)), Message("user", results)]
    _, (_, turn, _) = write_turns(said, family_of(model), losses)
    parts = turn["parts"]
    assert isinstance(parts, list)
    assert [part.get("thoughtSignature") for part in parts] == signatures
    assert not losses.found()


def test_seals_of_others_are_lost() -> None:
    _, contents, lost = write(
        HI,
        (
            "assistant",
            [
                Thinking("a"),
                Thinking("b", Seal("messages", "s")),
                Thinking("c", GEMINI),
                Text("d"),
                Thinking("", GEMINI),
                ToolCall("x", "f", '{"a": 1}', seal=Seal("messages", "s")),
            ],
        ),
        ("user", [ToolResult("x", ())]),
    )
    assert isinstance(contents, list)
    assert contents[1:2] == [
        {
            "role": "model",
            "parts": [
                {"text": "c", "thought": True, "thoughtSignature": "c2ln"},
                {"text": "d"},
                {"text": "", "thoughtSignature": "c2ln"},
                {"functionCall": TOLD_CALL, "thoughtSignature": BYPASS},
            ],
        }
    ]
    assert lost == ["messages.thinking", "messages.tool_calls.seal"]


def test_pictures_in_results() -> None:
    told: tuple[tuple[Role, list[Part]], ...] = (
        HI,
        ("assistant", [CALL]),
        ("user", [ToolResult("x", (PICTURE, Image(Link("https://x.org/a.png"))))]),
    )
    link = {"fileData": {"fileUri": "https://x.org/a.png", "mimeType": "image/png"}}
    beside = {"text": "The result of the call x:"}
    answer = {"name": "f", "response": {"output": "The result is beside this."}, "id": "x"}
    _, contents, _ = write(*told)
    assert isinstance(contents, list)
    assert contents[2]["parts"] == [{"functionResponse": {**answer, "parts": [TOLD_PICTURE]}}, beside, link]
    _, contents, _ = write(*told, model=OLD)
    assert isinstance(contents, list)
    assert contents[2]["parts"] == [{"functionResponse": answer}, beside, TOLD_PICTURE, link]


def test_results_without_their_calls_are_told_as_text() -> None:
    _, contents, lost = write(("user", [Text("a"), ToolResult("x", (Text("1"), PICTURE), "f"), Text("b")]))
    stray = {"text": "The result of a call that is not in this conversation:"}
    parts = [{"text": "a"}, stray, {"text": "1"}, TOLD_PICTURE, {"text": "b"}]
    assert contents == [{"role": "user", "parts": parts}]
    assert lost == ["messages.tool_result"]


def test_parts_in_the_wrong_place_are_lost() -> None:
    _, contents, lost = write(HI, ("assistant", [PICTURE, Text("a")]), ("user", [Thinking("b"), Text("c")]))
    assert contents == [
        {"role": "user", "parts": [{"text": "hi"}]},
        {"role": "model", "parts": [{"text": "a"}]},
        {"role": "user", "parts": [{"text": "c"}]},
    ]
    assert lost == ["messages.assistant", "messages.user"]


def test_media_of_the_user() -> None:
    sound = Audio(Inline("AA==", "audio/wav"))
    _, contents, lost = write(("user", [sound, Document(FileId("f"))]))
    assert contents == [
        {"role": "user", "parts": [{"inlineData": {"mimeType": "audio/wav", "data": "AA=="}}]}
    ]
    assert lost == ["messages.file_id"]


def test_a_call_with_free_text_is_told_as_one_with_a_member() -> None:
    _, contents, lost = write(
        HI,
        ("assistant", [ToolCall("x", "patch", "*** Begin", custom=True)]),
        ("user", [ToolResult("x", ())]),
        model=OLD,
    )
    call = {"name": "patch", "args": {"input": "*** Begin"}, "id": "x"}
    assert isinstance(contents, list)
    assert contents[1] == {"role": "model", "parts": [{"functionCall": call}]} and lost == []


@pytest.mark.parametrize(
    ("arguments", "told", "lost"),
    [
        ("", {}, False),
        (" \n", {}, False),
        ('{"a": 1.0}', b'{"a": 1.0}', False),
        ('{\n"a": "x\\n"}', b'{"a":"x\\n"}', False),
        ("[1]", {"input": "[1]"}, True),
        ('{"a"', {"input": '{"a"'}, True),
        ("\ud800", {"input": "\ud800"}, True),
    ],
)
def test_arguments_are_an_object(arguments: str, told: object, lost: bool) -> None:
    losses = Losses()
    found = arguments_of(arguments, "messages", losses)
    assert (bytes(found) if isinstance(found, Raw) else found) == told
    assert [loss.what for loss in losses.found()] == (["messages.tool_calls.arguments"] if lost else [])
