"""What compression took out is put right after the answer, in tokens and money, whoever counted the rest."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from fakes import FakeClock
from ledger_samples import Failures, intent, settlement, with_ledger
from llm_gateway.canonical.usage import Usage
from llm_gateway.compression.calibration import Calibrations
from llm_gateway.compression.counter import Counter
from llm_gateway.compression.removal import Removal
from llm_gateway.compression.weights import weights_of
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.accounting import Basis, Used, reckon
from llm_gateway.ledger.checking import check
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.recompute import recompute
from llm_gateway.ledger.records import Compressed, Counted, Noted, Removed, Settlement
from llm_gateway.ledger.removals import removals
from llm_gateway.ledger.tariff import Card, Steps, Tariff, TokenClass
from llm_gateway.pipeline.counting import Extents, Missed, Shorter, Took, classed
from llm_gateway.pipeline.recount import MOST_BYTES, Recounting
from removal_samples import WORDS, removal

EXTENTS = Extents("openai", "gpt-5.5", request_bytes=4_000, content_bytes=200)
PRICES: dict[TokenClass, Steps] = {
    "input": ((0, Decimal(2)),),
    "output": ((0, Decimal(8)),),
    "cache_read": ((0, Decimal("0.2")),),
}
PAID = Basis(Tariff(Card("test", "openai", "gpt-5.5", "exact", PRICES)))
USED = Usage(300, 700, 0, 50)
GUESSED = Usage(1_000, output=50, estimated=True)
HELLO = b'{"model": "m", "messages": [{"role": "user", "content": "Hi there"}]}'
SAVED = 22  # bytes
TOKENS = 6
MORE = (*WORDS, ("g h i j k", "g to k"))


class Deaf(Counter):
    """Counts as without the extra: it finds no tokenizer."""

    @property
    def tokenizes(self) -> bool:
        return False


def ended(of: Recounting, what: Removal, usage: Usage = USED, *, shadow: bool = False) -> Settlement:
    """Return the end of a turn that was sent shorter, as the pipeline would have it."""
    took = of.took_out(EXTENTS, what)
    removed = None if shadow else classed(took, usage, 0)
    counted: Counted = "calibrated" if usage.estimated else "provider"
    cost, money = reckon(Used(usage, True, counted, removed), PAID)
    error = 300 if usage.estimated else None
    compressed = took.told(Compressed(3, 2, 4_022, 4_000, policy="strict-1", shadow=shadow))
    end = settlement("turn_1", usage=usage, counted=counted, error_permille=error, compressed=compressed)
    return msgspec.structs.replace(end, cost_nano=cost, money=money, removed=removed)


def missed(end: Settlement, what: Removal, body: bytes = b"") -> Missed:
    """Return what a turn asks to have counted."""
    usage = None if end.usage is None or end.usage.estimated else end.usage
    of_turn = ("turn_1", EXTENTS, "chat", body, PAID, end.outcome, True, usage, end.removed)
    return Missed(*of_turn, shorter=Shorter(what, end))


async def unavailable(job: object) -> None:
    raise LedgerUnavailable("the database takes nothing")


Scene = Callable[[Recounting, Ledger], Awaitable[None]]


def play(home: Path, scene: Scene, counter: Counter | None = None) -> Failures:
    failures = Failures()

    async def run(ledger: Ledger) -> None:
        counts = counter or Counter(os.environ)
        counting = Recounting(ledger, Calibrations(), counts, FakeClock(), failures)
        try:
            await scene(counting, ledger)
        finally:
            await counting.close()

    assert not asyncio.run(with_ledger(home, run))
    return failures


async def settle(ledger: Ledger, end: Settlement) -> None:
    assert PAID.tariff is not None
    ledger.add(Noted(PAID.tariff.id, PAID.tariff.text))
    await ledger.begin(intent("turn_1"))
    await ledger.settle(end)


async def settled(ledger: Ledger) -> Settlement:
    """Return the turn as it stands, of which all sums and amounts have to agree."""
    assert await ledger.read(check) == []
    assert (await ledger.read(recompute)).reproduced == 1
    (turn,) = await ledger.read(page)
    assert turn.settlement is not None and turn.settlement.money is not None
    money = turn.settlement.money
    lines = (money.compression_nano or 0) + (money.prompt_cache_nano or 0)
    assert money.baseline_nano == (turn.settlement.cost_nano or 0) + lines
    return turn.settlement


def test_a_guess_gives_way_to_a_count(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        what = removal()
        guess = ended(counting, what)
        assert guess.compressed is not None and guess.compressed.counted == "bytes"
        assert guess.removed == Removed(uncached=SAVED // 4 + 1)
        await settle(ledger, guess)
        counting.later(missed(guess, what))
        await counting.count_all()
        end = await settled(ledger)
        assert end.removed == Removed(uncached=TOKENS) and end.compressed is not None
        assert (end.compressed.tokens, end.compressed.counted) == (TOKENS, "tokenizer")
        assert end.compressed.error_permille == 200 + round(80_000 / TOKENS), "as nothing is learned yet"
        assert (end.usage, end.counted, end.error_permille) == (USED, "provider", None)
        assert end.cost_nano == guess.cost_nano
        assert end.money is not None and end.money.compression_nano == TOKENS * 2_000

    assert not play(tmp_path, scene)


def test_the_next_turn_knows_what_was_counted_in_the_one_before(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        first = removal()
        counting.later(missed(ended(counting, first), first))
        await counting.count_all()
        again = ended(counting, removal(read=3))
        assert again.compressed is not None and again.compressed.counted == "tokenizer"
        assert again.removed == Removed(cache_read=TOKENS)
        assert counting.took_out(EXTENTS, removal()).new == TOKENS, "also where it is asked twice"
        more = removal(MORE, read=3)
        took = counting.took_out(EXTENTS, more)
        assert (took.tokens, took.new, took.counted) == (TOKENS + 1, 1, "bytes"), "a part is guessed"
        await settle(ledger, end := ended(counting, more))
        counting.later(missed(end, more))
        await counting.count_all()
        assert (await settled(ledger)).removed == Removed(uncached=2, cache_read=TOKENS)

    assert not play(tmp_path, scene)


def test_a_turn_that_nobody_counted_is_put_right_at_once(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        what = removal()
        await settle(ledger, guess := ended(counting, what, GUESSED))
        counting.later(missed(guess, what, HELLO))
        await counting.count_all()
        end = await settled(ledger)
        assert (end.counted, end.removed) == ("tokenizer", Removed(uncached=TOKENS))
        assert end.usage is not None and end.usage.input == 9
        assert end.money is not None and end.money.compression_nano == TOKENS * 2_000

    assert not play(tmp_path, scene)


def test_what_was_cut_off_keeps_its_usage(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        what = removal()
        await settle(ledger, guess := ended(counting, what, GUESSED))
        counting.later(missed(guess, what))
        await counting.count_all()
        end = await settled(ledger)
        assert (end.usage, end.counted, end.error_permille) == (GUESSED, "calibrated", 300)
        assert end.removed == Removed(uncached=TOKENS)

    assert not play(tmp_path, scene)


def test_what_is_only_measured_is_counted_too(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        what = removal()
        await settle(ledger, guess := ended(counting, what, shadow=True))
        counting.later(missed(guess, what))
        await counting.count_all()
        end = await settled(ledger)
        assert end.removed is None and end.compressed is not None
        assert (end.compressed.tokens, end.compressed.counted) == (TOKENS, "tokenizer")
        assert end.money is not None and end.money.compression_nano is None

    assert not play(tmp_path, scene)


def test_tokens_are_the_models_own(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        what = removal(tuple((" ".join(["word"] * 1000), f"{number}") for number in range(3)))
        counting.later(missed(ended(counting, what), what))
        await counting.count_all()
        opus = Extents("anthropic", "claude-opus-4-6", 4_000, 200)
        o200k = counting.took_out(EXTENTS, what).tokens
        assert o200k == 3 * 999
        assert counting.took_out(opus, what).tokens == round(o200k * weights_of(opus.model).text)
        for _ in range(20):
            counting._known.learn_counted(("anthropic", opus.model), 1200, 1000)
        took = counting.took_out(opus, what)
        assert (took.tokens, took.error_permille) == (round(o200k * weights_of(opus.model).text * 1.2), 10)

    assert not play(tmp_path, scene)


def test_what_was_counted_is_put_on_record_with_what_was_learned(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        what = removal()
        counting.later(missed(ended(counting, what), what))
        await counting.count_all()
        chain = what.reaches()[1].chain
        assert not await ledger.read(removals, [chain]), "a transaction is for many"
        await counting.keep()
        assert [row.tokens for row in await ledger.read(removals, [chain])] == [TOKENS]
        for number in range(64):
            another = removal(whose=b"%d" % number)
            counting.later(missed(ended(counting, another), another))
        await counting.count_all()
        assert len(await ledger.read(removals, [b"%d-2" % number for number in range(64)])) == 64
        counting.later(missed(ended(counting, removal(MORE)), removal(MORE)))
        await counting.count_all()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ledger, "write", unavailable)
            await counting.keep()

    assert [what for what, _ in play(tmp_path, scene)] == ["removals"]


def test_without_the_extra_nothing_waits_and_nothing_changes(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        what = removal()
        await settle(ledger, guess := ended(counting, what))
        counting.later(missed(guess, what))
        assert counting.gauges()["llm_gateway_recounts_waiting"]() == 0
        await counting.count_all()
        assert (await settled(ledger)) == guess

    deaf = Deaf(os.environ)
    assert not play(tmp_path, scene, deaf)
    assert deaf.pid is None


def test_what_waits_is_bounded_by_its_texts(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        what = removal((("x" * MOST_BYTES, "y"),))
        counting.later(missed(ended(counting, what), what))
        assert counting.dropped == 1

    assert not play(tmp_path, scene)


def test_a_program_that_fails_leaves_the_guess(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        what = removal()
        await settle(ledger, guess := ended(counting, what))
        counting.later(missed(guess, what))
        await counting.count_all()
        assert (await settled(ledger)) == guess

    failures = play(tmp_path, scene, Counter(os.environ, program=("/nowhere/python",)))
    assert [what for what, _ in failures] == ["recount"]


def test_no_class_has_fewer_tokens_than_none() -> None:
    assert classed(Took(100, 40), Usage(10, 500), 0) == Removed(40, 60)
    assert classed(Took(100, 40), Usage(10), 0) == Removed(100)
    assert classed(Took(100, 40), Usage(10, 500, 200), 30) == Removed(0, 90, 10)
    assert classed(Took(-50, -50), Usage(10), 0) == Removed(-10), "it became longer"
