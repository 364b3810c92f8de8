"""OTLP's JSON: what is asked for is decoded, however its numbers are written, and nothing else is."""

import pytest

from clients.otlp.told import CANARY, event, in_json, logs, span, traces
from llm_gateway.clients.otlp.batches import MOST_PARTS, Batch, Record, Signal
from llm_gateway.clients.otlp.in_json import decode_json
from llm_gateway.errors import BodyTooLarge, MalformedRequest

WANTED = frozenset(("service.name", "service.version", "event.name", "a"))


def attribute(value: str) -> list[Record]:
    body = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"a","value":%s}]}]}]}]}'
    (batch,) = decode_json((body % value).encode(), "logs", WANTED)
    return list(batch.records)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ('{"stringValue":"x"}', "x"),
        ('{"stringValue":""}', ""),
        ('{"intValue":"-83"}', -83),
        ('{"intValue":83}', 83),
        ('{"intValue":"0"}', 0),
        ('{"intValue":"8.5"}', 0),
        ('{"intValue":"' + "9" * 30 + '"}', 0),
        ('{"boolValue":false}', False),
        ('{"doubleValue":1.5}', 1.5),
        ('{"doubleValue":2}', 2.0),
    ],
)
def test_plain_values_are_read(value: str, meant: object) -> None:
    (record,) = attribute(value)
    assert record.attributes == {"a": meant}
    assert type(record.attributes["a"]) is type(meant)


@pytest.mark.parametrize(
    "value",
    [
        "{}",
        "null",
        '{"doubleValue":"NaN"}',
        '{"bytesValue":"AAAA"}',
        '{"arrayValue":{"values":[{"stringValue":"x"}]}}',
        '{"kvlistValue":{"values":[{"key":"a","value":{"stringValue":"x"}}]}}',
    ],
)
def test_other_values_are_none(value: str) -> None:
    (record,) = attribute(value)
    assert record.attributes == {}


def test_a_log_record_is_its_time_its_event_and_what_was_asked_for() -> None:
    (batch,) = decode_json(in_json(logs("s", "scope", event("e", {"a": 1, "b": 2}))), "logs", WANTED)
    assert batch == Batch(
        "s", "1.2.3", "scope", (Record(1_795_161_600_250_000, {"event.name": "e", "a": 1}, "e"),)
    )


def test_an_event_may_be_named_beside_the_attributes() -> None:
    export = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"eventName": "e", "timeUnixNano": 5_000}]}]}]}
    (batch,) = decode_json(in_json(export), "logs", WANTED)
    assert batch == Batch("", "", "", (Record(5, {}, "e"),))


def test_a_span_is_its_end_its_ids_and_what_was_asked_for() -> None:
    export = traces("s", span(("0B", "0c"), {"a": "x"}), {"spanId": "01", "startTimeUnixNano": "7000"})
    (batch,) = decode_json(in_json(export), "traces", WANTED)
    first, second = batch.records
    assert (first.trace, first.span, first.parent) == ("0a" * 16, "0b" * 8, "0c" * 8)
    assert (first.at_us, dict(first.attributes)) == (1_795_161_600_250_000, {"a": "x"})
    assert second == Record(7, {}, span="01")


@pytest.mark.parametrize(
    ("signal", "body"),
    [
        ("logs", "{}"),
        ("logs", '{"resourceLogs":null,"unknown":[{}]}'),
        ("logs", '{"resourceLogs":[{"resource":null,"scopeLogs":null}]}'),
        ("traces", '{"resourceSpans":[]}'),
        ("metrics", '{"resourceMetrics":[{"anything":1}]}'),
    ],
)
def test_an_export_may_be_empty(signal: Signal, body: str) -> None:
    assert decode_json(body.encode(), signal, WANTED) == []


@pytest.mark.parametrize("signal", ["logs", "traces", "metrics"])
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"null", b'{"resourceLogs":5,"resourceSpans":5,"resourceMetrics":5}']
)
def test_what_is_no_export_is_refused_without_its_words(signal: Signal, body: bytes) -> None:
    with pytest.raises(MalformedRequest, match="not an OTLP export in JSON"):
        decode_json(body, signal, WANTED)


def test_what_is_nested_too_deep_is_refused() -> None:
    deep = b'{"arrayValue":{"values":[' * 20_000 + b"]}}" * 20_000
    with pytest.raises(MalformedRequest, match="nested deeper"):
        decode_json(b'{"resourceLogs":[{"unknown":' + deep + b"}]}", "logs", WANTED)


def test_what_is_made_of_too_many_objects_is_refused() -> None:
    with pytest.raises(BodyTooLarge, match="smaller batches"):
        decode_json(b'{"resourceLogs":[' + b"{}," * MOST_PARTS + b"{}]}", "logs", WANTED)


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    body = in_json({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"attributes": CANARY}]}]}]})
    with pytest.raises(MalformedRequest) as refusal:
        decode_json(body, "logs", WANTED)
    assert CANARY not in str(refusal.value)
