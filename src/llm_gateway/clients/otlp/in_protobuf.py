"""Exports in protobuf: the messages of opentelemetry-proto as far as they are read, by their field numbers.

github.com/open-telemetry/opentelemetry-proto: collector/*/v1, logs/v1, trace/v1, common/v1, resource/v1. The
three exports have one frame; field numbers never change. What is not read is passed over, however deep.
"""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from llm_gateway.clients.otlp.batches import Batch, Record, Signal, Value, moment_us
from llm_gateway.clients.otlp.wire_format import Fields, fixed64, length_delimited, real, signed, text, varint

__all__ = ["decode_protobuf"]

_Reading = Callable[[Fields, memoryview, AbstractSet[str]], Record]

# Export*ServiceRequest, Resource*, Scope*
_RESOURCES = length_delimited(1)
_RESOURCE, _SCOPES = length_delimited(1), length_delimited(2)
_SCOPE, _RECORDS = length_delimited(1), length_delimited(2)
_RESOURCE_ATTRIBUTES = length_delimited(1)
_SCOPE_NAME = length_delimited(1)
# KeyValue, AnyValue
_KEY, _VALUE = length_delimited(1), length_delimited(2)
_STRING, _BOOL, _INT, _DOUBLE = length_delimited(1), varint(2), varint(3), fixed64(4)
_OTHER_VALUES = frozenset(length_delimited(number) for number in (5, 6, 7))
# LogRecord
_TIME, _OBSERVED = fixed64(1), fixed64(11)
_LOG_ATTRIBUTES, _EVENT_NAME = length_delimited(6), length_delimited(12)
# Span
_TRACE, _SPAN, _PARENT = length_delimited(1), length_delimited(2), length_delimited(4)
_START, _END, _SPAN_ATTRIBUTES = fixed64(7), fixed64(8), length_delimited(9)


def decode_protobuf(body: bytes, signal: Signal, wanted: AbstractSet[str]) -> list[Batch]:
    """Return an export's records with the wanted attributes; MalformedRequest where it is none.

    BodyTooLarge for one that is made of too many fields. Metrics have no records.
    """
    fields = Fields()
    resources = [part for tag, part in fields.parts(memoryview(body)) if tag == _RESOURCES]
    match signal:
        case "logs":
            return [batch for each in resources for batch in _read(fields, each, wanted, _log)]
        case "traces":
            return [batch for each in resources for batch in _read(fields, each, wanted, _span)]
        case "metrics":
            return []


def _read(
    fields: Fields, resource: memoryview, wanted: AbstractSet[str], record: _Reading
) -> Iterator[Batch]:
    about: dict[str, Value] = {}
    scopes: list[memoryview] = []
    for tag, part in fields.parts(resource):
        if tag == _RESOURCE:
            told = [attribute for at, attribute in fields.parts(part) if at == _RESOURCE_ATTRIBUTES]
            about |= _attributes(fields, told, wanted)
        elif tag == _SCOPES:
            scopes.append(part)
    for scope in scopes:
        name, records = "", []
        for tag, part in fields.parts(scope):
            if tag == _SCOPE:
                name = next((text(each) for at, each in fields.parts(part) if at == _SCOPE_NAME), name)
            elif tag == _RECORDS:
                records.append(record(fields, part, wanted))
        service, version = about.get("service.name", ""), about.get("service.version", "")
        yield Batch(str(service), str(version), name, tuple(records))


def _log(fields: Fields, record: memoryview, wanted: AbstractSet[str]) -> Record:
    at = observed = 0
    event = ""
    told: list[memoryview] = []
    for tag, value in fields.all(record):
        if isinstance(value, int):
            at, observed = (value if tag == _TIME else at), (value if tag == _OBSERVED else observed)
        elif tag == _LOG_ATTRIBUTES:
            told.append(value)
        elif tag == _EVENT_NAME:
            event = text(value)
    attributes = _attributes(fields, told, wanted)
    return Record(moment_us(at, observed), attributes, str(attributes.get("event.name") or event))


def _span(fields: Fields, span: memoryview, wanted: AbstractSet[str]) -> Record:
    start = end = 0
    ids: dict[int, str] = {}
    told: list[memoryview] = []
    for tag, value in fields.all(span):
        if isinstance(value, int):
            start, end = (value if tag == _START else start), (value if tag == _END else end)
        elif tag == _SPAN_ATTRIBUTES:
            told.append(value)
        elif tag in (_TRACE, _SPAN, _PARENT):
            ids[tag] = value[:16].hex()
    return Record(
        moment_us(end, start),
        _attributes(fields, told, wanted),
        trace=ids.get(_TRACE, ""),
        span=ids.get(_SPAN, ""),
        parent=ids.get(_PARENT, ""),
    )


def _attributes(fields: Fields, told: Sequence[memoryview], wanted: AbstractSet[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for attribute in told:
        key, raw = "", memoryview(b"")
        for tag, part in fields.parts(attribute):
            if tag == _KEY:
                key = text(part)
            elif tag == _VALUE:
                raw = part
        if key in wanted and (value := _plain(fields, raw)) is not None:
            found[key] = value
    return found


def _plain(fields: Fields, raw: memoryview) -> Value | None:
    """Return a value that is a text or a number, None for a list, a map, bytes and nothing."""
    found: Value | None = None
    for tag, value in fields.all(raw):
        if isinstance(value, int):
            if tag == _INT:
                found = signed(value)
            elif tag == _BOOL:
                found = bool(value)
            elif tag == _DOUBLE:
                found = real(value)
        elif tag == _STRING:
            found = text(value)
        elif tag in _OTHER_VALUES:
            found = None
    return found
