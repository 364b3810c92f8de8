"""Why an answer ended, in both directions."""

from typing import get_args

import pytest

from llm_gateway.canonical.events import Finish
from llm_gateway.canonical.loss import Losses
from llm_gateway.dialects.messages.finish import read_finish, write_finish


@pytest.mark.parametrize(
    ("native", "finish"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop_sequence"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause"),
        ("refusal", "refusal"),
        ("compaction", "other"),
        ("", "other"),
    ],
)
def test_reasons_are_read(native: str, finish: str) -> None:
    assert read_finish(native) == finish


def test_every_reason_has_a_word_and_most_mean_the_same_when_read() -> None:
    changed = {"content_filter": "refusal", "other": "stop"}
    for finish in get_args(Finish):
        losses = Losses()
        word = write_finish(finish, called=False, refused=False, losses=losses)
        assert read_finish(word) == changed.get(finish, finish)
        assert bool(losses.found()) == (finish == "other")


def test_what_was_said_counts_where_the_reason_says_little() -> None:
    losses = Losses()
    assert write_finish("stop", called=True, refused=False, losses=losses) == "tool_use"
    assert write_finish("other", called=True, refused=True, losses=losses) == "tool_use"
    assert write_finish("stop", called=False, refused=True, losses=losses) == "refusal"
    assert write_finish("length", called=True, refused=True, losses=losses) == "max_tokens"
    assert not losses.found()
