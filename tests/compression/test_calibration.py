"""What is learned of providers' counts: the median, an error that holds, bounded, and quickly."""

import random
import time
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.compression.calibration import FEWEST, MOST, Calibrations, Kept, Model, Ratio

ASSUMED = (0.25, 500, 250)
NAMES = ("openai", "gpt-5.5")


def learned(values: list[float]) -> Ratio:
    ratio = Ratio(ASSUMED)
    for value in values:
        ratio.learn(value)
    return ratio


@given(st.lists(st.floats(0.1, 10), min_size=FEWEST, max_size=3 * MOST))
def test_it_is_the_median_of_the_last_ones_and_the_oldest_are_forgotten(values: list[float]) -> None:
    ratio = learned(values)
    last = values[-MOST:]
    assert list(ratio) == last and len(ratio) == len(last)
    assert ratio.value == sorted(last)[len(last) // 2]


@given(st.lists(st.floats(0.5, 2), min_size=19, max_size=MOST))
def test_the_error_is_the_distance_of_the_nearest_nineteen_of_twenty(values: list[float]) -> None:
    ratio = learned(values)
    off = sorted(abs(value / ratio.value - 1) for value in values)
    nearest = min(-(-19 * (len(values) + 1) // 20), len(values))
    assert ratio.error_permille(1) == max(round(1000 * off[nearest - 1]), 10)


def test_nine_of_ten_that_come_next_are_within_the_error() -> None:
    draw = random.Random(7)
    held = []
    for _ in range(400):
        ratio = learned([draw.lognormvariate(0, 0.3) for _ in range(30)])
        held.append(abs(draw.lognormvariate(0, 0.3) / ratio.value - 1) <= ratio.error_permille(1) / 1000)
    assert sum(held) / len(held) >= 0.9


def test_few_say_nothing_yet_and_not_many_do_not_make_sure() -> None:
    none = Ratio(ASSUMED)
    assert (none.value, none.error_permille(1000)) == (0.25, 750), "250 tokens beside a half"
    assert none.error_permille(0) == 99_999, "of nothing, anything"
    few = learned([0.4] * (FEWEST - 1))
    assert (few.value, few.error_permille(1_000_000)) == (0.25, 500)
    some = learned([0.4] * 18)
    assert (some.value, some.error_permille(1_000_000)) == (0.4, 500)
    wide = learned([0.1, 0.4, 0.4, 0.4, 0.8])
    assert wide.error_permille(1_000_000) == 1000, "the farthest of so few"
    enough = learned([0.4] * 19)
    assert (enough.value, enough.error_permille(1)) == (0.4, 10), "never quite sure"


def test_models_are_learned_apart_and_media_and_hidden_prompts_not_at_all() -> None:
    known = Calibrations()
    for _ in range(FEWEST):
        known.learn(NAMES, 10_000, 3000, 400, 120)
        known.learn(NAMES, 5_000_000, 1200, 400, 120)  # a picture in base64
        known.learn(NAMES, 100, 12_000, 0, 9)  # a prompt that a bridge adds, and an answer without text
        known.learn(("azure", "gpt-5.5"), 10_000, 2000, 400, 80)
    one, other = known.known(*NAMES), known.known("azure", "gpt-5.5")
    assert (one.bytes_in.value, one.bytes_out.value) == (0.3, 0.3)
    assert (other.bytes_in.value, other.bytes_out.value) == (0.2, 0.2)
    assert len(one.bytes_in) == FEWEST and len(one.bytes_out) == 2 * FEWEST
    assert known.known("openai", "other").bytes_in.value == 0.25


def test_a_count_of_ours_is_held_against_the_providers() -> None:
    known = Calibrations()
    for _ in range(FEWEST):
        known.learn_counted(NAMES, 1100, 1000.0)
        known.learn_counted(NAMES, 1100, 0.0)
        known.learn_counted(NAMES, 90_000, 1000.0)  # not of this alone
    assert known.known(*NAMES).counted.value == 1.1
    assert len(known.known(*NAMES).counted) == FEWEST


def test_what_is_kept_is_what_was_learned_and_only_news() -> None:
    known = Calibrations()
    assert known.news() == []
    for number in range(MOST + 5):
        known.learn(NAMES, 10_000, 3000 + number, 400, 120)
    known.learn_counted(NAMES, 1100, 1000.0)
    kept = known.news()
    assert [(each.side, each.method) for each in kept] == [
        ("in", "bytes"),
        ("out", "bytes"),
        ("in", "tokenizer"),
    ]
    assert known.news() == []
    again = Calibrations(kept)
    for (_, _, one), (_, _, other) in zip(
        known.known(*NAMES).ratios(), again.known(*NAMES).ratios(), strict=True
    ):
        assert list(other) == pytest.approx(list(one))
    assert again.news() == [], "what was read is no news"
    assert Calibrations([Kept("p", "m", "out", "tokenizer", (1,))]).known("p", "m").counted.value == 1


def test_models_that_clients_make_up_do_not_add_up() -> None:
    known = Calibrations()
    for number in range(1500):
        known.learn(("openai", f"made-up-{number}"), 1000, 250, 0, 0)
    assert len(known.news()) == 1000
    for number in range(1500):
        known.known("openai", f"asked-{number}")
    assert len(known) == 1000


def test_to_learn_takes_microseconds() -> None:
    known = Calibrations()
    draw = random.Random(1)
    sizes = [draw.randrange(2000, 4000) for _ in range(1000)]
    for size in sizes:
        known.learn(NAMES, 10_000, size, 4000, size // 3)
    rounds = []
    for _ in range(20):
        before = time.perf_counter()
        for size in sizes:
            known.learn(NAMES, 10_000, size, 4000, size // 3)
        rounds.append((time.perf_counter() - before) / len(sizes))
    assert min(rounds) < 10e-6, f"{min(rounds) * 1e6:.2f} µs"
    assert median(rounds) > 0
    assert Model("gpt-5.5").turns == 0
