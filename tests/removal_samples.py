"""Requests of which results were sent shorter, as the counting of that sees them."""

import json
from collections.abc import Sequence

from llm_gateway.canonical.slots import Slots
from llm_gateway.compression.conversation import Compressed, Replacement
from llm_gateway.compression.removal import Removal

__all__ = ["WORDS", "removal"]

WORDS = (
    ("one two three four five six", "one to six"),
    ("as it came", "as it came"),
    ("a b c d e f", "a to f"),
)
"""Results as they came and as they are sent; the second is left as it is."""


def removal(pairs: Sequence[tuple[str, str]] = WORDS, read: int = 0, whose: bytes = b"") -> Removal:
    """Return a request with these results, of which a model has read so many."""
    body, starts, replacements = b"", [], []
    for slot, (raw, sent) in enumerate(pairs):
        starts.append(len(body))
        literal = json.dumps(raw).encode()
        body += literal
        if raw != sent:
            replacements.append(Replacement(slot, len(literal), json.dumps(sent).encode()))
    chains = [b"%b-%d" % (whose, slot) for slot in range(len(pairs))]
    return Removal(
        Slots(body, "chat", "messages", starts=starts, read=read), Compressed(replacements, chains)
    )
