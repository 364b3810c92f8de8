"""An exchange writes exactly what its framing demands."""

import asyncio

import pytest

from llm_gateway.errors import BodyTooLarge, RequestTimeout
from llm_gateway.http.carrier import Carrier
from llm_gateway.http.exchange import Exchange
from rawhttp import parse_replies


class Wire:
    """A connection that remembers."""

    def __init__(self) -> None:
        self.paused = False
        self.sent = b""
        self.body = "flowing"
        self.ended: list[Exchange] = []

    def send(self, data: bytes) -> None:
        """Remember the bytes."""
        self.sent += data

    def resume_body(self) -> None:
        """Remember it."""
        self.body = "flowing"

    def pause_body(self) -> None:
        """Remember it."""
        self.body = "paused"

    def carrier(self) -> Carrier:
        """Never asked."""
        raise AssertionError

    async def drained(self) -> None:
        """Never wait."""

    def finished(self, exchange: Exchange) -> None:
        """Remember it."""
        self.ended.append(exchange)


_EVENTS = b"content-type: text/event-stream\r\n"


def opened(method: bytes = b"POST", *, complete: bool = True, http10: bool = False) -> tuple[Exchange, Wire]:
    """Return an exchange and the connection it is on."""
    wire = Wire()
    exchange = Exchange(wire, "127.0.0.1")
    exchange.method = method
    exchange.complete = complete
    exchange.http10 = http10
    return exchange, wire


def test_a_whole_response_has_its_length() -> None:
    exchange, wire = opened()
    exchange.respond(200, b"a: b\r\n", b"body")
    assert wire.sent == b"HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 4\r\n\r\nbody"
    assert wire.ended == [exchange]
    assert exchange.done


def test_a_head_request_gets_the_length_and_no_body() -> None:
    exchange, wire = opened(b"HEAD")
    exchange.respond(200, b"", b"body")
    assert wire.sent == b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


def test_a_head_request_gets_the_head_of_a_stream_and_nothing_of_it() -> None:
    exchange, wire = opened(b"HEAD")
    exchange.begin(200, _EVENTS, b"one\n\n")
    head = b"HTTP/1.1 200 OK\r\n%btransfer-encoding: chunked\r\n\r\n" % _EVENTS
    assert wire.sent == head and exchange.done and wire.ended == [exchange]
    exchange.write(b"two")
    exchange.end(b"three")
    assert wire.sent == head and wire.ended == [exchange]


def test_a_status_without_a_body_gets_neither() -> None:
    exchange, wire = opened()
    exchange.respond(204, b"", b"")
    assert wire.sent == b"HTTP/1.1 204 No Content\r\n\r\n"


def test_an_answer_before_the_request_is_whole_closes() -> None:
    exchange, wire = opened(complete=False)
    exchange.respond(401, b"", b"no")
    assert b"connection: close\r\n" in wire.sent
    assert exchange.close_after


def test_a_stream_is_chunked_and_empty_pieces_do_not_end_it() -> None:
    exchange, wire = opened()
    exchange.begin(200, b"", b"one")
    exchange.write(b"")
    exchange.write(b"two")
    exchange.end(b"three")
    body = wire.sent.partition(b"\r\n\r\n")[2]
    assert body == b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n"
    assert exchange.bytes_out == 11


def test_an_abandoned_stream_has_no_end() -> None:
    exchange, wire = opened()
    exchange.begin(200, b"", b"one")
    exchange.abandon()
    assert not wire.sent.endswith(b"0\r\n\r\n")
    assert exchange.close_after


def test_a_body_that_is_not_asked_for_stops_flowing() -> None:
    exchange, wire = opened(complete=False)
    exchange.body_received(b"x" * 300_000)
    assert wire.body == "paused"


def test_a_body_over_its_limit_is_refused_as_soon_as_it_is_over() -> None:
    async def run() -> None:
        exchange, wire = opened(complete=False)
        asking = asyncio.ensure_future(exchange.body(10))
        await asyncio.sleep(0)
        exchange.body_received(b"x" * 11)
        with pytest.raises(BodyTooLarge):
            await asking
        assert wire.body == "paused"

    asyncio.run(run())


def test_a_failed_body_is_seen_by_whoever_asks_later() -> None:
    exchange, _ = opened(complete=False)
    exchange.fail(RequestTimeout("too slow"))
    with pytest.raises(RequestTimeout):
        asyncio.run(exchange.body(10))


