"""Gemini CLI's logs: `tmp/<project>/chats/session-*.jsonl`, a JSON value a line; a document, `.json`, before.

Measured with 0.61.0. Each answer is a message with its tokens; it is written again with what its tools
returned, and all of them again when a conversation is taken up. Thoughts are told beside the output. Not
what was said.
"""

from collections.abc import Iterable, Iterator

import msgspec

from llm_gateway.clients.logs.documents import document_reader
from llm_gateway.clients.logs.lines import Form, line_reader
from llm_gateway.clients.logs.reading import Log, Read
from llm_gateway.clients.logs.values import beside, moment, name
from llm_gateway.ledger.sightings import Sighting

__all__ = ["gemini"]


class _Tokens(msgspec.Struct):
    input: object = 0
    output: object = 0
    cached: object = 0
    thoughts: object = 0
    tool: object = 0


class _Message(msgspec.Struct):
    id: object = None
    type: object = None
    timestamp: object = None
    model: object = None
    tokens: _Tokens | None = None


class _Set(msgspec.Struct, rename="camel"):
    session_id: object = None
    messages: list[_Message] | None = None


class _Line(_Message, rename="camel"):
    """A message, the beginning of a conversation, or a change of one; a whole one in a document."""

    session_id: object = None
    kind: object = None
    messages: list[_Message] | None = None
    change: _Set | None = msgspec.field(default=None, name="$set")


class _Memory(msgspec.Struct):
    session: str = ""
    label: str = ""


_line = msgspec.json.Decoder(_Line)
_memory = msgspec.json.Decoder(_Memory | None)


class _Gemini:
    def __init__(self, log: Log, memory: bytes) -> None:
        self._log = log
        self._at_us = log.now_us
        self._kept = _memory.decode(memory) or _Memory()

    def feed(self, line: bytes) -> Iterator[Sighting]:
        told = _line.decode(line)
        if session := name(told.session_id) or name(told.change.session_id if told.change else ""):
            self._kept.session = session
        if told.kind is not None:
            self._kept.label = "sub-agent" if told.kind == "subagent" else ""
        yield from self._messages([told])
        yield from self._messages(told.messages or ())
        if told.change is not None:
            yield from self._messages(told.change.messages or ())

    def waiting(self) -> list[Sighting]:
        return []

    def memory(self) -> bytes:
        return msgspec.json.encode(self._kept)

    def _messages(self, messages: Iterable[_Message]) -> Iterator[Sighting]:
        for message in messages:
            if message.type != "gemini" or message.tokens is None:
                continue
            tokens = message.tokens
            self._at_us = moment(message.timestamp, self._at_us)
            yield Sighting(
                client=self._log.client,
                machine=self._log.machine,
                source="log",
                mark=name(message.id) or f"{self._kept.session}:{self._at_us}",
                at_us=self._at_us,
                usage=beside(tokens.input, tokens.cached, tokens.output, tokens.thoughts, tokens.tool),
                session=self._kept.session,
                model=name(message.model),
                label=self._kept.label,
            )


def _made(log: Log, memory: bytes) -> Form:
    return _Gemini(log, memory)


def _document(log: Log, document: bytes, changed_us: int) -> Iterable[Sighting]:
    return _Gemini(msgspec.structs.replace(log, now_us=changed_us), b"null").feed(document)


_lines = line_reader((b'"tokens"', b'"sessionId"'), _made)
_documents = document_reader(_document)


def gemini(log: Log, state: str) -> Read:
    """Read a log of either form."""
    return (_documents if log.path.suffix == ".json" else _lines)(log, state)
