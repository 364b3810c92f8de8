"""What an answer said is noted from its events or from its body, and never guessed."""

import pytest

from llm_gateway.server.answered import Answered, read_response
from llm_gateway.wire.sse import event_data
from scripted import responses


def noted(*events: bytes) -> Answered:
    answered = Answered()
    for event in events:
        answered.note(event)
    return answered


def test_a_stream_and_a_whole_answer_say_the_same() -> None:
    items = [responses.reasoning(), responses.message(), responses.custom_call("edit", "x")]
    streamed = noted(*(event_data(event) for event in responses.events("m", items)))
    whole = Answered()
    whole.whole(responses._json(responses.completed("m", items)))
    assert streamed.response_id == whole.response_id == responses.ID
    assert streamed.output == whole.output and len(whole.output) == 3
    assert streamed.response and whole.response


@pytest.mark.parametrize(("ending", "known"), [("completed", 1), ("incomplete", 1), ("failed", 0), ("", 0)])
def test_only_what_ended_can_be_gone_on_from(ending: str, known: int) -> None:
    answered = noted(*(event_data(event) for event in responses.events("m", ending=ending)))
    assert bool(answered.response_id) == bool(answered.response) == bool(known)


@pytest.mark.parametrize("status", ["failed", "cancelled", "queued", "in_progress", ""])
def test_a_body_that_has_not_ended_well_is_not_noted(status: str) -> None:
    answered = Answered()
    answered.whole(b'{"id":"r","status":"%b","output":[]}' % status.encode())
    assert (answered.response_id, answered.response) == ("", b"")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"id":7}', b'{"output":{}}', b"\xff"])
def test_what_is_no_response_object(body: bytes) -> None:
    assert read_response(body) is None
    answered = Answered()
    answered.whole(body)
    assert answered.response_id == ""


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (b'{"type":"response.created"}', "response.created"),
        (b'{"type":"error","message":"x"}', "error"),
        (b'{"error":{"message":"x"}}', "error"),
        (b'{"error":null}', ""),
        (b'{"type":"response.completed","response":{"id":7}}', ""),
        (b'{"type":"response.completed"}', ""),
        (b"no json", ""),
    ],
)
def test_the_kind_of_an_event(event: bytes, kind: str) -> None:
    answered = Answered()
    assert answered.note(event) == kind
    assert answered.response_id == ""


def test_items_are_taken_from_the_stream_where_its_end_has_none() -> None:
    answered = noted(
        b'{"type":"response.output_item.done","item":{"a":1}}',
        b'{"type":"response.completed","response":{"id":"r","output":[]}}',
    )
    assert (answered.response_id, answered.output) == ("r", [b'{"a":1}'])


def test_what_is_noted_is_bounded() -> None:
    answered = Answered()
    item = b'{"type":"response.output_item.done","item":"%b"}' % (b"x" * 4_000_000)
    for _ in range(20):
        answered.note(item)
    answered.note(b'{"type":"response.completed","response":{"id":"r","output":[]}}')
    assert sum(map(len, answered.output)) <= 64 * 1024 * 1024 and answered.response_id == ""
