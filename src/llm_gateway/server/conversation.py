"""Pieces of a Responses conversation as JSON texts: what a request brings, what the next one can send back.

Items stay the bytes that they came as. Nothing here keeps any of it: that is `socket_memory.py` for one
connection and `kept_responses.py` for longer.
"""

import msgspec
from msgspec import Raw

from llm_gateway.errors import MalformedRequest

__all__ = ["Items", "as_input", "input_items", "stands_alone"]

Items = tuple[bytes, ...]
"""Pieces of a conversation in order, each of them one item or several with commas between."""

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)


class _Item(msgspec.Struct, gc=False):
    type: str = ""
    encrypted_content: object = None


_item = msgspec.json.Decoder(_Item)


def input_items(raw: Raw | None) -> Items:
    """Return the items of an input as it came: a list without its brackets, or a message for a text."""
    text = bytes(raw or b"").strip()
    if text in (b"", b"null"):
        return ()
    if text.startswith(b"["):
        inner = text[1:-1].strip()
        return (inner,) if inner else ()
    if text.startswith(b'"'):
        content = b'[{"type":"input_text","text":%b}]' % text
        return (b'{"type":"message","role":"user","content":%b}' % content,)
    raise MalformedRequest("`input` must be a string or a list of items", param="input")


def as_input(items: Items) -> bytes:
    """Return a conversation as the list that `input` may be."""
    return b"[%b]" % b",".join(items)


def stands_alone(item: bytes) -> bool:
    """Whether an item can be sent back without its provider having stored it.

    Reasoning that is not encrypted is only a name for what the provider keeps: without `store` it is refused.
    """
    try:
        read = _item.decode(item)
    except _UNREADABLE:
        return True
    return read.type != "reasoning" or bool(read.encrypted_content)
