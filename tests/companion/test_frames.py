"""Every frame comes back as it was said, and what is no frame is refused without harm."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.companion.frames import (
    MOST,
    OLDEST,
    PROTOCOL,
    Auth,
    Body,
    Cancel,
    Chunk,
    Drain,
    End,
    Frame,
    FrameBroken,
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

EVERY: tuple[Frame, ...] = (
    Hello(PROTOCOL, OLDEST, "llm_gateway/1", "mac", b"n" * 32, 17),
    Auth(b"k" * 32, b"s" * 64, "lgj_x", ("claude", "codex")),
    Welcome("mac", ("claude",)),
    Open("turn", "claude", "sonnet", "01ABC"),
    Body(b"{}"),
    Head(200, ((b"content-type", b"application/x-ndjson"),)),
    Chunk(b"\x00\xff"),
    End(),
    Wrong("draining", "it stops", 1.5),
    Cancel(),
    Window(65536),
    Ping(),
    Pong(),
    News(b"[]"),
    Drain(),
)


@pytest.mark.parametrize("frame", EVERY, ids=lambda frame: type(frame).__name__)
@pytest.mark.parametrize("stream", [0, 1, 2**32 - 1])
def test_a_frame_comes_back(frame: Frame, stream: int) -> None:
    assert read_frame(write_frame(stream, frame)) == (stream, frame)


def test_a_failure_is_told_as_far_as_it_can_be_read() -> None:
    stream, frame = read_frame(write_frame(1, Wrong("k" * 200, "why " * 5000, 1.5)))
    assert (stream, frame) == (1, Wrong("k" * 128, ("why " * 5000)[:4096], 1.5))


def test_every_kind_has_a_number_of_its_own() -> None:
    assert sorted(write_frame(0, frame)[0] for frame in EVERY) == list(range(1, 16))


def test_what_a_later_version_says_is_let_pass() -> None:
    assert read_frame(b"\xc8\x00\x00\x00\x07anything") == (7, Unknown(200))
    assert read_frame(write_frame(7, Unknown(200))) == (7, Unknown(200))
    more = b"\x84\xa4kind\xa1x\xa7message\xa1y\xa5other\x01\xabretry_after\x02"
    assert read_frame(b"\x09\x00\x00\x00\x00" + more) == (0, Wrong("x", "y", 2.0))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x0c\x00\x00\x00",
        b"\x05\x00\x00\x00\x01" + bytes(MOST),
        b"\x0b\x00\x00\x00\x01\x00\x00",
        b"\x0b\x00\x00\x00\x01\x00\x00\x00\x01\x00",
        b"\x04\x00\x00\x00\x01",
        b"\x04\x00\x00\x00\x01\xc1",
        b"\x04\x00\x00\x00\x01\x80",
        b"\x04\x00\x00\x00\x01" + b"\x91" * 5000,
        write_frame(1, Head(99)),
        write_frame(1, Open("o" * 129)),
        write_frame(1, Head(200, ((b"n" * 257, b"v"),))),
        write_frame(1, Auth(b"k" * 129, b"")),
    ],
)
def test_what_is_no_frame_is_refused(message: bytes) -> None:
    with pytest.raises(FrameBroken):
        read_frame(message)


@pytest.mark.control("T11")
@given(st.binary(max_size=300))
def test_any_bytes_are_a_frame_or_refused(message: bytes) -> None:
    try:
        stream, frame = read_frame(message)
    except FrameBroken:
        return
    assert read_frame(write_frame(stream, frame)) == (stream, frame)


def test_frames_that_were_altered_are_frames_or_refused() -> None:
    chance = random.Random(4)
    for _ in range(10_000):
        message = bytearray(write_frame(chance.randrange(5), chance.choice(EVERY)))
        for _ in range(chance.randrange(1, 4)):
            message[chance.randrange(len(message))] = chance.randrange(256)
        try:
            read_frame(bytes(message[: chance.randrange(len(message) + 1)]))
        except FrameBroken:
            pass
