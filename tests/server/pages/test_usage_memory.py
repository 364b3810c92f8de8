"""What is remembered of the usage is what the ledger says, at any time, and is not read twice."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from fakes import FakeClock
from ledger_samples import intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.store import Row as Values
from llm_gateway.ledger.store import Rows, Value
from llm_gateway.ledger.usage import Asked, Period, usage
from llm_gateway.server.pages.usage_memory import UsageMemory
from usage_stage import DAY_US, HOUR_US, Filled, filled


class Counting:
    """Rows, and how many queries were asked of them."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.asked = 0

    def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Values]:
        self.asked += 1
        return self._rows.rows(sql, values)


def late(stage: Filled, at_us: int) -> None:
    """Let a turn of a time that is over end only now."""
    begun = intent("f" * 31 + "0", client="late", at_us=at_us)
    records = merge([begun, settlement(begun.id, usage=Usage(7, output=3))])
    stage.store.apply(records, stage.store.position() + 1)


@pytest.mark.parametrize("period", ["hour", "day", "week", "month", "all"])
@pytest.mark.parametrize("spreads", [True, False])
def test_it_answers_as_the_ledger_does(tmp_path: Path, period: Period, spreads: bool) -> None:
    with filled(tmp_path, 300) as stage:
        memory = UsageMemory(FakeClock(stage.now_us))
        for since, until in ((30, None), (30, 5), (3, None), (0, None)):
            begin = (stage.now_us - since * DAY_US) // HOUR_US * HOUR_US
            end = None if until is None else (stage.now_us - until * DAY_US) // HOUR_US * HOUR_US
            asked = Asked(begin, end, period, ("client",), {"source": "routed"}, spreads)
            for _ in range(2):
                assert memory.usage(stage.store, asked) == usage(stage.store, asked)


def test_what_is_over_is_read_once_and_anew_where_it_changed(tmp_path: Path) -> None:
    with filled(tmp_path, 300) as stage:
        clock = FakeClock(stage.now_us)
        memory, rows = UsageMemory(clock), Counting(stage.store)
        asked = Asked(stage.now_us - 15 * DAY_US, None, "day", ("client",))

        def cost() -> int:
            before = rows.asked
            assert memory.usage(rows, asked) == usage(stage.store, asked)
            return rows.asked - before

        first = cost()
        clock.advance(1)
        second = cost()
        assert second < first and cost() < second, "what one page asks at once is known to be the same"
        late(stage, stage.now_us - 5 * DAY_US)
        clock.advance(1)
        assert cost() == first
        clock.advance(301)
        assert cost() == first, "a name may have changed that no sum tells of"
        clock.advance(1)
        assert cost() == second
        for number in range(40):
            memory.usage(rows, msgspec.structs.replace(asked, where={"client": f"c{number}"}))
        assert cost() == first, "so much is not kept"


def test_how_long_things_took_is_told_as_it_was_not_long_ago(tmp_path: Path) -> None:
    with filled(tmp_path, 300) as stage:
        clock = FakeClock(stage.now_us)
        memory, asked = UsageMemory(clock), Asked(stage.now_us - 15 * DAY_US, None, "all", ("client",))
        before = memory.usage(stage.store, asked)
        late(stage, stage.now_us - 5 * DAY_US)
        soon = memory.usage(stage.store, asked)
        exact = usage(stage.store, asked)
        assert [row.sums for row in soon] == [row.sums for row in exact] and len(soon) == len(before) + 1
        assert [row.latency for row in soon if row.names == ("late",)] == [None]
        clock.advance(60)
        assert memory.usage(stage.store, asked) == exact
