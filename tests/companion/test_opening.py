"""Companions' bridges as members of the fleet: by their names, with their states, and gone when they are."""

from llm_gateway.canonical.abilities import Abilities
from llm_gateway.companion.opening import abilities_of


def test_a_bridge_can_do_what_the_catalog_says_and_an_agent_little() -> None:
    assert abilities_of("codex").tools
    assert not abilities_of("m365-copilot").tools
    assert abilities_of("somebodys-agent") == Abilities(system=False)
