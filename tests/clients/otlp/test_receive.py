"""Exports as a whole, recorded and rebuilt, in both encodings; nothing that was said is in what comes out."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.otlp.told import CANARY, EXPORTS, SESSION, event, in_json, in_protobuf, logs, span, traces
from llm_gateway.canonical.usage import Usage
from llm_gateway.clients.otlp.batches import MOST_PARTS, Coding, Signal, Value
from llm_gateway.clients.otlp.receive import WANTED, Whence, sightings_in
from llm_gateway.errors import BodyTooLarge, MalformedRequest
from llm_gateway.ledger.sightings import Sighting

CAPTURES = Path(__file__).parents[4] / "shared" / "captures"
WHENCE = Whence("desk", 1_795_161_600_000_000)
SIGNALS: tuple[Signal, ...] = ("logs", "metrics", "traces")
CODINGS: tuple[Coding, ...] = ("json", "protobuf")
NOW_US = 1_795_161_600_250_000
CALL: dict[str, Value] = {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5}


def both(signal: Signal, export: object) -> list[Sighting]:
    """Return what an export tells, having made sure that it tells it in either encoding."""
    told = sightings_in(in_json(export), signal, "json", WHENCE)
    assert sightings_in(in_protobuf(export, signal), signal, "protobuf", WHENCE) == told
    return told


RECORDED = {
    "otlp-claude-logs": Sighting(
        client="claude-code",
        machine="desk",
        source="otlp",
        mark="req_f44f57f3a1e9",
        at_us=1795425250650000,
        usage=Usage(uncached=83, cache_read=16, output=4),
        request_id="req_f44f57f3a1e9",
        session="8945a4e2-a797-43d6-a5c8-7cea56e56ac3",
        model="claude-opus-5-5",
        asked="custom",
        version="2.1.330",
    ),
    "otlp-codex-logs": Sighting(
        client="codex-cli",
        machine="desk",
        source="otlp",
        mark="01a207af-2fb6-7bc2-98bf-df106c102d32:1795425251424440",
        at_us=1795425251424000,
        usage=Usage(uncached=67, cache_read=16, output=4),
        session="01a207af-2fb6-7bc2-98bf-df106c102d32",
        model="gpt-5.5",
        asked="LLM Gateway",
        version="0.169.0",
    ),
    "otlp-gemini-logs": Sighting(
        client="gemini-cli",
        machine="desk",
        source="otlp",
        mark="7c84801d-78b7-4af3-9665-0a938c1b9597:1795425256518000:83:4",
        at_us=1795425256518000,
        usage=Usage(uncached=67, cache_read=16, output=4),
        answer_id="867d5d19b57a",
        session="7c84801d-78b7-4af3-9665-0a938c1b9597",
        model="scripted",
    ),
    "otlp-copilot-traces": Sighting(
        client="github-copilot",
        machine="desk",
        source="otlp",
        mark="4dee474b47aed49f1f5b025e96c952e8:6d8c6ff5fc99b3a5",
        at_us=1795425253046000,
        usage=Usage(uncached=67, cache_read=16, output=4),
        answer_id="chatcmpl-b6bdc33a8e5c4b378ec6",
        session="bfe33121-6376-433b-994d-751c5287b010",
        model="qwen2.5:14b",
        asked="127.0.0.1",
        version="1.0.102",
    ),
}


def test_recorded_exports_tell_of_one_answer_each() -> None:
    if not CAPTURES.is_dir():
        pytest.skip(f"the recorded exchanges are not beside the checkout ({CAPTURES})")
    found = sorted(CAPTURES.glob("otlp-*.json"))
    assert len(found) == 7
    for path in found:
        export = json.loads(path.read_bytes())["request"]["body"]
        signal = next(each for each in SIGNALS if path.stem.endswith(each))
        expected = [RECORDED[path.stem]] if path.stem in RECORDED else []
        assert both(signal, export) == expected, path.stem


def test_rebuilt_exports_tell_of_one_answer_each() -> None:
    told = {who: both(signal, export) for who, (signal, export) in EXPORTS.items()}
    assert {who: [each.usage for each in found] for who, found in told.items()} == {
        "claude": [Usage(uncached=83, cache_read=16, cache_write=5, output=4)],
        "codex": [Usage(uncached=64, cache_read=16, cache_write=3, output=9, reasoning=5)],
        "gemini": [Usage(uncached=69, cache_read=16, output=11, reasoning=7)],
        "copilot": [Usage(uncached=64, cache_read=16, cache_write=3, output=9, reasoning=5)],
        "somebody": [Usage(uncached=10, cache_read=16, cache_write=3, output=9, reasoning=5)],
    }
    assert {who: found[0].client for who, found in told.items()} == {
        "claude": "claude-code",
        "codex": "codex-cli",
        "gemini": "gemini-cli",
        "copilot": "github-copilot",
        "somebody": "openai-compatible",
    }
    assert {found[0].session for found in told.values()} == {SESSION}
    assert {(found[0].machine, found[0].source, found[0].at_us) for found in told.values()} == {
        ("desk", "otlp", NOW_US)
    }


@pytest.mark.parametrize("who", EXPORTS)
def test_nothing_that_was_said_comes_through(who: str) -> None:
    signal, export = EXPORTS[who]
    assert in_json(export).count(CANARY.encode()) >= 10
    assert CANARY not in repr(both(signal, export))


def test_what_is_read_names_no_person_and_no_place() -> None:
    read = {name for names in WANTED.values() for name in names}
    telling = (
        "user",
        "host",
        "process",
        "prompt",
        "message",
        "instruction",
        "email",
        "account",
        "cwd",
        "args",
    )
    assert not [name for name in read for word in telling if word in name.replace("prompt_tokens", "")]


def test_an_export_told_twice_has_the_same_marks_and_another_answer_another() -> None:
    for signal, export in EXPORTS.values():
        assert both(signal, export) == both(signal, export)
    first = both("logs", logs("codex_exec", "", *(completed(ns) for ns in (10**18 * 2, 10**18 * 2 + 10**6))))
    assert len({each.mark for each in first}) == 2


def completed(at_ns: int) -> object:
    told = {"conversation.id": SESSION, "event.kind": "response.completed", "input_token_count": "3"}
    return event("codex.sse_event", told, at_ns)


def test_metrics_are_taken_and_let_go() -> None:
    point = {"attributes": [], "timeUnixNano": "1", "asInt": "83"}
    metric = {"name": "claude_code.token.usage", "sum": {"dataPoints": [point], "isMonotonic": True}}
    export = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    assert both("metrics", export) == []


def test_spans_of_programs_whose_logs_tell_are_let_go() -> None:
    for service in ("claude-code", "codex_exec", "codex_vscode", "Codex Desktop", "gemini-cli"):
        assert both("traces", traces(service, span(("01", ""), CALL))) == []
    assert len(both("traces", traces("copilot-chat", span(("01", ""), CALL)))) == 1


def test_a_time_that_cannot_be_is_when_it_came() -> None:
    for at_ns in (2_000_000_000, 2**63 + 5):
        (answer,) = both("traces", traces("x", span(("01", ""), CALL, at_ns)))
        assert answer.at_us == WHENCE.now_us


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("coding", CODINGS)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_an_export_or_refused(signal: Signal, coding: Coding, body: bytes) -> None:
    try:
        sightings_in(body, signal, coding, WHENCE)
    except MalformedRequest:
        pass


@pytest.mark.parametrize("who", EXPORTS)
@pytest.mark.parametrize("coding", CODINGS)
@given(data=st.data())
def test_a_damaged_export_is_read_or_refused(who: str, coding: Coding, data: st.DataObject) -> None:
    signal, export = EXPORTS[who]
    body = bytearray(in_json(export) if coding == "json" else in_protobuf(export, signal))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    refusal = ""
    try:
        sightings_in(bytes(body[:cut]), signal, coding, WHENCE)
    except MalformedRequest as error:
        refusal = error.message
    assert CANARY not in refusal


NAMES = st.sampled_from([*sorted(WANTED["logs"] | WANTED["traces"]), "prompt", "event.body"])
VALUES = (
    st.text(max_size=8)
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
)
TOLD = st.dictionaries(NAMES, VALUES, max_size=12)
EVENTS = st.sampled_from(["api_request", "codex.sse_event", "gemini_cli.api_response", "x"])
IDS = st.tuples(st.sampled_from(["01", "02", "03"]), st.sampled_from(["", "01", "02", "03"]))


@given(records=st.lists(st.tuples(EVENTS, TOLD), max_size=4), service=st.text(max_size=6))
def test_logs_mean_the_same_in_both_encodings(
    records: list[tuple[str, dict[str, Value]]], service: str
) -> None:
    scope = "com.anthropic.claude_code.events"
    both("logs", logs(service, scope, *(event(name, told) for name, told in records)))


@given(spans=st.lists(st.tuples(IDS, TOLD), max_size=4), service=st.text(max_size=6))
def test_spans_mean_the_same_in_both_encodings(
    spans: list[tuple[tuple[str, str], dict[str, Value]]], service: str
) -> None:
    for answer in both("traces", traces(service, *(span(ids, told) for ids, told in spans))):
        assert min(answer.usage.uncached, answer.usage.output - answer.usage.reasoning) >= 0


def nested(depth: int) -> object:
    value: dict[str, object] = {"stringValue": CANARY}
    for _ in range(depth):
        value = {"kvlistValue": {"values": [{"key": "a", "value": value}]}}
    return value


def test_deep_nesting_is_refused_or_passed_over() -> None:
    head, tail = b'{"key":"model","value":', b"}"
    deep = b'{"arrayValue":{"values":[' * 20_000 + b"]}}" * 20_000
    for attribute in (head + deep + tail, head + deep):
        body = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[' + attribute + b"]}]}]}]}"
        with pytest.raises(MalformedRequest):
            sightings_in(body, "logs", "json", WHENCE)
    record = {"attributes": [{"key": "model", "value": nested(20)}]}
    assert both("logs", logs("x", "y", record)) == []


def test_an_export_of_too_many_parts_is_refused() -> None:
    with pytest.raises(BodyTooLarge, match="smaller batches"):
        sightings_in(b'{"resourceLogs":[' + b"{}," * MOST_PARTS + b"{}]}", "logs", "json", WHENCE)
