"""Turns that nobody counted: guessed at once, counted after the answer; and what is learned meanwhile."""

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

from fakes import FakeClock
from ledger_samples import Failures, intent, settlement, with_ledger
from llm_gateway.canonical.usage import Special, Usage
from llm_gateway.compression.calibration import FEWEST, Calibrations
from llm_gateway.compression.counter import Counter
from llm_gateway.ledger.accounting import Basis
from llm_gateway.ledger.calibrations import calibrations
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.records import Outcome, Settlement
from llm_gateway.ledger.store import Store
from llm_gateway.ledger.tariff import Card, Tariff
from llm_gateway.pipeline.counting import Extents, Missed
from llm_gateway.pipeline.recount import MOST_BYTES, MOST_WAITING, Recounting

EXTENTS = Extents("openai", "gpt-5.5", request_bytes=40_000, content_bytes=2_000)
PAID = Basis(
    Tariff(
        Card(
            "test", "openai", "gpt-5.5", "exact", {"input": ((0, Decimal(2)),), "output": ((0, Decimal(8)),)}
        )
    )
)
TEXT = "the quick brown fox jumps over the lazy dog. " * 100
HELLO = json.dumps({"model": "m", "messages": [{"role": "user", "content": TEXT}]}).encode()
GUESS = Usage(10_000, output=500, estimated=True)


class Deaf(Counter):
    """Counts as without the extra: it finds no tokenizer."""

    @property
    def tokenizes(self) -> bool:
        return False


def missed(body: bytes = HELLO, usage: Usage | None = None, outcome: Outcome = "ok") -> Missed:
    extents = Extents("openai", "gpt-5.5", len(body), 2_000)
    return Missed("turn_1", extents, "chat", body, PAID, outcome, counts=True, usage=usage, retried_nano=7)


def play(
    home: Path, scene: Callable[[Recounting, Ledger], Awaitable[None]], clock: FakeClock | None = None
) -> Failures:
    """Run a scene in which one turn has ended that nobody counted."""
    failures = Failures()

    async def run(ledger: Ledger) -> None:
        await ledger.begin(intent("turn_1"))
        told = settlement("turn_1", usage=GUESS, counted="bytes", error_permille=900)
        await ledger.settle(told)
        counting = await Recounting.open(ledger, os.environ, clock or FakeClock(), failures)
        try:
            await scene(counting, ledger)
        finally:
            await counting.close()

    assert not asyncio.run(with_ledger(home, run))
    return failures


async def settled(ledger: Ledger) -> Settlement:
    (turn,) = await ledger.read(page)
    assert turn.settlement is not None
    return turn.settlement


