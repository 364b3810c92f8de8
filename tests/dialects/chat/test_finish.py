"""Why an answer ended, in both directions."""

from typing import get_args

import pytest

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.chat.finish import read_finish, write_finish


@pytest.mark.parametrize(
    ("native", "expected"),
    [
        ("stop", "stop"),
        ("", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("error", "other"),
    ],
)
def test_a_reason_is_read(native: str, expected: Finish) -> None:
    assert read_finish(native, None, called=False, refused=False) == (expected, "")


def test_what_the_answer_holds_says_more_than_stop() -> None:
    assert read_finish("stop", None, called=True, refused=False) == ("tool_calls", "")
    assert read_finish("stop", None, called=False, refused=True) == ("refusal", "")
    assert read_finish("stop", "END", called=False, refused=False) == ("stop_sequence", "END")
    assert read_finish("stop", 128009, called=False, refused=False) == ("stop", "")
    assert read_finish("length", "END", called=True, refused=True) == ("length", "")


@pytest.mark.parametrize(
    ("reason", "called", "refused", "expected"),
    [
        ("stop", False, False, "stop"),
        ("stop", True, False, "tool_calls"),
        ("other", True, False, "tool_calls"),
        ("length", True, False, "length"),
        ("tool_calls", True, False, "tool_calls"),
        ("refusal", False, True, "stop"),
        ("refusal", False, False, "content_filter"),
        ("content_filter", False, False, "content_filter"),
        ("stop_sequence", False, False, "stop"),
    ],
)
def test_a_reason_is_written(reason: Finish, called: bool, refused: bool, expected: str) -> None:
    losses = Losses()
    assert write_finish(reason, called=called, refused=refused, losses=losses) == expected
    assert not losses.found()


def test_every_reason_has_a_word_or_is_a_loss() -> None:
    for reason in get_args(Finish):
        losses = Losses()
        assert write_finish(reason, called=False, refused=False, losses=losses)
        lost = {"pause": ["response.pause"], "other": ["response.finish_reason"]}
        assert [loss.what for loss in losses.found()] == lost.get(reason, [])
