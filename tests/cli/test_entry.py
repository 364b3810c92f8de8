"""There is one way in: the status line's is short, and every other verb's leads to where it led."""

from pathlib import Path

from llm_gateway import __version__
from llm_gateway.cli.glance import DOWN
from terminal import program


def test_the_status_line_is_answered_at_the_door(tmp_path: Path) -> None:
    assert program(tmp_path, "statusline") == (0, f"{DOWN}\n", "")
    assert program(tmp_path, "statusline", "--home", str(tmp_path / "x")) == (0, f"{DOWN}\n", "")


def test_what_is_more_than_that_goes_in(tmp_path: Path) -> None:
    assert '"schema":"llm-gateway/statusline/v1"' in program(tmp_path, "statusline", "--json").out
    assert "Usage: llm-gateway statusline" in program(tmp_path, "statusline", "--help").out
    assert program(tmp_path, "statusline", "--colour").code == 2


def test_other_verbs_go_in(tmp_path: Path) -> None:
    assert program(tmp_path, "--version") == (0, f"llm-gateway, version {__version__}\n", "")
    assert program(tmp_path, "status").code == 5
