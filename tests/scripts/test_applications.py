"""The page of applications says of every row how it is connected, or why it cannot be."""

import re

import pytest

from applications import applications, settings
from llm_gateway.clients.catalog import catalog

ROWS = catalog()


def line(name: str) -> str:
    return next(line for line in applications().splitlines() if line.startswith(f"| `{name}` |"))


@pytest.mark.parametrize("name", ROWS)
def test_every_row_says_how_it_is_connected_or_why_not(name: str) -> None:
    row = ROWS[name]
    _, _, label, found, connected, left, _ = (cell.strip() for cell in line(name).split(" | ".strip()))
    assert label == row.label and found and connected
    assert connected.startswith("**cannot be**") == bool(row.cannot)
    assert row.instead in left
    assert not re.search(r"\{(home|url|base|key|model|chosen)\}", line(name))


def test_paths_are_told_by_platform_where_they_differ() -> None:
    assert "`{config}/zed` (Linux), `~/.config/zed` (macOS), `{config}/Zed` (Windows)" in line("zed")
    assert "`~/.claude` or where `CLAUDE_CONFIG_DIR` says" in line("claude-code")


def test_every_file_that_is_changed_is_named_with_its_settings() -> None:
    told = settings()
    for row in ROWS.values():
        for way in row.ways.values():
            assert told.count(f"| `{row.id}` |") >= len(way.files)
    assert "| `~/.pi/agent/settings.json` | `defaultProvider`, `defaultModel` |" in told
    assert "{home}" not in told
