"""What the requests of a batch have used, read where somebody looks at it; counted once, by the first look.

OpenAI tells it with the batch itself once it is over (platform.openai.com, "The batch object"), Anthropic
with the results, a line for each request (platform.claude.com, "Retrieve Message Batch results"). Whether a
batch is on record already, the ledger knows. Not how a batch is made: that uses nothing yet.
"""

from collections.abc import Callable

import msgspec
from msgspec import Raw

from llm_gateway.canonical.counts import added
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.contract import Seen
from llm_gateway.errors import GatewayError
from llm_gateway.pipeline.forwarded_answer import read_usage
from llm_gateway.wire.ndjson import LineSplitter, LineTooLong
from llm_gateway.wire.torn import read_torn

__all__ = ["Look", "ResultsMeter", "batch_of"]

_TIER = "batch"
_OVER = ("completed", "expired", "cancelled", "failed")
_ABSENT = Raw()
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Message(msgspec.Struct):
    model: object = None
    usage: Raw = _ABSENT


class _Result(msgspec.Struct):
    message: _Message | None = None


class _Line(msgspec.Struct):
    result: _Result | None = None


class _Batch(msgspec.Struct):
    kind: object = msgspec.field(name="object", default=None)
    status: object = None
    model: object = None
    usage: Raw = _ABSENT


_line = msgspec.json.Decoder(_Line)
_batch = msgspec.json.Decoder(_Batch)


class Look(msgspec.Struct, frozen=True):
    """A look at a batch that is not on record yet. `priced` is told at which model's prices it is billed."""

    batch: str
    priced: Callable[[str], None]

    def read(self, body: bytes) -> Seen:
        """Read the batch itself: it tells what was used when it is over."""
        seen = Seen(complete=True)
        try:
            told = _batch.decode(body)
        except _UNREADABLE:
            return seen
        if told.kind == "batch" and told.status in _OVER:
            self.count(seen, read_usage(told.usage), told.model if isinstance(told.model, str) else "")
        return seen

    def count(self, seen: Seen, usage: Usage | None, model: str) -> None:
        """Take it that the requests of the batch have used this, with this model, "" for several."""
        if usage is not None:
            seen.usage, seen.tier, seen.response_id, seen.model = usage, _TIER, self.batch, model
            self.priced(model)


def batch_of(path: str) -> str:
    """Return which batch the answer to a GET of this path may tell the use of, "" for none."""
    match path.split("/"):
        case ["batches", batch] | ["messages", "batches", batch, "results"]:
            return batch
    return ""


class ResultsMeter:
    """Let the results of a batch pass, line by line; what they used is known when all of them have."""

    def __init__(self, look: Look) -> None:
        self.seen = Seen()
        self._look = look
        self._lines: LineSplitter | None = LineSplitter()
        self._usage: Usage | None = None
        self._models: set[str] = set()

    def feed(self, data: bytes) -> bytes:
        """Return the same bytes; a line that is too long to be looked at ends the looking."""
        if self._lines is not None:
            try:
                for line in self._lines.feed(data):
                    self._take(line)
            except LineTooLong:
                self._lines = None
        return data

    def close(self) -> bytes:
        """Take note that the end came, and count."""
        if self._lines is not None:
            self._take(self._lines.close())
            model = self._models.pop() if len(self._models) == 1 else ""
            self._look.count(self.seen, self._usage, model)
        self.seen.complete = True
        return b""

    def fail(self, error: GatewayError) -> bytes:
        """Return nothing: there is no way to say in a file that it broke off."""
        return b""

    def _take(self, line: bytes) -> None:
        try:
            result = read_torn(_line, line).result
        except _UNREADABLE:
            return
        if result is None or result.message is None:
            return
        usage = read_usage(result.message.usage)
        if usage is not None:
            self._usage = usage if self._usage is None else added(self._usage, usage)
            if isinstance(result.message.model, str):
                self._models.add(result.message.model[:256])
