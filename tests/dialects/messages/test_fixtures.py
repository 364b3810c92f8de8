"""The messages dialect on disk: what a client sent, what left, what came back, what was understood of it.

A case is a folder: `request.json` and `addressed.json` (the body for the model `to`), `canonical.json` (the
request as the common model has it), `upstream.{json,sse}`, `answer.json` (the answer, or the events of the
stream), `losses.json`, `expected.json`.
"""

from pathlib import Path

import msgspec
import pytest

from cases_on_disk import expected, lost, name_of, on_disk, plain, told
from llm_gateway.canonical.events import Event, Failed, Finished
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects import contract
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.messages import MESSAGES

CASES = Path(__file__).parents[2] / "fixtures" / "messages"


def cases(kind: str) -> list[Path]:
    return sorted(path.parent for path in CASES.glob(f"*/upstream.{kind}"))


def call_of(case: Path) -> contract.Call:
    path = contract.Path(expected(case).operation, query="beta=true")
    return MESSAGES.read_call((case / "request.json").read_bytes(), path)


def test_there_are_cases_of_both_kinds() -> None:
    assert len(cases("sse")) >= 10
    assert len(cases("json")) >= 5


@pytest.mark.parametrize("case", cases("*"), ids=name_of)
def test_the_call_is_read_and_addressed(case: Path) -> None:
    want = expected(case)
    call = call_of(case)
    assert (call.operation, call.model, call.stream) == (want.operation, want.model, want.stream)
    assert MESSAGES.address(call, want.to, ask_usage=True) == (case / "addressed.json").read_bytes()
    assert MESSAGES.address(call, want.model, ask_usage=True) is call.document.body
    assert MESSAGES.target(call, want.to) == f"{want.operation}?beta=true"


@pytest.mark.parametrize("case", cases("*"), ids=name_of)
def test_the_request_is_understood(case: Path) -> None:
    decoded = MESSAGES.decode_request(call_of(case))
    assert plain(decoded.request) == on_disk(case, "canonical.json")
    assert [loss.what for loss in decoded.losses] == lost(case).request


@pytest.mark.parametrize("case", cases("json"), ids=name_of)
def test_a_whole_answer_is_read(case: Path) -> None:
    body = (case / "upstream.json").read_bytes()
    assert MESSAGES.read_answer(body, expected(case).operation) == expected(case).seen
    if not (case / "answer.json").exists():  # a count, which nobody translates
        assert expected(case).operation == "messages/count_tokens"
        return
    read = MESSAGES.decode_response(body)
    assert plain(read.response) == on_disk(case, "answer.json")
    assert [loss.what for loss in read.losses] == lost(case).answer


@pytest.mark.parametrize("size", [1, 3, 64, 1_000_000])
@pytest.mark.parametrize("case", cases("sse"), ids=name_of)
def test_a_stream_is_relayed_untouched_and_read(case: Path, size: int) -> None:
    upstream = (case / "upstream.sse").read_bytes()
    meter = MESSAGES.meter(call_of(case), strip_usage=True)
    decoder = MESSAGES.decoder()
    events: list[Event] = []
    for start in range(0, len(upstream), size):
        piece = upstream[start : start + size]
        assert meter.feed(piece) is piece
        events += decoder.feed(piece)
    assert meter.close() == b""
    events += decoder.close()
    assert meter.seen == expected(case).seen
    assert [told(event) for event in events] == on_disk(case, "answer.json")
    assert [loss.what for loss in decoder.losses] == lost(case).answer
    ended = any(isinstance(event, Finished | Failed) for event in events)
    assert ended is bool(meter.seen.finish_reason or meter.seen.error)


def test_expected_values_are_usage_values() -> None:
    """A misspelt key in a fixture must not pass for a default."""
    for case in cases("*"):
        raw = msgspec.json.decode((case / "expected.json").read_bytes())
        assert set(raw["seen"]) <= set(Seen.__struct_fields__)
        assert set(raw["seen"]["usage"] or ()) <= set(Usage.__struct_fields__)