@pytest.mark.parametrize("kind", ["text/event-stream", "application/x-ndjson"])
def test_a_probe_is_harmless_wherever_it_comes(kind: str) -> None:
    exchange, wire = opened()
    exchange.probe()
    assert wire.sent == b"HTTP/1.1 102 Processing\r\n\r\n"
    exchange.begin(200, b"content-type: %b\r\n" % kind.encode(), b"data: half an")
    exchange.probe()
    exchange.write(b" event\n\n")
    exchange.probe()
    exchange.probe()
    exchange.end()
    answer = wire.sent.partition(b"Processing\r\n\r\n")[2]
    (reply,) = parse_replies(answer)
    assert (reply.body, reply.whole) == (b"data: half an event\n\n", True)
    assert answer.endswith(b"\r\n000\r\n\r\n")


def test_without_chunks_a_probe_is_a_comment_between_events() -> None:
    exchange, wire = opened(http10=True)
    exchange.begin(200, _EVENTS, b"data: half an")
    before = wire.sent
    exchange.probe()
    assert wire.sent == before
    exchange.write(b" event\n\n")
    exchange.probe()
    assert wire.sent.endswith(b" event\n\n:\n\n")


def test_what_has_neither_chunks_nor_events_is_not_probed() -> None:
    exchange, wire = opened(http10=True)
    exchange.begin(200, b"content-type: text/plain\r\n", b"a paragraph\n\n")
    before = wire.sent
    exchange.probe()
    assert wire.sent == before


def looked(exchange: Exchange, wire: Wire, *times: float, every: float = 15.0) -> list[float]:
    """Return at which of these times a comment was sent."""
    said = []
    for now in times:
        before = wire.sent
        exchange.look(now, every)
        if wire.sent != before:
            assert wire.sent[len(before) :] == b"e\r\n: keep-alive\n\n\r\n"
            said.append(now)
    return said


SECONDS = [float(second) for second in range(60)]


@pytest.mark.parametrize("first", [b"", b"data: 1\n\n", b"data: 1\r\n\r\n"])
def test_a_silent_stream_is_said_to_go_on_every_few_seconds(first: bytes) -> None:
    exchange, wire = opened()
    exchange.begin(200, _EVENTS, first)
    assert looked(exchange, wire, *SECONDS) == [14, 29, 44, 59], "never later than 15 seconds after a word"
    assert exchange.bytes_out == len(first)


def test_a_word_of_its_own_is_as_good() -> None:
    exchange, wire = opened()
    exchange.begin(200, _EVENTS)
    said = []
    for now in SECONDS:
        if now % 10 == 5:
            exchange.write(b"data: x\n\n")
        said += looked(exchange, wire, now)
    assert said == []


def test_a_short_interval_is_kept_as_often_as_it_is_looked() -> None:
    exchange, wire = opened()
    exchange.begin(200, _EVENTS)
    assert looked(exchange, wire, *SECONDS[:5], every=1.0) == [1, 2, 3, 4]


@pytest.mark.parametrize("piece", [b"data: half", b"data: half\n", b"\n", b": half", b"data: x\r\n"])
def test_nothing_is_said_within_an_event(piece: bytes) -> None:
    exchange, wire = opened()
    exchange.begin(200, _EVENTS, b"data: 1\n\n")
    exchange.write(piece)
    assert looked(exchange, wire, *SECONDS) == []
    exchange.write(b"\n\n")
    assert looked(exchange, wire, 60, 74) == [74]


@pytest.mark.parametrize("kind", [b"application/json", b"application/x-ndjson", b"text/plain"])
def test_nothing_is_said_in_what_is_no_stream_of_events(kind: bytes) -> None:
    exchange, wire = opened()
    exchange.begin(200, b"content-type: %b\r\n" % kind, b"[{}\n\n")
    assert looked(exchange, wire, *SECONDS) == []


def test_nothing_is_said_to_a_client_that_does_not_read() -> None:
    exchange, wire = opened()
    exchange.begin(200, _EVENTS)
    wire.paused = True
    assert looked(exchange, wire, *SECONDS) == []


def test_a_comment_is_not_framed_for_a_client_that_knows_no_frames() -> None:
    exchange, wire = opened()
    exchange.http10 = True
    exchange.begin(200, _EVENTS)
    exchange.look(0, 1)
    exchange.look(1, 1)
    assert wire.sent.endswith(b"\r\n\r\n: keep-alive\n\n")
