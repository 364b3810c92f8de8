"""What the demo models read of a request: strict where an answer depends on it, blind to the rest."""

import re
from typing import TypeVar

import msgspec

__all__ = ["StreamOptions", "Unreadable", "Wishes", "read"]


class Unreadable(ValueError):
    """The request cannot be read; `param` is the member at fault, where it is known."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class StreamOptions(msgspec.Struct):
    """The member `stream_options`."""

    include_usage: bool | None = None


class Wishes(msgspec.Struct, kw_only=True):
    """How the client wants its words, in both operations that give words."""

    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None

    @property
    def wants_usage(self) -> bool:
        """Whether a stream is to end with its usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


T = TypeVar("T")

# msgspec says "Expected `str`, got `int` - at `$.input[0]`" or "Object missing required field `input`".
_MEMBER = re.compile(r"(?:`\$\.|required field `)(\w+)")


def read(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode a request; Unreadable says what is wrong with it."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error), _member(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from None


def _member(message: str) -> str | None:
    found = _MEMBER.search(message)
    return None if found is None else found[1]