def test_a_guess_is_a_quarter_of_the_bytes_until_something_is_learned(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        guess = counting.estimate(EXTENTS)
        assert guess.usage == Usage(10_000, output=500, estimated=True)
        assert (guess.counted, guess.error_permille) == ("bytes", round((10_000 * 525 + 500 * 1100) / 10_500))
        for _ in range(20):
            counting.learn(EXTENTS, Usage(2_000, 9_000, 1_000, 400))
        learned = counting.estimate(EXTENTS)
        assert learned.usage == Usage(12_000, output=400, estimated=True)
        assert (learned.counted, learned.error_permille) == ("calibrated", 10)
        assert counting.estimate(Extents("openai", "gpt-5.5", 0, 0)).usage.total == 0

    play(tmp_path, scene)


def test_sound_and_pictures_teach_nothing_of_text(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        for _ in range(20):
            counting.learn(EXTENTS, Usage(20_000, output=900, special=Special(audio_in=15_000)))
        assert counting.estimate(EXTENTS).counted == "bytes"

    play(tmp_path, scene)


def test_a_turn_is_counted_after_its_answer_with_what_it_cost(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        counting.later(missed())
        await counting.count_all()
        end = await settled(ledger)
        assert end.usage is not None and end.usage.estimated, "our own count stays an estimate"
        assert end.usage.input == 1001 + 4 + 3, "the tokens of the text, and OpenAI's for one message"
        assert end.usage.output == 500
        assert (end.counted, end.error_permille) == ("tokenizer", round((1008 * 279 + 500 * 1100) / 1508))
        assert end.cost_nano == 1008 * 2_000 + 500 * 8_000
        assert end.money is not None and end.money.baseline_nano == end.cost_nano
        assert (end.money.confidence, end.money.retried_nano) == ("medium", 7)

    assert not play(tmp_path, scene)


def test_only_answers_have_lines(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        counting.later(missed(outcome="cancelled"))
        await counting.count_all()
        end = await settled(ledger)
        assert end.cost_nano == 1008 * 2_000 + 500 * 8_000
        assert end.money is not None and end.money.baseline_nano is None

    assert not play(tmp_path, scene)


def test_a_picture_is_not_counted_as_its_base64(tmp_path: Path) -> None:
    picture = base64.b64encode(os.urandom(300_000)).decode()
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    said = [{"role": "user", "content": [{"type": "text", "text": TEXT}, url]}]
    body = json.dumps({"model": "m", "messages": said}).encode()

    async def scene(counting: Recounting, ledger: Ledger) -> None:
        counting.later(missed(body))
        await counting.count_all()
        end = await settled(ledger)
        assert end.usage is not None and end.usage.input == 1008 + 800
        assert end.counted == "tokenizer" and end.error_permille is not None and end.error_permille > 600

    assert not play(tmp_path, scene)


def test_a_count_is_held_against_the_providers_and_changes_no_turn(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        assert not counting.curious(EXTENTS), "nobody needs it yet"
        counting.later(missed(b"{}"))
        assert counting.curious(EXTENTS)
        for _ in range(20):
            counting.later(missed(usage=Usage(1200, output=9)))
        await counting.count_all()
        assert (await settled(ledger)).usage == GUESS
        counting.later(missed())
        await counting.count_all()
        end = await settled(ledger)
        assert end.usage is not None and end.usage.input == 1200, "as the provider would"

    assert not play(tmp_path, scene)


def test_the_first_turns_of_a_model_are_worth_a_count_and_few_after_that(tmp_path: Path) -> None:
    clock = FakeClock()

    async def scene(counting: Recounting, ledger: Ledger) -> None:
        asked = 0
        counting.later(missed(b"{}"))
        await counting.count_all()
        for _ in range(30 + 64 * 3):
            clock.advance(1 / 32)
            if counting.curious(EXTENTS):
                asked += 1
                counting.later(missed(usage=Usage(1200, output=9)))
                await counting.count_all()
        assert asked == 33, "one of 64 in two seconds"
        assert not any(counting.curious(EXTENTS) for _ in range(32)), "not so soon"
        assert not counting.curious(Extents("openai", "new", 3 << 20, 0)), "too large to be worth it"
        for _ in range(9):
            counting.later(missed())
        assert not counting.curious(Extents("openai", "new", 1000, 0)), "there is enough to do"
        await counting.count_all()
        assert counting.curious(Extents("openai", "new", 1000, 0))
        clock.advance(61)
        assert not counting.curious(Extents("openai", "new", 1000, 0)), "the program has gone"

    assert not play(tmp_path, scene, clock)


def test_what_waits_is_bounded_and_the_rest_keeps_its_guess(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        for _ in range(MOST_WAITING + 3):
            counting.later(missed(b"{}"))
        assert counting.dropped == 3
        shown = {name: read() for name, read in counting.gauges().items()}
        assert shown == {"llm_gateway_recounts_waiting": MOST_WAITING, "llm_gateway_recounts_dropped": 3}
        await counting.count_all()
        counting.later(missed(b" " * MOST_BYTES))
        counting.later(missed(b"{}"))
        assert counting.dropped == 4

    assert not play(tmp_path, scene)


def test_what_cannot_be_counted_keeps_its_guess_and_a_program_that_fails_is_reported(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        counting.later(missed(b"{}"))
        await counting.count_all()
        assert (await settled(ledger)).usage == GUESS

    assert not play(tmp_path, scene)

    async def unlucky(ledger: Ledger) -> Failures:
        failures = Failures()
        counter = Counter(os.environ, program=("/nowhere/python",))
        counting = Recounting(ledger, Calibrations(), counter, FakeClock(), failures)
        counting.later(missed())
        counting.later(missed())
        await counting.count_all()
        return failures

    told: list[Failures] = []

    async def run(ledger: Ledger) -> None:
        told.append(await unlucky(ledger))

    asyncio.run(with_ledger(tmp_path / "other", run))
    assert [what for what, _ in told[0]] == ["recount"], "once is enough"


def test_without_a_tokenizer_only_media_is_taken_out(tmp_path: Path) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}}
    said = [{"role": "user", "content": [{"type": "text", "text": TEXT}, picture]}]
    body = json.dumps({"model": "m", "messages": said}).encode()
    program = "import sys; sys.modules['tiktoken'] = None\n"
    program += "import importlib.util; find = importlib.util.find_spec\n"
    program += (
        "importlib.util.find_spec = lambda name, *rest: None if name == 'tiktoken' else find(name, *rest)\n"
    )
    program += "from llm_gateway.compression.program import main; main()"

    async def run(ledger: Ledger) -> None:
        await ledger.begin(intent("turn_1"))
        await ledger.settle(settlement("turn_1", usage=GUESS, counted="bytes", error_permille=900))
        counter = Deaf(os.environ, program=(sys.executable, "-P", "-c", program))
        counting = Recounting(ledger, Calibrations(), counter, FakeClock(), Failures())
        assert not counting.curious(EXTENTS)
        counting.later(missed())
        await counting.count_all()
        assert (await settled(ledger)).usage == GUESS, "its bytes are known already"
        counting.later(missed(body))
        await counting.count_all()
        end = await settled(ledger)
        assert end.usage is not None and end.usage.input == len(TEXT) // 4 + 800
        assert end.counted == "bytes"
        for _ in range(FEWEST):
            counting.learn(EXTENTS, Usage(8_000, output=500))
        counting.later(missed(body))
        await counting.count_all()
        assert (await settled(ledger)).counted == "calibrated"
        await counting.close()

    assert not asyncio.run(with_ledger(tmp_path, run))


def test_what_was_learned_is_there_after_a_restart(tmp_path: Path) -> None:
    async def before(counting: Recounting, ledger: Ledger) -> None:
        for _ in range(20):
            counting.learn(EXTENTS, Usage(12_000, output=400))

    async def after(ledger: Ledger) -> None:
        counting = await Recounting.open(ledger, os.environ, FakeClock(), Failures())
        assert counting.estimate(EXTENTS).usage == Usage(12_000, output=400, estimated=True)
        assert {row.side for row in await ledger.read(calibrations)} == {"in", "out"}

        def spoil(store: Store) -> None:
            store.write([("UPDATE calibrations SET state = '{' WHERE side = 'in'", ())])
            store.write([("UPDATE calibrations SET side = 'up' WHERE side = 'out'", ())])

        await ledger.write(spoil)
        spoilt = await Recounting.open(ledger, os.environ, FakeClock(), Failures())
        assert spoilt.estimate(EXTENTS).counted == "bytes", "and nothing is in the way"

    play(tmp_path, before)
    assert not asyncio.run(with_ledger(tmp_path, after))


def test_it_counts_by_itself_keeps_what_it_learns_and_rests(tmp_path: Path) -> None:
    failures = Failures()

    async def run(ledger: Ledger) -> None:
        await ledger.begin(intent("turn_1"))
        await ledger.settle(settlement("turn_1", usage=GUESS, counted="bytes", error_permille=900))
        clock = FakeClock()
        counter = Counter(os.environ)
        counting = Recounting(ledger, Calibrations(), counter, clock, failures, rest_s=0.2)
        running = asyncio.ensure_future(counting.run())
        counting.learn(EXTENTS, Usage(12_000, output=400))
        clock.advance(61)
        counting.later(missed())
        async with asyncio.timeout(30):
            while (await settled(ledger)).counted != "tokenizer" or not await ledger.read(calibrations):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            started = counter.pid
            while counter.pid:  # noqa: ASYNC110 - nothing tells that it is idle
                await asyncio.sleep(0.01)
        assert started is not None
        running.cancel()
        await counting.close()

    asyncio.run(with_ledger(tmp_path, run))
    assert not failures


def test_learning_and_guessing_take_microseconds(tmp_path: Path) -> None:
    async def scene(counting: Recounting, ledger: Ledger) -> None:
        usage = Usage(3_000, 8_000, 1_000, 400)
        took: dict[str, float] = {}
        acts: dict[str, Callable[[], object]] = {
            "learn": lambda: counting.learn(EXTENTS, usage),
            "estimate": lambda: counting.estimate(EXTENTS),
            "curious": lambda: counting.curious(EXTENTS),
        }
        for name, act in acts.items():
            rounds = []
            for _ in range(20):
                before = time.perf_counter()
                for _ in range(500):
                    act()
                rounds.append((time.perf_counter() - before) / 500)
            took[name] = min(rounds)
        print({name: f"{seconds * 1e6:.2f} µs" for name, seconds in took.items()})  # noqa: T201
        assert max(took.values()) < 15e-6, took

    play(tmp_path, scene)
