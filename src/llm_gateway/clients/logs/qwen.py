"""Qwen Code's logs: a JSON value a line, `projects/<folder>/chats/<session>.jsonl`.

Measured with 0.24.4. Each answer has an `api_response`, which names the sub-agent that asked by itself;
versions without one tell the tokens with the message. `usage_record.jsonl` beside them has the sums of the
same answers, so that nothing is taken from it. Not what was said.
"""

from collections.abc import Iterator

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.logs.lines import Form, line_reader
from llm_gateway.clients.logs.reading import Log, Reader
from llm_gateway.clients.logs.values import beside, count, moment, name, within
from llm_gateway.ledger.sightings import Sighting

__all__ = ["qwen"]

_ANSWERED = "qwen-code.api_response"


class _Event(msgspec.Struct):
    event: object = msgspec.field(default=None, name="event.name")
    response_id: object = None
    model: object = None
    input_token_count: object = 0
    output_token_count: object = 0
    cached_content_token_count: object = 0
    thoughts_token_count: object = 0
    total_token_count: object = 0
    subagent_name: object = None


class _Payload(msgspec.Struct, rename="camel"):
    ui_event: _Event | None = None


class _Metadata(msgspec.Struct, rename="camel"):
    prompt_token_count: object = 0
    candidates_token_count: object = 0
    cached_content_token_count: object = 0
    thoughts_token_count: object = 0
    total_token_count: object = 0


class _Line(msgspec.Struct, rename="camel"):
    uuid: object = None
    type: object = None
    subtype: object = None
    session_id: object = None
    timestamp: object = None
    version: object = None
    model: object = None
    usage_metadata: msgspec.Raw = msgspec.Raw(b"null")
    system_payload: msgspec.Raw = msgspec.Raw(b"null")


class _Memory(msgspec.Struct):
    """Whether answers are told by events."""

    events: bool = False


_line = msgspec.json.Decoder(_Line)
_payload = msgspec.json.Decoder(_Payload)
_metadata = msgspec.json.Decoder(_Metadata | None)
_memory = msgspec.json.Decoder(_Memory | None)


class _Qwen:
    def __init__(self, log: Log, memory: bytes) -> None:
        self._log = log
        self._at_us = log.now_us
        self._kept = _memory.decode(memory) or _Memory()

    def feed(self, line: bytes) -> Iterator[Sighting]:
        told = _line.decode(line)
        if told.type == "system" and told.subtype == "ui_telemetry":
            event = _payload.decode(told.system_payload).ui_event
            if event is not None and event.event == _ANSWERED:
                self._kept.events = True
                yield self._event(told, event)
        elif told.type == "assistant" and not self._kept.events:
            used = _metadata.decode(told.usage_metadata)
            if used is not None:
                yield self._sighting(told, told.model, _message_usage(used))

    def waiting(self) -> list[Sighting]:
        return []

    def memory(self) -> bytes:
        return msgspec.json.encode(self._kept)

    def _event(self, told: _Line, event: _Event) -> Sighting:
        agent = name(event.subagent_name)
        label = "memory" if "memory" in agent else "sub-agent" if agent else ""
        return msgspec.structs.replace(
            self._sighting(told, event.model, _event_usage(event)),
            answer_id=name(event.response_id),
            label=label,
        )

    def _sighting(self, told: _Line, model: object, usage: Usage) -> Sighting:
        self._at_us = moment(told.timestamp, self._at_us)
        session = name(told.session_id)
        return Sighting(
            client=self._log.client,
            machine=self._log.machine,
            source="log",
            mark=name(told.uuid) or f"{session}:{self._at_us}",
            at_us=self._at_us,
            usage=usage,
            session=session,
            model=name(model),
            version=name(told.version),
        )


def _event_usage(told: _Event) -> Usage:
    return _usage(
        told.input_token_count,
        told.cached_content_token_count,
        told.output_token_count,
        told.thoughts_token_count,
        told.total_token_count,
    )


def _message_usage(told: _Metadata) -> Usage:
    return _usage(
        told.prompt_token_count,
        told.cached_content_token_count,
        told.candidates_token_count,
        told.thoughts_token_count,
        told.total_token_count,
    )


def _usage(sent: object, cached: object, output: object, thoughts: object, total: object) -> Usage:
    """Return usage whose thoughts are in the output or beside it, as the vendor of the answer counts."""
    if count(thoughts) and count(total) == count(sent) + count(output) + count(thoughts):
        return beside(sent, cached, output, thoughts)
    return within(sent, cached, 0, output, thoughts)


def _made(log: Log, memory: bytes) -> Form:
    return _Qwen(log, memory)


qwen: Reader = line_reader((b'"qwen-code.api_response"', b'"usageMetadata"'), _made)
