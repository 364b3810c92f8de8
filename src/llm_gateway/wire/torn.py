r"""JSON with half a character in a text, read all the same: what it counts stands beside that text.

An answer that ends within an emoji, or is cut into pieces there, may hold one half of a pair of surrogates
(`\ud83d`), which JSON can say and no text can hold (RFC 8259, 8.2). Only what is read of it has U+FFFD there
instead; whoever passes it on passes it on as it came.
"""

import re
from typing import TypeVar

import msgspec

__all__ = ["read_torn"]

T = TypeVar("T")

# A backslash that is escaped, a whole pair, and one half.
_ESCAPES = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def read_torn(decoder: msgspec.json.Decoder[T], data: bytes | msgspec.Raw) -> T:
    """Return what JSON holds; raise what the decoder raises where it is not for half a character."""
    try:
        return decoder.decode(data)
    except msgspec.DecodeError:
        told = bytes(data)
        mended = _ESCAPES.sub(_mended, told)
        if mended == told:
            raise
        return decoder.decode(mended)


def _mended(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape[1] else escape[0]
