"""The page of losses shows every row, under the pair that it belongs to."""

import pytest

from llm_gateway.dialects.registry import DIALECTS
from loss_tables import silences, summary, tables
from losses import pairs
from silences import SILENT, UNTOLD, UNWATCHED


def section(client: str, target: str) -> str:
    """Return what the page says of a pair, what holds for every pair of its client included."""
    page = tables()
    own = page[page.index(f"### `{client}` to `{target}`") :]
    common = page[page.index(f"### `{client}` to any other") :]
    return common.partition("\n### ")[0] + own[4:].partition("\n## ")[0].partition("\n### ")[0]


@pytest.mark.parametrize("client", DIALECTS)
def test_every_row_stands_in_the_section_of_its_pair(client: str) -> None:
    for target in DIALECTS:
        if target == client:
            continue
        told, pair = section(client, target), pairs()[client, target]
        for row in (*pair.requests, *pair.refused, *pair.answers):
            assert row.why in told and (
                f"`{row.what}`" in told or f"`{row.where.partition(' ')[0]}`" in told
            ), row


def test_the_summary_has_every_pair_and_its_numbers() -> None:
    lines = summary().splitlines()
    assert len(lines) == 2 + 20
    (line,) = [line for line in lines if "`chat` → `ollama`" in line]
    pair = pairs()["chat", "ollama"]
    assert f"| {len({row.what for row in pair.requests})} | " in line and "`tool_choice`" in line


def test_what_says_nothing_is_shown_with_its_reason() -> None:
    page = silences()
    for listed in (SILENT, UNTOLD, UNWATCHED):
        for name, silent in listed.items():
            for place, why in silent.items():
                assert f"| `{name}` | {shown(place)} | {why} |" in page


def shown(place: str) -> str:
    return f"`{place.replace('.*', '[]')}`" if place else "on top"
