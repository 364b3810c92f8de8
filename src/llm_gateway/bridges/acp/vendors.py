"""Agents whose vendors say something of their use through other programs, as data. Read in November 2026.

What an agent is not listed for is not thereby allowed: its vendor's terms count.
"""

import re
from collections.abc import Iterable
from pathlib import PurePath

import msgspec

__all__ = ["VENDORS", "Vendor", "vendor_of"]


class Vendor(msgspec.Struct, frozen=True):
    """A vendor's stance. `programs` are names of programs, packages, or what the agent calls itself.

    With `suspends` the vendor suspends accounts for such use: it is left off until its owner says otherwise.
    """

    label: str
    programs: tuple[str, ...]
    stance: str
    suspends: bool = False


VENDORS = (
    Vendor(
        "Google's Gemini CLI and Antigravity",
        ("gemini", "gemini-cli", "@google/gemini-cli", "antigravity", "agy"),
        "Google suspends accounts whose Gemini CLI or Antigravity plan is used through other programs: a "
        "first time with a warning, a second time for good; an API key of Gemini is for that",
        suspends=True,
    ),
    Vendor(
        "Claude Code",
        ("claude-agent-acp", "claude-code-acp", "@zed-industries/claude-code-acp"),
        "Anthropic's plans are for ordinary use by the person who bought them; the bridge `claude` is the "
        "better way to one",
    ),
    Vendor(
        "Codex",
        ("codex-acp", "@zed-industries/codex-acp"),
        "an OpenAI account is its owner's alone; the bridges `chatgpt` and `codex` are better ways to one",
    ),
    Vendor(
        "GitHub Copilot",
        ("copilot", "@github/copilot"),
        "a seat is one person's; the bridge `github-copilot` is the better way to it",
    ),
    Vendor(
        "plans for coding",
        ("qwen", "qwen-code", "@qwen-code/qwen-code", "kimi", "kimi-cli", "grok"),
        "plans for coding are sold for the vendor's own program by many, and by some for that alone; read "
        "the plan's terms",
    ),
)

_PIN = re.compile(r"(?<=.)@[^/@]*$")


def vendor_of(words: Iterable[str]) -> Vendor | None:
    """Return whose agent one is by the words of its command, or by what it calls itself."""
    named = {name for word in words for name in (_PIN.sub("", word).lower(), PurePath(word).stem.lower())}
    for vendor in VENDORS:
        if named.intersection(vendor.programs):
            return vendor
    return None
