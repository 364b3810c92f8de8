"""Ollama's own client reads what we write, and what the scripted server writes: no shape is our opinion."""

from collections.abc import Iterator

import httpx
import ollama
import pytest

from llm_gateway.canonical.embedding import Embedded, EmbeddingRequest
from llm_gateway.canonical.parts import Text, Thinking, ToolCall
from llm_gateway.canonical.response import Response, unfold
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked, Path
from llm_gateway.dialects.ollama import OLLAMA
from llm_gateway.dialects.ollama.catalog import Offered, encode_loaded, encode_ps, encode_show, encode_tags
from llm_gateway.errors import UpstreamTruncated
from scripted import ScriptedUpstream, Send
from scripted import ollama as scripted
from scripted.wording import response

CALLS = ToolCall("c1", "find", '{"city": "Köln"}'), ToolCall("c2", "now", "")
RESPONSE = Response(
    "up", "other", (Thinking("hm"), Text("grüße"), *CALLS), "tool_calls", usage=Usage(3, output=4)
)


def asked(operation: str, *, stream: bool) -> Asked:
    return Asked(operation, "01K", "m", stream, wants_usage=True, now=1_790_000_000)


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(responders=(scripted.respond,)) as running:
        yield running


@pytest.fixture
def client(upstream: ScriptedUpstream) -> Iterator[ollama.Client]:
    with ollama.Client(host=upstream.url, timeout=30) as talking:
        yield talking


def serve(upstream: ScriptedUpstream, body: bytes, *, stream: bool = False) -> None:
    kind = OLLAMA.content_type(asked("chat", stream=stream)).decode()
    upstream.queue((Send(response(200, body, content_type=kind)),))


def streamed(operation: str, answer: Response = RESPONSE) -> bytes:
    encoder = OLLAMA.encoder(asked(operation, stream=True))
    return b"".join(encoder.feed(event) for event in unfold(answer))


def check_calls(calls: object) -> None:
    assert isinstance(calls, list)
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("find", {"city": "Köln"}),
        ("now", {}),
    ]


def test_a_whole_answer(upstream: ScriptedUpstream, client: ollama.Client) -> None:
    serve(upstream, OLLAMA.encode_response(RESPONSE, asked("chat", stream=False)).body)
    got = client.chat("m", [{"role": "user", "content": "hi"}])
    assert (got.model, got.created_at, got.done, got.done_reason) == (
        "m",
        "2026-09-21T14:13:20Z",
        True,
        "stop",
    )
    assert (got.prompt_eval_count, got.eval_count, got.total_duration) == (3, 4, None)
    assert (got.message.role, got.message.content, got.message.thinking) == ("assistant", "grüße", "hm")
    check_calls(got.message.tool_calls)


def test_a_stream(upstream: ScriptedUpstream, client: ollama.Client) -> None:
    serve(upstream, streamed("chat"), stream=True)
    pieces = list(client.chat("m", [{"role": "user", "content": "hi"}], stream=True))
    assert "".join(piece.message.content or "" for piece in pieces) == "grüße"
    assert "".join(piece.message.thinking or "" for piece in pieces) == "hm"
    check_calls([call for piece in pieces for call in piece.message.tool_calls or ()])
    assert [piece.done for piece in pieces] == [False, False, False, True]
    assert pieces[-1].eval_count == 4


def test_what_was_generated_from_a_prompt(upstream: ScriptedUpstream, client: ollama.Client) -> None:
    plain = Response(parts=(Thinking("hm"), Text("ok")), usage=Usage(3, output=4))
    serve(upstream, OLLAMA.encode_response(plain, asked("generate", stream=False)).body)
    got = client.generate("m", "hi")
    assert (got.response, got.thinking, got.done, got.context) == ("ok", "hm", True, None)
    serve(upstream, streamed("generate", plain), stream=True)
    pieces = list(client.generate("m", "hi", stream=True))
    assert "".join(piece.response or "" for piece in pieces) == "ok"
    assert pieces[-1].done


