"""Which client meets which upstream: some pairs in every run, the others in a `grown` one.

In every run each client meets an upstream of its own dialect and one or more of a foreign one, chosen in
`rows.py` so that together they go from every dialect to every other one.
"""

import pytest

from clients_e2e.rows import Client
from clients_e2e.speech import SPEECHES

__all__ = ["pairs", "usual"]


def usual(client: Client, dialect: str) -> bool:
    """Whether a client meets an upstream of this dialect in every run."""
    return dialect in (client.dialect, *client.foreign)


def pairs(*clients: Client) -> pytest.MarkDecorator:
    """Play a test with each client before each upstream."""
    return pytest.mark.parametrize(
        ("stage", "client"),
        [
            pytest.param(
                dialect,
                client,
                id=f"{client}-to-{dialect}",
                marks=[] if usual(client, dialect) else [pytest.mark.grown],
            )
            for dialect in SPEECHES
            for client in clients
        ],
        indirect=["stage"],
    )
