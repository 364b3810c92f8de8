"""Count the tokens of a request where its upstream has no way to: offline, from the text's size.

An estimate, and said to be one. Exact tokenizers differ by vendor and model, are large, and slower than the
question is worth; clients ask this dozens of times to draw a gauge.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from llm_gateway.canonical.usage import estimate_tokens
from llm_gateway.engines.prepared import PreparedAnswer

__all__ = ["Counting", "TellsCounts", "counted"]

_BASE64 = 2000  # a text this long without a space is a file or a picture, not words
_MEDIA_TOKENS = 1500  # about what the vendors charge for a page or a picture of usual size
_EACH = 4  # what roles, names and marks around every object cost


class TellsCounts(Protocol):
    """A dialect, as far as it is needed here."""

    @property
    def name(self) -> str:
        """Return the dialect's name."""
        ...

    def encode_count(self, tokens: int) -> bytes:
        """Write the answer to a request that only counts tokens."""
        ...


class Counting:
    """The engine behind count operations that no upstream answers."""

    name = "llm-gateway"
    abilities = None
    people: frozenset[str] | None = None
    models: Sequence[str] = ()
    counts = False

    def __init__(self, dialect: TellsCounts) -> None:
        self.dialect = dialect.name
        self._counts = dialect

    async def answer(self, operation: str, body: bytes, model: str) -> PreparedAnswer:
        """Answer with a count; a header says how it was made and how far off it may be."""
        told = self._counts.encode_count(counted(body))
        return PreparedAnswer.whole(
            200, told, extra=[(b"x-llm-gateway-count", b"estimate; within about 30 %")]
        )

    async def close(self) -> None:
        """Give back nothing: nothing is held."""


def counted(body: bytes) -> int:
    """Return an estimate of the tokens in a JSON body: a quarter of its texts' bytes, media by the piece."""
    try:
        return max(1, _tokens(msgspec.json.decode(body)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return estimate_tokens(len(body))


def _tokens(value: object) -> int:
    match value:
        case str():
            if len(value) > _BASE64 and " " not in value:
                return _MEDIA_TOKENS
            return estimate_tokens(len(value.encode("utf-8", "replace")))
        case list():
            return sum(map(_tokens, value))
        case dict():
            return _EACH + sum(_tokens(key) // 2 + _tokens(part) for key, part in value.items())
        case None:
            return 0
        case _:
            return 1
