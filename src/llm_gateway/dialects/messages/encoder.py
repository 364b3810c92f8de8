"""A stream of this dialect written from events.

Blocks follow each other, each with its beginning and end, also where the pieces of several calls come mixed:
a call is held back until the one before it is whole. The `message_start` goes out at once, before anybody
knows what was used: its counts are zeros, and the `message_delta` at the end has the real ones, which SDKs
put over them.
"""

from collections.abc import Sequence
from typing import Literal, assert_never

import msgspec

from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Event,
    Failed,
    Finished,
    Measured,
    RefusalDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.loss import Loss, Losses
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.messages.answer import response_id
from llm_gateway.dialects.messages.errors import encode_broken
from llm_gateway.dialects.messages.finish import write_finish
from llm_gateway.dialects.messages.seals import call_signature, signature
from llm_gateway.dialects.messages.usage import told, told_last

__all__ = ["MessagesEncoder"]

_encode = msgspec.json.encode
_anything = msgspec.json.Decoder()

_DELTA = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":%b}\n\n'
_BEGIN = b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,"content_block":%b}\n\n'
_END = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'
_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_EMPTY_TEXT = b'{"type":"text","text":"","citations":null}'
_EMPTY_THINKING = b'{"type":"thinking","thinking":"","signature":""}'

_TEXT = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
    b'"delta":{"type":"text_delta","text":'
)

_Kind = Literal["", "text", "thinking", "call"]


class _Call(msgspec.Struct):
    """A call: its beginning and its arguments so far. The text of a custom one is put into JSON."""

    begun: CallStarted
    arguments: list[str]

    def is_whole(self) -> bool:
        """Whether nothing can come any more: the arguments are JSON from beginning to end."""
        if self.begun.custom:
            return False
        try:
            _anything.decode("".join(self.arguments))
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return False
        return True


