"""A client's call written for an upstream of another dialect, and the answer brought back."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Asked, Call, Dialect, Path, Target
from llm_gateway.dialects.responses import RESPONSES
from llm_gateway.dialects.translate import Translation, can_translate
from llm_gateway.errors import MalformedRequest, UpstreamBroken, UpstreamTruncated
from scripted import chat

GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}
CUSTOM = {"type": "custom", "name": "patch", "description": "Change a file", "format": GRAMMAR}


def call(dialect: Dialect, operation: str, fields: dict[str, object]) -> Call:
    body = json.dumps({"model": "alias", "input": "Guten Tag", **fields}).encode()
    return dialect.read_call(body, Path(operation))


def translation(*, stream: bool = False, **fields: object) -> Translation:
    asked = Asked("responses", "id1", "alias", stream, False, 1_700_000_000)
    return Translation(RESPONSES, call(RESPONSES, "responses", {"stream": stream, **fields}), asked)


def sent(made: Translation) -> dict[str, object]:
    value = json.loads(made.request(CHAT, Target("m")).body)
    assert isinstance(value, dict)
    return value


def test_the_request_is_written_in_the_targets_words() -> None:
    made = translation(top_k=3, truncation="auto", instructions="Be brief.")
    body = sent(made)
    assert body["model"] == "m"
    messages = body["messages"]
    assert isinstance(messages, list)
    assert [message["role"] for message in messages][-1] == "user"
    assert made.path(CHAT, "m") == "chat/completions"
    losses = {loss.what for loss in made.request(CHAT, Target("m")).losses}
    assert "truncation" in losses


def test_a_request_that_cannot_be_read_is_the_clients_fault() -> None:
    with pytest.raises(MalformedRequest):
        translation(input=17).request(CHAT, Target("m"))


def test_a_whole_answer_comes_back_and_is_told() -> None:
    made = translation()
    sent(made)
    body, seen, losses = made.answer(CHAT, chat.completion("m"), streamed=False)
    answer = json.loads(body)
    assert answer["object"] == "response" and answer["model"] == "alias"
    assert seen.response_id == answer["id"] and "id1" in answer["id"]
    assert seen.usage == Usage(uncached=32, cache_read=8, output=12, reasoning=2)
    assert seen.complete and seen.content_bytes > 0
    assert [loss.what for loss in losses] == ["response.x_unknown"]


def test_a_client_that_wants_a_stream_gets_one_of_a_whole_answer() -> None:
    made = translation(stream=True)
    sent(made)
    body, seen, _ = made.answer(CHAT, chat.completion("m"), streamed=False)
    assert body.startswith(b"event: response.created")
    assert b"event: response.completed" in body
    assert seen.response_id in body.decode()


def test_a_client_that_wants_it_whole_gets_a_stream_folded() -> None:
    made = translation()
    sent(made)
    body, seen, _ = made.answer(CHAT, b"".join(chat.events("m")), streamed=True)
    assert json.loads(body)["status"] == "completed"
    assert seen.usage is not None and seen.usage.output == 12


@pytest.mark.parametrize("events", [chat.events("m", done=False)[:2], []])
def test_a_stream_that_broke_off_is_not_folded(events: list[bytes]) -> None:
    made = translation()
    sent(made)
    with pytest.raises(UpstreamBroken):
        made.answer(CHAT, b"".join(events), streamed=True)


def test_an_answer_that_is_none_is_the_upstreams_fault() -> None:
    made = translation()
    sent(made)
    with pytest.raises(UpstreamBroken):
        made.answer(CHAT, b"<html>", streamed=False)


STREAM = b"".join(chat.events("m"))


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_a_stream_is_translated_however_it_is_cut(cuts: list[int]) -> None:
    whole = translation(stream=True)
    sent(whole)
    meter = whole.meter(CHAT)
    expected = meter.feed(STREAM) + meter.close()
    again = translation(stream=True)
    sent(again)
    other = again.meter(CHAT)
    places = [0, *sorted(cuts), len(STREAM)]
    got = b"".join(other.feed(STREAM[a:b]) for a, b in pairwise(places))
    got += other.close()
    assert got == expected
    assert other.seen == meter.seen
    assert meter.seen.complete and meter.seen.usage is not None and meter.seen.content_bytes > 0


def test_a_stream_that_breaks_off_ends_in_the_clients_own_way() -> None:
    made = translation(stream=True)
    sent(made)
    meter = made.meter(CHAT)
    out = meter.feed(b"".join(chat.events("m", done=False)[:2]))
    out += meter.close()
    assert not meter.seen.complete
    out += meter.fail(UpstreamTruncated("it broke off"))
    assert b"response.failed" in out and b"response.completed" not in out
    assert b"it broke off" in out


def test_a_tool_that_takes_text_comes_back_as_one_from_an_upstream_that_knows_functions_only() -> None:
    made = translation(stream=True, tools=[CUSTOM])
    sent(made)
    arguments = json.dumps({"input": "*** Begin"})
    function = {"index": 0, "id": "c1", "type": "function", "function": {"name": "patch", "arguments": ""}}
    pieces = [
        {"tool_calls": [function]},
        *({"tool_calls": [{"index": 0, "function": {"arguments": letter}}]} for letter in arguments),
    ]
    choices: list[dict[str, object]] = [{"index": 0, "delta": delta} for delta in pieces]
    choices.append({"index": 0, "delta": {}, "finish_reason": "tool_calls"})
    chunks = [{"id": "x", "model": "m", "choices": [choice]} for choice in choices]
    events = [b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks] + [b"data: [DONE]\n\n"]
    meter = made.meter(CHAT)
    out = b"".join(map(meter.feed, events)) + meter.close()
    assert b'"custom_tool_call"' in out and b"*** Begin" in out and b'{\\"input' not in out


def test_what_has_a_counterpart_can_be_translated() -> None:
    assert can_translate(RESPONSES, CHAT, "responses")
    assert can_translate(CHAT, RESPONSES, "chat/completions")
    assert not can_translate(CHAT, RESPONSES, "embeddings"), "there are none in that dialect"
    assert not can_translate(CHAT, RESPONSES, "completions")
    assert can_translate(CHAT, CHAT, "embeddings")


def embedding(inputs: object) -> Translation:
    asked = Asked("embeddings", "id1", "alias", False, False, 1)
    return Translation(CHAT, call(CHAT, "embeddings", {"input": inputs}), asked)


def test_embeddings_go_there_and_back() -> None:
    made = embedding(["a", "b"])
    assert made.path(CHAT, "m") == "embeddings"
    assert json.loads(made.request(CHAT, Target("m")).body)["model"] == "m"
    data = [{"object": "embedding", "index": i, "embedding": [0.5, i]} for i in range(2)]
    told = json.dumps({"data": data, "model": "m", "usage": {"prompt_tokens": 2, "total_tokens": 2}})
    body, seen, _ = made.answer(CHAT, told.encode(), streamed=False)
    assert [each["embedding"] for each in json.loads(body)["data"]] == [[0.5, 0], [0.5, 1]]
    assert seen.usage is not None and seen.usage.input == 2


def test_too_few_embeddings_are_the_upstreams_fault() -> None:
    made = embedding(["a", "b"])
    told = json.dumps({"data": [{"index": 0, "embedding": [1]}], "model": "m"})
    with pytest.raises(UpstreamBroken, match="1 embeddings for 2"):
        made.answer(CHAT, told.encode(), streamed=False)
