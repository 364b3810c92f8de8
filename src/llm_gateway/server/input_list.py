"""The items that led to a kept response, as a list that is read page by page.

Clients read them by their ids, and send most items without one: such an item gets an id from its place. Read:
developers.openai.com, "List input items".
"""

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from llm_gateway.errors import MalformedRequest
from llm_gateway.wire.jsonedit import Document, MalformedJson

__all__ = ["page_of_items"]

_MOST = 100
_USUAL = 20
_PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco", "reasoning": "rs"}

_list = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.encode


class _Item(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    role: str | None = None
    content: Raw = msgspec.field(default_factory=Raw)
    status: str | None = None


_item = msgspec.json.Decoder(_Item)


def page_of_items(items: bytes, response_id: str, query: Mapping[str, str]) -> bytes:
    """Return a page of an input's items; `query` has `limit`, `order` (newest first is usual) and `after`."""
    shown = [_shown(bytes(item), response_id, place) for place, item in enumerate(_list.decode(items))]
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise MalformedRequest("`order` must be asc or desc", param="order")
    if order == "desc":
        shown.reverse()
    if after := query.get("after", ""):
        place = next((place for place, (item_id, _) in enumerate(shown) if item_id == after), None)
        if place is None:
            raise MalformedRequest("`after` is the id of no item of this response's input", param="after")
        shown = shown[place + 1 :]
    page = shown[: _limit(query.get("limit", ""))]
    first, last = (page[0][0], page[-1][0]) if page else (None, None)
    return b'{"object":"list","data":[%b],"first_id":%b,"last_id":%b,"has_more":%b}' % (
        b",".join(text for _, text in page),
        _encode(first),
        _encode(last),
        b"true" if len(page) < len(shown) else b"false",
    )


def _limit(text: str) -> int:
    if not text:
        return _USUAL
    if not text.isdecimal() or len(text) > 3 or not 1 <= int(text) <= _MOST:
        raise MalformedRequest(f"`limit` must be a number from 1 to {_MOST}", param="limit")
    return int(text)


def _shown(text: bytes, response_id: str, place: int) -> tuple[str, bytes]:
    """Return an item's id and the item as the API shows it: with an id, and a message in its long form."""
    try:
        item = _item.decode(text)
        document = Document.parse(text)
    except (msgspec.DecodeError, UnicodeDecodeError, MalformedJson):
        return f"item_{response_id}_{place}", text  # its upstream took it; it is shown as it came
    changes: dict[str, bytes] = {}
    kind = item.type or ("message" if item.role else "item")
    item_id = item.id or f"{_PREFIXES.get(kind, 'item')}_{response_id}_{place}"
    if not item.id:
        changes["id"] = _encode(item_id)
    if kind == "message":
        if not item.type:
            changes["type"] = b'"message"'
        if not item.status:
            changes["status"] = b'"completed"'
        if bytes(item.content).startswith(b'"'):
            form = b'[{"type":"input_text","text":%b}]'
            if item.role == "assistant":
                form = b'[{"type":"output_text","annotations":[],"text":%b}]'
            changes["content"] = form % bytes(item.content)
    return item_id, document.edit(changes)
