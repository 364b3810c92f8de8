"""Whole answers: read from an upstream, written for a client, and the same both ways round."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response as SdkResponse
from pydantic import TypeAdapter

from llm_gateway.canonical.parts import Refusal, Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import AnswerPart, Response
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.responses.answer import decode_response, encode_count, encode_response
from llm_gateway.dialects.responses.seals import own_seal
from llm_gateway.errors import UpstreamBroken
from scripted import responses

ASKED = Asked("responses", "t1", "my-model", False, True, 1_790_000_000)
USAGE = Usage(32, 8, 0, 12, 2)


def body(**changes: object) -> bytes:
    whole = responses.completed("m", [responses.reasoning(), responses.function_call("f", {})])
    return json.dumps({**whole, **changes}).encode()


def test_an_answer_is_read() -> None:
    read = decode_response(body())
    assert read.response == Response(
        responses.ID,
        "m",
        (
            Thinking("Erst denken.", Seal("responses", f"rs_scripted_1.{responses.ENCRYPTED}")),
            ToolCall("call_scripted_1", "f", "{}"),
        ),
        "tool_calls",
        usage=USAGE,
    )
    assert [loss.what for loss in read.losses] == ["response.x_unknown"]


def test_an_answer_that_is_incomplete() -> None:
    told = decode_response(body(status="incomplete", incomplete_details={"reason": "max_output_tokens"}))
    assert told.response.finish == "length"
    assert decode_response(body(status="incomplete", incomplete_details=None)).response.finish == "other"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "not a response object"),
        (b"[]", "not a response object"),
        (b"{}", "without `output`"),
        (b'{"object":"chat.completion","choices":[]}', "without `output`"),
        (b'{"output":"text"}', "not a response object"),
        (body(status="failed", error={"code": "server_error", "message": "it broke"}), "it broke"),
        (b'{"error":{"message":"it broke"}}', "it broke"),
        (body(status="queued"), "'queued'"),
    ],
)
def test_what_is_no_answer_is_the_upstreams_fault(answer: bytes, message: str) -> None:
    with pytest.raises(UpstreamBroken, match=message):
        decode_response(answer)


def test_members_may_be_missing() -> None:
    assert decode_response(b'{"output":[],"id":null,"model":null,"status":null}').response == Response()


def test_an_answer_is_written() -> None:
    parts = (
        Thinking("hm", Seal("messages", "s")),
        Text("a"),
        Text("b"),
        ToolCall("c", "f", "{}", seal=Seal("gemini", "g")),
        Refusal("no"),
    )
    written = encode_response(Response("up", "their-model", parts, "length", usage=USAGE), ASKED)
    told = json.loads(written.body)
    TypeAdapter(SdkResponse).validate_python(told)
    assert written.id == told["id"] == "resp_t1"
    assert (told["model"], told["status"]) == ("my-model", "incomplete")
    assert told["incomplete_details"] == {"reason": "max_output_tokens"}
    assert [item["type"] for item in told["output"]] == [
        "reasoning",
        "message",
        "reasoning",
        "function_call",
        "message",
    ]
    assert [part["text"] for part in told["output"][1]["content"]] == ["a", "b"]
    assert [item.get("status") for item in told["output"]] == [
        None,
        "completed",
        None,
        "completed",
        "incomplete",
    ]
    assert written.losses == ()


def test_an_answer_without_usage_has_zeros() -> None:
    """Vercel's SDK refuses an answer without numbers."""
    told = json.loads(encode_response(Response(parts=(Text("a"),)), ASKED).body)
    assert told["usage"]["total_tokens"] == 0


def test_losses_are_told() -> None:
    written = encode_response(Response(parts=(), finish="stop_sequence", sequence="END"), ASKED)
    assert [loss.what for loss in written.losses] == ["response.stop_sequence"]


texts = st.text(max_size=8)
parts: st.SearchStrategy[AnswerPart] = st.one_of(
    st.builds(Text, texts),
    st.builds(Refusal, texts),
    st.builds(lambda text: Thinking(text, Seal("responses", "gA=")), texts),
    st.builds(ToolCall, st.text(min_size=1), st.text(min_size=1), texts, st.booleans()),
)


@given(st.lists(parts, max_size=6))
def test_what_is_written_is_read_again(said: list[AnswerPart]) -> None:
    response = Response(parts=tuple(said), usage=USAGE)
    read = decode_response(encode_response(response, ASKED).body)
    assert read.losses == ()
    assert [_unsealed(part) for part in read.response.parts] == [_unsealed(part) for part in said]
    assert read.response.usage == USAGE


def _unsealed(part: AnswerPart) -> object:
    """Return a part to compare: the id that a seal is bound to is the item's own."""
    if isinstance(part, Thinking) and part.seal is not None:
        return ("thinking", part.text, own_seal(part.seal)[0])
    return part


def test_a_count() -> None:
    assert json.loads(encode_count(7)) == {"object": "response.input_tokens", "input_tokens": 7}
