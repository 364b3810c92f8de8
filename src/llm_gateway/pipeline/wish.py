"""What a request says about the response cache, in its header `x-llm-gateway-cache`.

Whether it gets what it wishes is decided in `replay.py`.
"""

import msgspec

from llm_gateway.errors import MalformedRequest
from llm_gateway.wire.headers import Headers, get

__all__ = ["UNASKED", "Wish", "wish_of"]

_HEADER = b"x-llm-gateway-cache"
_LONGEST = 9


class Wish(msgspec.Struct, frozen=True):
    """Whether an answer may come from the cache and be kept there; `oldest` is its age in seconds at most."""

    uses: bool
    oldest: int | None = None
    asked: bool = True


UNASKED = Wish(uses=True, asked=False)
"""The wish of a request that says nothing, where its key or its client uses the cache all the same."""

_WORDS = {
    b"on": Wish(uses=True),
    b"off": Wish(uses=False),
    b"refresh": Wish(uses=True, oldest=0),
}


def wish_of(headers: Headers) -> Wish | None:
    """Return what a header section says of the cache, None where it says nothing; else MalformedRequest."""
    value = get(headers, _HEADER)
    if value is None:
        return None
    word = value.strip().lower()
    if word in _WORDS:
        return _WORDS[word]
    if not word.isdigit() or len(word) > _LONGEST:
        raise MalformedRequest(
            "the header x-llm-gateway-cache is `on`, `off`, `refresh`, or the greatest age of an answer in "
            "whole seconds",
            param="x-llm-gateway-cache",
        )
    return Wish(uses=True, oldest=int(word))
