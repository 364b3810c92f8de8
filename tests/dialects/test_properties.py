"""What holds for every dialect, whatever is said: streams may be cut anywhere, nothing is lost in silence.

Requests and answers are made at random (`canonical_strategies.py`) and written in each dialect. What the
dialect's own reader does not find again (`facets.py`) must have been reported as a loss.
"""

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from canonical_strategies import answers, requests
from facets import Facet, facets_of_answer, facets_of_request, missing
from llm_gateway.canonical.loss import Loss
from llm_gateway.canonical.parts import Thinking, ToolCall
from llm_gateway.canonical.request import Request
from llm_gateway.canonical.response import AnswerPart, Response, fold, unfold
from llm_gateway.dialects.contract import Asked, Call, Dialect, Path, Target
from llm_gateway.dialects.registry import DIALECTS
from matrix import cases

CASES = {case.name: case for case in cases()}
OPERATIONS = {
    "chat": "chat/completions",
    "responses": "responses",
    "messages": "messages",
    "gemini": "generateContent",
    "ollama": "chat",
}
# A dialect writes for a model what the model takes: one of each kind.
MODELS = {
    "chat": ("mistral-large-3",),
    "responses": ("gpt-5.5", "gpt-4.1", "gpt-oss:20b"),
    "messages": ("claude-sonnet-4-5", "claude-opus-5-5", "claude-haiku-4-6", "glm-5"),
    "gemini": ("gemini-3.8-flash", "gemini-2.5-pro", "gemma-4"),
    "ollama": ("qwen3:14b",),
}
TARGETS = [(name, model) for name in DIALECTS for model in MODELS[name]]

# How the loss of a facet may be called, where it is not called as the facet is.
CALLED: Mapping[str, tuple[str, ...]] = {
    "system": ("messages.system",),
    "image": ("messages.image", "messages.file_id"),
    "image.detail": ("messages.image", "messages.file_id"),
    "document": ("messages.document", "messages.file_id"),
    "document.name": ("messages.document", "messages.file_id"),
    "audio": ("messages.audio",),
    "refusal": ("messages.refusal", "response.refusal"),
    "thinking": ("messages.thinking", "response.thinking"),
    "seal": ("messages.thinking", "response.thinking"),
    "call.seal": ("messages.seal", "messages.tool_calls", "response.tool_calls", "response.seal"),
    "result.is_error": ("messages.tool",),
    "tool": ("tool_choice",),  # where the choice could not be said, the others are not offered
    "tool.description": ("tool_choice",),
    "tool.schema": ("tool_choice",),
    "tool.strict": ("tools.strict", "tool_choice"),
    "tool.custom": ("tools.grammar", "tool_choice"),
    "choice": ("tool_choice",),
    "parallel": ("parallel_tool_calls",),
    "thinks": ("reasoning",),
    "thinks.not": ("reasoning",),
    "budget": ("reasoning",),
    "shown": ("reasoning",),
    "format": ("response_format",),
    "format.schema": ("response_format",),
    "format.description": ("response_format",),
    "format.strict": ("response_format",),
    "cache_key": ("prompt_cache_key", "cache_control"),
    "sequence": ("response.stop_sequence",),
    "finish": ("response.finish_reason", "response.pause", "response.refusal", "response.content_filter"),
}
# What a dialect says in another way than its reader looks for.
OTHERWISE = {
    ("gemini", "format.strict"): "a schema always holds",
    ("ollama", "format.strict"): "a schema always holds",
    ("ollama", "result.is_error"): "told in the text",
    ("ollama", "thinks"): "at a medium level, a model that can think does so without being told to",
    ("ollama", "shown"): "a model that thinks always shows it",
    ("responses", "user"): "a long name is told as its digest, which is as good a name",
    ("messages", "thinks.not"): "one that thinks only when asked to is not asked",
    ("gemini", "thinks.not"): "one that cannot think is not told not to",
    ("responses", "shown"): "a summary alone asks for no thinking, so that its reader finds none",
    ("gemini", "shown"): "one that does not think has nothing to show",
    ("messages", "shown"): "shown by the models that think, unless told otherwise",
}


