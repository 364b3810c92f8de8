"""Vectors of the demo models: unit length, from a hash of the text. Near texts are not near."""

import base64
import hashlib
import math
import struct

import msgspec

from llm_gateway.engines.demo.reading import Unreadable, read
from llm_gateway.engines.demo.wording import usage

__all__ = ["reply"]

_DIMENSIONS = 64
_MOST_DIMENSIONS = 4096
_MOST_NUMBERS = 128 * 1024  # about 50 ms of work, during which nothing else runs


class _Request(msgspec.Struct):
    input: str | list[str | int | list[int]]
    dimensions: int | None = None
    encoding_format: str | None = None


_decoder = msgspec.json.Decoder(_Request)


def reply(body: bytes, model: str) -> bytes:
    """Answer a request; Unreadable says what is wrong with it."""
    request = read(_decoder, body)
    size = _DIMENSIONS if request.dimensions is None else request.dimensions
    if not 1 <= size <= _MOST_DIMENSIONS:
        raise Unreadable(f"`dimensions` must be between 1 and {_MOST_DIMENSIONS}", "dimensions")
    if request.encoding_format not in (None, "float", "base64"):
        raise Unreadable("`encoding_format` must be float or base64", "encoding_format")
    texts = _texts(request.input)
    if size * len(texts) > _MOST_NUMBERS:
        raise Unreadable(f"the demo makes at most {_MOST_NUMBERS} numbers at once: send fewer texts", "input")
    vectors = [_vector(text, size) for text in texts]
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _packed(vector) if request.encoding_format == "base64" else vector,
        }
        for index, vector in enumerate(vectors)
    ]
    counts = usage("".join(texts), "")
    del counts["completion_tokens"]
    return msgspec.json.encode({"object": "list", "data": data, "model": model, "usage": counts})


def _texts(given: str | list[str | int | list[int]]) -> list[str]:
    """Return the inputs as texts; a list of numbers is one input in tokens."""
    if isinstance(given, str):
        return [given]
    if given and all(isinstance(item, int) for item in given):
        return [_spelled(given)]
    texts = [item if isinstance(item, str) else _spelled(item) for item in given if not isinstance(item, int)]
    if not texts or len(texts) != len(given):
        raise Unreadable("`input` must be a text or a list of texts", "input")
    return texts


def _spelled(tokens: list[str | int | list[int]] | list[int]) -> str:
    return " ".join(str(token) for token in tokens)


def _vector(text: str, size: int) -> list[float]:
    stream = hashlib.shake_128(text.encode("utf-8", "replace")).digest(4 * size)
    numbers = [number / 2**31 for (number,) in struct.iter_unpack("<i", stream)]
    length = math.sqrt(sum(number * number for number in numbers)) or 1.0
    return [number / length for number in numbers]


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
