"""Why an answer ended."""

import pytest

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.ollama.finish import read_finish, write_finish


@pytest.mark.parametrize(
    ("native", "called", "reason"),
    [
        ("stop", False, "stop"),
        ("stop", True, "tool_calls"),
        ("", False, "stop"),
        ("length", True, "length"),
        ("load", False, "other"),
        ("content_filter", False, "content_filter"),
    ],
)
def test_reasons_are_read(native: str, called: bool, reason: str) -> None:
    assert read_finish(native, called=called) == reason


@pytest.mark.parametrize(
    ("reason", "native", "lost"),
    [
        ("stop", "stop", []),
        ("tool_calls", "stop", []),
        ("stop_sequence", "stop", []),
        ("other", "stop", ["response.finish_reason"]),
        ("length", "length", []),
        ("refusal", "stop", ["response.refusal"]),
        ("content_filter", "stop", ["response.content_filter"]),
        ("pause", "stop", ["response.pause"]),
    ],
)
def test_reasons_are_written(reason: Finish, native: str, lost: list[str]) -> None:
    losses = Losses()
    assert write_finish(reason, "", losses) == native
    assert [loss.what for loss in losses.found()] == lost


def test_which_sequence_ended_an_answer_is_lost() -> None:
    losses = Losses()
    assert write_finish("stop_sequence", "END", losses) == "stop"
    assert [loss.what for loss in losses.found()] == ["response.stop_sequence"]