def unreported(dialect: str, lost: Iterable[Facet], losses: Iterable[Loss]) -> list[Facet]:
    """Return the facets that are lost without a word."""
    told = [loss.what for loss in losses]
    return [
        (name, value)
        for name, value in lost
        if (dialect, name) not in OTHERWISE
        and not any(what.startswith(prefix) for what in told for prefix in called(name))
    ]


def called(name: str) -> tuple[str, ...]:
    return CALLED.get(name, (name, f"response.{name}"))


def asked(dialect: str, *, stream: bool) -> Asked:
    gemini = dialect == "gemini" and stream
    operation = "streamGenerateContent" if gemini else OPERATIONS[dialect]
    return Asked(operation, "id1", "model-1", stream, True, 1_795_536_000, query="alt=sse" if gemini else "")


def read(dialect: Dialect, body: bytes, *, stream: bool = False) -> Call:
    told = asked(dialect.name, stream=stream)
    return dialect.read_call(body, Path(told.operation, "model-1", told.query))


def forms(dialect: str, stream: bytes) -> Mapping[str, bytes]:
    """Return a stream in every form that its dialect may come in."""
    found = {"as it is": stream, "with other ends of lines": stream.replace(b"\n", b"\r\n")}
    if dialect == "gemini":
        pieces = [line[6:] for line in stream.split(b"\n") if line.startswith(b"data: ")]
        found["an array"] = b"[%b]" % b",\r\n".join(pieces)
    return found


STREAMS = [
    (case.name, name, form)
    for case in CASES.values()
    for name, path in case.given("stream").items()
    for form in forms(name, path.read_bytes())
]


def test_streams_come_in_all_their_forms() -> None:
    for name in DIALECTS:
        told = {form for _, dialect, form in STREAMS if dialect == name}
        assert len(told) == (3 if name == "gemini" else 2), name
        assert len([1 for _, dialect, _ in STREAMS if dialect == name]) >= 36, name


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=120)
@given(data=st.data())
def test_a_stream_means_the_same_however_it_is_cut(dialect: str, data: st.DataObject) -> None:
    name, _, form = data.draw(st.sampled_from([each for each in STREAMS if each[1] == dialect]))
    upstream, told = DIALECTS[dialect], CASES[name].given("stream")[dialect].read_bytes()
    whole = forms(dialect, told)[form]
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=12))
    pieces = [whole[a:b] for a, b in pairwise([0, *sorted(cuts), len(whole)])]
    first, second = upstream.decoder(), upstream.decoder()
    expected = [*first.feed(told), *first.close()]
    assert [event for piece in pieces for event in second.feed(piece)] + second.close() == expected
    assert second.losses == first.losses
    call = CASES["text"].call(dialect, stream=True)
    one, other = upstream.meter(call, strip_usage=False), upstream.meter(call, strip_usage=False)
    assert one.feed(whole) + one.close() == whole
    assert b"".join([*map(other.feed, pieces), other.close()]) == whole
    assert other.seen == one.seen


@given(answers())
def test_an_answer_is_the_fold_of_its_events(response: Response) -> None:
    assert fold(unfold(response)) == response


@pytest.mark.parametrize(
    ("name", "dialect"), [(name, each) for name, each, form in STREAMS if form == "as it is"]
)
def test_a_stream_is_told_alike_in_the_fewest_events(name: str, dialect: str) -> None:
    decoder = DIALECTS[dialect].decoder()
    told = fold([*decoder.feed(CASES[name].given("stream")[dialect].read_bytes()), *decoder.close()])
    assert fold(unfold(told)) == told


