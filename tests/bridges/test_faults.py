"""Every fault has a status and a kind; limits say when to come back."""

import typing

import msgspec
import pytest

from llm_gateway.bridges.faults import BridgeFault, FaultKind, answer_of
from llm_gateway.wire.headers import get


@pytest.mark.parametrize("kind", typing.get_args(FaultKind))
def test_each_kind_is_an_answer(kind: FaultKind) -> None:
    status, headers, body = answer_of(BridgeFault(kind, "why", param="model"))
    assert 400 <= status < 600
    assert msgspec.json.decode(body) == {"error": {"kind": kind, "message": "why", "param": "model"}}
    assert get(headers, b"content-type") == b"application/json"


def test_only_limits_say_when_to_come_back() -> None:
    _, limited, _ = answer_of(BridgeFault("rate_limited", "used up", retry_after=61.4))
    assert get(limited, b"retry-after") == b"61"
    assert get(limited, b"x-should-retry") == b"false"
    _, busy, _ = answer_of(BridgeFault("bridge_busy", "busy"))
    assert get(busy, b"retry-after") == b"1"
    assert get(busy, b"x-should-retry") is None
    _, broken, _ = answer_of(BridgeFault("bridge_failed", "broken"))
    assert get(broken, b"retry-after") is None
