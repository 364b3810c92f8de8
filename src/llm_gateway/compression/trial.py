"""What compression would make of requests: each result before and after, in bytes and in tokens.

A conversation is gone through as if it had been compressed from its first request on. Nothing is sent, and
nothing that a gateway has decided is asked for or kept.
"""

from collections.abc import Callable

import msgspec

from llm_gateway.canonical.slots import Slot
from llm_gateway.compression.asked import asked
from llm_gateway.compression.conversation import Compressor, Mode, Replacement, Wish, rewritten
from llm_gateway.compression.files import Filed

__all__ = ["Block", "Trial", "tried"]

_Count = Callable[[str], int]

_text = msgspec.json.Decoder(str)


class Block(msgspec.Struct, frozen=True):
    """One result; `after` is None where it is sent as it came. `sends`: so many requests had it."""

    number: int
    tool: str
    before: str
    after: str | None
    tokens_before: int
    tokens_after: int
    sends: int

    @property
    def encoded(self) -> bool:
        """Whether it is sent otherwise than it came."""
        return self.after is not None


class Trial(msgspec.Struct, frozen=True):
    """One request. `tokens` is all of its prompt as it came; `body` is the one that would be sent."""

    name: str
    dialect: str
    tokens: int
    blocks: tuple[Block, ...]
    body: bytes
    failures: int

    @property
    def saved(self) -> int:
        """Return the tokens by which the prompt would be shorter."""
        return sum(each.tokens_before - each.tokens_after for each in self.blocks)


def tried(request: Filed, policy: Mode, count: _Count) -> Trial:
    """Return what would become of a request."""
    slots = msgspec.structs.replace(request.slots, read=0, marked=0)  # each of them was new once
    compressor = Compressor()
    compressed = compressor.compress(compressor.plan(slots, Wish(policy)))
    replaced = {each.slot: each for each in compressed.replacements}
    blocks: list[Block] = []
    later = sum(message.answers for message in slots.messages)
    ends = not slots.messages or not slots.messages[-1].answers
    for message in slots.messages:
        later -= message.answers
        for entry in message.entries:
            if isinstance(entry, Slot):
                number = len(blocks)
                blocks.append(_block(number + 1, entry, replaced.get(number), count, later + ends))
    body = rewritten(slots, compressed)
    whole = _whole(request, count, blocks)
    return Trial(request.name, request.dialect, whole, tuple(blocks), body, compressed.failures)


def _block(number: int, slot: Slot, replaced: Replacement | None, count: _Count, sends: int) -> Block:
    before = _said(slot.literal)
    after = None if replaced is None else _said(replaced.literal)
    tokens = count(before)
    return Block(number, slot.tool, before, after, tokens, tokens if after is None else count(after), sends)


def _said(literal: bytes) -> str:
    try:
        return _text.decode(literal)
    except (msgspec.DecodeError, UnicodeDecodeError):  # half a surrogate pair
        return literal.decode("utf-8", "replace")


def _whole(request: Filed, count: _Count, blocks: list[Block]) -> int:
    """Return the tokens of all of a prompt; of its results alone where the rest cannot be read."""
    fields = request.document.fields
    more = {name: b"%b" % value for name, value in _NEEDED.items() if name not in fields}
    found = asked(request.dialect, request.document.edit(more))
    if found is None:
        return sum(each.tokens_before for each in blocks)
    return sum(map(count, (*found.texts, *found.tools, *found.forms)))


_NEEDED = {"model": b'"any"', "max_tokens": b"1"}
