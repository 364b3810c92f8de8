"""Pages, one turn, clients and providers, asked of a small ledger with one turn still running."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fakes import FakeClock
from ledger_samples import NOON, Failures, intent, settlement
from llm_gateway.ledger.filters import Filter
from llm_gateway.ledger.ids import Ids
from llm_gateway.ledger.opening import offline
from llm_gateway.ledger.queries import ClientSeen, ProviderSeen, clients, page, providers, turn
from llm_gateway.ledger.records import Record
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.store import Row, Rows, Store, Value

SECOND = 1_000_000


class Filled:
    """A store with ten turns, a second apart; `ids` are theirs, the last one runs."""

    def __init__(self, store: Store) -> None:
        self.rows: Rows = store
        self.ids: list[str] = []
        clock = FakeClock(NOON)
        ids = Ids(clock)
        records: list[Record] = []
        for number in range(10):
            turn_id = ids.new()
            self.ids.append(turn_id)
            client = "codex-desktop" if number % 2 else "claude-desktop"
            provider, model = ("openai", "gpt") if number % 3 == 0 else ("ollama", "qwen2.5:14b")
            records.append(
                intent(turn_id, at_us=clock.now_us(), client=client, provider=provider, model=model)
            )
            if number < 9:
                failed = number == 4
                records.append(
                    settlement(
                        turn_id,
                        outcome="error" if failed else "ok",
                        http_status=504 if failed else 200,
                        error_kind="upstream_timeout" if failed else "",
                        provider=provider,
                        model=model,
                    )
                )
            clock.advance(1)
        store.apply(merge(records), 1)

    def found(self, which: Filter | None = None, *, before: str = "", limit: int = 50) -> list[int]:
        """Return the numbers of the turns of a page."""
        return [self.ids.index(each.intent.id) for each in page(self.rows, which, before=before, limit=limit)]


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    with offline(tmp_path, FakeClock(), Failures()) as store:
        yield Filled(store)


def test_the_newest_come_first_with_the_one_that_runs(filled: Filled) -> None:
    assert filled.found() == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert page(filled.rows, limit=1)[0].running


def test_pages_follow_each_other(filled: Filled) -> None:
    assert filled.found(limit=4) == [9, 8, 7, 6]
    assert filled.found(before=filled.ids[6], limit=4) == [5, 4, 3, 2]
    assert filled.found(before=filled.ids[0]) == []


def test_a_limit_is_kept_within_reason(filled: Filled) -> None:
    assert filled.found(limit=0) == [9]
    assert len(filled.found(limit=10**9)) == 10


@pytest.mark.parametrize(
    ("which", "numbers"),
    [
        (Filter(client="claude-desktop"), [8, 6, 4, 2, 0]),
        (Filter(provider="openai"), [9, 6, 3, 0]),
        (Filter(client="claude-desktop", provider="openai"), [6, 0]),
        (Filter(model="gpt"), [9, 6, 3, 0]),
        (Filter(outcome="error"), [4]),
        (Filter(outcome="running"), [9]),
        (Filter(since_us=NOON + 6 * SECOND), [9, 8, 7, 6]),
        (Filter(client="claude-desktop", since_us=NOON + 6 * SECOND), [8, 6]),
        (Filter(since_us=NOON + 60 * SECOND), []),
        (Filter(since_us=NOON + 2 * SECOND, until_us=NOON + 6 * SECOND), [5, 4, 3, 2]),
        (Filter(until_us=NOON), []),
        (Filter(outcome="failed"), [4]),
        (Filter(outcome="cached"), []),
        (Filter(key="key_1", provider="openai"), [9, 6, 3, 0]),
        (Filter(key="laptop"), []),
        (Filter(caller="ada", model="gpt"), [9, 6, 3, 0]),
        (Filter(caller="-"), []),
        (Filter(text="OpenAI"), [9, 6, 3, 0]),
        (Filter(text="%"), []),
        (Filter(client="nobody"), []),
        (Filter(client="' OR 1=1 --"), []),
    ],
)
def test_filters(filled: Filled, which: Filter, numbers: list[int]) -> None:
    assert filled.found(which) == numbers


def test_a_filtered_page_follows_another(filled: Filled) -> None:
    assert filled.found(Filter(client="claude-desktop"), before=filled.ids[4]) == [2, 0]


@pytest.mark.parametrize(
    "which",
    [
        Filter(),
        Filter(client="codex-desktop"),
        Filter(provider="ollama", outcome="error"),
        Filter(model="gpt", since_us=NOON),
        Filter(outcome="running"),
        Filter(key="key_1", text="gpt", until_us=NOON + SECOND),
        Filter(text="018bcfe5", outcome="ok"),
        Filter(text="a session", client="codex-desktop"),
    ],
)
def test_a_page_never_goes_through_all_turns(filled: Filled, which: Filter) -> None:
    class Planned:
        plan = ""

        def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
            self.plan += "\n".join(
                str(row[3]) for row in filled.rows.rows("EXPLAIN QUERY PLAN " + sql, values)
            )
            return filled.rows.rows(sql, values)

    planned = Planned()
    page(planned, which)
    assert "SCAN t" not in planned.plan.replace("SCAN t USING INDEX turns_open", "")
    assert planned.plan.count("SEARCH") > 0


def test_one_turn(filled: Filled) -> None:
    found = turn(filled.rows, filled.ids[4])
    assert found is not None and found.settlement is not None
    assert found.settlement.error_kind == "upstream_timeout"
    assert found.settlement.attempts == settlement("").attempts
    assert turn(filled.rows, "nobody") is None


def test_clients_are_counted_with_when_they_were_seen_last(filled: Filled) -> None:
    assert clients(filled.rows) == [
        ClientSeen("codex-desktop", 5, NOON + 9 * SECOND),
        ClientSeen("claude-desktop", 5, NOON + 8 * SECOND),
    ]


def test_providers_and_how_they_fared_last(filled: Filled) -> None:
    assert providers(filled.rows, 0) == [
        ProviderSeen("ollama", 6, NOON + 8 * SECOND, NOON + 4 * SECOND, "upstream_timeout", 504),
        ProviderSeen("openai", 4, NOON + 6 * SECOND),
    ]
    assert providers(filled.rows, NOON + 9 * SECOND) == [ProviderSeen("openai", 1)]