def test_errors(upstream: ScriptedUpstream, client: ollama.Client) -> None:
    error = UpstreamTruncated("it broke")
    upstream.queue((Send(response(502, OLLAMA.encode_error(error))),))
    with pytest.raises(ollama.ResponseError, match="it broke") as caught:
        client.chat("m", [{"role": "user", "content": "hi"}])
    assert caught.value.status_code == 502
    call = OLLAMA.read_call(b'{"model":"m","messages":[]}', Path("chat"))
    begun = streamed("chat").splitlines(keepends=True)[0]
    serve(upstream, begun + OLLAMA.meter(call, strip_usage=False).fail(error), stream=True)
    with pytest.raises(ollama.ResponseError, match="it broke"):
        list(client.chat("m", [{"role": "user", "content": "hi"}], stream=True))


def test_embeddings(upstream: ScriptedUpstream, client: ollama.Client) -> None:
    assert OLLAMA.embedding is not None
    embedded, request = Embedded(((0.5, 1.0),), usage=Usage(2)), EmbeddingRequest(("a",))
    serve(upstream, OLLAMA.embedding.encode_response(embedded, request, asked("embed", stream=False)))
    got = client.embed("m", ["a"])
    assert (got.embeddings, got.prompt_eval_count) == ([[0.5, 1.0]], 2)
    serve(upstream, OLLAMA.embedding.encode_response(embedded, request, asked("embeddings", stream=False)))
    assert client.embeddings("m", "a").embedding == [0.5, 1.0]


def test_what_is_asked_beside_answers() -> None:
    model = Offered("openai/gpt-5.5", 400_000, 1_790_000_000)
    listed = ollama.ListResponse.model_validate_json(encode_tags([model]))
    assert [entry.model for entry in listed.models] == ["openai/gpt-5.5"]
    assert listed.models[0].modified_at is not None and listed.models[0].modified_at.year == 2026
    shown = ollama.ShowResponse.model_validate_json(encode_show(model))
    assert shown.capabilities == ["completion", "tools"]
    assert shown.modelinfo is not None and shown.modelinfo["gateway.context_length"] == 400_000
    assert ollama.ProcessResponse.model_validate_json(encode_ps()).models == []
    call = OLLAMA.read_call(b'{"model":"m"}', Path("chat"))
    loaded = ollama.ChatResponse.model_validate_json(encode_loaded(call, asked("chat", stream=True)))
    assert (loaded.done_reason, loaded.message.content) == ("load", "")


def test_the_scripted_server_speaks_as_ollama_does(client: ollama.Client) -> None:
    """Without it, tests against that server would prove nothing."""
    hi = [{"role": "user", "content": "hi"}]
    assert client.chat("m", hi).message.content == scripted.TEXT
    pieces = list(client.chat("m", hi, think=True, stream=True))
    assert "".join(piece.message.thinking or "" for piece in pieces).strip() == scripted.THOUGHT
    assert "".join(piece.message.content or "" for piece in pieces).strip() == scripted.TEXT
    assert pieces[-1].eval_count == 12
    calls = client.chat("m", hi, tools=[{"function": {"name": "lookup"}}]).message.tool_calls
    assert calls is not None and calls[0].function.arguments == {"city": "Köln"}
    assert client.generate("m", "hi").response == scripted.TEXT
    assert client.generate("m").done_reason == "load"
    assert [model.model for model in client.list().models] == ["scripted-model"]
    assert client.show("scripted-model").capabilities == ["completion", "tools"]
    assert [model.name for model in client.ps().models] == ["scripted-model"]
    assert len(client.embed("m", ["a", "b"]).embeddings) == 2
    assert len(client.embeddings("m", "a").embedding) == 4
    with pytest.raises(ollama.ResponseError, match="model 'no' not found"):
        client.show("no")


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("line", httpx.RemoteProtocolError),
        ("fails", ollama.ResponseError),
    ],
)
def test_streams_that_break_are_known_as_such(
    upstream: ScriptedUpstream, client: ollama.Client, how: str, error: type[Exception]
) -> None:
    upstream.queue(scripted.broken("m", how=how))
    with pytest.raises(error):
        list(client.chat("m", [{"role": "user", "content": "hi"}], stream=True))


def test_a_stream_without_its_end_has_no_done(upstream: ScriptedUpstream, client: ollama.Client) -> None:
    upstream.queue(scripted.broken("m", how="end"))
    pieces = list(client.chat("m", [{"role": "user", "content": "hi"}], stream=True))
    assert pieces and not pieces[-1].done
    with pytest.raises(ValueError, match="otherwise"):
        scripted.broken("m", how="otherwise")
