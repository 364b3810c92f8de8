"""Where tools speak in requests to Anthropic's API, in shapes of its clients, and where nobody may look."""

import json

import pytest

from llm_gateway.canonical.slots import Called, Slots
from llm_gateway.dialects.messages.slots import slots
from llm_gateway.wire.jsonedit import Document
from slot_places import paths, written_as_they_are

OBSERVATION = "<returncode>0</returncode>\n<output>\na\n</output>"
MARK = {"type": "ephemeral"}
TALK = [
    {"role": "user", "content": [{"type": "text", "text": "<context>"}, {"type": "text", "text": "fix it"}]},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "tool_use", "id": "t1", "name": "Write", "input": {"path": "a", "content": "x\ny"}},
            {"type": "tool_use", "id": "t2", "name": "Bash", "input": {"command": "cat a"}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"tool_use_id": "t1", "type": "tool_result", "content": "x\ny", "is_error": False},
            {"type": "tool_result", "tool_use_id": "t2", "content": "x\ny", "cache_control": MARK},
            {"type": "text", "text": "go on"},
        ],
    },
    {"role": "assistant", "content": "I see."},
    {
        "role": "user",
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": "t3",
                "is_error": True,
                "content": [
                    {"type": "text", "text": "short"},
                    {"type": "image", "source": {"type": "base64", "data": "aaaaaaaa"}},
                    {"type": "text", "text": "longer", "cache_control": MARK},
                ],
            },
            {"type": "text", "text": OBSERVATION},
        ],
    },
    {"role": "user", "content": OBSERVATION},
    {"role": "user", "content": "that was all"},
]  # fmt: skip


def read(messages: object, **more: object) -> Slots:
    body = json.dumps({"model": "m", "system": "s", "messages": messages, **more}).encode()
    return slots(Document.parse(body))


def test_results_are_found_and_nothing_else() -> None:
    found = read(TALK)
    assert paths(found) == [
        "messages/2/content/0/content",
        "messages/2/content/1/content",
        "messages/4/content/0/content/2/text",
        "messages/4/content/1/text",
        "messages/5/content",
    ]
    assert written_as_they_are(found) == found.body
    assert found.opening == (b'"<context>"', b'"fix it"')
    assert (found.read, found.marked) == (2, 3)


def test_who_said_them() -> None:
    told = [(type(entry).__name__, entry.tool) for entry in read(TALK).entries()]
    assert told[:4] == [("Called", "Write"), ("Called", "Bash"), ("Slot", "Write"), ("Slot", "Bash")]
    assert told[4:] == [("Slot", ""), ("Slot", "bash"), ("Slot", "bash")]
    errors = [entry.error for entry in read(TALK).entries() if not isinstance(entry, Called)]
    assert errors == [False, False, True, False, False]


def test_marks() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": "x"}
    two = [{"role": "user", "content": [result, {**result, "cache_control": MARK}, result]}]
    assert read(two).marked == 2
    assert (
        read(
            [*two, {"role": "assistant", "content": [{"type": "text", "text": "a", "cache_control": MARK}]}]
        ).marked
        == 3
    )
    assert read(two, cache_control=MARK).marked == 3
    assert read([{"role": "user", "content": [result]}]).marked == 0


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "document", "source": {"type": "text", "data": "x" * 99}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": None}]},
        {"role": "system", "content": OBSERVATION},
        {"role": "system", "content": [{"type": "text", "text": OBSERVATION}]},
        {"role": "assistant", "content": OBSERVATION},
        {"role": "assistant", "content": [{"type": "text", "text": OBSERVATION}]},
        {
            "role": "assistant",
            "content": [
                {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"text": "x" * 99}]}
            ],
        },
        # a search result's own texts cannot be told from the text that is meant
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [
                        {"type": "search_result", "content": [{"type": "text", "text": "a"}]},
                        {"type": "text", "text": "b"},
                    ],
                }
            ],
        },
    ],
)
def test_what_is_no_slot(message: object) -> None:
    assert read([message]).starts == []


@pytest.mark.parametrize(
    "messages",
    [
        None,
        "x",
        {},
        [1],
        [{"role": 1, "content": "x"}],
        [{"content": "x"}],
    ],
)
def test_a_request_that_is_not_understood_has_none(messages: object) -> None:
    assert not read(messages).starts


def test_a_message_that_is_not_understood_has_none_and_may_be_a_models() -> None:
    found = read([*TALK, {"role": "user", "content": 1}])
    assert paths(found) == paths(read(TALK)) and found.read == len(found.starts)


@pytest.mark.parametrize("twice", [b'"content":"a","content":"a"', b'"content":"a","content":"b"'])
def test_a_key_that_comes_twice_is_no_slot(twice: bytes) -> None:
    body = b'{"messages":[{"role":"user","content":[{"type":"tool_result",%b}]}]}' % twice
    assert slots(Document.parse(body)).starts == []
