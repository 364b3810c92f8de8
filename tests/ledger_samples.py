"""Turns to fill a ledger with, and a home opened for a test."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import msgspec

from fakes import FakeClock
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.ledger import Durability, Ledger
from llm_gateway.ledger.records import Attempt, Intent, Settlement
from llm_gateway.ledger.tariff import Card

__all__ = ["CARD", "NOON", "Failures", "intent", "settlement", "with_ledger"]

NOON = 1_700_000_000_000_000

_INTENT = Intent(
    id="",
    at_us=NOON,
    key_id="key_1",
    caller="ada",
    client="codex-desktop",
    dialect="chat",
    operation="chat/completions",
    model_asked="fast",
    provider="ollama",
    model="qwen2.5:14b",
    stream=True,
    request_bytes=1024,
    held_nano=3_000_000,
)
_SETTLEMENT = Settlement(
    id="",
    outcome="ok",
    http_status=200,
    provider="ollama",
    model="qwen2.5:14b",
    usage=Usage(100, 20, 3, 50, 7, estimated=False),
    latency_us=12_345,
    ttft_us=2_345,
    response_bytes=4096,
    upstream_request_id="req_abc",
    response_id="chatcmpl-abc",
    finish_reason="stop",
    attempts=(
        Attempt("openai", "chat", "gpt", 5, 70, status=503, error_kind="upstream_status"),
        Attempt("ollama", "chat", "qwen2.5:14b", 80, 12_000, reused=True, status=200, why="it is local"),
    ),
    losses=("logit_bias",),
    cost_nano=1_250_000,
    price="configuration",
)


CARD = Card(
    "genai-prices",
    "anthropic",
    "sonnet",
    "pattern",
    {
        "input": ((0, Decimal(3)),),
        "output": ((0, Decimal(15)),),
        "cache_read": ((0, Decimal("0.3")),),
        "cache_write": ((0, Decimal("3.75")),),
    },
    version="0.2.3",
    sha256="ab" * 32,
    since="2026-01-01",
    tier="batch",
    hours="00:00-06:00",
    other="litellm: 4",
)
"""A card that says all that a card can say but steps."""


class Failures(list[tuple[str, BaseException]]):
    """What was reported: pass it as `on_failure` or `report`."""

    def __call__(self, what: str, error: BaseException) -> None:
        self.append((what, error))


def intent(turn_id: str, **changes: object) -> Intent:
    """Return an intent of this id."""
    return msgspec.structs.replace(_INTENT, id=turn_id, **changes)


def settlement(turn_id: str, **changes: object) -> Settlement:
    """Return the end of the turn of this id."""
    return msgspec.structs.replace(_SETTLEMENT, id=turn_id, **changes)


async def with_ledger(
    home: Path, scene: Callable[[Ledger], Awaitable[None]], *, durability: Durability = "process"
) -> Failures:
    """Play a scene with the ledger of a home, and return what was reported meanwhile."""
    failures = Failures()
    ledger = await Ledger.open(home, FakeClock(), durability=durability, on_failure=failures)
    try:
        await scene(ledger)
    finally:
        await ledger.close()
    return failures
