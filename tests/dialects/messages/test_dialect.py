"""The dialect as the pipeline sees it."""

import json

from llm_gateway.canonical.parts import Text
from llm_gateway.canonical.request import Message, Request
from llm_gateway.canonical.response import Failure
from llm_gateway.dialects.contract import Asked, Path, Target
from llm_gateway.dialects.messages import MESSAGES
from llm_gateway.errors import Forbidden
from llm_gateway.wire.jsonedit import Document

ASKED = Asked("messages", "01K", "mine", stream=True, wants_usage=True, now=1)
BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'


def test_what_it_is() -> None:
    assert MESSAGES.takes_comments
    assert (MESSAGES.name, MESSAGES.keys_in_url, MESSAGES.embedding) == ("messages", False, None)
    assert [MESSAGES.kind(name) for name in ("messages", "messages/count_tokens", "messages/batches")] == [
        "generate",
        "count",
        "native",
    ]


def test_where_and_how_a_translated_request_goes() -> None:
    assert MESSAGES.path("any", stream=True) == "messages"
    assert MESSAGES.request_headers == b"anthropic-version: 2023-06-01\r\n"
    encoded = MESSAGES.encode_request(Request((Message("user", (Text("hi"),)),)), Target("x"))
    assert json.loads(encoded.body)["model"] == "x"


def test_how_an_answer_is_labelled() -> None:
    assert MESSAGES.content_type(ASKED) == b"text/event-stream; charset=utf-8"
    whole = Asked("messages", "01K", "mine", stream=False, wants_usage=True, now=1)
    assert MESSAGES.content_type(whole) == b"application/json"
    assert MESSAGES.id_headers(ASKED) == b"request-id: req_01K\r\n"
    assert MESSAGES.encoder(ASKED).id == "msg_01K"


def test_asking_for_usage_changes_nothing() -> None:
    call = MESSAGES.read_call(BODY, Path("messages", query="beta=true"))
    assert MESSAGES.address(call, "m", ask_usage=True) is call.document.body
    assert MESSAGES.target(call, "m") == "messages?beta=true"
    assert MESSAGES.is_stream(call, b"text/event-stream")
    piece = b"event: ping\ndata: {}\n\n"
    assert MESSAGES.meter(call, strip_usage=True).feed(piece) is piece
    assert MESSAGES.decode_request(call).losses == ()


def test_errors_and_counts() -> None:
    assert json.loads(MESSAGES.encode_error(Forbidden("no")))["error"]["type"] == "permission_error"
    assert MESSAGES.decode_error(404, b'{"error":{"type":"not_found_error","message":"m"}}') == Failure(
        404, "m", "not_found_error"
    )
    assert json.loads(MESSAGES.encode_failure(Failure(529, "m")))["error"]["type"] == "overloaded_error"
    assert MESSAGES.encode_count(5) == b'{"input_tokens":5}'
    assert MESSAGES.read_answer(b'{"input_tokens":5}', "messages/count_tokens").complete


def test_it_reads_what_it_reads() -> None:
    assert MESSAGES.decode_response(b'{"content":[]}').response.parts == ()
    assert MESSAGES.decoder().close() == []
    assert isinstance(MESSAGES.read_call(BODY, Path("messages")).document, Document)
