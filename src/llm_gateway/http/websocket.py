"""A WebSocket (RFC 6455) on a connection that was HTTP/1.1 until now, as the rooms above see it.

wsproto reads and writes the frames; here is what passes between them, the handler and the connection:
messages of one kind under a cap, pings, deadlines, both kinds of backpressure and the two ways to end. A
client that leaves, breaks the protocol or falls silent cancels the handler. What a message means is not known
here.
"""

import asyncio
import base64
import binascii
from collections import deque
from collections.abc import Callable

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.extensions import Extension
from wsproto.handshake import server_extensions_handshake
from wsproto.utilities import generate_accept_token

from llm_gateway.errors import MalformedRequest, UpgradeRefused
from llm_gateway.http.carrier import GOING_AWAY, NORMAL, VERSION, Carrier
from llm_gateway.http.inflating import Inflating
from llm_gateway.http.limits import Limits
from llm_gateway.wire.headers import Headers, get_all

__all__ = ["Opening", "WebSocket"]

_UNSUPPORTED, _INVALID, _POLICY, _TOO_BIG, _DEFECT = 1003, 1007, 1008, 1009, 1011

_HIGH_WATER = 256 * 1024  # bytes of messages that nobody has asked for yet
_MOST_WAITING = 64  # and how many of them
_GOODBYE = 2.0  # seconds for the client's answer to our close
# What is read at once: a deflated byte may become a thousand, and what was read is held all the same.
_PIECE = 4 * 1024
_MOST_FRAMES = 256  # in one turn of the loop: thousands of empty ones fit into one read


class Opening:
    """A handshake that is in order: what the answer says, and what was agreed on."""

    __slots__ = ("extensions", "fields")

    def __init__(self, headers: Headers, limits: Limits) -> None:
        """Read a request's headers; raise UpgradeRefused for another version, else MalformedRequest."""
        if get_all(headers, b"sec-websocket-version") != [VERSION]:
            why = "WebSockets are of version 13 here (RFC 6455); ask for that one"
            raise UpgradeRefused(why, to="websocket")
        keys = get_all(headers, b"sec-websocket-key")
        if len(keys) != 1 or not _is_key(keys[0]):
            raise MalformedRequest("there must be one Sec-WebSocket-Key header, 16 bytes in base64")
        inflating = Inflating(limits.max_body_bytes)
        offers = [
            offer.strip()
            for value in get_all(headers, b"sec-websocket-extensions")
            for offer in value.decode("latin-1").split(",")
        ]
        agreed = server_extensions_handshake(offers, [inflating])
        self.extensions: list[Extension] = [inflating] if agreed is not None else []
        self.fields = b"upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: %b\r\n%b" % (
            generate_accept_token(keys[0]),
            b"sec-websocket-extensions: %b\r\n" % agreed if agreed is not None else b"",
        )


