"""Events written as a stream of this dialect: chunks with one choice, then `[DONE]`.

The usual chunk, a few words of text, is put together from bytes that were made once. Usage comes in a
chunk of its own, with no choice, and only to a client that asked for it.
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
from llm_gateway.canonical.parts import Thinking
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat.answer import response_id
from llm_gateway.dialects.chat.errors import encode_broken
from llm_gateway.dialects.chat.finish import write_finish
from llm_gateway.dialects.chat.members import Json
from llm_gateway.dialects.chat.reasoning import details_of, google_sealed
from llm_gateway.dialects.chat.usage import told
from llm_gateway.dialects.contract import Asked

__all__ = ["ChatEncoder"]

_DONE = b"data: [DONE]\n\n"
_encode = msgspec.json.encode


class ChatEncoder:
    """Write one stream."""

    id: str
    losses: Sequence[Loss]

    def __init__(self, asked: Asked) -> None:
        self.id = response_id(asked)
        self.losses = ()
        head = _encode(
            {
                "id": self.id,
                "object": "chat.completion.chunk",
                "created": asked.now,
                "model": asked.model,
            }
        )
        null = b',"usage":null' if asked.wants_usage else b""
        self._head = b"data: %b" % head[:-1]
        self._before = b'%b,"choices":[{"index":0,"delta":' % self._head
        self._after = b',"logprobs":null,"finish_reason":null}]%b}\n\n' % null
        self._text = b'%b{"content":' % self._before
        self._text_end = b"}%b" % self._after
        self._null = null
        self._wants_usage = asked.wants_usage
        self._old = asked.notes.get("calls") == "function_call"
        self._lost = Losses()
        self._usage: Usage | None = None
        self._begun = self._ended = self._refused = False
        self._customs: dict[int, bool] = {}
        self._thoughts: list[list[str]] = []  # blocks of thinking that no `reasoning_details` told yet
        self._thinking = self._thought = False
        self._details = 0

    def feed(self, event: Event) -> bytes:
        """Return the bytes that say this event."""
        if isinstance(event, TextDelta) and self._begun and not self._ended:
            self._thinking = False
            return self._text + _encode(event.text) + self._text_end
        if self._ended:
            return b""
        if isinstance(event, Failed):
            self._ended = True
            return encode_broken(event.message, event.kind)
        if self._begun:
            return self._say(event)
        self._begun = True
        first = self._chunk({"role": "assistant", "content": "", "refusal": None})
        return first if isinstance(event, Started) else first + self._say(event)

    def _say(self, event: Event) -> bytes:
        match event:
            case TextDelta(text):
                self._thinking = False
                return self._chunk({"content": text})
            case ThinkingDelta(text, new):
                return self._think(text, new=new)
            case Sealed():
                return self._seal(event)
            case CallDelta(index, text):
                return self._arguments(index, text)
            case CallStarted():
                return self._call(event)
            case RefusalDelta(text):
                self._thinking, self._refused = False, True
                return self._chunk({"refusal": text})
            case Measured(usage):
                self._usage = usage
                return b""
            case Finished():
                return self._finish(event)
            case Started() | Failed():
                return b""
            case _:
                assert_never(event)

    def _chunk(self, delta: Json) -> bytes:
        return self._before + _encode(delta) + self._after

    def _think(self, text: str, *, new: bool) -> bytes:
        """Say thinking; a blank line keeps blocks apart, which are one text in this dialect."""
        apart = ""
        if new or not self._thinking:
            self._thoughts.append([])
            self._thinking = True
            apart = "\n\n" if self._thought else ""
        self._thoughts[-1].append(text)
        if not text:
            return b""
        self._thought = True
        return self._chunk({"reasoning_content": apart + text})

    def _seal(self, event: Sealed) -> bytes:
        """Say the blocks so far once more, whole, with the seal: what a client is to send back."""
        blocks = [Thinking("".join(texts)) for texts in self._thoughts]
        if event.redacted or not self._thinking:
            blocks.append(Thinking("", event.seal, event.redacted))
        else:
            blocks[-1] = msgspec.structs.replace(blocks[-1], seal=event.seal)
        return self._details_of(blocks)

    def _details_of(self, blocks: list[Thinking]) -> bytes:
        details = details_of(blocks, self._details)
        self._details += len(details)
        self._thoughts, self._thinking = [], False
        return self._chunk({"reasoning_details": details})

    def _call(self, event: CallStarted) -> bytes:
        self._thinking = False
        self._customs[event.index] = event.custom
        if self._old:
            if len(self._customs) > 1:
                self._lose("tool_calls", "an answer in the form of old has one call")
                return b""
            return self._chunk({"function_call": {"name": event.name, "arguments": ""}})
        call: dict[str, object] = {"index": event.index, "id": event.id}
        if event.custom:
            call |= {"type": "custom", "custom": {"name": event.name, "input": ""}}
        else:
            call |= {"type": "function", "function": {"name": event.name, "arguments": ""}}
        if event.seal is not None:
            call["extra_content"] = google_sealed(event.seal)
        return self._chunk({"tool_calls": [call]})

    def _arguments(self, index: int, text: str) -> bytes:
        custom = self._customs.get(index)
        if custom is None or not text:
            return b""
        if self._old:
            first = next(iter(self._customs)) == index
            return self._chunk({"function_call": {"arguments": text}}) if first else b""
        body = {"custom": {"input": text}} if custom else {"function": {"arguments": text}}
        return self._chunk({"tool_calls": [{"index": index, **body}]})

    def _finish(self, event: Finished) -> bytes:
        self._ended = True
        out = b""
        if self._details and self._thoughts:  # some blocks were told whole, so all of them are
            out = self._details_of([Thinking("".join(texts)) for texts in self._thoughts])
        called = bool(self._customs)
        reason = write_finish(event.reason, called=called, refused=self._refused, losses=self._lost)
        self.losses = self._lost.found()
        if self._old and reason == "tool_calls":
            reason = "function_call"
        choice: dict[str, object] = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason}
        if event.sequence:
            choice["stop_reason"] = event.sequence
        out += b'%b,"choices":[%b]%b}\n\n' % (self._head, _encode(choice), self._null)
        if self._wants_usage and self._usage is not None:
            out += b'%b,"choices":[],"usage":%b}\n\n' % (self._head, _encode(told(self._usage)))
        return out + _DONE

    def _lose(self, name: str, why: str) -> None:
        self._lost.add(f"response.{name}", why)
        self.losses = self._lost.found()
