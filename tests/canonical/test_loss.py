"""Losses: each told once, in the order in which they were met."""

import pytest

from llm_gateway.canonical.loss import Loss, Losses, named


def test_the_same_thing_is_told_once_with_its_first_reason() -> None:
    losses = Losses()
    assert losses.found() == ()
    losses.add("top_k", "first")
    losses.add("n", "one answer")
    losses.add("top_k", "second")
    assert losses.found() == (Loss("top_k", "first"), Loss("n", "one answer"))


def test_what_was_found_does_not_change_afterwards() -> None:
    losses = Losses()
    losses.add("n", "one answer")
    found = losses.found()
    losses.add("top_k", "none")
    assert found == (Loss("n", "one answer"),)


def test_losses_can_be_sorted_and_not_changed() -> None:
    assert sorted([Loss("b", "x"), Loss("a", "y")]) == [Loss("a", "y"), Loss("b", "x")]
    with pytest.raises(AttributeError):
        Loss("a", "y").what = "b"  # type: ignore[misc]


def test_names_fit_in_a_line() -> None:
    assert named(()) == ""
    assert named((Loss("n", "x"), Loss("top_k", "y"))) == "n, top_k"
    assert named(tuple(Loss(f"l{number}", "x") for number in range(30))).endswith("l19, and 10 more")
