"""What a provider was sent, read back into what the client sent, and laid upon what was sent before it.

The package's own decoder brings the results back; everything else is compared as bytes. A decoder cannot tell
a result that was encoded from one that only looks so: which it was is told by what the client sent.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from clients_e2e.agent import Asked
from llm_gateway.canonical.gather import nothing_known
from llm_gateway.canonical.slots import Called, Slots, arguments
from llm_gateway.compression.block import History, decoded
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.wire.jsonedit import Document
from llm_gateway.wire.splice import splice

__all__ = ["only_grows", "restored", "results"]

# Claude Code marks its last messages, and takes the marks off those before them.
_MARK = re.compile(rb',"cache_control":\{[^{}]*\}')
_text = msgspec.json.Decoder(str)


def restored(dialect: str, asked: Asked) -> bytes:
    """Return the body that the provider got, with its results brought back to what they were."""
    got, came = _slots(dialect, asked.received), _slots(dialect, asked.sent)
    history, calls, number = History(), 0, 0
    edits: list[tuple[int, int, bytes]] = []
    for entry, before in zip(got.entries(), came.entries(), strict=True):
        if isinstance(entry, Called):
            calls += 1
            for name, text in arguments(entry):
                history.called(calls, name, text)
            continue
        start, number = got.starts[number], number + 1
        text = _text.decode(entry.literal)
        if entry.literal == before.literal:
            history.passed(number, text)
            continue
        assert decoded(text, history, number) == _text.decode(before.literal), text
        edits.append((start, start + len(entry.literal), before.literal))
    return splice(got.body, edits)


def results(dialect: str, body: bytes) -> list[str]:
    """Return the texts of a body's results."""
    return [_text.decode(literal) for literal in _slots(dialect, body).literals()]


def only_grows(dialect: str, bodies: Sequence[bytes]) -> None:
    """Check that the messages of each body begin with those of the one before, marks apart."""
    said = [_MARK.sub(b"", _array(dialect, body)) for body in bodies]
    for before, after in pairwise(said):
        assert after.startswith(before.removesuffix(b"]")), _where(before, after)


def _slots(dialect: str, body: bytes) -> Slots:
    return DIALECTS[dialect].slots(Document.parse(body), nothing_known)


def _array(dialect: str, body: bytes) -> bytes:
    return bytes(Document.parse(body).fields[_slots(dialect, body).member])


def _where(before: bytes, after: bytes) -> str:
    at = next(n for n, (one, other) in enumerate(zip(before, after, strict=False)) if one != other)
    return f"from byte {at} on: {before[at - 40 : at + 200]!r} has become {after[at - 40 : at + 200]!r}"
