"""What an answer in the `responses` dialect said, noted from its events or its body as they pass.

It is noted so that a later request can go on from it. Nothing is changed, and what cannot be read is no loss
but that: nothing can go on from it.
"""

import msgspec
from msgspec import Raw

__all__ = ["Answered", "Response", "read_response"]

_KEPT = frozenset(("response.completed", "response.incomplete"))
_ITEM_DONE = "response.output_item.done"
_MOST_NOTED = 64 * 1024 * 1024
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Event(msgspec.Struct, gc=False):
    type: str = ""
    response: Raw = msgspec.field(default_factory=Raw)
    item: Raw = msgspec.field(default_factory=Raw)
    error: Raw = msgspec.field(default_factory=Raw)


class Response(msgspec.Struct, gc=False):
    """The members of a response object that matter here."""

    id: str = ""
    status: str = ""
    output: list[Raw] = []


_event = msgspec.json.Decoder(_Event)
_response = msgspec.json.Decoder(Response)


class Answered:
    """One answer: `response_id` is "" until it has ended so that it can be gone on from.

    `output` holds the items as they came, `response` the last response object.
    """

    __slots__ = ("_noted", "output", "response", "response_id")

    def __init__(self) -> None:
        self._noted = 0
        self.output: list[bytes] = []
        self.response = b""
        self.response_id = ""

    def note(self, data: bytes) -> str:
        """Note what an event says; return what kind it is, `error` for one that says so by its form."""
        try:
            event = _event.decode(data)
            if event.type == _ITEM_DONE and event.item:
                self._noted += len(event.item)
                if self._noted <= _MOST_NOTED:
                    self.output.append(bytes(event.item))
            elif event.type in _KEPT:
                self._take(bytes(event.response))
        except _UNREADABLE:
            return ""  # then nothing can go on from it; the client gets it as it is
        return event.type or ("error" if bytes(event.error).startswith(b"{") else "")

    def whole(self, body: bytes) -> None:
        """Note an answer that came in one piece."""
        response = read_response(body)
        if response is not None and f"response.{response.status}" in _KEPT:
            self._take(body)

    def _take(self, text: bytes) -> None:
        response = _response.decode(text)
        self.output = [bytes(item) for item in response.output] or self.output
        if response.output or self._noted <= _MOST_NOTED:
            self.response_id = response.id
            self.response = text


def read_response(body: bytes) -> Response | None:
    """Read a whole response object; None for what is none."""
    try:
        return _response.decode(body)
    except _UNREADABLE:
        return None
