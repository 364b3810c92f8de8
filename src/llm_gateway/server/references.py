"""Items that a request only names: clients that take it for granted that every answer is kept send an id.

Such a reference is replaced by the item itself, where an answer with it is kept. Others stay as they are: who
serves the request may know them. Read: developers.openai.com, "Item reference"; vercel/ai,
packages/openai/src/responses/convert-to-openai-responses-input.ts.
"""

from collections.abc import Awaitable, Callable, Iterable

import msgspec
from msgspec import Raw

from llm_gateway.server.conversation import Items, as_input

__all__ = ["ids_of", "looked_up", "refers"]

_MARK = b'"item_reference"'
_MAX_ID = 256
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)


class _Item(msgspec.Struct, gc=False):
    id: str = ""
    type: str = ""


_item = msgspec.json.Decoder(_Item)
_list = msgspec.json.Decoder(list[Raw])


def refers(raw: Raw | None) -> bool:
    """Whether an input may hold a reference."""
    return raw is not None and _MARK in bytes(raw)


async def looked_up(items: Items, find: Callable[[str], Awaitable[Iterable[bytes]]]) -> Items:
    """Return items with those in the place of references that `find` knows.

    It is given the id of an item and returns all items of the answer that has it, or none.
    """
    known: dict[str, bytes] = {}
    found: list[bytes] = []
    for raw in _list.decode(as_input(items)):
        item = bytes(raw)
        read = _read(item)
        if read is not None and read.type == "item_reference" and 0 < len(read.id) <= _MAX_ID:
            if read.id not in known:
                known |= {item_id: each for each in await find(read.id) for item_id in ids_of([each])}
            item = known.get(read.id, item)
        found.append(item)
    return tuple(found)


def ids_of(items: Iterable[bytes]) -> list[str]:
    """Return the ids of items, as far as they have any."""
    reads = (_read(item) for item in items)
    return [read.id for read in reads if read is not None and 0 < len(read.id) <= _MAX_ID]


def _read(item: bytes) -> _Item | None:
    try:
        return _item.decode(item)
    except _UNREADABLE:
        return None
