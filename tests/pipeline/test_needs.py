"""What a request needs is read off its body in every dialect, and only as far as somebody asks."""

import json

import pytest

from llm_gateway.dialects.contract import Call, Path
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.pipeline.needs import NOTHING, Needs, conversation_named, needs_of
from llm_gateway.pipeline.plan import Reading

OPERATIONS = {
    "chat": "chat/completions",
    "responses": "responses",
    "messages": "messages",
    "gemini": "generateContent",
    "ollama": "chat",
}
ALL: frozenset[Reading] = frozenset(("tools", "images", "size", "session"))
BLOB = "iVBORw0KGgo" * 20_000


def called(dialect: str, **fields: object) -> Call:
    body = json.dumps({"model": "fast", **fields}).encode()
    return DIALECTS[dialect].read_call(body, Path(OPERATIONS[dialect], "fast"))


def needs(dialect: str, **fields: object) -> Needs:
    return needs_of(ALL, called(dialect, **fields), [], "key_1")


def said(text: str, role: str = "user") -> dict[str, object]:
    return {"role": role, "content": text}


def test_only_what_is_asked_for_is_read() -> None:
    call = called("chat", messages=[said("Hello")], tools=[{"type": "function"}], prompt_cache_key="c")
    assert needs_of(frozenset(), call, [], "k") is NOTHING
    assert needs_of({"tools"}, call, [], "k") == Needs(tools=True)
    assert needs_of({"images"}, call, [], "k") == Needs()
    assert needs_of({"session"}, call, [], "k") == Needs(session=conversation_named("c"))
    size = needs_of({"size"}, call, [], "k")
    assert size.input_tokens > 0 and size.output_tokens > 0 and not size.tools


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        ("chat", {"tools": [{"type": "function", "function": {"name": "f"}}]}),
        ("chat", {"functions": [{"name": "f"}]}),
        ("responses", {"input": [], "tools": [{"type": "function", "name": "f"}]}),
        ("responses", {"input": [{"type": "additional_tools", "tools": [{"name": "f"}]}]}),
        ("messages", {"tools": [{"name": "f", "input_schema": {}}]}),
        ("gemini", {"tools": [{"functionDeclarations": [{"name": "f"}]}]}),
        ("ollama", {"tools": [{"type": "function", "function": {"name": "f"}}]}),
    ],
)
def test_tools_are_seen(dialect: str, fields: dict[str, object]) -> None:
    assert needs(dialect, **fields).tools


@pytest.mark.parametrize("dialect", OPERATIONS)
@pytest.mark.parametrize("tools", [[], None, {}, "f"])
def test_no_tools_are_none(dialect: str, tools: object) -> None:
    assert not needs(dialect, tools=tools, messages=[said('"additional_tools" and "tools": [1]')]).tools


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        ("chat", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}),
        ("responses", {"input": [{"role": "user", "content": [{"image_url": "x", "type": "input_image"}]}]}),
        ("messages", {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}),
        (
            "messages",
            {
                "messages": [
                    {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "image"}]}]}
                ]
            },
        ),
        ("gemini", {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "x"}}]}]}),
        ("gemini", {"contents": [{"parts": [{"file_data": {"mime_type": "image/png", "uri": "x"}}]}]}),
        ("ollama", {"messages": [{"role": "user", "content": "", "images": ["x"]}]}),
        ("ollama", {"prompt": "x", "images": ["x"]}),
    ],
)
def test_images_are_seen(dialect: str, fields: dict[str, object]) -> None:
    assert needs(dialect, **fields).images
    compact = json.dumps({"model": "fast", **fields}, separators=(",", ":")).encode()
    call = DIALECTS[dialect].read_call(compact, Path(OPERATIONS[dialect], "fast"))
    assert needs_of({"images"}, call, [], "k").images


@pytest.mark.parametrize("dialect", OPERATIONS)
def test_talk_of_images_holds_none(dialect: str) -> None:
    text = '{"type": "image"}, {"type":"input_image"}, {"mimeType": "image/png"}, "images": ["x"]'
    told = {"messages": [said(text)], "input": [said(text)], "contents": [{"parts": [{"text": text}]}]}
    tools = [{"name": "draw", "input_schema": {"properties": {"image": {"type": "string"}}}}]
    asked = needs(dialect, **told, tools=tools, images=[])
    assert (asked.images, asked.tools) == (False, True)


