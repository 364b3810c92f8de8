"""A stream of this dialect written from events: a line for every piece of text, for calls, for the end.

Calls are told whole, so that they are held back until something else comes. There is no line that begins an
answer, and no id.
"""

from collections.abc import Sequence
from typing import assert_never

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
from llm_gateway.canonical.parts import ToolCall
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Asked
from llm_gateway.dialects.ollama.answer import ending, head, said
from llm_gateway.dialects.ollama.calls import write_call
from llm_gateway.dialects.ollama.errors import encode_broken

__all__ = ["OllamaEncoder"]

_encode = msgspec.json.encode
_GOES_ON = b',"done":false}\n'
_EMPTY = b'""'


class OllamaEncoder:
    """Write one stream."""

    id = ""

    def __init__(self, asked: Asked) -> None:
        self._operation = asked.operation
        self._head = head(asked)
        before, _, after = said(asked.operation, b"|").partition(b"|")
        self._before, self._after = self._head + before, after + _GOES_ON
        self._calls: dict[int, tuple[CallStarted, list[str]]] = {}
        self._told = 0  # calls, so far
        self._usage: Usage | None = None
        self._ended = False
        self._lost = Losses()
        self.losses: Sequence[Loss] = ()

    def feed(self, event: Event) -> bytes:
        """Return the bytes that say this event."""
        if isinstance(event, TextDelta) and not self._calls and not self._ended:
            return self._text(event.text)
        if self._ended:
            return b""
        out = self._say(event)
        self.losses = self._lost.found()
        return out

    def _say(self, event: Event) -> bytes:
        match event:
            case TextDelta(text):
                return self._release() + self._text(text)
            case RefusalDelta(text):
                self._lost.add("response.refusal", "said as any other text")
                return self._release() + self._text(text)
            case ThinkingDelta(text):
                return self._release() + self._line(thinking=_encode(text)) if text else b""
            case Sealed():
                self._lost.add("response.thinking.signature", "there is no place for what proves it")
                return b""
            case CallStarted():
                self._calls[event.index] = (event, [])
                return b""
            case CallDelta(index, text):
                if index in self._calls:
                    self._calls[index][1].append(text)
                elif text:
                    self._lost.add(
                        "response.tool_calls.arguments", "more of them came when the call was over"
                    )
                return b""
            case Measured(usage):
                self._usage = usage
                return b""
            case Finished(reason, sequence):
                self._ended = True
                out = self._release()
                end = ending((reason, sequence), self._usage, self._lost)
                return b"%b%b%b,%b\n" % (out, self._head, said(self._operation, _EMPTY), end)
            case Failed(message):
                self._ended = True
                return encode_broken(message)
            case Started():
                return b""
            case _:
                assert_never(event)

    def _text(self, text: str) -> bytes:
        return self._before + _encode(text) + self._after if text else b""

    def _line(self, thinking: bytes = b"", calls: bytes = b"") -> bytes:
        return self._head + said(self._operation, _EMPTY, thinking, calls) + _GOES_ON

    def _release(self) -> bytes:
        """Tell the calls that were held back."""
        if not self._calls:
            return b""
        calls = []
        for begun, arguments in self._calls.values():
            call = ToolCall(begun.id, begun.name, "".join(arguments), begun.custom, begun.seal)
            calls.append(write_call(call, self._lost, "response.tool_calls.", self._told))
            self._told += 1
        self._calls = {}
        return self._line(calls=_encode(calls))
