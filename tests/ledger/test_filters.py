"""What a text is taken for, and from which turn on a time is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger_samples import NOON, intent, settlement
from llm_gateway.ledger.filters import (
    FIRST_VALUE,
    LATEST,
    Filter,
    Meaning,
    first_since,
    fits,
    ids_from,
    meaning,
    named_values,
)
from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.records import Turn
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.sqlite import SqliteStore

SESSION = "0193b2c4-talk"
ID = floor(NOON)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "db", NOON)
    opened.apply(merge([intent(ID, at_us=NOON, session=SESSION), settlement(ID)]), 1)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("text", "taken_for"),
    [
        ("", ""),
        (ID, "id"),
        (ID[:8], "id"),
        (ID[:8].upper(), "id"),
        (ID[:7], "name"),
        (f"{ID}0", "name"),
        ("ffffffff", "name"),
        (SESSION, "session"),
        (SESSION[:-1], "name"),
        ("' OR 1=1 --", "name"),
        ("<script>", "name"),
        ("\x00é", "name"),
    ],
)
def test_a_text_is_taken_for_the_first_that_there_is(store: SqliteStore, text: str, taken_for: str) -> None:
    assert meaning(store, text) == taken_for


def test_ids_that_begin_so_are_few() -> None:
    assert ids_from(ID[:9]) == (ID[:9], f"{ID[:9]}g")
    assert ids_from("0193") == ids_from("not hexadecimal") == ("", "")


def test_the_values_of_a_filter_are_in_their_order() -> None:
    which = Filter("c", "p", "m", "ok", key="k", caller="who", text="ÉPart")
    assert named_values(which, "name") == ("c", "p", "m", "ok", "k", "who", "Épart")
    assert named_values(which, "session")[-1] == "" and FIRST_VALUE == 5
    assert which.names_any and not Filter(since_us=1, until_us=2).names_any


@pytest.mark.parametrize(
    ("which", "taken_for", "has"),
    [
        (Filter(), "", True),
        (Filter(client="codex-desktop", provider="ollama", model="qwen2.5:14b", caller="ada"), "", True),
        (Filter(client="-"), "", False),
        (Filter(client="Codex-Desktop"), "", False),
        (Filter(key="key_1"), "", True),
        (Filter(key="laptop"), "", True),
        (Filter(key="other"), "", False),
        (Filter(outcome="ok"), "", True),
        (Filter(outcome="running"), "", False),
        (Filter(outcome="failed"), "", False),
        (Filter(outcome="cached"), "", False),
        (Filter(since_us=NOON, until_us=NOON + 1), "", True),
        (Filter(until_us=NOON), "", False),
        (Filter(text="OLLA"), "name", True),
        (Filter(text=ID[:9].upper()), "id", True),
        (Filter(text=SESSION), "session", True),
        (Filter(text="talk"), "session", False),
    ],
)
def test_a_turn_fits_as_it_would_be_found(
    store: SqliteStore, which: Filter, taken_for: Meaning, has: bool
) -> None:
    (turn,) = page(store)
    assert fits(turn, which, taken_for, {"key_1"} if which.key == "laptop" else ()) is has


def test_what_runs_fits_until_it_has_ended() -> None:
    turn = Turn(intent(ID))
    assert fits(turn, Filter(outcome="running"), "") and not fits(turn, Filter(outcome="ok"), "")
    kept = Turn(intent(ID), settlement(ID, cached_from="1"))
    assert fits(kept, Filter(outcome="cached"), "") and fits(kept, Filter(outcome="ok"), "")


def test_a_time_begins_with_the_first_turn_in_it(store: SqliteStore) -> None:
    assert first_since(store, NOON) == 1
    assert first_since(store, NOON + 1) == LATEST
