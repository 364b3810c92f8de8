"""Calls of tools as they come in pieces, put in order: which call a piece belongs to, and what it is called.

Servers differ. OpenAI numbers the calls; some give every call the number 0 and tell them apart by id, or
send no number, or no id, or a whole call in one piece. A call begins for us when its name is known.
"""

import msgspec

from llm_gateway.canonical.events import CallDelta, CallStarted, Event
from llm_gateway.canonical.loss import Losses
from llm_gateway.canonical.parts import Seal
from llm_gateway.dialects.chat.answer import made_up_id
from llm_gateway.dialects.chat.calls import CALL, CUSTOM, FUNCTION
from llm_gateway.dialects.chat.members import json_text, lose_unknown
from llm_gateway.dialects.chat.reasoning import google_seal, lose_extras

__all__ = ["CallPieces"]


class _Open(msgspec.Struct):
    """A call that has begun on the wire; `index` is ours, None until its name is known."""

    id: str
    seal: Seal | None
    index: int | None = None
    held: str = ""


class CallPieces:
    """The calls of one answer. `origin` is the answer's id, which ids are made of that are missing."""

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self.origin = ""
        self.count = 0
        self._open: dict[object, _Open] = {}
        self._last: object = None

    def feed(self, pieces: object, found: list[Event]) -> None:
        """Add the events of these pieces."""
        for piece in pieces if isinstance(pieces, list) else ():
            if isinstance(piece, dict):
                self._piece(piece, found)

    def close(self, found: list[Event]) -> None:
        """Add what never got a name: better a nameless call than a lost one."""
        for call in self._open.values():
            if call.index is None:
                self._begin(call, "", False, found)

    def _piece(self, piece: dict[str, object], found: list[Event]) -> None:
        custom = piece.get("custom")
        body = custom if isinstance(custom, dict) else piece.get("function")
        if not isinstance(body, dict):
            body = {}
        known = CUSTOM if body is custom else FUNCTION
        if not (piece.keys() <= CALL and body.keys() <= known):
            lose_unknown(piece, CALL, "response.tool_calls.", self._losses)
            lose_unknown(body, known, "response.tool_calls.", self._losses)
        call_id, name = piece.get("id"), body.get("name")
        text = body.get("input") if isinstance(custom, dict) else body.get("arguments")
        if not (call_id or name or text):
            return
        call = self._call(piece.get("index"), call_id if isinstance(call_id, str) else "", bool(name))
        if call.seal is None and "extra_content" in piece:
            call.seal = google_seal(piece, "chat")
            lose_extras(piece, "response.tool_calls.", self._losses)
        if call.index is None and name and isinstance(name, str):
            self._begin(call, name, isinstance(custom, dict), found)
        if not text:
            return
        text = json_text(text)
        if call.index is None:
            call.held += text
        else:
            found.append(CallDelta(call.index, text))

    def _call(self, number: object, call_id: str, named: bool) -> _Open:
        """Return the call that a piece belongs to, a new one where it begins one."""
        if number is None:
            number = call_id or self._last
        call = self._open.get(number)
        if call is None or (call_id and named and call.id and call.id != call_id):
            call = self._open[number] = _Open(call_id, None)
        elif call_id and not call.id:
            call.id = call_id
        self._last = number
        return call

    def _begin(self, call: _Open, name: str, custom: bool, found: list[Event]) -> None:
        call.index, self.count = self.count, self.count + 1
        call.id = call.id or made_up_id(self.origin, call.index)
        found.append(CallStarted(call.index, call.id, name, custom, call.seal))
        if call.held:
            found.append(CallDelta(call.index, call.held))
            call.held = ""
