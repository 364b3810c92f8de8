"""What readers have in common: newer forms are said, and a program is known by its own name."""

import pytest

from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.logs.reading import newer, part


def test_a_newer_form_is_said_and_a_known_one_is_not() -> None:
    assert newer(3, 3) == newer(1, 3) == newer(None, 3) == newer("9", 3) == []
    (said,) = newer(9, 3)
    assert "9" in said
    assert newer(10**40, 3) == [], "no version of a form"


@pytest.mark.parametrize(
    ("client", "name"),
    [("claude-code", "sdk-cli"), ("claude-code", ""), ("codex-cli", "codex_exec"), ("nobody", "codex_exec")],
)
def test_a_program_in_its_own_log_is_itself(client: str, name: str) -> None:
    assert part(client, name) == client


@pytest.mark.parametrize("row", catalog().values(), ids=lambda row: row.id)
def test_a_row_is_known_by_its_own_id(row: object) -> None:
    match row:
        case object(id=str(client)):
            assert part(client, client) == client
