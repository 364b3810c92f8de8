"""Calls of this dialect: model and verb from the path, the body left alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.parts import Seal
from llm_gateway.dialects.contract import Call, Path
from llm_gateway.dialects.gemini.request import address, is_stream, kind, method, path, read_call, target
from llm_gateway.dialects.gemini.seals import BYPASS, Thought, call_signature
from llm_gateway.errors import MalformedRequest

BODY = b'{ "contents": [{"parts": [{"text": "hi"}]}], "x": 1.0 }'


def call(body: bytes = BODY, verb: str = "generateContent", model: str = "m", query: str = "") -> Call:
    return read_call(body, Path(verb, model, query))


def test_the_path_says_which_model_and_whether_it_streams() -> None:
    plain, stream = call(), call(verb="streamGenerateContent", query="alt=sse")
    assert (plain.operation, plain.model, plain.stream, len(plain)) == (
        "generateContent",
        "m",
        False,
        len(BODY),
    )
    assert (stream.stream, stream.query, stream.wants_usage) == (True, "alt=sse", True)
    assert call(model="models/m").model == "m"


@pytest.mark.parametrize("model", ["", " ", "models/", "m" * 513, "a\nb", "a\x00"])
def test_a_model_that_is_none_is_refused(model: str) -> None:
    with pytest.raises(MalformedRequest) as caught:
        call(model=model)
    assert caught.value.param == "model"
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a":1,"a":2}', b"\xff"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        call(body)


def test_kinds() -> None:
    verbs = ("generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents")
    assert [kind(verb) for verb in verbs] == ["generate", "generate", "count", "embed", "embed"]
    assert kind("predict") == "native"


@given(st.text(min_size=1).filter(lambda name: name.isprintable() and not name.isspace()))
def test_a_body_that_names_no_model_leaves_as_it_came(model: str) -> None:
    read = call()
    assert address(read, model) is read.document.body


@pytest.mark.parametrize(
    ("verb", "body", "sent"),
    [
        ("embedContent", {"model": "models/m", "content": {}}, {"model": "models/other", "content": {}}),
        ("embedContent", {"model": "m", "content": {}}, {"model": "other", "content": {}}),
        ("embedContent", {"model": 5, "content": {}}, {"model": 5, "content": {}}),
        (
            "batchEmbedContents",
            {"requests": [{"model": "models/m"}, {}]},
            {"requests": [{"model": "models/other"}, {}]},
        ),
        ("batchEmbedContents", {"requests": [5]}, {"requests": [5]}),
        ("batchEmbedContents", {"requests": "x"}, {"requests": "x"}),
        (
            "countTokens",
            {"generateContentRequest": {"model": "models/m", "contents": []}},
            {"generateContentRequest": {"model": "models/other", "contents": []}},
        ),
        (
            "countTokens",
            {"generate_content_request": {"contents": []}},
            {"generate_content_request": {"contents": []}},
        ),
    ],
)
def test_a_model_in_the_body_is_the_paths(verb: str, body: object, sent: object) -> None:
    read = call(json.dumps(body).encode(), verb)
    assert json.loads(address(read, "other")) == sent
    assert address(read, "m") is read.document.body


OURS = call_signature(Seal("chat", "data"), [Thought("t")])


@pytest.mark.parametrize("key", ["thoughtSignature", "thought_signature"])
def test_a_seal_of_ours_does_not_go_to_gemini(key: str) -> None:
    quoted = json.dumps({key: OURS})
    parts: list[dict[str, object]] = [{"functionCall": {"name": "f"}, key: OURS}, {"text": quoted}]
    own = {"text": "", key: "c2ln"}
    body = json.dumps({"contents": [{"parts": [*parts, own]}], "x": 1}, indent=1).encode()
    read = call(body, model="gemini-3-pro")
    told = json.loads(address(read, "gemini-3-pro"))
    assert told == {"contents": [{"parts": [{**parts[0], key: BYPASS}, parts[1], own]}], "x": 1}
    assert json.loads(address(read, "gemini-2.5-flash")) == told
    assert address(call(body, model="claude"), "claude") is body, "another gateway may have made them"
    plain = json.dumps({"contents": [{"parts": [{"text": quoted}, own]}]}).encode()
    assert address(call(plain, model="gemini-3-pro"), "gemini-3-pro") is plain


def test_where_a_call_goes() -> None:
    assert target(call(), "m") == "models/m:generateContent"
    streamed = call(verb="streamGenerateContent", query="alt=sse&fields=x")
    assert target(streamed, "models/m") == "models/m:streamGenerateContent?alt=sse&fields=x"
    assert path("m", stream=True) == "models/m:streamGenerateContent?alt=sse"
    assert path("m", stream=False) == "models/m:generateContent"


def test_a_name_stays_one_segment_of_the_path() -> None:
    assert method("../a b?x:1", "v") == "models/..%2Fa%20b%3Fx%3A1:v"


def test_what_is_a_stream() -> None:
    stream, plain = call(verb="streamGenerateContent"), call()
    assert is_stream(stream, b"application/json; charset=utf-8")
    assert is_stream(stream, b"text/event-stream") and is_stream(plain, b"text/event-stream")
    assert not is_stream(plain, b"application/json") and not is_stream(stream, b"text/html")
