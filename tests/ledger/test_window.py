"""A time to the microsecond is as exact as the turns, though only its ends are read from them."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from ledger_samples import NOON, intent, settlement
from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.pruning import prune
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.spans import DAY_US, EVER, HOUR_US
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.store import Row, Value
from llm_gateway.ledger.window import Window, spreads_of, sums_of, window

DICE = random.Random(1)
BEGAN = sorted({NOON + DICE.randrange(70 * DAY_US) for _ in range(500)})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path_factory.mktemp("window") / "db", NOON)
    for position, at_us in enumerate(BEGAN):
        begun = intent(floor(at_us), at_us=at_us, client=f"c{at_us % 3}")
        opened.apply(merge([begun, settlement(floor(at_us), latency_us=7, ttft_us=5)]), position)
    yield opened
    opened.close()


@pytest.mark.parametrize("seed", range(40))
def test_it_is_exact(store: SqliteStore, seed: int) -> None:
    dice = random.Random(seed)
    since_us = dice.choice((dice.choice(BEGAN), NOON + dice.randrange(70 * DAY_US)))
    until_us = dice.choice(
        (None, since_us + dice.randrange(2 * HOUR_US), since_us + dice.randrange(70 * DAY_US))
    )
    wanted = [each for each in BEGAN if since_us <= each < (until_us or EVER)]
    time = window(store, since_us, until_us)
    found = sums_of(store, ("{0}.client",), time)
    assert {name: sums.requests for (name,), sums in found.items()} == {
        name: count
        for name in ("c0", "c1", "c2")
        if (count := sum(f"c{each % 3}" == name for each in wanted))
    }
    latency, ttft = spreads_of(store, time)
    assert (latency and latency.p50_us, ttft and ttft.p50_us) == ((7, 5) if wanted else (None, None))


def test_only_the_ends_are_read_from_the_turns(store: SqliteStore) -> None:
    class Counting:
        read = 0

        def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
            if "FROM turns" in sql:
                begin, end = values
                assert isinstance(begin, int) and isinstance(end, int) and end - begin < HOUR_US
                self.read += 1
            return store.rows(sql, values)

    counting = Counting()
    time = window(counting, NOON + 5, NOON + 60 * DAY_US + 7)
    sums_of(counting, ("{0}.client",), time)
    spreads_of(counting, time)
    assert counting.read == 4


@pytest.mark.parametrize(
    ("since_us", "until_us", "time"),
    [
        (0, None, Window((0, EVER))),
        (HOUR_US, 3 * HOUR_US, Window((1, 3))),
        (
            HOUR_US - 1,
            3 * HOUR_US + 1,
            Window((1, 3), ((HOUR_US - 1, HOUR_US), (3 * HOUR_US, 3 * HOUR_US + 1))),
        ),
        (5, 9, Window((0, 0), ((5, 9),))),
        (5, HOUR_US, Window((1, 1), ((5, HOUR_US),))),
    ],
)
def test_what_a_time_is_made_of(
    store: SqliteStore, since_us: int, until_us: int | None, time: Window
) -> None:
    assert window(store, since_us, until_us) == time


def test_where_turns_are_gone_it_begins_with_the_hour(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    for at_us in (NOON, NOON + 1):
        store.apply(merge([intent(floor(at_us), at_us=at_us), settlement(floor(at_us))]), 1)
    (sums,) = sums_of(store, ("{0}.client",), window(store, NOON + 1)).values()
    assert sums.requests == 1
    prune(store, NOON // DAY_US * DAY_US + DAY_US)
    (sums,) = sums_of(store, ("{0}.client",), window(store, NOON + 1)).values()
    assert sums.requests == 2
    store.close()
