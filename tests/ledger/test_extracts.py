"""Everything is handed out once, in order, by pages, whatever the time that is asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import NOON, Failures
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.extracts import BULKS, PAGE, Bulk, bulk_columns, bulk_page
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.records import Intent, Recount, Settlement
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sightings import Sighting, put
from llm_gateway.ledger.store import Row, Rows, Store
from turn_factory import generated

COUNT = PAGE + 50


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with offline(tmp_path, FakeClock(), Failures()) as opened:
        yield opened


def everything(rows: Rows, bulk: Bulk, since_us: int = 0, until_us: int = 0) -> list[dict[str, object]]:
    found: list[Row] = []
    after: int | None = 0
    while after is not None:
        page = bulk_page(rows, bulk, since_us, until_us, after)
        found += page.rows
        after = page.after
    names = [column.name for column in bulk_columns(bulk)]
    return [dict(zip(names, row, strict=True)) for row in found]


def test_turns_are_handed_out_once_and_with_their_figures(store: Store) -> None:
    made = list(generated(COUNT))
    store.apply(merge(record for records in made for record in records), 1)
    found = everything(store, "turns")
    intents = {each.id: each for records in made for each in records if isinstance(each, Intent)}
    assert [row["id"] for row in found] == sorted(intents)
    ends = {each.id: each for records in made for each in records if isinstance(each, Settlement)}
    recounts = {each.id: each for records in made for each in records if isinstance(each, Recount)}
    for row in found:
        end, turn_id = ends.get(str(row["id"])), str(row["id"])
        assert row["at"] == intents[turn_id].at_us and row["key"] == intents[turn_id].key_id
        if end is None:
            assert row["outcome"] == "running" and row["cost"] is None
            continue
        last = recounts.get(turn_id, end)
        assert (row["outcome"], row["cost"]) == (end.outcome, last.cost_nano)
        assert row["tokens_uncached"] == (last.usage.uncached if last.usage else None)
        money = last.money
        if money is not None and money.baseline_nano is not None:
            lines = ("cost", "route", "compression", "response_cache", "prompt_cache")
            assert sum(value for name in lines if isinstance(value := row[name], int)) == row["baseline"]


@pytest.mark.parametrize("bulk", ["turns", "sightings"])
def test_a_time_is_cut_out_exactly(store: Store, bulk: Bulk) -> None:
    if bulk == "turns":
        store.apply(merge(record for records in generated(COUNT) for record in records), 1)
    else:
        store.write(put(Sighting("codex", "here", "log", str(n), NOON + n * 997) for n in range(COUNT)))
    whole = everything(store, bulk)
    times = sorted(int(str(row["at"])) for row in whole)
    assert len(whole) == COUNT
    for since_us, until_us in (
        (times[10], 0),
        (0, times[2000]),
        (times[700], times[701]),
        (times[-1] + 1, 0),
    ):
        found = everything(store, bulk, since_us, until_us)
        assert found == [
            row
            for row in whole
            if since_us <= int(str(row["at"])) and (not until_us or int(str(row["at"])) < until_us)
        ]


def test_the_sums_of_all_days_are_the_sums_of_all_turns(store: Store) -> None:
    """A client's clock may be wrong by ages: the days in between are not gone through."""
    store.apply(merge(record for records in generated(COUNT) for record in records), 1)
    store.write(put([Sighting("codex", "here", "log", "a", NOON * 9, Usage(7))]))
    turns, days = everything(store, "turns"), everything(store, "usage")
    assert len({row["day"] for row in days}) > 1
    ended = [row for row in turns if row["outcome"] != "running"]
    for name in ("tokens_uncached", "tokens_output", "cost", "baseline", "prompt_cache", "retried"):
        routed = [row for row in days if row["source"] == "routed"]
        assert sum(int(str(row[name])) for row in routed) == sum(int(str(row[name] or 0)) for row in ended), (
            name
        )
    (seen,) = [row for row in days if row["source"] == "seen"]
    assert (seen["client"], seen["tokens_uncached"], seen["requests"]) == ("codex", 7, 1)
    first = min(int(str(row["day"])) for row in days)
    later = everything(store, "usage", first + 86_400_000_000, NOON * 2)
    assert later == [row for row in days if row["day"] != first and row["source"] == "routed"]


def test_nothing_is_nothing(store: Store) -> None:
    assert all(everything(store, bulk, NOON) == [] for bulk in BULKS)


def test_no_column_could_hold_a_key_or_a_text() -> None:
    """What is kept of a request's text is in no table of the ledger; a key's digest is in another one."""
    columns = {column.name for bulk in BULKS for column in bulk_columns(bulk)}
    assert not columns & {"digest", "hint", "attempts", "losses", "mark", "body", "prompt"}
