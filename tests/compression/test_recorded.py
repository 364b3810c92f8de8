"""Our counts against the providers' own, on recorded traffic: nine of ten are within the stated error."""

import random
import sys
from collections.abc import Iterable, Sequence
from statistics import median

import pytest

from llm_gateway.compression.calibration import Model
from recorded_counts import CORPUS, Recorded, corpus, exchanges

ENOUGH = 0.9


class Tally:
    """How often a stated error held, by row of a table that is printed."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._rows: dict[str, list[tuple[float, float]]] = {}

    def add(self, row: str, ours: float, theirs: float, permille: int) -> None:
        self._rows.setdefault(row, []).append((abs(theirs - ours) / max(ours, 1), permille / 1000))

    def share(self, rows: Iterable[str] = ()) -> float:
        """Return the share of figures within their error, and print the table."""
        wanted = [pair for row in (rows or self._rows) for pair in self._rows[row]]
        lines = [f"\n{self._title}", f"{'':44} {'n':>5} {'median':>7} {'p90':>7} {'stated':>7} {'within':>7}"]
        for row, pairs in sorted(self._rows.items()):
            off = sorted(error for error, _ in pairs)
            stated = median(permille for _, permille in pairs)
            lines.append(
                f"{row[:44]:44} {len(pairs):5} {median(off):7.1%} {off[9 * len(off) // 10]:7.1%} "
                f"{stated:7.1%} {_within(pairs):7.1%}"
            )
        lines.append(f"{'all':44} {len(wanted):5} {'':23} {_within(wanted):7.1%}\n")
        sys.stdout.write("\n".join(lines))
        return _within(wanted)


def _within(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(error <= stated for error, stated in pairs) / len(pairs)


def test_what_is_assumed_of_requests_holds_before_anything_is_learned() -> None:
    bytes_, tokens, answers = (
        Tally("bytes, nothing learned"),
        Tally("tokenizer, nothing learned"),
        Tally("out"),
    )
    for one in exchanges():
        model = Model(one.model)
        guess = one.bytes * model.bytes_in.value
        bytes_.add(one.provider, guess, one.input, model.bytes_in.error_permille(guess))
        tokens.add(one.provider, one.counted, one.input, model.counted.error_permille(one.counted))
        if one.content and one.output:
            answer = one.content * model.bytes_out.value
            answers.add(one.provider, answer, one.output, model.bytes_out.error_permille(answer))
    assert bytes_.share() >= ENOUGH
    assert tokens.share() >= ENOUGH
    assert answers.share() >= ENOUGH


def test_what_is_learned_of_half_a_models_requests_holds_for_the_other_half() -> None:
    by_model: dict[str, list[Recorded]] = {}
    for one in exchanges():
        by_model.setdefault(f"{one.provider} {one.model}", []).append(one)
    for title in ("tokenizer", "bytes"):
        tally = Tally(f"{title}, learned from half of each model's exchanges")
        for name, found in by_model.items():
            if len(found) >= 10:
                _halves(tally, name, found, title)
        assert tally.share() >= ENOUGH


def test_agents_requests_are_counted_within_a_tenth_once_half_of_them_is_learned_from() -> None:
    if not CORPUS.is_dir():
        pytest.fail(f"{CORPUS} is missing: the corpus lies beside the checkout")
    found = [one for _, requests in corpus("mini-swe-agent", 4) for one in requests]
    tallies = {title: Tally(f"{title}, agent, half learned") for title in ("tokenizer", "bytes")}
    for title, tally in tallies.items():
        _halves(tally, found[0].model, found, title)
        assert tally.share() >= ENOUGH
    model = Model(found[0].model)
    for one in found:
        model.counted.learn(one.input / one.counted)
        model.bytes_in.learn(one.input / one.bytes)
    assert model.counted.error_permille(1) <= 100
    assert model.bytes_in.error_permille(1) <= 200
    assumed = Tally("tokenizer, agent, nothing learned")
    for one in found:
        fresh = Model(one.model)
        assumed.add(one.model, one.counted, one.input, fresh.counted.error_permille(one.counted))
    assert assumed.share() >= ENOUGH


def test_what_a_conversation_adds_is_counted_within_what_is_assumed_of_its_model() -> None:
    """What Claude Code says before the conversation is not in its transcripts: the second answer tells it."""
    if not CORPUS.is_dir():
        pytest.fail(f"{CORPUS} is missing: the corpus lies beside the checkout")
    tally = Tally("tokenizer, Claude Code, what comes after the second request, nothing learned")
    for _, requests in corpus("claude-code", 1):
        for one in requests[2:]:
            before = requests[1].input - requests[1].counted
            if one.counted < 2000 or one.input < requests[1].input:
                continue  # too little to tell, or the conversation was made shorter
            fresh = Model(one.model)
            tally.add(one.model, one.counted, one.input - before, fresh.counted.error_permille(one.counted))
    assert tally.share() >= ENOUGH


def _halves(tally: Tally, name: str, found: Sequence[Recorded], method: str) -> None:
    """Learn from a half chosen by lot, and hold the other one against that."""
    drawn = random.Random(name).sample(found, len(found))
    model = Model(found[0].model)
    for one in drawn[::2]:
        model.counted.learn(one.input / one.counted)
        model.bytes_in.learn(one.input / one.bytes)
    for one in drawn[1::2]:
        ratio = model.counted if method == "tokenizer" else model.bytes_in
        ours = (one.counted if method == "tokenizer" else one.bytes) * ratio.value
        tally.add(name, ours, one.input, ratio.error_permille(ours))
