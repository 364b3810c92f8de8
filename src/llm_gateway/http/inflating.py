"""permessage-deflate (RFC 7692) on the accepting side: what a client sends is inflated, under a cap.

What we send is never deflated, which the extension leaves to each sender: our messages are the small
events of a stream, and a compressor for each connection would cost a quarter of a megabyte. The extension
that wsproto brings has no bound on what a message may grow to.
"""

import zlib

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

__all__ = ["Inflating"]

_WINDOWS = frozenset(str(bits) for bits in range(8, 16))
_SYNC = b"\x00\x00\xff\xff"  # what a sender takes off the end of each message (RFC 7692, 7.2.1)


class Inflating(Extension):
    """Inflate the messages of one client; a message that grows beyond `limit` bytes closes with 1009."""

    name = "permessage-deflate"

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit
        self._agreed = False
        self._deflated = False  # the message that comes now
        self._control = False  # the frame that comes now
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)

    def enabled(self) -> bool:
        """Return whether the client and we agreed on it."""
        return self._agreed

    def offer(self) -> bool:
        """Offer nothing: that is the calling side's part."""
        return False

    def accept(self, offer: str) -> str | None:
        """Return the parameters to agree on, None to decline; of several offers the first one counts."""
        if self._agreed:
            return None
        _, *told = (part.strip() for part in offer.split(";"))
        agreed: list[str] = []
        seen: set[str] = set()
        for parameter in told:
            key, equals, value = (word.strip() for word in parameter.partition("="))
            if key in seen:
                return None
            seen.add(key)
            match key:
                case "server_no_context_takeover" if not equals:
                    agreed.append(key)
                case "client_no_context_takeover" if not equals:
                    pass  # no context is a context that nothing refers to
                case "server_max_window_bits" if value.strip('"') in _WINDOWS:
                    agreed.append(parameter)
                case "client_max_window_bits" if not equals or value.strip('"') in _WINDOWS:
                    pass  # the largest window reads every smaller one
                case _:
                    return None
        self._agreed = True
        return "; ".join(agreed)

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        """Take note of a frame; asked again for a frame whose header comes in pieces."""
        self._control = opcode.iscontrol()
        if opcode in (Opcode.TEXT, Opcode.BINARY):
            self._deflated = rsv.rsv1
        elif rsv.rsv1:
            return CloseReason.PROTOCOL_ERROR
        return RsvBits(True, False, False)

    def frame_inbound_payload_data(
        self, proto: FrameDecoder | FrameProtocol, data: bytes
    ) -> bytes | CloseReason:
        """Return a piece of a frame, inflated where its message is deflated."""
        return self._inflate(data) if self._deflated and not self._control else data

    def frame_inbound_complete(
        self, proto: FrameDecoder | FrameProtocol, fin: bool
    ) -> bytes | CloseReason | None:
        """Return what is left of a message at its end."""
        if self._control or not fin or not self._deflated:
            return None
        last = self._inflate(_SYNC)
        self._left = self._limit
        if self._stream.eof:  # a sender may end a message for good (RFC 7692, 7.2.3.4)
            self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        return last

    def _inflate(self, data: bytes) -> bytes | CloseReason:
        if self._stream.eof:
            return b""  # the padding behind a final block
        try:
            out = self._stream.decompress(data, self._left + 1)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        self._left -= len(out)
        return out if self._left >= 0 else CloseReason.MESSAGE_TOO_BIG
