"""GitHub Copilot CLI's logs: a JSON value a line, `session-state/<session>/events.jsonl`.

Measured with 1.0.102. Each answer has a `session.usage_record`; its ids are the answer's own and, where
there was one, its header's. Input is told with what was cached, whichever wire it came by. Not what was
said.
"""

from collections.abc import Iterator

import msgspec

from llm_gateway.clients.logs.lines import Form, line_reader
from llm_gateway.clients.logs.reading import Log, Reader, newer
from llm_gateway.clients.logs.values import moment, name, within
from llm_gateway.ledger.sightings import Sighting

__all__ = ["copilot"]

_KNOWN = 1
# Whom it asks where the answer is paid for by its own subscription.
_OWN = "github"


class _Line(msgspec.Struct):
    type: object = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    id: object = None
    timestamp: object = None


class _Start(msgspec.Struct, rename="camel"):
    session_id: object = None
    version: object = None
    copilot_version: object = None


class _Usage(msgspec.Struct, rename="camel"):
    model: object = None
    input_tokens: object = 0
    cache_read_tokens: object = 0
    cache_write_tokens: object = 0
    output_tokens: object = 0
    reasoning_tokens: object = 0
    is_byok: object = None
    provider_type: object = None
    api_call_id: object = None
    provider_call_id: object = None
    initiator: object = None


class _Data(msgspec.Struct):
    usage: _Usage


class _Memory(msgspec.Struct):
    session: str = ""
    version: str = ""


_line = msgspec.json.Decoder(_Line)
_start = msgspec.json.Decoder(_Start)
_data = msgspec.json.Decoder(_Data)
_memory = msgspec.json.Decoder(_Memory | None)


class _Copilot:
    def __init__(self, log: Log, memory: bytes) -> None:
        self._log = log
        self._at_us = log.now_us
        self._kept = _memory.decode(memory) or _Memory(log.path.parent.name)

    def feed(self, line: bytes) -> Iterator[Sighting | str]:
        told = _line.decode(line)
        if told.type == "session.start":
            start = _start.decode(told.data)
            session = name(start.session_id) or self._kept.session
            self._kept = _Memory(session, name(start.copilot_version))
            yield from newer(start.version, _KNOWN)
        elif told.type == "session.usage_record":
            yield self._sighting(told, _data.decode(told.data).usage)

    def waiting(self) -> list[Sighting]:
        return []

    def memory(self) -> bytes:
        return msgspec.json.encode(self._kept)

    def _sighting(self, told: _Line, usage: _Usage) -> Sighting:
        self._at_us = moment(told.timestamp, self._at_us)
        return Sighting(
            client=self._log.client,
            machine=self._log.machine,
            source="log",
            mark=name(told.id) or f"{name(usage.api_call_id)}:{self._at_us}",
            at_us=self._at_us,
            usage=within(
                usage.input_tokens,
                usage.cache_read_tokens,
                usage.cache_write_tokens,
                usage.output_tokens,
                usage.reasoning_tokens,
            ),
            answer_id=name(usage.api_call_id),
            request_id=name(usage.provider_call_id),
            session=self._kept.session,
            model=name(usage.model),
            asked=name(usage.provider_type) if usage.is_byok is True else _OWN,
            label="sub-agent" if usage.initiator == "sub-agent" else "",
            version=self._kept.version,
        )


def _made(log: Log, memory: bytes) -> Form:
    return _Copilot(log, memory)


copilot: Reader = line_reader((b'"session.start"', b'"session.usage_record"'), _made)
