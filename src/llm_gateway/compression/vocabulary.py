"""The vocabulary o200k_base, which travels in this package: one megabyte, so that nothing is downloaded.

Not a tokenizer: `tokenizer.py` makes one of it. Where it is from and its licence: `o200k_base.licence.txt`.
"""

import zlib
from importlib import resources

__all__ = ["PATTERN", "vocabulary"]

_SIZE = 199_998

# From tiktoken, `tiktoken_ext/openai_public.py`, `o200k_base`.
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_PIECES = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + _SHORT,
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + _SHORT,
    r"\p{N}{1,3}",
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
    r"\s*[\r\n]+",
    r"\s+(?!\S)",
    r"\s+",
)
PATTERN = "|".join(_PIECES)
"""How text is cut before tokens are looked for in the pieces."""


def vocabulary() -> dict[bytes, int]:
    """Return every token with its rank."""
    packed = resources.files(__package__).joinpath("o200k_base.zlib").read_bytes()
    data = zlib.decompress(packed)
    ranks: dict[bytes, int] = {}
    at = _SIZE
    for rank, length in enumerate(data[:_SIZE]):
        ranks[data[at : at + length]] = rank
        at += length
    return ranks
