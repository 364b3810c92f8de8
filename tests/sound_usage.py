"""What is true of every usage, whoever told it and however oddly."""

import msgspec

from llm_gateway.canonical.counts import MOST_TOKENS
from llm_gateway.canonical.usage import Usage

__all__ = ["assert_sound"]


def assert_sound(usage: Usage) -> None:
    """Fail where a part is more than its whole, or a count is none that can be believed."""
    special = usage.special
    counts = [value for value in msgspec.structs.astuple(usage) if isinstance(value, int)]
    assert min(counts) >= 0
    assert max(counts) <= 2 * MOST_TOKENS
    assert usage.reasoning <= usage.output
    assert usage.cache_write_1h <= usage.cache_write
    if special is None:
        return
    parts = msgspec.structs.astuple(special)
    assert min(parts) >= 0
    assert max(parts) > 0, "a special of nothing takes room"
    assert special.audio_in + special.image_in <= usage.uncached
    assert special.audio_read + special.image_read <= usage.cache_read
    assert special.audio_out + special.image_out <= usage.output - usage.reasoning
    assert special.searches <= 10_000
