"""Two channels carry streams to each other: in any order, within credit, whatever else is sent to them."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_gateway.companion.channel import (
    CREDIT,
    Bounds,
    Came,
    Cancelled,
    Channel,
    ChannelBroken,
    ChannelFull,
    Draining,
    Ended,
    Failed,
    Happening,
    Headed,
    Heard,
    Opened,
    Roomier,
)
from llm_gateway.companion.frames import (
    Auth,
    Body,
    Cancel,
    Chunk,
    Drain,
    End,
    Frame,
    Head,
    Hello,
    News,
    Open,
    Ping,
    Pong,
    Unknown,
    Welcome,
    Window,
    Wrong,
    read_frame,
    write_frame,
)

TURN = Open("turn", "claude", "sonnet")
OK = Head(200)


def passed(sender: Channel, receiver: Channel) -> list[Happening]:
    """Carry over what one side has to say, and return what the other hears."""
    return [heard for message in sender.outgoing() for heard in receiver.receive(message)]


def said(channel: Channel) -> list[tuple[int, Frame]]:
    return [read_frame(message) for message in channel.outgoing()]


def both(bounds: Bounds | None = None) -> tuple[Channel, Channel]:
    return Channel(dials=True, bounds=bounds), Channel(dials=False, bounds=bounds)


def asked(bounds: Bounds | None = None) -> tuple[Channel, Channel, int]:
    """Return both sides, with one stream that the gateway has opened; the companion answers."""
    companion, gateway = both(bounds)
    stream = gateway.open(TURN)
    assert passed(gateway, companion) == [Opened(stream, TURN)]
    passed(companion, gateway)
    return companion, gateway, stream


def test_a_stream_from_its_opening_to_its_end() -> None:
    companion, gateway, stream = asked()
    assert gateway.send(stream, memoryview(b"{}")) == 2
    gateway.end(stream)
    assert passed(gateway, companion) == [Came(stream, b"{}"), Ended(stream)]
    companion.head(stream, OK)
    assert companion.send(stream, memoryview(b"line\n")) == 5
    companion.end(stream)
    assert not companion.is_open(stream)
    assert passed(companion, gateway) == [Headed(stream, OK), Came(stream, b"line\n"), Ended(stream)]
    assert (gateway.streams, companion.streams) == (0, 0)


def test_both_sides_open_streams_that_are_never_the_same() -> None:
    companion, gateway = both()
    assert [companion.open(TURN), gateway.open(TURN), companion.open(TURN)] == [1, 2, 3]
    assert passed(companion, gateway) == [Opened(1, TURN), Opened(3, TURN)]
    assert passed(gateway, companion) == [Opened(2, TURN), Roomier(1), Roomier(3)]


def test_no_more_is_sent_than_there_is_credit_for() -> None:
    companion, gateway, stream = asked()
    companion.head(stream, OK)
    data = memoryview(bytes(3 * CREDIT))
    assert companion.send(stream, data) == CREDIT
    assert companion.send(stream, data) == 0
    heard = passed(companion, gateway)
    assert sum(len(each.data) for each in heard if isinstance(each, Came)) == CREDIT
    gateway.consumed(stream, CREDIT // 4)
    assert passed(gateway, companion) == []
    gateway.consumed(stream, CREDIT // 4)
    assert passed(gateway, companion) == [Roomier(stream)]
    assert companion.send(stream, data) == CREDIT // 2


def test_a_slow_reader_holds_up_nobody_else() -> None:
    companion, gateway = both()
    slow, fast = gateway.open(TURN), gateway.open(TURN)
    passed(gateway, companion)
    for stream in (slow, fast):
        companion.head(stream, OK)
        assert companion.send(stream, memoryview(bytes(CREDIT))) == CREDIT
    passed(companion, gateway)
    for _ in range(50):
        gateway.consumed(fast, CREDIT)
        passed(gateway, companion)
        assert companion.send(fast, memoryview(bytes(CREDIT))) == CREDIT
        assert companion.send(slow, memoryview(b"x")) == 0
        passed(companion, gateway)


def test_a_body_may_run_ahead_of_its_reader() -> None:
    companion, gateway, stream = asked(Bounds(body_ahead=4 * CREDIT))
    assert gateway.send(stream, memoryview(bytes(9 * CREDIT))) == 4 * CREDIT
    assert len(passed(gateway, companion)) == 8


def test_whoever_asks_may_stop_at_any_time() -> None:
    companion, gateway, stream = asked()
    companion.head(stream, OK)
    companion.send(stream, memoryview(b"late"))
    gateway.cancel(stream)
    assert passed(gateway, companion) == [Cancelled(stream)]
    assert passed(companion, gateway) == []
    assert companion.send(stream, memoryview(b"later")) == 5
    companion.end(stream)
    companion.fail(stream, Wrong("x"))
    gateway.cancel(stream)
    gateway.consumed(stream, 5)
    assert said(companion) == said(gateway) == []


def test_whoever_answers_may_fail() -> None:
    companion, gateway, stream = asked()
    companion.head(stream, OK)
    companion.fail(stream, Wrong("bridge_failed", "it broke"))
    assert passed(companion, gateway) == [
        Headed(stream, OK),
        Failed(stream, Wrong("bridge_failed", "it broke")),
    ]
    gateway.send(stream, memoryview(b"more"))
    gateway.end(stream)
    assert said(gateway) == []


def test_an_answer_may_come_before_the_body_is_whole() -> None:
    companion, gateway, stream = asked()
    gateway.send(stream, memoryview(b"{"))
    companion.head(stream, Head(429))
    companion.end(stream)
    assert passed(companion, gateway)[-1] == Ended(stream)
    assert passed(gateway, companion) == []


def test_a_head_and_an_end_are_said_once() -> None:
    companion, _, stream = asked()
    companion.head(stream, OK)
    companion.head(stream, OK)
    companion.end(stream)
    companion.end(stream)
    assert said(companion) == [(stream, OK), (stream, End())]


def test_only_so_many_streams_are_open() -> None:
    companion, gateway = both(Bounds(streams=2))
    gateway.open(TURN)
    gateway.open(TURN)
    companion.open(TURN)
    passed(companion, gateway)
    with pytest.raises(ChannelFull):
        gateway.open(TURN)
    eager = Channel(dials=False)
    for _ in range(3):
        eager.open(TURN)
    assert len(passed(eager, companion)) == 2
    assert said(companion)[-1] == (6, Wrong("too_many_streams", "2 are open already"))


def test_who_stops_takes_nothing_new_and_ends_what_runs() -> None:
    companion, gateway, stream = asked()
    gateway.open(TURN)
    companion.drain()
    companion.drain()
    assert passed(companion, gateway) == [Draining()]
    assert passed(gateway, companion) == []
    ((refused, wrong),) = said(companion)
    assert refused == stream + 2 and isinstance(wrong, Wrong) and wrong.kind == "draining"
    with pytest.raises(ChannelFull, match="stopping"):
        gateway.open(TURN)
    companion.head(stream, OK)
    companion.end(stream)
    assert passed(companion, gateway) == [Headed(stream, OK), Ended(stream)]


def test_a_sign_of_life_is_answered() -> None:
    companion, gateway = both()
    gateway.ping()
    assert passed(gateway, companion) == []
    assert said(companion) == [(0, Pong())]
    assert gateway.receive(write_frame(0, Pong())) == []
    companion.tell(b"[]")
    assert passed(companion, gateway) == [Heard(b"[]")]
    assert gateway.receive(write_frame(0, Unknown(99))) == gateway.receive(write_frame(9, Unknown(99))) == []


@pytest.mark.fault("B7")
def test_an_answer_without_end_is_ended() -> None:
    companion, gateway, stream = asked(Bounds(answer=CREDIT))
    companion.head(stream, OK)
    companion.send(stream, memoryview(bytes(CREDIT)))
    passed(companion, gateway)
    gateway.consumed(stream, CREDIT)
    passed(gateway, companion)
    companion.send(stream, memoryview(b"x"))
    (failed,) = passed(companion, gateway)
    assert isinstance(failed, Failed) and failed.wrong.kind == "too_long"
    assert passed(gateway, companion) == [Cancelled(stream)]


def test_many_bodies_are_no_more_than_can_be_held() -> None:
    asks, answers = Channel(dials=False), Channel(dials=True, bounds=Bounds(bodies=100))
    streams = [asks.open(TURN) for _ in range(3)]
    passed(asks, answers)
    for stream in streams[:2]:
        asks.send(stream, memoryview(bytes(60)))
    assert passed(asks, answers)[-1] == Cancelled(streams[1])
    (failed,) = [each for each in passed(answers, asks) if isinstance(each, Failed)]
    assert failed.wrong.kind == "too_many_streams"
    answers.fail(streams[0], Wrong("failed"))
    asks.send(streams[2], memoryview(bytes(90)))
    assert passed(asks, answers) == [Came(streams[2], bytes(90))]


@pytest.mark.fault("B7")
def test_a_body_without_end_is_ended() -> None:
    companion, gateway, stream = asked(Bounds(body=10))
    gateway.send(stream, memoryview(bytes(11)))
    assert passed(gateway, companion) == [Cancelled(stream)]
    (failed,) = passed(companion, gateway)
    assert isinstance(failed, Failed) and failed.wrong.kind == "too_long"


@pytest.mark.control("T18")
@pytest.mark.fault("B8")
@pytest.mark.parametrize(
    "frames",
    [
        [(2, Body(bytes(CREDIT + 1)))],
        [(2, Body(b""))],
        [(2, Chunk(b"x"))],
        [(2, OK)],
        [(2, Wrong("x"))],
        [(2, End()), (2, End())],
        [(2, End()), (2, Body(b"x"))],
        [(2, Window(0))],
        [(2, Window(2**31 - 1))],
        [(2, TURN)],
        [(4, TURN), (4, TURN)],
        [(6, TURN), (4, TURN)],
        [(3, TURN)],
        [(0, TURN)],
        [(1, Chunk(b"x"))],
        [(1, End())],
        [(1, OK), (1, OK)],
        [(1, Body(b"x"))],
        [(1, Cancel())],
        [(0, Wrong("revoked", "gone"))],
        [(0, Body(b"x"))],
        [(0, Hello(1, 1, "", ""))],
        [(0, Auth(b"", b""))],
        [(0, Welcome("x"))],
    ],
    ids=str,
)
def test_what_is_against_the_protocol_breaks_the_link(frames: list[tuple[int, Frame]]) -> None:
    companion = Channel(dials=True, bounds=Bounds(body_ahead=0))
    companion.open(TURN)
    companion.receive(write_frame(2, TURN))
    *before, last = (write_frame(*each) for each in frames)
    for message in before:
        companion.receive(message)
    with pytest.raises(ChannelBroken):
        companion.receive(last)


@pytest.mark.parametrize(
    "frame", [Body(b"x"), Chunk(b"x"), OK, End(), Wrong("x"), Cancel(), Window(9)], ids=str
)
def test_streams_that_are_not_known_are_let_pass(frame: Frame) -> None:
    companion, gateway = both()
    assert companion.receive(write_frame(88, frame)) == gateway.receive(write_frame(88, frame)) == []


def test_a_message_that_is_no_frame_breaks_the_link() -> None:
    with pytest.raises(ChannelBroken):
        Channel(dials=True).receive(b"\x04")


FRAMES: tuple[Frame, ...] = (
    TURN, Body(b"x"), OK, Chunk(b"x"), End(), Wrong("x"), Cancel(), Window(5), Ping(), Pong(), News(b"x"),
    Drain(), Unknown(77),
)  # fmt: skip


@pytest.mark.control("T11")
def test_ten_thousand_frames_of_nonsense_break_a_link_and_nothing_else() -> None:
    chance = random.Random(11)
    broken = 0
    channel = Channel(dials=False)
    for _ in range(10_000):
        message = bytearray(write_frame(chance.randrange(8), chance.choice(FRAMES)))
        if chance.random() < 0.3:
            message[chance.randrange(len(message))] = chance.randrange(256)
        try:
            channel.receive(bytes(message))
            if chance.random() < 0.1:
                channel.open(TURN)
        except (ChannelBroken, ChannelFull):
            broken += 1
            channel = Channel(dials=False)
        assert channel.streams <= 256
        channel.outgoing()
    assert broken > 100


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_any_interleaving_carries_every_byte_in_order(seed: int) -> None:
    """Five streams, answered in any order and any sizes, read in any order and any sizes."""
    chance = random.Random(seed)
    companion, gateway = both()
    streams = [gateway.open(TURN) for _ in range(5)]
    passed(gateway, companion)
    sent, heard = dict.fromkeys(streams, b""), dict.fromkeys(streams, b"")
    unread = dict.fromkeys(streams, 0)
    for stream in streams:
        companion.head(stream, OK)

    def carry() -> None:
        for happening in passed(companion, gateway):
            if isinstance(happening, Came):
                heard[happening.stream] += happening.data
                unread[happening.stream] += len(happening.data)
                assert unread[happening.stream] <= CREDIT + CREDIT // 2
        passed(gateway, companion)

    for _ in range(chance.randrange(80)):
        stream, reader = chance.choice(streams), chance.choice(streams)
        data = chance.randbytes(chance.randrange(1, 2 * CREDIT))
        sent[stream] += data[: companion.send(stream, memoryview(data))]
        if chance.random() < 0.6:
            carry()
        read = chance.randint(0, unread[reader])
        unread[reader] -= read
        gateway.consumed(reader, read)
    carry()
    assert heard == sent
