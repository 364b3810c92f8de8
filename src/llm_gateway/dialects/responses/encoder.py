"""A stream of `responses` events for a client, written as the answer is made.

The documented sequence: each item is added, filled and done, each part of a message likewise, all counted
by `sequence_number`. A piece of text costs its own event and nothing else; whole items are built when they
are done, and the response object when the answer begins and ends.
"""

from collections.abc import Sequence
from typing import Literal, assert_never

import msgspec
from msgspec import Raw

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
from llm_gateway.dialects.responses.errors import stream_code
from llm_gateway.dialects.responses.write_output import (
    Envelope,
    Json,
    Writer,
    ending,
    refusal_part,
    text_part,
)

__all__ = ["ResponsesEncoder"]

_Kind = Literal["", "text", "refusal", "thinking"]

_encode = msgspec.json.encode


class _Call:
    """A call that is being made. `prefix` begins an event of its arguments; b"" where there is none."""

    __slots__ = ("call", "kind", "pieces", "place", "prefix")

    def __init__(self, call: ToolCall, kind: str, place: int) -> None:
        self.call = call
        self.kind = kind
        self.place = place
        self.pieces: list[str] = []
        self.prefix = b""


class ResponsesEncoder:
    """Write one stream."""

    __slots__ = (
        "_calls",
        "_content",
        "_done",
        "_envelope",
        "_kind",
        "_lost",
        "_output",
        "_pieces",
        "_place",
        "_prefix",
        "_refused",
        "_sequence",
        "_started",
        "_suffix",
        "_usage",
        "_writer",
        "id",
        "losses",
    )

    id: str
    losses: Sequence[Loss]

    def __init__(self, asked: Asked) -> None:
        self._envelope = Envelope(asked)
        self._lost = Losses()
        self._writer = Writer(asked, self._lost)
        self.id = self._envelope.id
        self.losses = ()
        self._sequence = 0
        self._started = self._done = self._refused = False
        self._usage: Usage | None = None
        self._output: list[Json] = []  # by place; those that are not done yet as they were added
        self._place = -1  # of the message or the thinking that is open
        self._content: list[Json] | None = None  # the parts of the message that is open
        self._kind: _Kind = ""  # what is being told in pieces
        self._pieces: list[str] = []
        self._prefix = self._suffix = b""
        self._calls: dict[int, _Call] = {}

    def feed(self, event: Event) -> bytes:
        """Return the bytes that say this event."""
        if type(event) is TextDelta:  # nearly all events are pieces of what is open
            if self._kind == "text" and not event.new:
                return self._piece(event.text)
        elif type(event) is ThinkingDelta:
            if self._kind == "thinking" and not event.new:
                return self._piece(event.text)
        elif type(event) is CallDelta:
            return self._call_piece(event.index, event.text)
        if self._done:
            return b""
        out = [] if self._started else self._start()
        self._take(event, out)
        self.losses = self._lost.found()
        return b"".join(out)

    def _take(self, event: Event, out: list[bytes]) -> None:
        match event:
            case TextDelta(text, new):
                self._tell("text", text, out, new=new)
            case RefusalDelta(text):
                self._refused = True
                self._tell("refusal", text, out)
            case ThinkingDelta(text, new):
                self._think(text, out, new=new)
            case Sealed():
                self._seal(event, out)
            case CallStarted():
                self._begin_call(event, out)
            case CallDelta():
                pass  # said above
            case Measured(usage):
                self._usage = usage
            case Finished():
                self._finish(event, out)
            case Failed():
                self._fail(event, out)
            case Started():
                pass  # the client's names for the answer and its model are known already
            case _:
                assert_never(event)

    def _start(self) -> list[bytes]:
        self._started = True
        response = Raw(self._envelope.written("in_progress", []))
        return [
            self._event("response.created", response=response),
            self._event("response.in_progress", response=response),
        ]

    # pieces of what is open

    def _piece(self, text: str) -> bytes:
        if not text:
            return b""
        self._pieces.append(text)
        self._sequence += 1
        return b"%b%b%b%d}\n\n" % (self._prefix, _encode(text), self._suffix, self._sequence - 1)

    def _open(self, kind: _Kind, event: str, place: str, suffix: bytes = b',"sequence_number":') -> None:
        self._kind = kind
        self._pieces = []
        self._prefix = _beginning(event, str(self._output[self._place]["id"]), self._place, place)
        self._suffix = suffix

    def _tell(
        self, kind: Literal["text", "refusal"], text: str, out: list[bytes], *, new: bool = False
    ) -> None:
        if self._kind != kind or new:
            if self._content is None:
                self._close(out)
                self._content = []
                self._add(self._writer.message(len(self._output), [], "in_progress"), out)
            else:
                self._close_part(out)
            number = len(self._content)
            part = text_part("") if kind == "text" else refusal_part("")
            out.append(
                self._event("response.content_part.added", **self._at(content_index=number), part=part)
            )
            event = "response.output_text.delta" if kind == "text" else "response.refusal.delta"
            suffix = b',"logprobs":[],"sequence_number":' if kind == "text" else b',"sequence_number":'
            self._open(kind, event, f'"content_index":{number},', suffix)
        out.append(self._piece(text))

    def _think(self, text: str, out: list[bytes], *, new: bool) -> None:
        if self._kind != "thinking" or new:
            self._close(out)
            self._add(self._writer.reasoning(len(self._output), ""), out)
            part = {"type": "summary_text", "text": ""}
            out.append(
                self._event("response.reasoning_summary_part.added", **self._at(summary_index=0), part=part)
            )
            self._open("thinking", "response.reasoning_summary_text.delta", '"summary_index":0,')
        out.append(self._piece(text))

    def _seal(self, event: Sealed, out: list[bytes]) -> None:
        if event.redacted or self._kind != "thinking":
            self._close(out)
            self._add(self._writer.reasoning(len(self._output), ""), out)
            text = ""
        else:
            text = self._close_summary(out)
        item = self._writer.reasoning(self._place, text, event.seal, redacted=event.redacted)
        self._end(self._place, item, out)
        self._place = -1

    # calls

    def _begin_call(self, event: CallStarted, out: list[bytes]) -> None:
        if self._place >= 0:
            self._close(out)
        if event.seal is not None:
            item = self._writer.call_seal(len(self._output), event.seal)
            self._add(item, out)
            self._end(self._place, item, out)
            self._place = -1
        call = ToolCall(event.id, event.name, "", event.custom)
        place = len(self._output)
        kind = self._writer.known(event.name, custom=event.custom).kind
        made = self._calls[event.index] = _Call(call, kind, place)
        item = self._writer.call(place, call, "in_progress")
        self._output.append(item)
        out.append(self._event("response.output_item.added", output_index=place, item=item))
        if kind in ("function", "custom"):
            name = "function_call_arguments" if kind == "function" else "custom_tool_call_input"
            made.prefix = _beginning(f"response.{name}.delta", str(item["id"]), place, "")

    def _call_piece(self, index: int, text: str) -> bytes:
        made = self._calls.get(index)
        if made is None or not text:
            return b""
        made.pieces.append(text)
        if not made.prefix:
            return b""
        self._sequence += 1
        return b'%b%b,"sequence_number":%d}\n\n' % (made.prefix, _encode(text), self._sequence - 1)

    def _end_calls(self, out: list[bytes], status: str = "completed") -> None:
        calls, self._calls = self._calls, {}
        for made in calls.values():
            arguments = "".join(made.pieces)
            last = made.place == len(self._output) - 1
            call = msgspec.structs.replace(made.call, arguments=arguments)
            item = self._writer.call(made.place, call, status if last else "completed")
            if made.prefix:
                told = {"item_id": item["id"], "output_index": made.place}
                if made.kind == "function":
                    done = "response.function_call_arguments.done"
                    out.append(self._event(done, **told, arguments=arguments))
                else:
                    out.append(self._event("response.custom_tool_call_input.done", **told, input=arguments))
            self._end(made.place, item, out)

    # items

    def _add(self, item: Json, out: list[bytes]) -> None:
        """Begin an item that is told in pieces, or has none."""
        self._place = len(self._output)
        self._output.append(item)
        out.append(self._event("response.output_item.added", output_index=self._place, item=item))

    def _end(self, place: int, item: Json, out: list[bytes]) -> None:
        self._output[place] = item
        out.append(self._event("response.output_item.done", output_index=place, item=item))

    def _close(self, out: list[bytes], status: str = "completed") -> None:
        """End whatever is open."""
        if self._calls:
            self._end_calls(out, status)
        if self._place < 0:
            return
        if self._content is not None:
            self._close_part(out)
            self._end(self._place, self._writer.message(self._place, self._content, status), out)
            self._content = None
        else:
            text = self._close_summary(out)
            self._end(self._place, self._writer.reasoning(self._place, text), out)
        self._place = -1

    def _close_part(self, out: list[bytes]) -> None:
        """End the part of a message that is open."""
        content = self._content
        if content is None or not self._kind:
            return
        text, at = "".join(self._pieces), self._at(content_index=len(content))
        if self._kind == "text":
            part = text_part(text)
            out.append(self._event("response.output_text.done", **at, text=text, logprobs=[]))
        else:
            part = refusal_part(text)
            out.append(self._event("response.refusal.done", **at, refusal=text))
        out.append(self._event("response.content_part.done", **at, part=part))
        content.append(part)
        self._kind = ""

    def _close_summary(self, out: list[bytes]) -> str:
        """End the thinking that is told in pieces; return all of it."""
        text, at = "".join(self._pieces), self._at(summary_index=0)
        out.append(self._event("response.reasoning_summary_text.done", **at, text=text))
        part = {"type": "summary_text", "text": text}
        out.append(self._event("response.reasoning_summary_part.done", **at, part=part))
        self._kind = ""
        return text

    # the answer

    def _finish(self, event: Finished, out: list[bytes]) -> None:
        reason = ending(event.reason, event.sequence, self._lost, refused=self._refused)
        status = "incomplete" if reason else "completed"
        self._close(out, status)
        body = self._envelope.written(status, self._output, self._usage or Usage(), reason=reason)
        out.append(self._event(f"response.{status}", response=Raw(body)))
        self._done = True

    def _fail(self, event: Failed, out: list[bytes]) -> None:
        error: Json = {"code": stream_code(event.kind, event.message), "message": event.message}
        body = self._envelope.written("failed", [], self._usage, error=error)
        out.append(self._event("response.failed", response=Raw(body)))
        self._done = True
        self._kind = ""

    def _at(self, **index: int) -> dict[str, object]:
        return {"item_id": self._output[self._place]["id"], "output_index": self._place, **index}

    def _event(self, kind: str, **members: object) -> bytes:
        body = _encode({"type": kind, "sequence_number": self._sequence, **members})
        self._sequence += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), body)


def _beginning(event: str, item_id: str, place: int, index: str) -> bytes:
    """Return how the events of one block's pieces begin, up to the piece itself."""
    head = f'event: {event}\ndata: {{"type":"{event}","item_id":'
    return b'%b%b,"output_index":%d,%b"delta":' % (head.encode(), _encode(item_id), place, index.encode())
