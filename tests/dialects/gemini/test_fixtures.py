"""The gemini dialect on disk: what a client sent, what left, what came back, what was understood of it.

A case is a folder: `request.json` and, where the body names the model, `addressed.json` (the body for the
model `to`); `canonical.json` (the request as the common model has it); `upstream.json` (whole),
`upstream.sse` or `upstream.array`; `answer.json` (the answer, or the events of the stream), `losses.json`,
`expected.json`.
"""

import json
from pathlib import Path

import msgspec
import pytest

from cases_on_disk import lost, name_of, on_disk, plain, told
from llm_gateway.canonical.events import Event, Failed, Finished
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects import contract
from llm_gateway.dialects.contract import Seen
from llm_gateway.dialects.gemini import GEMINI
from llm_gateway.errors import UpstreamTruncated

CASES = Path(__file__).parents[2] / "fixtures" / "gemini"


class Expected(msgspec.Struct, forbid_unknown_fields=True):
    source: str
    operation: str
    model: str
    query: str
    to: str
    seen: Seen


def expected(case: Path) -> Expected:
    return msgspec.json.decode((case / "expected.json").read_bytes(), type=Expected)


def cases(*kinds: str, generating: bool = False) -> list[Path]:
    found = sorted(path.parent for kind in kinds for path in CASES.glob(f"*/upstream.{kind}"))
    return [case for case in found if (case / "canonical.json").exists()] if generating else found


def call_of(case: Path) -> contract.Call:
    want = expected(case)
    path = contract.Path(want.operation, want.model, want.query)
    return GEMINI.read_call((case / "request.json").read_bytes(), path)


def test_there_are_cases_of_every_kind() -> None:
    assert len(cases("sse")) >= 7
    assert len(cases("array")) >= 2
    assert len(cases("json")) >= 6


@pytest.mark.parametrize("case", cases("*"), ids=name_of)
def test_the_call_is_read_and_addressed(case: Path) -> None:
    want, call = expected(case), call_of(case)
    addressed = case / ("addressed.json" if (case / "addressed.json").exists() else "request.json")
    assert GEMINI.address(call, want.to, ask_usage=True) == addressed.read_bytes()
    assert GEMINI.address(call, want.model, ask_usage=False) is call.document.body
    assert call.stream is ("stream" in want.operation)


@pytest.mark.parametrize("case", cases("*", generating=True), ids=name_of)
def test_the_request_is_understood(case: Path) -> None:
    decoded = GEMINI.decode_request(call_of(case))
    assert plain(decoded.request) == on_disk(case, "canonical.json")
    assert [loss.what for loss in decoded.losses] == lost(case).request


@pytest.mark.parametrize("case", cases("json"), ids=name_of)
def test_a_whole_answer_is_metered(case: Path) -> None:
    body = (case / "upstream.json").read_bytes()
    assert GEMINI.read_answer(body, expected(case).operation) == expected(case).seen


@pytest.mark.parametrize("case", cases("json", generating=True), ids=name_of)
def test_a_whole_answer_is_read(case: Path) -> None:
    read = GEMINI.decode_response((case / "upstream.json").read_bytes())
    assert plain(read.response) == on_disk(case, "answer.json")
    assert [loss.what for loss in read.losses] == lost(case).answer


@pytest.mark.parametrize("size", [1, 3, 64, 1_000_000])
@pytest.mark.parametrize("case", cases("sse", "array"), ids=name_of)
def test_a_stream_is_relayed_untouched_and_read(case: Path, size: int) -> None:
    upstream = next(case.glob("upstream.*")).read_bytes()
    meter = GEMINI.meter(call_of(case), strip_usage=True)
    decoder = GEMINI.decoder()
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
    assert ended is (meter.seen.complete or bool(meter.seen.error))


def test_a_broken_array_is_ended_for_its_client() -> None:
    case = CASES / "broken-array"
    meter = GEMINI.meter(call_of(case), strip_usage=False)
    out = meter.feed((case / "upstream.array").read_bytes()) + meter.close()
    whole = json.loads(out + meter.fail(UpstreamTruncated("it broke off")))
    assert whole[-1]["error"]["message"] == "it broke off"


def test_expected_values_are_usage_values() -> None:
    """A misspelt key in a fixture must not pass for a default."""
    for case in cases("*"):
        raw = msgspec.json.decode((case / "expected.json").read_bytes())
        assert set(raw["seen"]) <= set(Seen.__struct_fields__)
        assert set(raw["seen"]["usage"] or ()) <= set(Usage.__struct_fields__)
