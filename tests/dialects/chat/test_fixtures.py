"""The chat dialect on disk: what a client sent, what left, what came back, what was relayed and learnt.

A case is a folder: `request.json` and `addressed.json` (the body for the model `to`, with usage asked
for), `upstream.{json,sse}`, `relayed.sse` where stripping changes something, `expected.json`.
"""

from pathlib import Path

import msgspec
import pytest

from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects import contract
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Seen

CASES = Path(__file__).parents[2] / "fixtures" / "chat"


class Expected(msgspec.Struct, forbid_unknown_fields=True):
    source: str
    operation: str
    model: str
    stream: bool
    wants_usage: bool
    to: str
    seen: Seen


def expected(case: Path) -> Expected:
    return msgspec.json.decode((case / "expected.json").read_bytes(), type=Expected)


def cases(kind: str) -> list[Path]:
    return sorted(path.parent for path in CASES.glob(f"*/upstream.{kind}"))


def call_of(case: Path) -> contract.Call:
    return CHAT.read_call((case / "request.json").read_bytes(), contract.Path(expected(case).operation))


def name_of(case: Path) -> str:
    return case.name


def test_there_are_cases_of_both_kinds() -> None:
    assert len(cases("sse")) >= 10
    assert len(cases("json")) >= 4


@pytest.mark.parametrize("case", cases("*"), ids=name_of)
def test_the_call_is_read_and_addressed(case: Path) -> None:
    want = expected(case)
    body = (case / "request.json").read_bytes()
    call = CHAT.read_call(body, contract.Path(want.operation))
    assert (call.operation, call.model, call.stream, call.wants_usage) == (
        want.operation,
        want.model,
        want.stream,
        want.wants_usage,
    )
    assert len(call) == len(body)
    assert CHAT.address(call, want.to, ask_usage=True) == (case / "addressed.json").read_bytes()
    assert CHAT.address(call, want.model, ask_usage=False) is body


@pytest.mark.parametrize("case", cases("json"), ids=name_of)
def test_a_whole_answer_is_read(case: Path) -> None:
    want = expected(case)
    assert CHAT.read_answer((case / "upstream.json").read_bytes(), want.operation) == want.seen


@pytest.mark.parametrize("size", [1, 3, 64, 1_000_000])
@pytest.mark.parametrize("case", cases("sse"), ids=name_of)
def test_a_stream_is_relayed_untouched_and_read(case: Path, size: int) -> None:
    upstream = (case / "upstream.sse").read_bytes()
    meter = CHAT.meter(call_of(case), strip_usage=False)
    for start in range(0, len(upstream), size):
        piece = upstream[start : start + size]
        assert meter.feed(piece) is piece
    assert meter.close() == b""
    assert meter.seen == expected(case).seen


@pytest.mark.parametrize("size", [1, 3, 64, 1_000_000])
@pytest.mark.parametrize("case", cases("sse"), ids=name_of)
def test_what_we_asked_for_is_taken_out(case: Path, size: int) -> None:
    want = expected(case)
    upstream = (case / "upstream.sse").read_bytes()
    relayed = case / "relayed.sse"
    if want.wants_usage:
        return  # nothing was asked for on top; the meter does not strip then
    meter = CHAT.meter(call_of(case), strip_usage=True)
    got = b"".join(meter.feed(upstream[start : start + size]) for start in range(0, len(upstream), size))
    got += meter.close()
    assert got == (relayed.read_bytes() if relayed.exists() else upstream)
    assert meter.seen == want.seen


def test_expected_values_are_usage_values() -> None:
    """A misspelt key in a fixture must not pass for a default."""
    for case in cases("*"):
        raw = msgspec.json.decode((case / "expected.json").read_bytes())
        assert set(raw["seen"]) <= set(Seen.__struct_fields__)
        assert set(raw["seen"]["usage"] or ()) <= set(Usage.__struct_fields__)
