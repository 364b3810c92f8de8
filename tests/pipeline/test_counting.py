"""What is guessed where nobody counts, and nothing more."""

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.accounting import Basis
from llm_gateway.pipeline.counting import Estimate, Extents, Missed, Unlearned


def test_a_quarter_of_the_bytes_is_guessed_and_that_it_may_be_all_wrong() -> None:
    guess = Unlearned().estimate(Extents("p", "m", 401, 80))
    assert guess == Estimate(Usage(101, output=20, estimated=True), "bytes", 1000)


def test_whoever_learns_nothing_guesses_the_same_and_is_not_curious() -> None:
    counting, extents = Unlearned(), Extents("p", "m", 400, 80)
    before = counting.estimate(extents)
    counting.learn(extents, Usage(1))
    counting.later(Missed("t", extents, "chat", b"{}", Basis(), "ok", True))
    assert counting.estimate(extents) == before and not counting.curious(extents)
