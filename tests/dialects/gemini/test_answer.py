"""Whole answers, read and written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.canonical.parts import Refusal, Seal, Text, Thinking, ToolCall
from llm_gateway.canonical.response import Response
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.gemini.answer import decode_response, encode_response
from llm_gateway.dialects.gemini.seals import call_signature, signature_of, thoughts_of
from llm_gateway.errors import UpstreamBroken
from scripted import gemini

ASKED = Asked("generateContent", "01K", "alias", stream=False, wants_usage=True, now=1)
USAGE = Usage(uncached=32, cache_read=8, output=12, reasoning=2)


def test_reading() -> None:
    parts = [gemini.thought("t"), gemini.text("a"), gemini.call("f", {"a": 1}), {"executableCode": {}}]
    body = json.dumps(gemini.answer("m", parts), indent=2).encode()
    read = decode_response(body)
    call = ToolCall("fc_scripted_1", "f", '{"a":1}', seal=Seal("gemini", gemini.SIGNATURE))
    assert read.response == Response(
        gemini.ID, "m", (Thinking("t"), Text("a"), call), "tool_calls", usage=USAGE
    )
    lost = ["response.xUnknown", "response.parts.executableCode"]
    assert [loss.what for loss in read.losses] == lost


def test_a_blocked_prompt_is_an_answer() -> None:
    read = decode_response(json.dumps(gemini.blocked("m")).encode())
    assert read.response == Response(gemini.ID, "m", (), "content_filter", usage=Usage(40))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"usageMetadata": {"promptTokenCount": 5}}', gemini.error("no")]
)
def test_what_is_no_answer_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(UpstreamBroken):
        decode_response(body)


def test_writing() -> None:
    sealed = Seal("messages", "sig")
    parts = (Thinking("t", sealed), Refusal("no"), ToolCall("x", "f", '{"a": 1}'))
    written = encode_response(Response("up", "upstream", parts, "tool_calls", usage=USAGE), ASKED)
    assert (written.id, written.losses) == ("01K", ())
    assert json.loads(written.body) == {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "t", "thought": True, "thoughtSignature": signature_of(sealed)},
                        {"text": "no"},
                        {
                            "functionCall": {"id": "x", "name": "f", "args": {"a": 1}},
                            "thoughtSignature": call_signature(None, thoughts_of(parts)),
                        },
                    ],
                    "role": "model",
                },
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 40,
            "candidatesTokenCount": 10,
            "totalTokenCount": 52,
            "cachedContentTokenCount": 8,
            "thoughtsTokenCount": 2,
        },
        "modelVersion": "alias",
        "responseId": "01K",
    }


def test_an_answer_of_nothing_has_a_part_all_the_same() -> None:
    written = encode_response(Response(finish="stop_sequence", sequence="END"), ASKED)
    answer = json.loads(written.body)
    assert answer["candidates"][0]["content"]["parts"] == [{"text": ""}] and "usageMetadata" not in answer
    assert [loss.what for loss in written.losses] == ["response.stop_sequence"]


PARTS = st.lists(
    st.builds(Text, st.text(min_size=1))
    | st.builds(Thinking, st.text(min_size=1), st.just(Seal("gemini", "c2ln")))
    | st.builds(
        lambda at, args: ToolCall(
            f"id{at}", "f", json.dumps(args, separators=(",", ":"), ensure_ascii=False)
        ),
        st.integers(0, 9),
        st.dictionaries(st.text(), st.integers()),
    ),
    min_size=1,
)


@given(PARTS)
def test_what_was_written_is_read_as_it_was(parts: list[Text | Thinking | ToolCall]) -> None:
    told: list[Text | Thinking | ToolCall] = []
    for part in parts:  # texts that follow each other are one to a reader
        if told and type(told[-1]) is type(part) and not isinstance(part, ToolCall):
            continue
        told.append(part)
    response = Response("01K", "alias", tuple(told), "stop")
    read = decode_response(encode_response(response, ASKED).body).response
    assert read.parts == response.parts
