"""Where tools speak in requests to generateContent, in shapes of its clients, and where nobody may look."""

import json

import pytest

from llm_gateway.canonical.slots import Called, Slots
from llm_gateway.dialects.gemini.slots import slots
from llm_gateway.wire.jsonedit import Document
from slot_places import paths, written_as_they_are

OBSERVATION = "<returncode>0</returncode>\n<output>\na\n</output>"


def result(name: str, response: object) -> dict[str, object]:
    return {"functionResponse": {"id": "f", "name": name, "response": response}}


TALK = [
    {"parts": [{"text": "<context>"}, {"text": "fix it"}], "role": "user"},
    {
        "parts": [
            {"functionCall": {"name": "shell", "args": {"command": "ls"}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "read_file", "args": {"path": "a"}}},
        ],
        "role": "model",
    },
    {
        "parts": [
            result("run_shell_command", {"output": "a\nb"}),
            result("read_file", {"output": "short", "more text": "much longer", "n": 1}),
            result("look", {"found": {"deep": "x"}}),
        ],
        "role": "user",
    },
    {"parts": [{"text": "hm"}], "role": "model"},
    {"parts": [result("read_file", {"error": "there is none"})], "role": "function"},
    {"parts": [{"text": OBSERVATION}, {"inlineData": {"data": "aaaa"}}], "role": "user"},
    {"parts": [{"function_response": {"name": "old", "response": {"result": "spelt otherwise"}}}]},
]  # fmt: skip


def read(contents: object) -> Slots:
    return slots(Document.parse(json.dumps({"contents": contents, "systemInstruction": {}}).encode()))


def test_results_are_found_and_nothing_else() -> None:
    found = read(TALK)
    assert paths(found) == [
        "contents/2/parts/0/functionResponse/response/output",
        "contents/2/parts/1/functionResponse/response/more text",
        "contents/4/parts/0/functionResponse/response/error",
        "contents/5/parts/0/text",
        "contents/6/parts/0/function_response/response/result",
    ]
    assert written_as_they_are(found) == found.body
    assert found.opening == (b'"<context>"', b'"fix it"')
    assert (found.read, found.marked) == (2, 0)


def test_who_said_them() -> None:
    entries = list(read(TALK).entries())
    assert [entry.tool for entry in entries if isinstance(entry, Called)] == ["shell", "read_file"]
    said = [(entry.tool, entry.error) for entry in entries if not isinstance(entry, Called)]
    assert said == [
        ("run_shell_command", False),
        ("read_file", False),
        ("read_file", True),
        ("bash", False),
        ("old", False),
    ]


@pytest.mark.parametrize(
    "content",
    [
        {"role": "model", "parts": [{"text": OBSERVATION}]},
        {"role": "user", "parts": [result("x", {})]},
        {"role": "user", "parts": [result("x", {"output": {"output": "deep"}})]},
        {"role": "user", "parts": [result("x", {"output": "one", "more": {"output": "another"}})]},
        {"role": "user", "parts": [result("x", [])]},
        {"role": "user"},
    ],
)
def test_what_is_no_slot(content: object) -> None:
    assert read([content]).starts == []


@pytest.mark.parametrize("contents", [None, {}, [1], [{"parts": {"text": OBSERVATION}}]])
def test_a_request_that_is_not_understood_has_none(contents: object) -> None:
    assert not read(contents).starts


def test_a_message_that_is_not_understood_has_none_and_may_be_a_models() -> None:
    found = read([*TALK, {"parts": [1]}])
    assert paths(found) == paths(read(TALK)) and found.read == len(found.starts)
