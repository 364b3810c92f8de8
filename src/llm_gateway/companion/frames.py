"""What passes between a companion and its gateway, a frame a message: its kind, its stream, what it says.

Every message begins with one byte for the kind and four for the stream, 0 for the link itself; behind them
stand bytes of a body as they are, or MessagePack. What is not known is let pass: a later version may say
more. In which order frames may come is not known here.
"""

import struct
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from llm_gateway.wire.ready import ready

__all__ = [
    "MOST",
    "MOST_MODEL",
    "OLDEST",
    "PROTOCOL",
    "Auth",
    "Body",
    "Cancel",
    "Chunk",
    "Drain",
    "End",
    "Frame",
    "FrameBroken",
    "Head",
    "Hello",
    "News",
    "Open",
    "Ping",
    "Pong",
    "Unknown",
    "Welcome",
    "Window",
    "Wrong",
    "read_frame",
    "write_frame",
]

PROTOCOL, OLDEST = 1, 1
"""The version that is spoken here, and the oldest that is understood."""

MOST = 256 * 1024
"""Most bytes of a message."""

MOST_MODEL = 256
"""Most characters of a model's name."""

_HEAD = struct.Struct("!BI")
_COUNT = struct.Struct("!I")

_NAME, _WORDS = 128, 4096
_Name = Annotated[str, Meta(max_length=_NAME)]
_Words = Annotated[str, Meta(max_length=_WORDS)]
_Small = Annotated[bytes, Meta(max_length=128)]
_Names = Annotated[tuple[_Name, ...], Meta(max_length=64)]
_Field = tuple[Annotated[bytes, Meta(max_length=256)], Annotated[bytes, Meta(max_length=8192)]]


class FrameBroken(ValueError):
    """A message is no frame."""


class Hello(msgspec.Struct, frozen=True):
    """Who speaks: the gateway by its name, a companion by the thumbprint of its key.

    The gateway's has what the companion is to sign: a `nonce`, and the time of the gateway's clock.
    """

    protocol: int
    oldest: int
    software: _Name
    name: _Name
    nonce: _Small = b""
    at_us: int = 0


class Auth(msgspec.Struct, frozen=True):
    """A companion's proof; with a `token` it asks to be enrolled, with the `bridges` that it has."""

    public_key: _Small
    signature: _Small
    token: _Name = ""
    bridges: _Names = ()


class Welcome(msgspec.Struct, frozen=True):
    """The companion is known, by the name of its machine; it may offer `bridges`, () for any."""

    machine: _Name
    bridges: _Names = ()


class Open(msgspec.Struct, frozen=True):
    """A stream begins, for an operation; `id` tells the request in both sides' records."""

    operation: _Name
    bridge: _Name = ""
    model: Annotated[str, Meta(max_length=MOST_MODEL)] = ""
    id: _Name = ""


class Body(msgspec.Struct, frozen=True, gc=False):
    """More of what is asked."""

    data: bytes


class Head(msgspec.Struct, frozen=True):
    """The answer begins: a status as of HTTP, and header fields."""

    status: Annotated[int, Meta(ge=200, le=599)]
    headers: Annotated[tuple[_Field, ...], Meta(max_length=64)] = ()


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """More of the answer."""

    data: bytes


class End(msgspec.Struct, frozen=True, gc=False):
    """What the sender has to say on this stream is said, all of it."""


class Wrong(msgspec.Struct, frozen=True):
    """The stream, or the link, ends before its end; `message` is for a person."""

    kind: _Name
    message: _Words = ""
    retry_after: float = 0.0


class Cancel(msgspec.Struct, frozen=True, gc=False):
    """Whoever opened the stream wants no more of it."""


class Window(msgspec.Struct, frozen=True, gc=False):
    """So many more bytes may be sent on this stream."""

    size: int


class Ping(msgspec.Struct, frozen=True, gc=False):
    """Say that you are there."""


class Pong(msgspec.Struct, frozen=True, gc=False):
    """I am here."""


class News(msgspec.Struct, frozen=True, gc=False):
    """How the sender's bridges are; `offers` reads it."""

    data: bytes


class Drain(msgspec.Struct, frozen=True, gc=False):
    """The sender stops: streams that run may end, no new ones are taken."""


class Unknown(msgspec.Struct, frozen=True, gc=False):
    """A kind of frame of which this version knows nothing."""

    kind: int


Frame: TypeAlias = (
    Hello
    | Auth
    | Welcome
    | Open
    | Body
    | Head
    | Chunk
    | End
    | Wrong
    | Cancel
    | Window
    | Ping
    | Pong
    | News
    | Drain
    | Unknown
)

_Said: TypeAlias = Hello | Auth | Welcome | Open | Head | Wrong
_Plain: TypeAlias = Body | Chunk | News
_Bare: TypeAlias = End | Cancel | Ping | Pong | Drain

_SAID: dict[int, type[_Said]] = {1: Hello, 2: Auth, 3: Welcome, 4: Open, 6: Head, 9: Wrong}
_PLAIN: dict[int, type[_Plain]] = {5: Body, 7: Chunk, 14: News}
_BARE: dict[int, type[_Bare]] = {8: End, 10: Cancel, 12: Ping, 13: Pong, 15: Drain}
_WINDOW = 11
_KINDS: dict[type[Frame], int] = {kind: number for number, kind in {**_SAID, **_PLAIN, **_BARE}.items()}

for _kind in _SAID.values():
    ready(_kind)
_decoders = {number: msgspec.msgpack.Decoder(kind) for number, kind in _SAID.items()}
_encode = msgspec.msgpack.encode


def write_frame(stream: int, frame: Frame) -> bytes:
    """Return the message that says a frame on a stream."""
    match frame:
        case Body() | Chunk() | News():
            return _HEAD.pack(_KINDS[type(frame)], stream) + frame.data
        case Window():
            return _HEAD.pack(_WINDOW, stream) + _COUNT.pack(frame.size)
        case End() | Cancel() | Ping() | Pong() | Drain():
            return _HEAD.pack(_KINDS[type(frame)], stream)
        case Unknown():
            return _HEAD.pack(frame.kind, stream)
        case Wrong():  # a vendor's words may be in it, and a frame that cannot be read ends the link
            said = Wrong(frame.kind[:_NAME], frame.message[:_WORDS], frame.retry_after)
            return _HEAD.pack(_KINDS[Wrong], stream) + _encode(said)
        case _:
            return _HEAD.pack(_KINDS[type(frame)], stream) + _encode(frame)


def read_frame(message: bytes) -> tuple[int, Frame]:
    """Return the stream and the frame of a message; FrameBroken when it is none."""
    if not _HEAD.size <= len(message) <= MOST:
        raise FrameBroken(f"a message of {len(message)} bytes is no frame")
    kind, stream = _HEAD.unpack_from(message)
    if kind in _PLAIN:
        return stream, _PLAIN[kind](message[_HEAD.size :])
    if kind in _BARE:
        return stream, _BARE[kind]()
    if kind == _WINDOW:
        if len(message) != _HEAD.size + _COUNT.size:
            raise FrameBroken("a window says how many bytes, and nothing else")
        return stream, Window(*_COUNT.unpack_from(message, _HEAD.size))
    if kind not in _decoders:
        return stream, Unknown(kind)
    try:
        return stream, _decoders[kind].decode(memoryview(message)[_HEAD.size :])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise FrameBroken(f"a frame of kind {kind} does not say what it has to say") from None
