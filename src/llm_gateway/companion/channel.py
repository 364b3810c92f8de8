"""Many streams over one link, the same on both sides: what may be said when, and how much of it.

No socket, no clock, no waiting: messages go in, happenings come out, and what is to be sent is fetched with
`outgoing`. A stream is opened with an operation, gets a body, and is answered with a head and chunks. Either
way no more is sent than the other side has given credit for, so that one who does not read holds up nobody
else, and nothing here grows without bound. What an operation means is not known here.
"""

from typing import TypeAlias, assert_never

import msgspec

from llm_gateway.companion.frames import (
    Body,
    Cancel,
    Chunk,
    Drain,
    End,
    Frame,
    FrameBroken,
    Head,
    News,
    Open,
    Ping,
    Pong,
    Unknown,
    Window,
    Wrong,
    read_frame,
    write_frame,
)

__all__ = [
    "CREDIT",
    "Bounds",
    "Came",
    "Cancelled",
    "Channel",
    "ChannelBroken",
    "ChannelFull",
    "Draining",
    "Ended",
    "Failed",
    "Happening",
    "Headed",
    "Heard",
    "Opened",
    "Roomier",
]

CREDIT = 64 * 1024
"""Bytes that may be sent on a stream before the other side has said anything."""

_PIECE = 32 * 1024  # what one stream says at a time, so that others come in between
_MOST_CREDIT = 2**31 - 1
_LAST = 2**32 - 2


class ChannelBroken(Exception):
    """The other side does not keep to the protocol: the link is to be closed."""


class ChannelFull(Exception):
    """No stream can be opened: too many are open, or the other side takes no more."""


class Bounds(msgspec.Struct, frozen=True):
    """Streams that the other side may have open, and what comes on one in all, and ahead of its reader.

    `bodies` is for all streams of the other side that are open.
    """

    streams: int = 128
    body: int = 64 * 1024 * 1024
    bodies: int = 256 * 1024 * 1024
    body_ahead: int = 1024 * 1024
    answer: int = 64 * 1024 * 1024


class Opened(msgspec.Struct, frozen=True):
    """The other side has opened a stream."""

    stream: int
    open: Open


class Came(msgspec.Struct, frozen=True, gc=False):
    """More of a body, or of an answer, is here; `consumed` is to be called when it has been read."""

    stream: int
    data: bytes


class Headed(msgspec.Struct, frozen=True):
    """The answer begins."""

    stream: int
    head: Head


class Ended(msgspec.Struct, frozen=True, gc=False):
    """The body, or the answer, is here whole."""

    stream: int


class Failed(msgspec.Struct, frozen=True):
    """A stream that was opened here ended before its end."""

    stream: int
    wrong: Wrong


class Cancelled(msgspec.Struct, frozen=True, gc=False):
    """Nobody wants the answer on a stream of the other side any more."""

    stream: int


class Roomier(msgspec.Struct, frozen=True, gc=False):
    """More may be sent on a stream."""

    stream: int


class Heard(msgspec.Struct, frozen=True, gc=False):
    """The other side says how it is."""

    data: bytes


class Draining(msgspec.Struct, frozen=True, gc=False):
    """The other side takes no new streams."""


Happening: TypeAlias = Opened | Came | Headed | Ended | Failed | Cancelled | Roomier | Heard | Draining


class _Stream:
    """One stream. `credit` is what may be sent on it, `window` what may come, `left` what may come in all."""

    __slots__ = ("came", "consumed", "credit", "ended", "headed", "left", "ours", "sent_end", "window")

    def __init__(self, *, ours: bool, window: int, left: int) -> None:
        self.ours = ours
        self.credit = CREDIT
        self.window = window
        self.left = left
        self.came = 0
        self.consumed = 0
        self.headed = False
        self.ended = False
        self.sent_end = False


