"""What a turn used, counted one way whatever the provider calls it, and an estimate where nobody counted.

Not prices, and not a tokenizer: exact counting is a matter of compression, off the request path.
"""

import msgspec

from llm_gateway.wire.ready import ready

__all__ = ["BYTES_PER_TOKEN", "Special", "Usage", "estimate_tokens"]

# English text and code average about four bytes a token over the usual tokenizers; JSON runs lower and
# CJK text higher. Callers that know better calibrate from settled turns.
BYTES_PER_TOKEN = 4


@ready
class Special(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What of a usage has prices of its own: tokens that are no text, and searches, which are no tokens.

    `audio_in` and `image_in` are parts of `uncached`, `audio_read` and `image_read` of `cache_read`,
    `audio_out` and `image_out` of `output`. `searches` are calls of the provider's own web search.
    """

    audio_in: int = 0
    audio_read: int = 0
    audio_out: int = 0
    image_in: int = 0
    image_read: int = 0
    image_out: int = 0
    searches: int = 0


@ready
class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one turn. The three input parts do not overlap; `reasoning` is a part of `output`.

    `cache_write_1h` is the part of `cache_write` that is kept for an hour, which costs more. `special` is
    None where there is nothing of that kind.
    """

    uncached: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    estimated: bool = False
    cache_write_1h: int = 0
    special: Special | None = None

    @property
    def input(self) -> int:
        """Return all tokens that went in, cached or not."""
        return self.uncached + self.cache_read + self.cache_write

    @property
    def total(self) -> int:
        """Return all tokens, in and out."""
        return self.input + self.output


def estimate_tokens(n_bytes: int) -> int:
    """Estimate the tokens of a text of `n_bytes`: a quarter, rounded up, and none for nothing."""
    return -(-max(n_bytes, 0) // BYTES_PER_TOKEN)
