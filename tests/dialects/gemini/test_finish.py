"""Why answers end, in this dialect's words."""

from typing import get_args

import pytest

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.gemini.finish import read_finish, write_finish


@pytest.mark.parametrize(
    ("native", "called", "reason"),
    [
        ("STOP", False, "stop"),
        ("STOP", True, "tool_calls"),
        ("", False, "stop"),
        ("MAX_TOKENS", True, "length"),
        ("SAFETY", False, "content_filter"),
        ("RECITATION", False, "content_filter"),
        ("MALFORMED_FUNCTION_CALL", False, "other"),
        ("SOMETHING_NEW", True, "other"),
    ],
)
def test_reading(native: str, called: bool, reason: Finish) -> None:
    assert read_finish(native, called=called, blocked=False) == reason
    assert read_finish(native, called=called, blocked=True) == "content_filter"


def test_writing() -> None:
    losses = Losses()
    told = {reason: write_finish(reason, "", losses) for reason in get_args(Finish)}
    assert told == {
        "stop": "STOP",
        "length": "MAX_TOKENS",
        "tool_calls": "STOP",
        "refusal": "SAFETY",
        "content_filter": "SAFETY",
        "stop_sequence": "STOP",
        "pause": "STOP",
        "other": "OTHER",
    }
    assert [loss.what for loss in losses.found()] == ["response.pause"]
    write_finish("stop_sequence", "END", losses)
    assert [loss.what for loss in losses.found()] == ["response.pause", "response.stop_sequence"]
