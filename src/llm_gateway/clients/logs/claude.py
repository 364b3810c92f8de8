"""Claude Code's logs: a JSON value a line, `projects/<folder>/<session>.jsonl`; a file for each sub-agent.

Measured with 2.1.330. One answer stands on several lines, one for each block of it; those before the last
may have been written while it ran, with the counts as they were: it is final once a line names its
`stop_reason`. The ids are the answer's own and its header's. Not what was said.
"""

from collections.abc import Iterator

import msgspec

from llm_gateway.clients.logs.lines import Form, line_reader
from llm_gateway.clients.logs.reading import Log, Reader, part
from llm_gateway.clients.logs.values import apart, moment, name
from llm_gateway.ledger.sightings import Sighting

__all__ = ["claude", "kind_of_call"]

# An answer that the program made up itself, for an error.
_MADE_UP = "<synthetic>"
# How many answers may be unfinished at once: those of sub-agents stood in the same file once.
_UNFINISHED = 32
_CALLS = 32
# What the program asks for by itself, by the name that it has for the asking.
_LABELS = {
    "generate_session_title": "title",
    "rename_generate_name": "title",
    "extract_memories": "memory",
    "extract_memories_first_look": "memory",
    "auto_dream": "memory",
    "compact": "compaction",
}


class _Line(msgspec.Struct, rename="camel"):
    type: object = None
    message: msgspec.Raw = msgspec.Raw(b"null")
    id: object = None
    query_source: object = None
    request_ref: object = None
    request_id: object = None
    session_id: object = None
    uuid: object = None
    timestamp: object = None
    version: object = None
    entrypoint: object = None
    is_sidechain: object = None


class _Details(msgspec.Struct):
    thinking_tokens: object = 0


class _Kept(msgspec.Struct):
    ephemeral_1h_input_tokens: object = 0


class _Usage(msgspec.Struct):
    input_tokens: object = 0
    cache_read_input_tokens: object = 0
    cache_creation_input_tokens: object = 0
    cache_creation: _Kept | None = None
    output_tokens: object = 0
    output_tokens_details: _Details | None = None


class _Message(msgspec.Struct):
    id: object = None
    model: object = None
    stop_reason: object = None
    usage: _Usage | None = None


class _Memory(msgspec.Struct):
    unfinished: dict[str, Sighting] = {}
    calls: dict[str, str] = {}


_line = msgspec.json.Decoder(_Line)
_message = msgspec.json.Decoder(_Message)
_memory = msgspec.json.Decoder(_Memory | None)


def kind_of_call(source: str) -> str:
    """Return the kind of a call that the program made for itself, by what asked; "" for any other."""
    return "sub-agent" if source.startswith("agent:") else _LABELS.get(source, "")


class _Claude:
    def __init__(self, log: Log, memory: bytes) -> None:
        self._log = log
        self._kept = _memory.decode(memory) or _Memory()
        self._at_us = log.now_us
        self._aside = log.path.parent.name == "subagents"

    def feed(self, line: bytes) -> Iterator[Sighting]:
        told = _line.decode(line)
        if told.type == "api-request":
            self._call(name(told.id), name(told.query_source))
        elif told.type == "assistant":
            message = _message.decode(told.message)
            if message.usage is not None and message.model != _MADE_UP:
                yield from self._answer(told, message, message.usage)

    def waiting(self) -> list[Sighting]:
        return list(self._kept.unfinished.values())

    def memory(self) -> bytes:
        return msgspec.json.encode(self._kept)

    def _call(self, ref: str, source: str) -> None:
        if ref and (label := kind_of_call(source)):
            self._kept.calls[ref] = label
            if len(self._kept.calls) > _CALLS:
                del self._kept.calls[next(iter(self._kept.calls))]

    def _answer(self, told: _Line, message: _Message, usage: _Usage) -> Iterator[Sighting]:
        self._at_us = moment(told.timestamp, self._at_us)
        answer_id, request_id = name(message.id), name(told.request_id)
        mark = f"{answer_id}:{request_id}" if answer_id or request_id else name(told.uuid) or f"{self._at_us}"
        details = usage.output_tokens_details or _Details()
        label = self._kept.calls.get(name(told.request_ref), "")
        if self._aside or told.is_sidechain is True:
            label = label or "sub-agent"
        sighting = Sighting(
            client=part(self._log.client, name(told.entrypoint)),
            machine=self._log.machine,
            source="log",
            mark=mark,
            at_us=self._at_us,
            usage=apart(
                usage.input_tokens,
                usage.cache_read_input_tokens,
                usage.cache_creation_input_tokens,
                usage.output_tokens,
                details.thinking_tokens,
                usage.cache_creation.ephemeral_1h_input_tokens if usage.cache_creation else 0,
            ),
            answer_id=answer_id,
            request_id=request_id,
            session=name(told.session_id),
            model=name(message.model),
            label=label,
            version=name(told.version),
        )
        yield from self._finished(sighting, message.stop_reason is not None)

    def _finished(self, sighting: Sighting, final: bool) -> Iterator[Sighting]:
        """Return the answers that are finished now: in one conversation, one comes after the other."""
        unfinished = self._kept.unfinished
        unfinished.pop(sighting.mark, None)
        alone = self._aside or sighting.label != "sub-agent"
        for mark, earlier in list(unfinished.items()):
            if alone and earlier.label == sighting.label and earlier.session == sighting.session:
                yield unfinished.pop(mark)
        if final:
            yield sighting
            return
        unfinished[sighting.mark] = sighting
        if len(unfinished) > _UNFINISHED:
            yield unfinished.pop(next(iter(unfinished)))


def _made(log: Log, memory: bytes) -> Form:
    return _Claude(log, memory)


claude: Reader = line_reader((b'"usage"', b'"querySource"'), _made)
