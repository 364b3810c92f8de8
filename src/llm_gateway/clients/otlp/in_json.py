"""Exports in OTLP's JSON (opentelemetry.io, OTLP specification, "JSON Protobuf Encoding").

Ids are hex there and 64-bit numbers are texts, though some programs write numbers. Values of attributes that
nobody asked for are skipped, not decoded; so are bodies of log records, names, events and links of spans.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from llm_gateway.clients.otlp.batches import MOST_PARTS, Batch, Record, Signal, Value, moment_us
from llm_gateway.errors import BodyTooLarge, MalformedRequest

__all__ = ["decode_json"]


class _Attribute(msgspec.Struct):
    key: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")


class _AnyValue(msgspec.Struct, rename="camel"):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None


class _Resource(msgspec.Struct):
    attributes: list[_Attribute] | None = None


class _Scope(msgspec.Struct):
    name: str | None = None


class _LogRecord(msgspec.Struct, rename="camel"):
    time_unix_nano: int | str | None = None
    observed_time_unix_nano: int | str | None = None
    event_name: str | None = None
    attributes: list[_Attribute] | None = None


class _Span(msgspec.Struct, rename="camel"):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    start_time_unix_nano: int | str | None = None
    end_time_unix_nano: int | str | None = None
    attributes: list[_Attribute] | None = None


class _ScopeLogs(msgspec.Struct, rename="camel"):
    scope: _Scope | None = None
    log_records: list[_LogRecord] | None = None


class _ScopeSpans(msgspec.Struct):
    scope: _Scope | None = None
    spans: list[_Span] | None = None


class _ResourceLogs(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] | None = None


class _ResourceSpans(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None


class _Logs(msgspec.Struct, rename="camel"):
    resource_logs: list[_ResourceLogs] | None = None


class _Traces(msgspec.Struct, rename="camel"):
    resource_spans: list[_ResourceSpans] | None = None


class _Metrics(msgspec.Struct, rename="camel"):
    resource_metrics: list[msgspec.Raw] | None = None


_logs = msgspec.json.Decoder(_Logs)
_traces = msgspec.json.Decoder(_Traces)
_metrics = msgspec.json.Decoder(_Metrics)
_value: msgspec.json.Decoder[_AnyValue | None] = msgspec.json.Decoder(_AnyValue | None)
_LONGEST_NUMBER = 20


def decode_json(body: bytes, signal: Signal, wanted: AbstractSet[str]) -> list[Batch]:
    """Return an export's records with the wanted attributes; MalformedRequest where it is none.

    BodyTooLarge for one that would be made of too many objects. Metrics have no records.
    """
    if body.count(b"{") > MOST_PARTS:
        raise BodyTooLarge(f"the export has over {MOST_PARTS} objects; send it in smaller batches")
    try:
        match signal:
            case "logs":
                return list(_read_logs(_logs.decode(body), wanted))
            case "traces":
                return list(_read_traces(_traces.decode(body), wanted))
            case "metrics":
                _metrics.decode(body)
                return []
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRequest("the body is not an OTLP export in JSON, as its content-type says") from error
    except RecursionError as error:
        raise MalformedRequest("the body is nested deeper than any OTLP export") from error


def _read_logs(export: _Logs, wanted: AbstractSet[str]) -> Iterator[Batch]:
    for resource in export.resource_logs or ():
        about = _attributes(resource.resource, wanted)
        for scope in resource.scope_logs or ():
            yield _batch(about, scope.scope, [_log(each, wanted) for each in scope.log_records or ()])


def _read_traces(export: _Traces, wanted: AbstractSet[str]) -> Iterator[Batch]:
    for resource in export.resource_spans or ():
        about = _attributes(resource.resource, wanted)
        for scope in resource.scope_spans or ():
            yield _batch(about, scope.scope, [_span(each, wanted) for each in scope.spans or ()])


def _batch(about: dict[str, Value], scope: _Scope | None, records: Sequence[Record]) -> Batch:
    return Batch(
        str(about.get("service.name", "")),
        str(about.get("service.version", "")),
        (scope.name or "") if scope else "",
        tuple(records),
    )


def _log(record: _LogRecord, wanted: AbstractSet[str]) -> Record:
    attributes = _attributes(record, wanted)
    at_us = moment_us(_whole(record.time_unix_nano), _whole(record.observed_time_unix_nano))
    return Record(at_us, attributes, str(attributes.get("event.name") or record.event_name or ""))


def _span(span: _Span, wanted: AbstractSet[str]) -> Record:
    return Record(
        moment_us(_whole(span.end_time_unix_nano), _whole(span.start_time_unix_nano)),
        _attributes(span, wanted),
        trace=(span.trace_id or "").lower(),
        span=(span.span_id or "").lower(),
        parent=(span.parent_span_id or "").lower(),
    )


def _attributes(owner: _Resource | _LogRecord | _Span | None, wanted: AbstractSet[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for attribute in (owner.attributes or ()) if owner else ():
        if attribute.key in wanted and (value := _plain(attribute.value)) is not None:
            found[attribute.key] = value
    return found


def _plain(raw: msgspec.Raw) -> Value | None:
    """Return a value that is a text or a number, None for a list, a map, bytes and nothing."""
    value = _value.decode(raw)
    if value is None:
        return None
    number = value.double_value if isinstance(value.double_value, float) else None
    whole = _whole(value.int_value) if value.int_value is not None else number
    return next((each for each in (value.string_value, value.bool_value) if each is not None), whole)


def _whole(number: int | str | None) -> int:
    """Return a 64-bit number, which stands in JSON as a text or as a number; 0 for what is none."""
    if isinstance(number, str):
        digits = number.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_NUMBER):
            return 0
        return int(number)
    return number or 0
