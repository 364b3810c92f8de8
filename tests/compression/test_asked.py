"""What of a request is read as text, in every dialect; media is numbered, and not read."""

import json

import pytest

from llm_gateway.compression.asked import Asked, asked

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Where"},
        "unit": {"enum": ["C", "F"], "type": ["string", "null"]},
    },
    "required": ["city"],
}
RENDERED = "weather\nTells the weather\nobject\ncity:\nstring\nWhere\nunit:\n|C\n|F\nstring\nnull\ncity"
HI = [{"role": "user", "content": "Hi"}]


def read(dialect: str, **body: object) -> Asked:
    found = asked(dialect, json.dumps(body).encode())
    assert found is not None
    return found


def test_chat() -> None:
    function = {"name": "weather", "description": "Tells the weather", "parameters": SCHEMA}
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Ulm"}'}}
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    found = read(
        "chat",
        model="m",
        messages=[
            {"role": "system", "content": "Be brief"},
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}, picture]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        ],
        tools=[{"type": "function", "function": function}],
        response_format={"type": "json_schema", "json_schema": {"name": "f", "schema": {"type": "object"}}},
    )
    assert found.texts == ("Be brief", "Weather?", "weather", '{"city":"Ulm"}', "rain")
    assert (found.messages, found.calls, found.media) == (4, 1, 1)
    assert found.tools == (RENDERED,)
    assert found.forms == ('{"type": "object"}',)


def test_responses() -> None:
    found = read("responses", model="m", instructions="Be brief", input="Weather?")
    assert found.texts == ("Be brief", "Weather?")


def test_messages_with_thinking_documents_and_pictures_in_results() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    paper = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PIXEL}}
    note = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a note"}}
    result = {
        "type": "tool_result",
        "tool_use_id": "t1",
        "content": [{"type": "text", "text": "rain"}, picture],
    }
    found = read(
        "messages",
        model="m",
        max_tokens=9,
        system="Be brief",
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}, paper, note]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Let me see", "signature": "c2lnbmVk"},
                    {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Ulm"}},
                ],
            },
            {"role": "user", "content": [result]},
        ],
    )
    assert found.texts == (
        "Be brief",
        "Weather?",
        "a note",
        "Let me see",
        "weather",
        '{"city":"Ulm"}',
        "rain",
    )
    assert found.media == 2, "the PDF and the picture; neither as base64"


def test_gemini() -> None:
    found = read(
        "gemini",
        systemInstruction={"parts": [{"text": "Be brief"}]},
        contents=[
            {
                "role": "user",
                "parts": [{"text": "Weather?"}, {"inlineData": {"mimeType": "image/png", "data": PIXEL}}],
            }
        ],
    )
    assert (found.texts, found.media) == (("Be brief", "Weather?"), 1)


@pytest.mark.parametrize("body", [{"messages": HI}, {"prompt": "Hi"}])
def test_ollama(body: dict[str, object]) -> None:
    assert read("ollama", model="m", **body).texts == ("Hi",)


@pytest.mark.parametrize(
    "dialect, body",
    [
        ("chat", {"input": ["one", "two"]}),
        ("ollama", {"input": ["one", "two"]}),
        (
            "gemini",
            {
                "requests": [
                    {"model": "models/m", "content": {"parts": [{"text": t}]}} for t in ("one", "two")
                ]
            },
        ),
    ],
)
def test_texts_to_embed(dialect: str, body: dict[str, object]) -> None:
    assert read(dialect, model="m", **body) == Asked(("one", "two"))


def test_a_tool_without_a_schema_and_one_of_free_text() -> None:
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: WORD"}
    tools = [
        {"type": "function", "name": "now", "description": "Tells the time"},
        {"type": "custom", "name": "run", "description": "Runs it", "format": grammar},
    ]
    assert read("responses", model="m", input="Hi", tools=tools).tools == (
        "now\nTells the time",
        "run\nRuns it\nstart: WORD",
    )


def test_a_schema_that_is_endlessly_deep_is_read_so_far() -> None:
    schema: dict[str, object] = {"description": "the innermost"}
    for _ in range(100):
        schema = {"properties": {"in": schema}}
    function = {"name": "deep", "parameters": schema}
    (tool,) = read("chat", model="m", messages=HI, tools=[{"type": "function", "function": function}]).tools
    assert tool.count("in:") < 100 and "innermost" not in tool


@pytest.mark.parametrize(
    "dialect, body",
    [
        ("bridge", b'{"messages": []}'),
        ("chat", b'{"prompt": "an older kind"}'),
        ("chat", b"[]"),
        ("chat", b"not JSON"),
        ("chat", b'{"model": "m", "messages": 7}'),
        ("chat", b"\xff"),
        ("responses", b'{"model": "m", "input": "Hi", "previous_response_id": "resp_1"}'),
    ],
)
def test_what_cannot_be_read_or_is_elsewhere_is_not_counted(dialect: str, body: bytes) -> None:
    assert asked(dialect, body) is None
