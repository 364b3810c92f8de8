"""One answer as messages of a WebSocket: events without their SSE, errors with their status."""

import asyncio
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import BodyTooLarge, UnknownResponse
from llm_gateway.http.exchange import Memo
from llm_gateway.http.websocket import WebSocket
from llm_gateway.server.socket_turn import SocketTurn, error_message
from scripted import responses

RESPONSES = DIALECTS["responses"]
Json = dict[str, object]


class Ear(WebSocket):
    """A socket that remembers what was said."""

    __slots__ = ("gone", "heard", "slow")

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.gone = False
        self.slow = True

    def send(self, text: bytes) -> None:
        self.heard.append(text)

    @property
    def blocked(self) -> bool:
        return self.slow

    async def drain(self) -> None:
        self.slow = False

    def abandon(self) -> None:
        self.gone = True

    def messages(self) -> list[Json]:
        return [json.loads(text) for text in self.heard]


def opened(lane: bytes = b"") -> tuple[SocketTurn, Ear]:
    ear = Ear()
    return SocketTurn(ear, RESPONSES, b"{}", [(b"a", b"b")], Memo(), lane), ear


def data_of(event: bytes) -> Json:
    value: Json = json.loads(event.partition(b"data: ")[2])
    return value


def test_it_is_a_request_that_has_come_whole() -> None:
    turn, _ = opened()
    assert (turn.method, turn.target, turn.headers) == (b"POST", b"/v1/responses", [(b"a", b"b")])
    assert turn.whole(2) == b"{}" and asyncio.run(turn.body(2)) == b"{}"
    assert turn.whole(1) is None
    with pytest.raises(BodyTooLarge, match="max_body_bytes"):
        asyncio.run(turn.body(1))


@given(st.lists(st.integers(0, 6000), max_size=12))
def test_every_event_is_one_message_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    items = [responses.reasoning(), responses.message(), responses.custom_call("t", "x")]
    parts = responses.events("m", items)
    data = b": a comment\n\n" + b"".join(parts) + b"data: [DONE]\n\n"
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    turn, ear = opened()
    turn.begin(200, b"")
    for start, end in pairwise(edges):
        turn.write(data[start:end])
    turn.end()
    assert ear.messages() == [data_of(part) for part in parts]
    assert turn.bytes_out == sum(map(len, ear.heard))
    assert turn.started
    assert turn.response_id == responses.ID
    assert [json.loads(item)["type"] for item in turn.output] == ["reasoning", "message", "custom_tool_call"]


def test_lines_of_any_kind_and_a_last_event_without_its_end() -> None:
    turn, ear = opened()
    turn.begin(200, b"", b'event: a\r\ndata: {"type":"a",\r\ndata: "b":1}\r\n\r\n')
    turn.end(b'data: {"type":"c"}')
    assert ear.messages() == [{"type": "a", "b": 1}, {"type": "c"}]


def test_headers_stand_in_the_first_message_alone() -> None:
    turn, ear = opened()
    fields = b"content-type: text/event-stream\r\nx-llm-gateway-losses: top_k\r\nX-Request-Id: req_1\r\n"
    turn.begin(200, fields, b'data: {"type":"a"}\n\ndata: {"type":"b"}\n\n')
    headers = {"x-llm-gateway-losses": "top_k", "x-request-id": "req_1"}
    assert ear.messages() == [{"headers": headers, "type": "a"}, {"type": "b"}]


def test_headers_that_an_upstream_wrote_into_an_event_stay() -> None:
    turn, ear = opened()
    turn.begin(200, b"a: b\r\n", b'data: {"type":"a","headers":{"c":"d"}}\n\n')
    assert ear.messages() == [{"type": "a", "headers": {"c": "d"}}]


def test_the_lane_is_repeated_in_every_message() -> None:
    turn, ear = opened(b'"left"')
    turn.begin(200, b"a: b\r\n", b'data: {"type":"a"}\n\n')
    turn.end(b'data: {"type":"b"}\n\n')
    assert [message["stream_id"] for message in ear.messages()] == ["left", "left"]
    other, ear = opened(b'"right"')
    other.respond(404, b"", responses.error("no", "invalid_request_error"))
    assert ear.messages()[0]["stream_id"] == "right"


def test_an_error_is_an_event_with_its_status_and_headers() -> None:
    turn, ear = opened()
    body = responses.error("slower, please", "rate_limit_error", "rate_limit_exceeded")
    turn.respond(429, b"content-type: application/json\r\nretry-after: 7\r\n", body)
    assert ear.messages() == [
        {
            "type": "error",
            "status": 429,
            "error": {
                "message": "slower, please",
                "type": "rate_limit_error",
                "param": None,
                "code": "rate_limit_exceeded",
            },
            "headers": {"retry-after": "7"},
        }
    ]
    assert turn.started and turn.response_id == ""


NO_ERRORS = [b"<html>bad gateway", b"", b"[]", b'{"error":"sorry"}', b'{"error":null}', b"\xff"]


@pytest.mark.parametrize("body", NO_ERRORS)
def test_an_error_of_any_other_shape_becomes_one(body: bytes) -> None:
    turn, ear = opened()
    turn.respond(502, b"", body)
    (message,) = ear.messages()
    error = message["error"]
    assert isinstance(error, dict) and error["message"] and error["type"]
    assert message["status"] == 502


SAID = {"message": "The server had an error.", "type": "server_error", "param": None, "code": "server_error"}


