"""OTLP's protobuf: the official messages, read as far as they are asked for, in whatever order they come."""

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from clients.otlp.told import event, in_protobuf, logs, span, traces
from llm_gateway.clients.otlp.batches import Batch, Record
from llm_gateway.clients.otlp.in_protobuf import decode_protobuf
from llm_gateway.errors import MalformedRequest

WANTED = frozenset(("service.name", "service.version", "event.name", "a"))


def attribute(value: AnyValue) -> dict[str, object]:
    record = LogRecord(attributes=[KeyValue(key="a", value=value)])
    export = ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=[record])])]
    )
    (batch,) = decode_protobuf(export.SerializeToString(), "logs", WANTED)
    return dict(batch.records[0].attributes)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (AnyValue(string_value="x"), "x"),
        (AnyValue(string_value=""), ""),
        (AnyValue(int_value=-83), -83),
        (AnyValue(int_value=0), 0),
        (AnyValue(bool_value=False), False),
        (AnyValue(bool_value=True), True),
        (AnyValue(double_value=1.5), 1.5),
    ],
)
def test_plain_values_are_read(value: AnyValue, meant: object) -> None:
    found = attribute(value)
    assert found == {"a": meant}
    assert type(found["a"]) is type(meant)


@pytest.mark.parametrize(
    "value",
    [
        AnyValue(),
        AnyValue(bytes_value=b"x"),
        AnyValue(array_value=ArrayValue(values=[AnyValue(string_value="x")])),
        AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="a", value=AnyValue(string_value="x"))])),
    ],
)
def test_other_values_are_none(value: AnyValue) -> None:
    assert attribute(value) == {}


def test_of_two_values_the_last_one_counts() -> None:
    words, numbers = AnyValue(string_value="x").SerializeToString(), AnyValue(int_value=5).SerializeToString()
    record = b"\x0a\x01a\x12" + bytes([len(words + numbers)]) + words + numbers
    assert decode_record(record).attributes == {"a": 5}


def decode_record(key_value: bytes) -> Record:
    body = key_value
    for tag in (b"\x32", b"\x12", b"\x12", b"\x0a"):
        body = tag + bytes([len(body)]) + body
    (batch,) = decode_protobuf(body, "logs", WANTED)
    return batch.records[0]


def test_a_log_record_is_its_time_its_event_and_what_was_asked_for() -> None:
    body = in_protobuf(logs("s", "scope", event("e", {"a": 1, "b": 2})), "logs")
    (batch,) = decode_protobuf(body, "logs", WANTED)
    record = Record(1_795_161_600_250_000, {"event.name": "e", "a": 1}, "e")
    assert batch == Batch("s", "1.2.3", "scope", (record,))


def test_an_event_may_be_named_beside_the_attributes() -> None:
    export = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"eventName": "e", "timeUnixNano": 5_000}]}]}]}
    assert decode_protobuf(in_protobuf(export, "logs"), "logs", WANTED) == [
        Batch("", "", "", (Record(5, {}, "e"),))
    ]


def test_a_span_is_its_end_its_ids_and_what_was_asked_for() -> None:
    body = in_protobuf(traces("s", span(("0b", "0c"), {"a": "x"})), "traces")
    (batch,) = decode_protobuf(body, "traces", WANTED)
    (found,) = batch.records
    assert (found.trace, found.span, found.parent) == ("0a" * 16, "0b" * 8, "0c" * 8)
    assert (found.at_us, dict(found.attributes)) == (1_795_161_600_250_000, {"a": "x"})


def test_a_resource_may_come_after_its_records() -> None:
    about = Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value="s"))])
    first = ResourceLogs(scope_logs=[ScopeLogs(log_records=[LogRecord(time_unix_nano=5_000)])])
    resource = first.SerializeToString() + ResourceLogs(resource=about).SerializeToString()
    body = b"\x0a" + bytes([len(resource)]) + resource
    assert decode_protobuf(body, "logs", WANTED) == [Batch("s", "", "", (Record(5, {}),))]


def test_metrics_are_looked_at_from_outside() -> None:
    export = {"resourceMetrics": [{"schemaUrl": "x"}]}
    assert decode_protobuf(in_protobuf(export, "metrics"), "metrics", WANTED) == []
    with pytest.raises(MalformedRequest):
        decode_protobuf(b"\x0a\x7f", "metrics", WANTED)


def test_an_export_may_be_empty() -> None:
    assert decode_protobuf(b"", "logs", WANTED) == decode_protobuf(b"", "traces", WANTED) == []