def test_the_size_is_estimated_from_the_body_and_what_is_packed_into_it_by_the_piece() -> None:
    small = needs("chat", messages=[said("x" * 4000)])
    assert 1000 <= small.input_tokens <= 1050
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{BLOB}"}}
    packed = needs("chat", messages=[{"role": "user", "content": [image, image]}])
    assert 3200 <= packed.input_tokens <= 3300
    prose = needs("chat", messages=[said("word " * 40_000)])
    assert 50_000 <= prose.input_tokens <= 50_050


@pytest.mark.parametrize(
    ("dialect", "fields", "tokens"),
    [
        ("chat", {}, 1024),
        ("chat", {"max_tokens": 300}, 300),
        ("chat", {"max_completion_tokens": 128_000}, 4096),
        ("gemini", {"generationConfig": {"maxOutputTokens": 10}}, 10),
        ("ollama", {"options": {"num_predict": -1}}, 1024),
    ],
)
def test_an_answer_is_expected_to_be_as_long_as_answers_are(
    dialect: str, fields: dict[str, object], tokens: int
) -> None:
    assert needs(dialect, **fields).output_tokens == tokens


# conversations


@pytest.mark.parametrize(
    "header",
    [b"x-claude-code-session-id", b"session-id", b"session_id", b"x-session-id", b"x-session-affinity"],
)
def test_a_conversation_is_named_by_its_clients_header(header: bytes) -> None:
    headers = [(b"user-agent", b"x"), (header, b"0199-abc")]
    asked = needs_of(ALL, called("chat", prompt_cache_key="other"), headers, "key_1")
    assert asked.session == conversation_named("0199-abc") != conversation_named("0199-abd")


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        ("chat", {"prompt_cache_key": "0199"}),
        ("responses", {"prompt_cache_key": "0199"}),
        ("messages", {"metadata": {"user_id": '{"device_id":"d","session_id":"0199"}'}}),
        ("messages", {"metadata": {"user_id": "user_ab_account_cd_session_0199"}}),
    ],
)
def test_a_conversation_is_named_in_the_body(dialect: str, fields: dict[str, object]) -> None:
    named = needs(dialect, messages=[said("Hello")], **fields)
    assert named.session == conversation_named("0199")


OPENINGS: dict[str, tuple[str, list[object], list[object]]] = {
    "chat": (
        "messages",
        [said("Be brief", "system"), said("Hello")],
        [said("Hi", "assistant"), said("More")],
    ),
    "responses": ("input", [said("Hello")], [{"type": "reasoning"}, said("More")]),
    "messages": ("messages", [said("Hello")], [said("Hi", "assistant"), said("More")]),
    "gemini": (
        "contents",
        [{"parts": [{"text": "Hello"}]}],
        [{"role": "model", "parts": [{"text": "Hi"}]}, {"role": "user", "parts": [{"text": "More"}]}],
    ),
    "ollama": ("messages", [said("Hello")], [said("Hi", "assistant"), said("More")]),
}


@pytest.mark.parametrize("dialect", OPERATIONS)
def test_a_conversation_without_a_name_is_known_by_how_it_opens(dialect: str) -> None:
    member, opening, rest = OPENINGS[dialect]
    call = called(dialect, **{member: opening})
    begun = needs_of(ALL, call, [], "key_1").session
    grown = needs(dialect, **{member: [*opening, *rest]}).session
    assert begun == grown != ""
    assert needs_of(ALL, call, [], "key_2").session != begun, "conversations of two keys are two"
    other = json.loads(json.dumps(opening).replace("Hello", "Good evening"))
    assert needs(dialect, **{member: other}).session != begun


def test_a_mark_that_moves_on_changes_no_conversation() -> None:
    marked = {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}
    begun = needs("messages", messages=[{"role": "user", "content": [marked]}])
    plain = {"type": "text", "text": "Hello"}
    grown = needs("messages", messages=[{"role": "user", "content": [plain]}, said("Hi", "assistant")])
    assert begun.session == grown.session
    assert needs("messages", metadata={"user_id": "ada"}, messages=[said("Hello")]).session != ""


@pytest.mark.parametrize("opening", ["Hello", ["Hello"], [1, 2], [], {}, None, 3, [[]], [{"role": 3}]])
def test_whatever_stands_there_can_be_read(opening: object) -> None:
    for member in ("messages", "input", "contents", "prompt"):
        needs("chat", **{member: opening, "metadata": opening, "prompt_cache_key": opening, "tools": opening})