def test_an_error_that_ends_a_stream_gets_a_status_because_codex_waits_on_after_one_without() -> None:
    turn, ear = opened()
    turn.begin(200, b"", responses.events("m")[0] + responses.error_event())
    turn.end()
    (_, message) = ear.messages()
    assert message == {**data_of(responses.error_event()), "status": 500, "error": SAID}


@pytest.mark.parametrize(
    ("code", "status"),
    [("rate_limit_exceeded", 429), ("context_length_exceeded", 400), ("server_is_overloaded", 503)],
)
def test_the_status_of_such_an_error_is_that_of_its_code(code: str, status: int) -> None:
    turn, ear = opened()
    turn.begin(200, b"", responses.error_event("no", code))
    turn.end()
    (message,) = ear.messages()
    error = message["error"]
    assert isinstance(error, dict)
    assert (message["status"], error["code"], error["message"]) == (status, code, "no")


def test_an_error_before_the_proper_end_leaves_it_to_that_what_becomes_of_the_turn() -> None:
    turn, ear = opened()
    failed = responses.events("m", ending="failed", failure={"code": "rate_limit_exceeded", "message": "-"})
    turn.begin(200, b"", responses.error_event() + failed[-1])
    turn.end()
    error, end = ear.messages()
    assert "status" not in error and error["error"] == SAID
    assert end == data_of(failed[-1])


def test_an_error_of_another_vendors_form_is_one_too() -> None:
    turn, ear = opened(b'"l"')
    turn.begin(200, b"", b'data: {"error":{"message":"no","x":1}}\n\n')
    turn.end()
    assert ear.messages() == [
        {"stream_id": "l", "type": "error", "status": 500, "error": {"message": "no", "x": 1}}
    ]


def test_an_empty_object_stays_one_with_what_is_added_to_it() -> None:
    turn, ear = opened(b'"l"')
    turn.begin(200, b"a: b\r\n", b"data: {}\n\ndata: { }\n\n")
    assert ear.messages() == [{"stream_id": "l", "headers": {"a": "b"}}, {"stream_id": "l"}]


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed", "odd"])
def test_an_answer_that_came_in_one_piece_becomes_events(status: str) -> None:
    items = [responses.reasoning(), responses.message()]
    turn, ear = opened()
    whole = responses.completed("m", items, status=status)
    turn.respond(200, b"a: b\r\n", json.dumps(whole).encode())
    messages = ear.messages()
    ending = "completed" if status == "odd" else status
    assert [message["type"] for message in messages] == [
        "response.created",
        *["response.output_item.added", "response.output_item.done"] * 2,
        f"response.{ending}",
    ]
    assert [message["sequence_number"] for message in messages] == list(range(6))
    assert messages[0]["headers"] == {"a": "b"}
    assert messages[0]["response"] == {**whole, "status": "in_progress", "output": []}
    assert messages[4]["item"] == items[1] and messages[4]["output_index"] == 1
    assert messages[5]["response"] == whole
    assert turn.response_id == ("" if status == "failed" else responses.ID)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"output":"x"}'])
def test_an_answer_that_is_none_is_an_error(body: bytes) -> None:
    turn, ear = opened()
    turn.respond(200, b"", body)
    (message,) = ear.messages()
    assert (message["type"], message["status"]) == ("error", 502)


@pytest.mark.parametrize(
    "data",
    [
        b'{"type":"response.completed","response":{"id":7}}',
        b'{"type":"response.completed","response":[]}',
        b'{"type":7}',
        b'{"type":"response.completed"}',
    ],
)
def test_an_event_that_cannot_be_read_passes_and_nothing_goes_on_from_it(data: bytes) -> None:
    turn, ear = opened()
    turn.begin(200, b"", b"data: " + data + b"\n\n")
    assert ear.heard == [data] and turn.response_id == ""


def test_items_are_taken_from_the_stream_where_its_end_has_none() -> None:
    turn, _ = opened()
    turn.begin(200, b"", b'data: {"type":"response.output_item.done","item":{"type":"message"}}\n\n')
    turn.end(b'data: {"type":"response.completed","response":{"id":"r","output":[]}}\n\n')
    assert (turn.response_id, turn.output) == ("r", [b'{"type":"message"}'])


def test_what_is_noted_of_an_answer_is_bounded() -> None:
    turn, ear = opened()
    item = b'{"type":"message","text":"%b"}' % (b"x" * 4_000_000)
    turn.begin(200, b"")
    for _ in range(20):
        turn.write(b'data: {"type":"response.output_item.done","item":%b}\n\n' % item)
        ear.heard.clear()
    assert sum(map(len, turn.output)) <= 64 * 1024 * 1024
    turn.end(b'data: {"type":"response.completed","response":{"id":"r","output":[]}}\n\n')
    assert turn.response_id == "", "what is not known whole cannot be gone on from"


def test_a_slow_client_is_waited_for() -> None:
    turn, ear = opened()
    assert turn.blocked
    asyncio.run(turn.drain())
    assert not ear.slow


def test_an_answer_that_is_given_up_closes_the_socket() -> None:
    turn, ear = opened()
    turn.abandon()
    assert ear.gone


def test_an_error_before_there_is_a_request() -> None:
    error = UnknownResponse("no such answer", param="previous_response_id")
    told = json.loads(error_message(error, RESPONSES, b'"l"'))
    assert (told["type"], told["status"], told["stream_id"]) == ("error", 400, "l")
    assert told["error"]["code"] == "previous_response_not_found"
    assert "stream_id" not in json.loads(error_message(error, RESPONSES))
