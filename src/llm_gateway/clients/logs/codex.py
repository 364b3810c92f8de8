"""Codex's logs: a JSON value a line, `sessions/YYYY/MM/DD/rollout-<time>-<thread>.jsonl`.

Measured with 0.169.0; the same engine writes them in the terminal, the editors and the desktop application.
Each answer has a `token_usage_record`; before there were any, a `token_count` told the last answer's tokens,
sometimes twice, and the sum of all, which is only good for telling it from the one before. Not what was
said.
"""

from collections.abc import Iterator

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.logs.lines import Form, line_reader
from llm_gateway.clients.logs.reading import Log, Reader, part
from llm_gateway.clients.logs.values import count, moment, name, within
from llm_gateway.ledger.sightings import Sighting

__all__ = ["codex"]


class _Line(msgspec.Struct):
    type: object = None
    timestamp: object = None
    payload: msgspec.Raw = msgspec.Raw(b"null")


class _Meta(msgspec.Struct):
    id: object = None
    session_id: object = None
    originator: object = None
    cli_version: object = None
    model_provider: object = None
    source: object = None
    thread_source: object = None


class _Context(msgspec.Struct):
    model: object = None


class _Tokens(msgspec.Struct):
    input_tokens: object = 0
    cached_input_tokens: object = 0
    cache_write_input_tokens: object = 0
    output_tokens: object = 0
    reasoning_output_tokens: object = 0
    total_tokens: object = 0

    def usage(self) -> Usage:
        return within(
            self.input_tokens,
            self.cached_input_tokens,
            self.cache_write_input_tokens,
            self.output_tokens,
            self.reasoning_output_tokens,
        )


class _Record(msgspec.Struct):
    usage: _Tokens
    response_id: object = None
    session_id: object = None
    thread_token_usage: _Tokens | None = None


class _Info(msgspec.Struct):
    last_token_usage: _Tokens | None = None
    total_token_usage: _Tokens | None = None


class _Event(msgspec.Struct):
    type: object = None
    info: _Info | None = None


class _Memory(msgspec.Struct):
    """What the lines before said of the conversation; `records` once there was a record."""

    client: str = ""
    session: str = ""
    version: str = ""
    asked: str = ""
    label: str = ""
    model: str = ""
    records: bool = False


_line = msgspec.json.Decoder(_Line)
_meta = msgspec.json.Decoder(_Meta)
_context = msgspec.json.Decoder(_Context)
_record = msgspec.json.Decoder(_Record)
_event = msgspec.json.Decoder(_Event)
_memory = msgspec.json.Decoder(_Memory | None)


class _Codex:
    def __init__(self, log: Log, memory: bytes) -> None:
        self._log = log
        self._at_us = log.now_us
        self._kept = _memory.decode(memory) or _Memory(client=log.client)

    def feed(self, line: bytes) -> Iterator[Sighting]:
        told = _line.decode(line)
        match told.type:
            case "session_meta":
                self._begin(_meta.decode(told.payload))
            case "turn_context":
                self._kept.model = name(_context.decode(told.payload).model)
            case "token_usage_record":
                record = _record.decode(told.payload)
                self._kept.records = True
                total = record.thread_token_usage or record.usage
                answer_id = name(record.response_id)
                session = name(record.session_id) or self._kept.session
                mark = f"{session}:{answer_id or name(told.timestamp)}:{count(total.total_tokens)}"
                yield self._sighting(told, mark, record.usage, answer_id, session)
            case "event_msg" if not self._kept.records:
                event = _event.decode(told.payload)
                if event.type == "token_count" and event.info and (last := event.info.last_token_usage):
                    total = event.info.total_token_usage or last
                    mark = f"{self._kept.session}:{count(total.total_tokens)}:{count(last.total_tokens)}"
                    yield self._sighting(told, mark, last, "", self._kept.session)

    def waiting(self) -> list[Sighting]:
        return []

    def memory(self) -> bytes:
        return msgspec.json.encode(self._kept)

    def _begin(self, meta: _Meta) -> None:
        session = name(meta.session_id) or name(meta.id)
        if self._kept.session:
            return  # a conversation that another one goes on from: its beginning is repeated
        aside = isinstance(meta.source, dict) and "subagent" in meta.source
        self._kept = _Memory(
            client=part(self._log.client, name(meta.originator)),
            session=session,
            version=name(meta.cli_version),
            asked=name(meta.model_provider),
            label="sub-agent" if aside or meta.thread_source == "subagent" else "",
        )

    def _sighting(self, told: _Line, mark: str, tokens: _Tokens, answer_id: str, session: str) -> Sighting:
        self._at_us = moment(told.timestamp, self._at_us)
        return Sighting(
            client=self._kept.client,
            machine=self._log.machine,
            source="log",
            mark=mark,
            at_us=self._at_us,
            usage=tokens.usage(),
            answer_id=answer_id,
            session=session,
            model=self._kept.model,
            asked=self._kept.asked,
            label=self._kept.label,
            version=self._kept.version,
        )


def _made(log: Log, memory: bytes) -> Form:
    return _Codex(log, memory)


codex: Reader = line_reader(
    (b'"session_meta"', b'"turn_context"', b'"token_usage_record"', b'"token_count"'), _made
)
