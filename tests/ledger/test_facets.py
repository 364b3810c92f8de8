"""What can be chosen from is what there is: held against the turns themselves, one by one."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from ledger_samples import NOON, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.facets import Bucket, Facets, Share, facets
from llm_gateway.ledger.filters import FAILED, Filter
from llm_gateway.ledger.keys import KeyRow, insert
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.records import Outcome, Turn
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sightings import Sighting, put
from llm_gateway.ledger.spans import DAY_US, HOUR_US
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.store import Row, Value
from llm_gateway.ledger.tallies import FACETS, Facet

DICE = random.Random(3)
COUNT = 900
BEGAN = sorted(NOON + DICE.randrange(75 * DAY_US) for _ in range(COUNT - 60))
# The last ones within two hours, so that a short time has some.
BEGAN += sorted(BEGAN[-1] + DICE.randrange(2 * HOUR_US) for _ in range(60))
NOW = BEGAN[-1] + 1
ENDS: tuple[Outcome | None, ...] = ("ok", "ok", "ok", "error", "truncated", "interrupted", "cancelled", None)
HOSTILE = "<script>alert(1)</script>"
CLIENTS = ("codex-cli", "claude-code", "", HOSTILE)


def turn_id(number: int) -> str:
    return f"{number // 20:08x}{number:08x}{0:016x}"


def put_turn(store: SqliteStore, number: int) -> None:
    dice = random.Random(number)
    end = None if number < COUNT - 300 and dice.random() < 0.9 else dice.choice(ENDS)
    end = dice.choice(ENDS[:-1]) if end is None and number < COUNT - 9 else end
    begun = intent(
        turn_id(number),
        at_us=BEGAN[number],
        client=dice.choice(CLIENTS),
        provider=dice.choice(("ollama", "openai")),
        model=dice.choice(("gpt-5.5", "Qwen")),
        key_id=dice.choice(("key_1", "key_2", "key_3")),
        caller=dice.choice(("ada", "bob")),
        session=dice.choice(("", "talk", "walk")),
    )
    ended = settlement(turn_id(number), outcome=end or "ok", provider=begun.provider, model=begun.model)
    if end == "ok" and dice.random() < 0.3:
        ended = msgspec.structs.replace(ended, cached_from="another", saved=Usage(1))
    store.apply(merge([begun] if end is None else [begun, ended]), number + 1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path_factory.mktemp("facets") / "db", NOON)
    for key_id, name in (("key_1", "laptop"), ("key_2", "laptop")):
        insert(opened, KeyRow(key_id, name, key_id.encode(), "…", NOON))
    for number in range(COUNT):
        put_turn(opened, number)
    passed = [
        Sighting("codex-cli", "m", "log", f"{at}", BEGAN[at], Usage(3), model="Qwen") for at in range(30)
    ]
    opened.write(put(passed))
    yield opened
    opened.close()


def status(turn: Turn) -> str:
    end = turn.settlement
    if end is None:
        return "running"
    return "cached" if end.cached_from and end.outcome == "ok" else end.outcome


def fits(status: str, want: str) -> bool:
    return want in ("", status) or status in {"ok": ("cached",), "failed": FAILED}.get(want, ())


def names(turn: Turn) -> dict[Facet, str]:
    begun = turn.intent
    key = "laptop" if begun.key_id in ("key_1", "key_2") else begun.key_id
    told = ("routed", begun.client, begun.provider, begun.model, status(turn), key, begun.caller)
    return dict(zip(FACETS, told, strict=True))


@pytest.fixture(scope="module")
def every(store: SqliteStore) -> list[Turn]:
    return page(store, limit=COUNT)


def expected(every: list[Turn], which: Filter, facet: Facet | None) -> list[Turn]:
    """Return the turns that fit a filter, but for one facet."""
    wanted = ("", which.client, which.provider, which.model, which.outcome, which.key, which.caller)
    found = []
    for turn in every:
        told = names(turn)
        if not which.since_us <= turn.intent.at_us < (which.until_us or NOW):
            continue
        text = which.text.lower()
        part = any(text in told[name].lower() for name in ("client", "provider", "model"))
        if not (
            part or turn.intent.session == which.text or (len(text) > 7 and turn.intent.id.startswith(text))
        ):
            continue
        for name, want in zip(FACETS, wanted, strict=True):
            if name == facet or not want:
                continue
            value = told[name]
            if not (fits(value, want) if name == "status" else value == ("" if want == "-" else want)):
                break
        else:
            found.append(turn)
    return found


def ended(found: Facets) -> Counter[str]:
    counts: Counter[str] = Counter()
    for each in found.buckets:
        for name in ("ok", "failed", "cancelled", "running"):
            counts[name] += getattr(each, name)
    return counts


FILTERS = [
    Filter(),
    Filter(client="codex-cli"),
    Filter(client="-"),
    Filter(client=HOSTILE, provider="openai"),
    Filter(model="Qwen", caller="ada"),
    Filter(key="laptop"),
    Filter(key="key_3", outcome="failed"),
    *(Filter(outcome=each) for each in ("ok", "cached", "error", "truncated", "interrupted", "cancelled")),
    Filter(outcome="running"),
    Filter(text="qwen"),
    Filter(text="CODEX", outcome="error"),
    Filter(text="talk", client="claude-code"),
    Filter(text=turn_id(40)[:8]),
    Filter(client="nobody"),
]
TIMES = [
    (0, 0),
    (BEGAN[-1] - HOUR_US, 0),
    (BEGAN[-1] - 5 * HOUR_US + 7, 0),
    (BEGAN[-1] - 30 * HOUR_US, 0),
    (BEGAN[-1] - 6 * DAY_US - 12_345, 0),
    (BEGAN[200], BEGAN[800]),
    (NOON + 41, NOON + 50 * DAY_US + 9),
]


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("which", FILTERS)
def test_counts_are_those_of_the_turns(
    store: SqliteStore, every: list[Turn], which: Filter, time: tuple[int, int]
) -> None:
    since_us, until_us = time
    which = msgspec.structs.replace(which, since_us=since_us, until_us=until_us)
    found = facets(store, which, NOW)
    turns = expected(every, which, None)
    assert found.requests == len(turns)
    for facet in FACETS[1:]:
        counts = Counter(names(turn)[facet] for turn in expected(every, which, facet))
        if facet == "status":
            counts["ok"] += counts["cached"]
            counts["failed"] = sum(counts[each] for each in FAILED)
            counts = +counts
        assert {each.name: each.requests for each in found.by[facet]} == counts, facet
    meant = {"cached": "ok"} | dict.fromkeys(FAILED, "failed")
    assert +ended(found) == Counter(meant.get(status(turn), status(turn)) for turn in turns)
    for turn in turns:
        part = [each for each in found.buckets if each.start_us <= turn.intent.at_us][-1]
        assert part != Bucket(part.start_us)
    assert [turn.intent.id for turn in page(store, which, limit=COUNT)] == [each.intent.id for each in turns]


def test_what_passed_by_is_a_source_of_its_own(store: SqliteStore) -> None:
    assert facets(store, Filter(), NOW).by["source"] == (Share("routed", COUNT), Share("seen", 30))
    assert facets(store, Filter(key="laptop"), NOW).by["source"][0].name == "routed"


def test_the_largest_share_comes_first(store: SqliteStore) -> None:
    counts = [each.requests for each in facets(store, Filter(), NOW).by["client"]]
    assert counts == sorted(counts, reverse=True) and len(counts) == 4


def test_of_an_empty_ledger_there_is_nothing(tmp_path: Path) -> None:
    empty = SqliteStore(tmp_path / "db", NOON)
    found = facets(empty, Filter(), NOON)
    assert found.requests == 0 and not any(found.by.values())
    assert found.since_us == NOON - DAY_US and len(found.buckets) == 25
    assert facets(empty, Filter(text="anything", since_us=NOON + 9), NOON).requests == 0
    empty.close()


def test_no_turns_are_gone_through(store: SqliteStore) -> None:
    class Planned:
        plan = ""

        def rows(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
            self.plan += "\n".join(str(row[3]) for row in store.rows("EXPLAIN QUERY PLAN " + sql, values))
            return store.rows(sql, values)

    planned = Planned()
    for which in FILTERS:
        facets(planned, which, NOW)
        facets(planned, msgspec.structs.replace(which, since_us=NOON + 5), NOW)
    assert "SCAN t\n" not in planned.plan and "SCAN turns\n" not in planned.plan