class WebSocket:
    """One open WebSocket: `receive` and `send` for its handler, the rest for its connection.

    Messages are text, or with `most_binary` binary ones of so many bytes at most.
    """

    __slots__ = (
        "_begun",
        "_binary",
        "_carrier",
        "_full",
        "_held",
        "_later",
        "_leaving",
        "_limits",
        "_most",
        "_over",
        "_pinged",
        "_pong",
        "_protocol",
        "_ready",
        "_rests_since",
        "_unfinished",
        "_unread",
        "_waiter",
        "farewell",
        "when_leaving",
    )

    def __init__(self, carrier: Carrier, opening: Opening, most_binary: int = 0) -> None:
        self._carrier = carrier
        self._limits = carrier.limits
        self._binary = most_binary > 0
        self._most = most_binary or self._limits.max_body_bytes
        self._protocol = Connection(ConnectionType.SERVER, opening.extensions)
        self._ready: deque[bytes] = deque()
        self._held = 0
        self._full = False
        self._unread = b""
        self._later = False  # what is unread is read in the next turn of the loop
        self._begun = bytearray()
        self._unfinished = False
        self._waiter: asyncio.Future[None] | None = None
        self._leaving = False
        self._over = False  # nothing more is waited for
        self._pinged = False
        self._rests_since = carrier.now()  # while the handler waits for a message
        self._pong: bytes | None = None
        self.farewell = GOING_AWAY  # with which code the handler is to close when it gets no more messages
        self.when_leaving: Callable[[], None] | None = None
        """What is done in place of that, for a handler that has something to finish; it closes by itself."""
        carrier.within(self._limits.idle_timeout)

    # for the handler

    async def receive(self) -> bytes | None:
        """Return the next message; None when the socket is to be closed: after a long rest, or for a stop."""
        self._rests_since = self._carrier.now()
        while not self._leaving and not self._ready:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self._leaving:
            return None
        message = self._ready.popleft()
        self._held -= len(message)
        if self._full and not self._too_much():
            await asyncio.sleep(0)  # who answers without waiting for anything would keep the loop to itself
            self._go_on()
        return message

    def send(self, message: bytes) -> None:
        """Send a message of the kind that is spoken here; nothing once the socket closes."""
        if not self._is_open():
            return
        if self._binary:
            self._carrier.send(self._protocol.send(BytesMessage(message)))
        else:
            # What an upstream sends is UTF-8 unless it is broken; a broken text would close the socket.
            self._carrier.send(self._protocol.send(TextMessage(message.decode("utf-8", "replace"))))

    @property
    def blocked(self) -> bool:
        """Whether the client is slower than we are; `await drain()` before the next message."""
        return self._carrier.paused

    async def drain(self) -> None:
        """Wait until the client has taken enough for more to be sent."""
        await self._carrier.drained()

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Say goodbye, and give the client a moment to answer."""
        if self._is_open():
            self._say_goodbye(code, reason)
        self._go_on()
        self._carrier.within(_GOODBYE)
        while self._protocol.state is ConnectionState.LOCAL_CLOSING and not self._over:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    # for the connection

    def received(self, data: bytes) -> None:
        """Read what came."""
        if self._protocol.state is ConnectionState.CLOSED:
            return  # both have said goodbye
        self._pinged = False
        self._unread += data
        if not self._later:
            self._read()
        if self._rested():
            self.go_away()
        self._rest()

    def resumed(self) -> None:
        """Take note that the client reads again."""
        pong, self._pong = self._pong, None
        if pong is not None:
            self._answer(pong)
        self._rest()

    def expire(self) -> None:
        """Act on a time in which nothing was heard: ask for a sign of life, then give up."""
        if not self._is_open():
            self._over = True
            self._wake()
        elif self._unfinished and not self._full:
            self._fail(_POLICY, "the message came too slowly")
        elif self._pinged and not self._full:
            self._carrier.hang_up()
        else:
            self._pinged = True
            if self._rested():
                self.go_away()
            self._carrier.send(self._protocol.send(Ping()))
            self._rest()

    def go_away(self, farewell: int = GOING_AWAY) -> None:
        """Let the handler close after what it is at."""
        self.farewell = farewell
        if self.when_leaving is not None:
            self.when_leaving()
            return
        self._leaving = True
        self._wake()

    def abandon(self) -> None:
        """Close for a defect of ours, unless the handler has closed; it gets no more messages."""
        if self._is_open():
            self._say_goodbye(_DEFECT, "the gateway failed; its log says why")
        self.go_away()

    # details

    def _is_open(self) -> bool:
        return self._protocol.state is ConnectionState.OPEN

    def _read(self) -> None:
        """Read what has come, until there is enough for the handler to do or others have waited enough."""
        data, at, frames = self._unread, 0, 0
        while at < len(data) and not self._full and self._protocol.state is not ConnectionState.CLOSED:
            if frames >= _MOST_FRAMES:
                self._read_later()
                break
            self._protocol.receive_data(data[at : at + _PIECE])
            at += _PIECE
            for event in self._protocol.events():
                frames += 1
                match event:
                    case TextMessage() if not self._binary:
                        self._take(event.data.encode(), whole=event.message_finished)
                    case BytesMessage() if self._binary:
                        self._take(bytes(event.data), whole=event.message_finished)
                    case TextMessage() | BytesMessage():
                        kind = "binary" if self._binary else "text"
                        self._fail(_UNSUPPORTED, f"only {kind} messages are understood here")
                    case Ping():
                        self._answer(bytes(event.payload))
                    case CloseConnection():
                        self._ended(event)
                    case Pong():
                        pass
        self._unread = data[at:]

    def _read_later(self) -> None:
        if not self._later:
            self._later = True
            self._carrier.pause_body()
            self._carrier.soon(self._read_on)

    def _read_on(self) -> None:
        self._later = False
        if not self._full:
            self._go_on()

    def _go_on(self) -> None:
        """Read again: first what came before the client was stopped."""
        self._full = False
        self._read()
        if not self._full and not self._later:
            self._carrier.resume_reading()
            self._rest()

    def _take(self, message: bytes, *, whole: bool) -> None:
        if not self._is_open():
            return  # we have said goodbye
        if len(self._begun) + len(message) > self._most:
            self._fail(_TOO_BIG)
            return
        self._unfinished = not whole
        if not whole:
            self._begun += message
            return
        if self._begun:
            self._begun += message
            message, self._begun = bytes(self._begun), bytearray()
        self._ready.append(message)
        self._held += len(message)
        if not self._full and self._too_much():
            self._full = True
            self._carrier.pause_body()
        self._wake()

    def _rested(self) -> bool:
        """Whether the handler has waited for a message for as long as it should."""
        waits = self._waiter is not None
        return waits and self._carrier.now() - self._rests_since >= self._limits.socket_idle_timeout

    def _too_much(self) -> bool:
        return self._held > _HIGH_WATER or len(self._ready) > _MOST_WAITING

    def _answer(self, payload: bytes) -> None:
        """Answer a ping; while the client does not read, only the last one (RFC 6455, 5.5.3)."""
        if self._carrier.paused:
            self._pong = payload
        elif self._is_open():
            self._carrier.send(self._protocol.send(Pong(payload)))

    def _ended(self, event: CloseConnection) -> None:
        """Take note of the client's close, or that what it sent is no WebSocket any more."""
        match self._protocol.state:
            case ConnectionState.CLOSED:  # the answer to ours
                self._wake()
            case ConnectionState.REMOTE_CLOSING:
                self._carrier.send(self._protocol.send(event.response()))
                self._carrier.hang_up()
            case _:
                self._fail(int(event.code), event.reason or "")

    def _fail(self, code: int, reason: str = "") -> None:
        if code == _TOO_BIG:
            bound = "" if self._binary else " (server.max_body_bytes)"
            reason = f"the message is over {self._most} bytes{bound}"
        elif code == _INVALID:  # what wsproto says of it quotes the message
            reason = "the message is not UTF-8, or not compressed as was agreed"
        if self._is_open():
            self._say_goodbye(code, reason)
        self._carrier.hang_up()

    def _say_goodbye(self, code: int, reason: str) -> None:
        self._carrier.send(self._protocol.send(CloseConnection(code, reason)))

    def _rest(self) -> None:
        """Set the time within which something is to be heard."""
        if self._is_open():
            limits = self._limits
            goes_on = self._unfinished and not self._full  # else it is not the client who is slow
            self._carrier.within(limits.body_timeout if goes_on else limits.idle_timeout)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False
