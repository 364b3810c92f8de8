"""Which prices were used is read from the turns, and is what their records say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_gateway.ledger.card_uses import LINES, card_uses
from turn_factory import CARDS
from usage_stage import DAY_US, Ended, Filled, filled


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    with filled(tmp_path_factory.mktemp("ledger"), 1500) as opened:
        yield opened


def card_of(turn: Ended) -> str:
    return (turn.end.money.tariff or turn.end.money.reference) if turn.end.money else ""


def test_every_card_is_told_with_the_turns_it_was_used_for(ledger: Filled) -> None:
    uses = card_uses(ledger.store, 0, 0, {"source": "routed"})
    assert {use.id for use in uses} == {card_of(each) for each in ledger.turns} - {""}
    for use in uses:
        having = [each for each in ledger.turns if card_of(each) == use.id and each.end.money]
        having = [
            each for each in having if bool(each.end.money and not each.end.money.tariff) == use.reference
        ]
        assert use.card == CARDS[use.id].card
        assert use.turns == len(having)
        assert use.cost_nano == sum(each.end.cost_nano or 0 for each in having)
        for line in LINES:
            lines = [each.lines[line] for each in having if line in each.lines]
            assert use.lines[line] == (len(lines), sum(lines))
    turns = [use.turns for use in uses]
    assert turns == sorted(turns, reverse=True)


def test_a_time_and_names_are_cut_out(ledger: Filled) -> None:
    start = ledger.turns[0].intent.at_us // DAY_US * DAY_US + 4 * DAY_US
    until = start + 5 * DAY_US
    found = card_uses(ledger.store, start, until, {"source": "routed", "client": "codex-cli", "key": "key_2"})
    having = [
        each
        for each in ledger.turns
        if start <= each.intent.at_us < until
        and (each.intent.client, each.intent.key_id) == ("codex-cli", "key_2")
        and card_of(each)
    ]
    assert sum(use.turns for use in found) == len(having) > 0
    assert card_uses(ledger.store, start, until, {"machine": "desk"}) == []
    assert card_uses(ledger.store, start, until, {"source": "seen"}) == []


def test_a_card_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    with filled(tmp_path, 100) as ledger:
        ledger.store.write([("DELETE FROM price_cards", ())])
        uses = card_uses(ledger.store, 0, 0, {})
        assert uses and all(use.card is None for use in uses)
