"""Whose agent one is, by its command or its name, and which are left off."""

import pytest

from llm_gateway.bridges.acp.vendors import VENDORS, vendor_of


@pytest.mark.parametrize(
    ("words", "label"),
    [
        (("gemini", "--acp"), "Google's Gemini CLI and Antigravity"),
        (("/opt/bin/gemini.cmd", "--acp"), "Google's Gemini CLI and Antigravity"),
        (("npx", "-y", "@google/gemini-cli@0.61.0", "--acp"), "Google's Gemini CLI and Antigravity"),
        (("Gemini-CLI",), "Google's Gemini CLI and Antigravity"),
        (("npx", "@zed-industries/codex-acp"), "Codex"),
        (("copilot", "--acp"), "GitHub Copilot"),
    ],
)
def test_an_agent_is_known_by_its_command_or_its_name(words: tuple[str, ...], label: str) -> None:
    vendor = vendor_of(words)
    assert vendor is not None
    assert vendor.label == label


def test_others_are_nobodys_that_is_known() -> None:
    assert vendor_of(("goose", "acp", "")) is None
    assert vendor_of(()) is None


def test_only_those_are_left_off_whose_vendors_suspend_accounts() -> None:
    assert [vendor.programs[0] for vendor in VENDORS if vendor.suspends] == ["gemini"]
