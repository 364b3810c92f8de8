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
    assert write(("system", [PICTURE])) == ([], [], ["messages.system"])


CALL = ToolCall("x", "f", '{"a": 1}')
TOLD_CALL = {"name": "f", "args": {"a": 1}, "id": "x"}


def test_calls_and_results() -> None:
    _, contents, lost = write(
        ("assistant", [Text("a"), CALL, ToolCall("y", "g/h", "")]),
        ("user", [Text("go on"), ToolResult("y", (Text("1"), Text("2")), is_error=True)]),
        ("user", [ToolResult("x", ())]),
    )
    assert contents == [
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
                {"functionResponse": {"name": "_g-2f-h-lgw1", "response": {"error": "1\n\n2"}, "id": "y"}},
                {"functionResponse": {"name": "f", "response": {"output": ""}, "id": "x"}},
                {"text": "go on"},
            ],
        },
    ]
    assert lost == []


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
    _, (turn,) = write_turns([Message("assistant", tuple(calls))], family_of(model), losses)
    parts = turn["parts"]
    assert isinstance(parts, list)
    assert [part.get("thoughtSignature") for part in parts] == signatures
    assert not losses.found()


def test_seals_of_others_are_lost() -> None:
    _, contents, lost = write(
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
        )
    )
    assert contents == [
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
        ("assistant", [CALL]),
        ("user", [ToolResult("x", (PICTURE, Image(Link("https://x.org/a.png"))))]),
    )
    link = {"fileData": {"fileUri": "https://x.org/a.png", "mimeType": "image/png"}}
    beside = {"text": "The result of the call x:"}
    answer = {"name": "f", "response": {"output": "The result is beside this."}, "id": "x"}
    _, contents, _ = write(*told)
    assert isinstance(contents, list)
    assert contents[1]["parts"] == [{"functionResponse": {**answer, "parts": [TOLD_PICTURE]}}, beside, link]
    _, contents, _ = write(*told, model=OLD)
    assert isinstance(contents, list)
    assert contents[1]["parts"] == [{"functionResponse": answer}, beside, TOLD_PICTURE, link]


def test_results_without_their_calls_have_a_name_all_the_same() -> None:
    _, contents, _ = write(("user", [ToolResult("x", (Text("1"),), "f"), ToolResult("", (Text("2"),))]))
    assert contents == [
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {"output": "1"}, "id": "x"}},
                {"functionResponse": {"name": "unknown", "response": {"output": "2"}}},
            ],
        }
    ]


def test_parts_in_the_wrong_place_are_lost() -> None:
    _, contents, lost = write(("assistant", [PICTURE, Text("a")]), ("user", [Thinking("b"), Text("c")]))
    assert contents == [
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
    _, contents, lost = write(("assistant", [ToolCall("x", "patch", "*** Begin", custom=True)]), model=OLD)
    call = {"name": "patch", "args": {"input": "*** Begin"}, "id": "x"}
    assert contents == [{"role": "model", "parts": [{"functionCall": call}]}] and lost == []


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
    found = arguments_of(arguments, losses)
    assert (bytes(found) if isinstance(found, Raw) else found) == told
    assert bool(losses.found()) is lost
