"""A companion is paused by a file, by anybody, and resumed by its owner."""

from pathlib import Path

from llm_gateway.companion.switch import Switch


def test_a_switch(tmp_path: Path) -> None:
    here, there = Switch(tmp_path / "companion"), Switch(tmp_path / "companion")
    assert not here.paused
    assert not here.resume()
    here.pause("gateway")
    assert there.paused
    assert (tmp_path / "companion" / "paused").read_text() == "gateway\n"
    assert there.resume()
    assert not here.paused
