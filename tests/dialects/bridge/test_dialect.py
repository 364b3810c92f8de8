"""The bridges' language is a target and no client's."""

from llm_gateway.canonical.events import Finished
from llm_gateway.dialects.bridge import BRIDGE, PATH
from llm_gateway.dialects.registry import DIALECTS, TARGETS


def test_it_is_a_target_and_no_clients_language() -> None:
    assert TARGETS["bridge"] is BRIDGE
    assert "bridge" not in DIALECTS
    assert DIALECTS.items() <= TARGETS.items()


def test_there_is_one_operation() -> None:
    assert BRIDGE.path("m", stream=False) == BRIDGE.path("m", stream=True) == PATH


def test_an_event_is_a_line() -> None:
    assert BRIDGE.encode_event(Finished("stop")).endswith(b"\n")