class MessagesEncoder:
    """Write one stream."""

    id: str
    losses: Sequence[Loss]

    def __init__(self, asked: Asked) -> None:
        self.id = response_id(asked)
        self.losses = ()
        self._model = asked.model
        self._begun = self._ended = False
        self._kind: _Kind = ""
        self._index = -1  # of the last block
        self._unsigned = False  # thinking is open that nobody has signed
        self._text = b""  # before a piece of the text block that is open
        self._calls: dict[int, _Call] = {}
        self._call: _Call | None = None  # that is open
        self._held: list[_Call] = []
        self._refused = False
        self._usage: Usage | None = None

    def feed(self, event: Event) -> bytes:
        """Return the bytes that say this event."""
        if isinstance(event, TextDelta) and self._kind == "text" and not event.new:
            return self._text + _encode(event.text) + b"}}\n\n" if event.text else b""
        if self._ended:
            return b""
        if isinstance(event, Failed):
            self._ended, self._kind = True, ""
            return encode_broken(event.message, event.kind)
        if self._begun:
            return self._say(event)
        self._begun = True
        return self._message_start() + self._say(event)

    def _say(self, event: Event) -> bytes:
        match event:
            case TextDelta(text, new):
                return self._write_text(text, new=new)
            case ThinkingDelta(text, new):
                return self._think(text, new=new)
            case CallDelta(index, text):
                return self._arguments(index, text)
            case CallStarted():
                return self._begin_call(event)
            case Sealed():
                return self._seal(event)
            case RefusalDelta(text):
                new, self._refused = not self._refused, True
                return self._write_text(text, new=new)
            case Measured(usage):
                self._usage = usage
                return b""
            case Finished():
                return self._finish(event)
            case Started() | Failed():
                return b""
            case _:
                assert_never(event)

    def _message_start(self) -> bytes:
        message: dict[str, object] = {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "container": None,
            "usage": told(None),
        }
        return b'event: message_start\ndata: {"type":"message_start","message":%b}\n\n' % _encode(message)

    def _write_text(self, text: str, *, new: bool) -> bytes:
        """Write text. A block that stays empty is never begun: Anthropic refuses it when it comes back."""
        out = self._close() if new or self._kind != "text" else b""
        if not text:
            return out
        if self._kind != "text":
            out += self._open("text", _EMPTY_TEXT)
            self._text = _TEXT % self._index
        return out + self._text + _encode(text) + b"}}\n\n"

    def _think(self, text: str, *, new: bool) -> bytes:
        out = self._close() if new or self._kind != "thinking" else b""
        if not text:
            return out
        if self._kind != "thinking":
            out += self._open("thinking", _EMPTY_THINKING)
        self._unsigned = True
        return out + self._delta({"type": "thinking_delta", "thinking": text})

    def _seal(self, event: Sealed) -> bytes:
        if event.redacted:
            block = _encode({"type": "redacted_thinking", "data": signature(event.seal)})
            return self._close() + self._open("thinking", block) + self._end()
        if self._kind == "thinking":
            return self._signed(signature(event.seal))
        return self._close() + self._signed(signature(event.seal))

    def _signed(self, text: str) -> bytes:
        """Sign the thinking that is open, or a block of no text."""
        self._unsigned = False
        out = b"" if self._kind == "thinking" else self._end() + self._open("thinking", _EMPTY_THINKING)
        return out + self._delta({"type": "signature_delta", "signature": text}) + self._end()

    def _begin_call(self, event: CallStarted) -> bytes:
        call = self._calls[event.index] = _Call(event, [])
        if self._held or (self._call is not None and not self._call.is_whole()):
            self._held.append(call)
            return b""
        if event.seal is not None and self._unsigned:
            out = self._signed(call_signature(event.seal))
            call.begun = msgspec.structs.replace(event, seal=None)
            return out + self._close() + self._open_call(call)
        return self._close() + self._open_call(call)

    def _open_call(self, call: _Call) -> bytes:
        begun = call.begun
        out = b"" if begun.seal is None else self._signed(call_signature(begun.seal))
        block = {
            "type": "tool_use",
            "id": begun.id,
            "name": begun.name,
            "input": {},
            "caller": {"type": "direct"},
        }
        out += self._open("call", _encode(block))
        self._call = call
        if begun.custom:
            out += self._json('{"input":"')
        return out + self._json("".join(call.arguments)) if call.arguments else out

    def _arguments(self, index: int, text: str) -> bytes:
        call = self._calls.get(index)
        if call is None or not text:
            return b""
        if call.begun.custom:
            text = _encode(text)[1:-1].decode()
        call.arguments.append(text)
        if call is self._call:
            out = self._json(text)
            return out + self._release() if self._held and call.is_whole() else out
        if all(each is not call for each in self._held):
            self.losses = (Loss("response.tool_use.input", "more of it came when the call was over"),)
        return b""

    def _release(self) -> bytes:
        """Tell calls that were held back, until one is not whole yet."""
        out = b""
        while self._held and (self._call is None or self._call.is_whole()):
            out += self._end() + self._open_call(self._held.pop(0))
        return out

    def _json(self, text: str) -> bytes:
        return self._delta({"type": "input_json_delta", "partial_json": text})

    def _open(self, kind: _Kind, block: bytes) -> bytes:
        self._kind = kind
        self._index += 1
        return _BEGIN % (self._index, block)

    def _close(self) -> bytes:
        """End what is open, and tell what was held back: another kind of block follows."""
        out = self._end()
        while self._held:
            out += self._open_call(self._held.pop(0)) + self._end()
        return out

    def _end(self) -> bytes:
        kind, self._kind = self._kind, ""
        call, self._call = self._call, None
        unsigned, self._unsigned = self._unsigned, False
        out = self._json('"}') if call is not None and call.begun.custom else b""
        if unsigned:
            out += self._delta({"type": "signature_delta", "signature": signature(None)})
        return out + _END % self._index if kind else b""

    def _delta(self, delta: dict[str, str]) -> bytes:
        return _DELTA % (self._index, _encode(delta))

    def _finish(self, event: Finished) -> bytes:
        self._ended = True
        out = self._close()
        called, losses = bool(self._calls), Losses()
        delta = {
            "stop_reason": write_finish(event.reason, called=called, refused=self._refused, losses=losses),
            "stop_sequence": event.sequence or None,
            "stop_details": None,
            "container": None,
        }
        self.losses = (*self.losses, *losses.found())
        end = _encode({"type": "message_delta", "delta": delta, "usage": told_last(self._usage)})
        return b"%bevent: message_delta\ndata: %b\n\n%b" % (out, end, _STOP)
