"""The pairs of every run are enough: every client, and every way from one dialect to another."""

from clients_e2e.pairs import usual
from clients_e2e.rows import CLIENTS, EVERY
from clients_e2e.speech import SPEECHES


def test_every_client_meets_its_own_dialect_and_a_foreign_one() -> None:
    for client in EVERY:
        assert client.foreign and client.dialect not in client.foreign, client.name
        assert set(client.foreign) <= set(SPEECHES), client.name


def test_together_they_go_from_every_dialect_to_every_other() -> None:
    ways = {(client.dialect, dialect) for client in CLIENTS for dialect in SPEECHES if usual(client, dialect)}
    spoken = {client.dialect for client in CLIENTS}
    assert ways == {(dialect, other) for dialect in spoken for other in SPEECHES}


def test_names_are_unique() -> None:
    assert len({client.name for client in EVERY}) == len(EVERY)
