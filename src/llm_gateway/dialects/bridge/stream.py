"""Answers of bridges: an event of the common model a line, and what a bridge could not say as a loss."""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from llm_gateway.canonical.events import Event, Failed
from llm_gateway.canonical.loss import Loss, Losses
from llm_gateway.canonical.response import Folding
from llm_gateway.dialects.contract import Read
from llm_gateway.errors import UpstreamBroken
from llm_gateway.wire.ndjson import LineSplitter, LineTooLong
from llm_gateway.wire.ready import ready

__all__ = ["Decoder", "Lost", "Said", "decode_response", "encode_event"]

_encode = msgspec.json.encode


class Lost(msgspec.Struct, frozen=True, tag="lost"):
    """What the bridge itself could not say of the request."""

    what: str
    why: str


Said: TypeAlias = Event | Lost
"""What a line of an answer is."""


@ready
class _Line(msgspec.Struct):
    """For being made ready alone: the union has no name of its own."""

    said: Said


_line: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)


def encode_event(event: Said) -> bytes:
    """Write one event, its line's end included."""
    return _encode(event) + b"\n"


class Decoder:
    """Read one answer, cut anywhere."""

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._met = Losses()
        self.losses: Sequence[Loss] = ()

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that are complete now; UpstreamBroken when a line is none."""
        try:
            return self._events(self._lines.feed(data))
        except LineTooLong as error:
            raise UpstreamBroken(f"the bridge's answer: {error}") from None

    def close(self) -> list[Event]:
        """Return what was left."""
        rest = self._lines.close()
        return self._events([rest]) if rest else []

    def _events(self, lines: list[bytes]) -> list[Event]:
        events: list[Event] = []
        for line in lines:
            try:
                said = _line.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                raise UpstreamBroken(
                    "the bridge answered in another language; are both ends of one version?"
                ) from None
            if isinstance(said, Lost):
                self._met.add(said.what, said.why)
                self.losses = self._met.found()
            else:
                events.append(said)
        return events


def decode_response(body: bytes) -> Read:
    """Read an answer that has come whole; UpstreamBroken when it failed or is none."""
    decoder, folding = Decoder(), Folding()
    for event in (*decoder.feed(body), *decoder.close()):
        folding.take(event)
        if isinstance(event, Failed):
            raise UpstreamBroken(f"the bridge failed while it answered: {event.message[:300]}")
    return Read(folding.response(), tuple(decoder.losses))
