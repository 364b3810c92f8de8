"""pi's logs: a JSON value a line, `agent/sessions/<folder>/<time>_<session>.jsonl`.

Measured with 0.73.1, form 3. Each answer is a message with its usage, whose input is told without what was
cached, whichever wire it came by. A conversation that is forked takes its messages along. Not what was said.
"""

from collections.abc import Iterator

import msgspec

from llm_gateway.clients.logs.lines import Form, line_reader
from llm_gateway.clients.logs.reading import Log, Reader, newer
from llm_gateway.clients.logs.values import apart, moment, name
from llm_gateway.ledger.sightings import Sighting

__all__ = ["pi"]

_KNOWN = 3


class _Line(msgspec.Struct):
    type: object = None
    id: object = None
    version: object = None
    timestamp: object = None
    message: msgspec.Raw = msgspec.Raw(b"null")


class _Usage(msgspec.Struct, rename="camel"):
    input: object = 0
    cache_read: object = 0
    cache_write: object = 0
    output: object = 0


class _Message(msgspec.Struct, rename="camel"):
    role: object = None
    provider: object = None
    model: object = None
    usage: _Usage | None = None
    stop_reason: object = None
    timestamp: object = None
    response_id: object = None


class _Memory(msgspec.Struct):
    session: str = ""


_line = msgspec.json.Decoder(_Line)
_message = msgspec.json.Decoder(_Message)
_memory = msgspec.json.Decoder(_Memory | None)


class _Pi:
    def __init__(self, log: Log, memory: bytes) -> None:
        self._log = log
        self._at_us = log.now_us
        self._kept = _memory.decode(memory) or _Memory()

    def feed(self, line: bytes) -> Iterator[Sighting | str]:
        told = _line.decode(line)
        if told.type == "session":
            self._kept = _Memory(name(told.id))
            yield from newer(told.version, _KNOWN)
        elif told.type == "message":
            message = _message.decode(told.message)
            if message.role == "assistant" and message.usage is not None:
                yield from self._answer(told, message, message.usage)

    def waiting(self) -> list[Sighting]:
        return []

    def memory(self) -> bytes:
        return msgspec.json.encode(self._kept)

    def _answer(self, told: _Line, message: _Message, usage: _Usage) -> Iterator[Sighting]:
        used = apart(usage.input, usage.cache_read, usage.cache_write, usage.output)
        answer_id = name(message.response_id)
        if not answer_id and not used.total and message.stop_reason in ("error", "aborted"):
            return  # there was no answer
        self._at_us = moment(told.timestamp, self._at_us)
        yield Sighting(
            client=self._log.client,
            machine=self._log.machine,
            source="log",
            mark=f"{name(told.id)}:{moment(message.timestamp, self._at_us)}:{answer_id}",
            at_us=self._at_us,
            usage=used,
            answer_id=answer_id,
            session=self._kept.session,
            model=name(message.model),
            asked=name(message.provider),
        )


def _made(log: Log, memory: bytes) -> Form:
    return _Pi(log, memory)


pi: Reader = line_reader((b'"session"', b'"usage"'), _made)
