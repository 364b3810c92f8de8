"""Logs as the clients write them, made of the answers that they are to tell of, and what is to be found.

`CANARY` stands where somebody's words would be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clients.logs.said import BEGAN, CANARY, SESSION, USAGES, lines, stamp
from clients.logs.written_lines import claude, codex, copilot, gemini, pi, qwen
from clients.logs.written_whole import cline, continue_dev, gemini_document, llm, opencode
from llm_gateway.canonical.usage import Usage

__all__ = ["BEGAN", "CANARY", "LINES", "LOGS", "SESSION", "USAGES", "Written", "lines", "stamp"]


@dataclass(frozen=True)
class Written:
    """How a client's log is written: what it is called, and how it becomes one of these answers."""

    reader: str
    name: str
    write: Callable[[Path, Sequence[Usage]], None]
    text: Callable[[Sequence[Usage]], bytes] | None = None
    writes: bool = True
    """Whether what was written to a cache is told apart."""
    reasons: bool = True
    """Whether reasoning is told apart."""

    def usages(self, usages: Sequence[Usage] = USAGES) -> list[Usage]:
        """Return what a reader has to find."""
        return [
            Usage(
                usage.uncached + (0 if self.writes else usage.cache_write),
                usage.cache_read,
                usage.cache_write if self.writes else 0,
                usage.output,
                usage.reasoning if self.reasons else 0,
            )
            for usage in usages
        ]


def _file(
    reader: str,
    name: str,
    text: Callable[[Sequence[Usage]], bytes],
    writes: bool = True,
    reasons: bool = True,
) -> Written:
    def write(path: Path, usages: Sequence[Usage]) -> None:
        path.write_bytes(text(usages))

    return Written(reader, name, write, text, writes, reasons)


LINES = (
    _file("claude", f"{SESSION}.jsonl", claude),
    _file("codex", f"rollout-2026-11-20T08-00-00-{SESSION}.jsonl", codex),
    _file("copilot", "events.jsonl", copilot),
    _file("gemini", "session-2026-11-20T08-00-0199aaaa.jsonl", gemini, writes=False),
    _file("pi", f"2026-11-20T08-00-00-000Z_{SESSION}.jsonl", pi, reasons=False),
    _file("qwen", f"{SESSION}.jsonl", qwen, writes=False),
)
LOGS = (
    *LINES,
    _file("gemini", "session-2026-11-20T08-00-0199aaaa.json", gemini_document, writes=False),
    _file("cline", f"{SESSION}.messages.json", cline, reasons=False),
    _file("continue", f"{SESSION}.json", continue_dev, reasons=False),
    Written("opencode", "opencode.db", opencode),
    Written("llm", "logs.db", llm, writes=False),
)
