"""The counting program: reads bodies from stdin, writes how much is in them to stdout, ends when stdin does.

A process of its own, because making the tokenizer and counting with it hold the interpreter, and its tables
take a hundred megabytes. It runs with less priority than anything that answers. Without the extra `tokens`
it tells text from media, and counts bytes. See docs/decisions/0012-counting-process.md.
"""

import importlib
import importlib.util
import os
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO, assert_never

import msgspec

from llm_gateway.compression.asked import Asked, asked
from llm_gateway.compression.frames import LENGTH, Count, Order, Shorter, framed, read_order

__all__ = ["count_of", "differences", "main", "serve"]

_LESS = 10


def main() -> None:
    """Count until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's interrupt is for the gateway
    if hasattr(os, "nice"):
        os.nice(_LESS)
    serve(sys.stdin.buffer, sys.stdout.buffer, _tokenizer())


def serve(orders: BinaryIO, answers: BinaryIO, tokens: Callable[[str], int] | None) -> None:
    """Answer one order after the other."""
    while len(head := orders.read(LENGTH.size)) == LENGTH.size:
        order = read_order(orders.read(*LENGTH.unpack(head)))
        match order:
            case Order(dialect=dialect, body=body):
                found = asked(dialect, body)
                answers.write(framed(None if found is None else count_of(found, tokens)))
            case Shorter(pairs=pairs):
                answers.write(framed(differences(pairs, tokens)))
            case _:
                assert_never(order)
        answers.flush()


def count_of(found: Asked, tokens: Callable[[str], int] | None) -> Count:
    """Count what a request asks, with a tokenizer or without one."""

    def all_of(texts: tuple[str, ...]) -> int | None:
        return None if tokens is None else sum(map(tokens, texts))

    every = (*found.texts, *found.tools, *found.forms)
    return Count(
        sum(len(text.encode("utf-8", "replace")) for text in every),
        all_of(found.texts),
        all_of(found.tools),
        all_of(found.forms),
        found.messages,
        found.calls,
        len(found.tools),
        len(found.forms),
        found.media,
    )


def differences(
    pairs: tuple[tuple[bytes, bytes], ...], tokens: Callable[[str], int] | None
) -> tuple[int, ...] | None:
    """Return how many tokens each text has more than what it was sent as: fewer than none, perhaps."""
    if tokens is None:
        return None
    try:
        return tuple(tokens(_text.decode(raw)) - tokens(_text.decode(sent)) for raw, sent in pairs)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # no JSON strings: nobody compressed that


_text = msgspec.json.Decoder(str)


def _tokenizer() -> Callable[[str], int] | None:
    """Return what counts tokens, where the extra is installed."""
    if importlib.util.find_spec("tiktoken") is None:
        return None
    load: Callable[[], Callable[[str], int]] = importlib.import_module(
        "llm_gateway.compression.tokenizer"
    ).load
    return load()


if __name__ == "__main__":
    main()
