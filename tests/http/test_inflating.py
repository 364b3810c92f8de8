"""Deflated messages are inflated as RFC 7692 says, and never beyond their bound."""

import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, TextMessage
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import FrameDecoder, Opcode, RsvBits

from llm_gateway.http.inflating import Inflating


def agreed(limit: int = 1_000_000) -> Inflating:
    inflating = Inflating(limit)
    assert inflating.accept("permessage-deflate") == ""
    return inflating


def client() -> Connection:
    deflate = PerMessageDeflate()
    deflate.finalize("permessage-deflate")
    return Connection(ConnectionType.CLIENT, [deflate])


def heard(data: list[bytes], limit: int = 1_000_000) -> tuple[list[Event], str]:
    """Return the events that a server reads, and the text of all messages."""
    server = Connection(ConnectionType.SERVER, [agreed(limit)])
    events: list[Event] = []
    for piece in data:
        server.receive_data(piece)
        events += server.events()
    return events, "".join(event.data for event in events if isinstance(event, TextMessage))


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("permessage-deflate", ""),
        ("permessage-deflate; client_max_window_bits", ""),  # Codex
        ("permessage-deflate; client_max_window_bits=12; client_no_context_takeover", ""),
        ("permessage-deflate; server_no_context_takeover", "server_no_context_takeover"),
        ("permessage-deflate;server_max_window_bits=10", "server_max_window_bits=10"),
        ("permessage-deflate; server_max_window_bits=7", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; client_max_window_bits=99", None),
        ("permessage-deflate; client_no_context_takeover=1", None),
        ("permessage-deflate; server_no_context_takeover=1", None),
        ("permessage-deflate; client_max_window_bits; client_max_window_bits", None),
        ("permessage-deflate; x_unknown", None),
    ],
)
def test_offers_are_agreed_on_or_declined(offer: str, answer: str | None) -> None:
    inflating = Inflating(10)
    assert inflating.accept(offer) == answer
    assert inflating.enabled() is (answer is not None)
    assert inflating.offer() is False


def test_the_first_offer_that_can_be_agreed_on_counts() -> None:
    inflating = Inflating(10)
    assert inflating.accept("permessage-deflate; x_unknown") is None
    assert inflating.accept("permessage-deflate") == ""
    assert inflating.accept("permessage-deflate; server_no_context_takeover") is None


@given(st.lists(st.text(max_size=200), min_size=1, max_size=4), st.lists(st.integers(0, 400), max_size=8))
def test_messages_come_out_as_they_went_in(texts: list[str], cuts: list[int]) -> None:
    sender = client()
    data = b"".join(sender.send(TextMessage(text)) for text in texts)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    events, text = heard([data[a:b] for a, b in pairwise(edges)])
    assert text == "".join(texts)
    assert sum(isinstance(event, TextMessage) and event.message_finished for event in events) == len(texts)


def test_fragments_with_a_ping_between_them() -> None:
    sender = client()
    data = [
        sender.send(TextMessage("Grü", message_finished=False)),
        sender.send(Ping(b"?")),
        sender.send(TextMessage("ße")),
    ]
    events, text = heard(data)
    assert text == "Grüße" and Ping(b"?") in events


def test_plain_messages_pass_beside_deflated_ones() -> None:
    plain, sender = Connection(ConnectionType.CLIENT), client()
    assert heard([plain.send(TextMessage("a")), sender.send(TextMessage("b"))])[1] == "ab"


def test_what_we_send_is_not_deflated() -> None:
    server = Connection(ConnectionType.SERVER, [agreed()])
    assert server.send(TextMessage("a" * 100)) == b"\x81\x64" + b"a" * 100


def test_the_bound_is_of_what_comes_out_and_of_each_message() -> None:
    sender = client()
    data = [sender.send(TextMessage("a" * 1000)) for _ in range(3)]
    assert heard(data, limit=1000)[1] == "a" * 3000
    events, _ = heard(data, limit=999)
    assert events[-1] == CloseConnection(1009, "error in extension")


def test_a_bomb_is_not_inflated() -> None:
    """A kilobyte that would be a megabyte costs no more than the bound."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflate.compress(bytes(1_000_000)) + deflate.flush()
    inflating = agreed(1000)
    inflating.frame_inbound_header(FrameDecoder(False), Opcode.TEXT, RsvBits(True, False, False), 1)
    assert inflating.frame_inbound_payload_data(FrameDecoder(False), bomb) == 1009
    assert inflating._stream.unconsumed_tail


def test_a_final_block_ends_a_message_and_not_the_connection() -> None:
    """RFC 7692, 7.2.3.4; the bytes are those of its example, with a mask of zeros."""
    final = b"\xc1\x88\0\0\0\0\xf3\x48\xcd\xc9\xc9\x07\x00\x00"
    assert heard([final, final, client().send(TextMessage("!"))])[1] == "HelloHello!"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\xc1\x83\0\0\0\0\xff\xff\xff", 1007),  # no deflate
        (b"\xc9\x80\0\0\0\0", 1002),  # a compressed ping
        (b"\x41\x80\0\0\0\0\xc0\x80\0\0\0\0", 1002),  # a compressed continuation
        (b"\xa1\x80\0\0\0\0", 1002),  # another reserved bit
    ],
)
def test_what_was_not_agreed_on_is_an_error(frame: bytes, code: int) -> None:
    events, _ = heard([frame])
    assert isinstance(events[-1], CloseConnection) and events[-1].code == code
