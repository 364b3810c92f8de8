"""`python -m llm_gateway` is the same command."""

from pathlib import Path

from llm_gateway import __version__
from terminal import program


def test_it_is_the_command(tmp_path: Path) -> None:
    assert program(tmp_path, "--version") == (0, f"llm-gateway, version {__version__}\n", "")
    wrong = program(tmp_path, "nonsense")
    assert wrong.code == 2
    assert wrong.err.startswith("Usage: llm-gateway ")
