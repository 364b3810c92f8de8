"""The tables of bridges in the file: what they may hold, and what is wrong with them."""

from pathlib import Path

import pytest

from llm_gateway.config import Settings, load
from llm_gateway.errors import ConfigError


def loaded(home: Path, text: str) -> Settings:
    (home / "gateway.toml").write_text(text)
    return load(flags={"home": str(home)}, environ={}).settings


def test_a_table_changes_what_it_names(tmp_path: Path) -> None:
    text = '[[bridges]]\nname = "claude"\nparallel = 2\nshare_with = ["ada"]\n[[bridges]]\nname = "goose"\n'
    settings = loaded(tmp_path, text + 'command = ["goose", "acp"]\n')
    claude, goose = settings.bridges
    assert (claude.parallel, claude.share_with, claude.enabled) == (2, ("ada",), None)
    assert (claude.queue, claude.first_timeout) == (16, 60.0)
    assert goose.command == ("goose", "acp")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("parallel = 0", "bridges.0.parallel"),
        ("first_timeout = 0", "bridges.0.first_timeout"),
        ('backend = "word"', "expected one of graph, workiq"),
        ('comand = ["x"]', "command"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        loaded(tmp_path, f'[[bridges]]\nname = "claude"\n{line}\n')
