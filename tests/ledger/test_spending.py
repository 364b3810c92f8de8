"""What was spent is summed up by whom it is limited for."""

from pathlib import Path

import pytest

from ledger_samples import NOON, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.ids import floor
from llm_gateway.ledger.records import Attempt, Money
from llm_gateway.ledger.rows import merge
from llm_gateway.ledger.spending import Spent, spent_since
from llm_gateway.ledger.sqlite import SqliteStore

HOUR = 3_600_000_000


def test_money_is_summed_up_by_key_client_and_provider(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    turns = (
        (NOON - HOUR, "codex-desktop", 5),
        (NOON, "codex-desktop", 7),
        (NOON + 1000, "codex-desktop", 11),
        (NOON + 2000, "claude-desktop", 13),
        (NOON + 3000, "claude-desktop", None),
    )
    for at_us, client, cost in turns:
        name = floor(at_us)
        begun = intent(name, at_us=at_us, client=client, key_id="gone")
        store.apply(merge((begun, settlement(name, cost_nano=cost))), 0)
    found = {(each.key, each.client): each for each in spent_since(store, NOON)}
    store.close()
    assert found == {
        ("ada", "codex-desktop"): Spent("ada", "codex-desktop", "ollama", 18),
        ("ada", "claude-desktop"): Spent("ada", "claude-desktop", "ollama", 13),
    }


def test_what_a_rotated_key_spent_is_its_names(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    store.write(
        [
            (
                "INSERT INTO keys (id, name, digest, hint, created_us) VALUES (?, 'laptop', ?, '', 0)",
                (key, key.encode()),
            )
            for key in ("old", "new")
        ]
    )
    for number, key in enumerate(("old", "new")):
        name = floor(NOON + number * 1000)
        begun = intent(name, key_id=key, caller="x (self-declared)")
        store.apply(merge((begun, settlement(name, cost_nano=5))), 0)
    (spent,) = spent_since(store, NOON)
    store.close()
    assert (spent.key, spent.nano) == ("laptop", 10)


@pytest.mark.parametrize("key", ["bootstrap", "owner"])
def test_who_is_in_no_table_spends_it_all_the_same_whatever_it_calls_itself(tmp_path: Path, key: str) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    for number, caller in enumerate((key, "nightly (self-declared)")):
        name = floor(NOON + number * 1000)
        begun = intent(name, key_id=key, caller=caller)
        store.apply(merge((begun, settlement(name, cost_nano=5))), 0)
    (spent,) = spent_since(store, NOON)
    store.close()
    assert (spent.key, spent.nano) == (key, 10)


def test_what_other_attempts_cost_was_spent_at_their_own_providers(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "db", NOON)
    tries = (
        Attempt("openai", usage=Usage(5), cost_nano=700),
        Attempt("openai", usage=Usage(5), cost_nano=300),
        Attempt("ollama", usage=Usage(5), cost_nano=20),
        Attempt("ollama"),
    )
    money = Money(1, retried_nano=1020)
    for number, cost in enumerate((5, None)):
        name = floor(NOON + number * 1000)
        end = settlement(name, cost_nano=cost, attempts=tries, money=money)
        store.apply(merge((intent(name, key_id="gone"), end)), 0)
    early = settlement(floor(NOON - HOUR), attempts=tries, money=money)
    store.apply(merge((intent(early.id, at_us=NOON - HOUR), early)), 0)
    found = {each.provider: each.nano for each in spent_since(store, NOON)}
    store.close()
    assert found == {"openai": 2000, "ollama": 45}