class Channel:
    """One side of a link that is open: `dials` tells which one, and so whose streams have odd numbers."""

    def __init__(self, *, dials: bool, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()
        self._streams: dict[int, _Stream] = {}
        self._next = 1 if dials else 2
        self._last_theirs = 0
        self._out: list[bytes] = []
        self._drains = False
        self._they_drain = False
        self._theirs_open = 0
        self._theirs_came = 0

    @property
    def streams(self) -> int:
        """Return how many streams are open."""
        return len(self._streams)

    def outgoing(self) -> list[bytes]:
        """Return the messages that are to be sent now, in order."""
        out, self._out = self._out, []
        return out

    # what is said here

    def open(self, what: Open) -> int:
        """Open a stream and return its number."""
        if self._they_drain:
            raise ChannelFull("the other side is stopping")
        if len(self._streams) - self._theirs_open >= self._bounds.streams or self._next > _LAST:
            raise ChannelFull(f"{self._bounds.streams} streams are open already")
        stream, self._next = self._next, self._next + 2
        self._streams[stream] = _Stream(ours=True, window=CREDIT, left=self._bounds.answer)
        self._say(stream, what)
        return stream

    def is_open(self, stream: int) -> bool:
        """Whether something can still be said on a stream, or heard."""
        return stream in self._streams

    def send(self, stream: int, data: memoryview) -> int:
        """Send of a body or an answer what there is credit for; return how many bytes that was."""
        known = self._streams.get(stream)
        if known is None or known.sent_end:
            return len(data)
        size = min(len(data), known.credit)
        known.credit -= size
        kind: type[Body | Chunk] = Body if known.ours else Chunk
        for start in range(0, size, _PIECE):
            self._say(stream, kind(bytes(data[start : min(start + _PIECE, size)])))
        return size

    def head(self, stream: int, head: Head) -> None:
        """Begin the answer on a stream of the other side."""
        known = self._streams.get(stream)
        if known is not None and not known.headed:
            known.headed = True
            self._say(stream, head)

    def end(self, stream: int) -> None:
        """Say that a body, or an answer, is complete; with its answer a stream is over."""
        known = self._streams.get(stream)
        if known is not None and not known.sent_end:
            known.sent_end = True
            self._say(stream, End())
            if not known.ours:
                self._forget(stream)

    def fail(self, stream: int, wrong: Wrong) -> None:
        """End a stream of the other side before its end."""
        if stream in self._streams:
            self._say(stream, wrong)
            self._forget(stream)

    def cancel(self, stream: int) -> None:
        """Want no more of a stream that was opened here."""
        if stream in self._streams:
            self._say(stream, Cancel())
            self._forget(stream)

    def consumed(self, stream: int, size: int) -> None:
        """Take note that so many bytes of a stream were read: as many more may come."""
        known = self._streams.get(stream)
        if known is None or known.ended:
            return
        known.consumed += size
        if known.consumed >= CREDIT // 2:
            self._say(stream, Window(known.consumed))
            known.window += known.consumed
            known.consumed = 0

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._say(0, Ping())

    def tell(self, news: bytes) -> None:
        """Say how one's bridges are."""
        self._say(0, News(news))

    def drain(self) -> None:
        """Take no new streams any more."""
        if not self._drains:
            self._drains = True
            self._say(0, Drain())

    # what is heard

    def receive(self, message: bytes) -> list[Happening]:
        """Read one message; ChannelBroken when it must not be."""
        try:
            stream, frame = read_frame(message)
        except FrameBroken as error:
            raise ChannelBroken(str(error)) from None
        match frame:
            case Open():
                return self._opened(stream, frame)
            case Body() | Chunk() | Head() | End() | Wrong() | Cancel() | Window() if stream:
                known = self._streams.get(stream)
                return [] if known is None else self._on_stream(stream, known, frame)
            case Ping():
                self._say(0, Pong())
                return []
            case News():
                return [Heard(frame.data)]
            case Drain():
                self._they_drain = True
                return [Draining()]
            case Pong() | Unknown():
                return []
            case Wrong():
                raise ChannelBroken(f"the other side gave up: {frame.kind} {frame.message}"[:500])
            case _:
                raise ChannelBroken(f"{type(frame).__name__} has no place here")

    def _opened(self, stream: int, what: Open) -> list[Happening]:
        if stream <= self._last_theirs or stream % 2 == self._next % 2:
            raise ChannelBroken(f"stream {stream} cannot be opened, or not again")
        self._last_theirs = stream
        if self._drains:
            self._say(stream, Wrong("draining", "it is stopping and takes nothing new"))
            return []
        if self._theirs_open >= self._bounds.streams:
            self._say(stream, Wrong("too_many_streams", f"{self._bounds.streams} are open already"))
            return []
        ahead = max(self._bounds.body_ahead, CREDIT)
        self._streams[stream] = _Stream(ours=False, window=ahead, left=self._bounds.body)
        self._theirs_open += 1
        if ahead > CREDIT:  # a conversation is long, and whoever waits for its answer is far away
            self._say(stream, Window(ahead - CREDIT))
        return [Opened(stream, what)]

    def _on_stream(
        self, stream: int, known: _Stream, frame: Body | Chunk | Head | End | Wrong | Cancel | Window
    ) -> list[Happening]:
        match frame:
            case Window():
                known.credit += frame.size
                _keep_to(frame.size > 0 and known.credit <= _MOST_CREDIT, "a window out of all bounds")
                return [Roomier(stream)]
            case Body():
                _keep_to(not known.ours, "a body in place of an answer")
                return self._came(stream, known, frame.data)
            case Chunk():
                _keep_to(known.ours and known.headed, "an answer where none is due")
                return self._came(stream, known, frame.data)
            case Head():
                _keep_to(known.ours and not known.headed, "the head of an answer where none is due")
                known.headed = True
                return [Headed(stream, frame)]
            case End():
                _keep_to(not known.ended, "a second end")
                known.ended = True
                if known.ours:
                    _keep_to(known.headed, "an end without an answer")
                    self._forget(stream)
                return [Ended(stream)]
            case Wrong():
                _keep_to(known.ours, "a failure in place of a body")
                self._forget(stream)
                return [Failed(stream, frame)]
            case Cancel():
                _keep_to(not known.ours, "a cancellation by who answers")
                self._forget(stream)
                return [Cancelled(stream)]
            case _:
                assert_never(frame)

    def _came(self, stream: int, known: _Stream, data: bytes) -> list[Happening]:
        _keep_to(not known.ended, "something behind the end")
        _keep_to(0 < len(data) <= known.window, "nothing, or more than there was credit for")
        known.window -= len(data)
        known.left -= len(data)
        if not known.ours:
            known.came += len(data)
            self._theirs_came += len(data)
            if self._theirs_came > self._bounds.bodies:
                self.fail(stream, Wrong("too_many_streams", "too much is asked on all of them together"))
                return [Cancelled(stream)]
        if known.left >= 0:
            return [Came(stream, data)]
        why = Wrong(
            "too_long", f"it is over {self._bounds.answer if known.ours else self._bounds.body} bytes"
        )
        if known.ours:
            self.cancel(stream)
            return [Failed(stream, why)]
        self.fail(stream, why)
        return [Cancelled(stream)]

    def _forget(self, stream: int) -> None:
        gone = self._streams.pop(stream)
        if not gone.ours:
            self._theirs_open -= 1
            self._theirs_came -= gone.came

    def _say(self, stream: int, frame: Frame) -> None:
        self._out.append(write_frame(stream, frame))


def _keep_to(rule: bool, what: str) -> None:
    if not rule:
        raise ChannelBroken(f"the other side does not keep to the protocol: {what}")