@pytest.mark.parametrize(("name", "model"), TARGETS)
@settings(max_examples=60, deadline=None)
@given(request=requests())
def test_nothing_of_a_request_is_lost_in_silence(name: str, model: str, request: Request) -> None:
    dialect = DIALECTS[name]
    encoded = dialect.encode_request(request, Target(model))
    decoded = dialect.decode_request(read(dialect, encoded.body, stream=request.stream))
    lost = missing(facets_of_request(request), facets_of_request(decoded.request))
    assert not unreported(name, lost, (*encoded.losses, *decoded.losses)), encoded.body


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=100, deadline=None)
@given(response=answers())
def test_nothing_of_an_answer_is_lost_in_silence(name: str, response: Response) -> None:
    dialect = DIALECTS[name]
    response = of_others(name, response)
    written = dialect.encode_response(response, asked(name, stream=False))
    told = dialect.decode_response(written.body)
    lost = missing(plain(name, response), plain(name, told.response))
    assert not unreported(name, lost, (*written.losses, *told.losses)), written.body


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=100, deadline=None)
@given(response=answers())
def test_a_stream_says_what_a_whole_answer_says(name: str, response: Response) -> None:
    dialect = DIALECTS[name]
    response = of_others(name, response)
    encoder, decoder = dialect.encoder(asked(name, stream=True)), dialect.decoder()
    data = b"".join([encoder.feed(event) for event in unfold(response)])
    streamed = fold([*decoder.feed(data), *decoder.close()])
    written = dialect.encode_response(response, asked(name, stream=False))
    whole = dialect.decode_response(written.body).response
    assert not missing(plain(name, streamed), plain(name, whole))
    assert not missing(plain(name, whole), plain(name, streamed))
    assert set(encoder.losses) == set(written.losses) and encoder.id == written.id


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=100, deadline=None)
@given(response=answers())
def test_a_client_brings_back_what_it_was_told(name: str, response: Response) -> None:
    """Seals above all: their owner refuses a conversation without them, or thinks anew."""
    dialect = DIALECTS[name]
    response = of_others(name, response)
    assume(response.parts)
    written = dialect.encode_response(response, asked(name, stream=False))
    body = (CASES["tools"].given("request")[name]).read_bytes()
    decoded = dialect.decode_request(read(dialect, with_answer(name, body, written.body)))
    lost = missing(facets_of_answer(Response(parts=response.parts)), facets_of_request(decoded.request))
    lost = [facet for facet in lost if facet[0] != "finish"]
    assert not unreported(name, lost, (*written.losses, *decoded.losses)), written.body


def with_answer(name: str, body: bytes, answer: bytes) -> bytes:
    """Return a request that goes on after this answer, as clients make it of what they got."""
    request, told = json.loads(body), json.loads(answer)
    match name:
        case "chat":
            request["messages"].append(told["choices"][0]["message"])
        case "responses":
            request["input"] = [{"role": "user", "content": request["input"]}, *told["output"]]
        case "messages":
            request["messages"].append({"role": "assistant", "content": told["content"]})
        case "gemini":
            request["contents"].append(told["candidates"][0]["content"])
        case "ollama":
            request["messages"].append(told["message"])
    return json.dumps(request).encode()


def of_others(name: str, response: Response) -> Response:
    """Return the answer as an upstream of another dialect gives it: without this one's own seals."""
    parts: list[AnswerPart] = []
    for part in response.parts:
        if isinstance(part, Thinking | ToolCall) and part.seal is not None and part.seal.dialect == name:
            if isinstance(part, Thinking) and not part.text:
                continue
            part = msgspec.structs.replace(part, seal=None)
        parts.append(part)
    return msgspec.structs.replace(response, parts=tuple(parts))


# An upstream's answer does not hold the envelopes that a client's does; who declines ends like one who is
# stopped where there is one word for both; and not every dialect tells how its counts were made up.
ASIDE = ("seal", "call.seal")
SAME_END = {"refusal": "content_filter", "stop_sequence": "stop"}


def plain(name: str, response: Response) -> Iterable[Facet]:
    usage = response.usage
    if usage is not None and name in ("gemini", "ollama"):
        cached = usage.cache_read if name == "gemini" else 0
        usage = msgspec.structs.replace(
            usage,
            uncached=usage.input - cached,
            cache_read=cached,
            cache_write=0,
            reasoning=usage.reasoning if name == "gemini" else 0,
        )
    for facet, value in facets_of_answer(msgspec.structs.replace(response, usage=usage)):
        if facet == "finish":
            yield facet, SAME_END.get(str(value), value)
        elif facet not in ASIDE:
            yield facet, value
