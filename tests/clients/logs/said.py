"""What every log of the tests has in common: whose words are in it, which answers, and when they came."""

import json
from datetime import UTC, datetime, timedelta

from llm_gateway.canonical.usage import Usage

__all__ = ["BEGAN", "CANARY", "SAID", "SESSION", "USAGES", "lines", "stamp"]

CANARY = "canary-4be1"
SESSION = "0199aaaa-5e55-7000-8000-000000000001"
BEGAN = datetime(2026, 11, 20, 8, 0, 0, tzinfo=UTC)
USAGES = (
    Usage(uncached=32, cache_read=8, output=12),
    Usage(uncached=100, output=40, reasoning=15),
    Usage(uncached=7, cache_read=900, cache_write=60, output=3),
)
SAID = f'{CANARY} \u00fc\u4f60\U0001f30d \\n "usage": {{"input_tokens": 9}}'


def stamp(index: int) -> str:
    """Return when an answer was given."""
    return (BEGAN + timedelta(seconds=index)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lines(*values: object) -> bytes:
    """Return values as lines, as programs write them."""
    return b"".join(
        json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n" for value in values
    )
