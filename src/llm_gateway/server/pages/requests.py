"""Requests: what can be filtered by with its counts, when they were, and the requests, the newest first.

The table goes on by the id of its last row, never by how many came before it; what begins and ends while
somebody looks is pushed (`live.py`). One request by itself is `request.py`.
"""

from collections.abc import Mapping, Sequence

import msgspec

from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger import queries
from llm_gateway.ledger.buckets import Width
from llm_gateway.ledger.facets import Bucket, Facets, Share, facets
from llm_gateway.ledger.filters import NAMELESS, Filter
from llm_gateway.ledger.reader import QueryTooSlow
from llm_gateway.ledger.records import Turn
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.tallies import Facet
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.server.pages.page import Asked, Page
from llm_gateway.server.pages.request_query import (
    CHOICES,
    PATH,
    SPANS,
    USUAL,
    address,
    filter_of,
    live_address,
)
from llm_gateway.server.views import RequestView, iso, request_view

__all__ = ["BucketView", "FacetView", "Requests", "RequestsView", "ValueView"]

_USUAL_ROWS = 50
_MOST_ROWS = 500
_SHOWN = 6
# Names are of their callers' choosing, and there may be as many as there are requests.
_MOST_VALUES = 200
_TITLES: Mapping[Facet, str] = {
    "client": "Client",
    "provider": "Provider",
    "model": "Model",
    "status": "Status",
    "key": "Key",
    "caller": "Caller",
}
_STATUSES = ("ok", "cached", "failed", "error", "truncated", "interrupted", "cancelled", "running")
_UNNAMED = "(none)"
_WIDTHS = {"minute": "minutes", "hour": "hours", "day": "days", "week": "weeks", "month": "months"}


class ValueView(msgspec.Struct, frozen=True):
    """A value that can be chosen, or let go of where it is; `link` does it."""

    name: str
    label: str
    requests: int | None
    chosen: bool
    link: str


class FacetView(msgspec.Struct, frozen=True):
    """What can be chosen of one kind: the most frequent values, and `more`; `left_out` are not."""

    name: str
    title: str
    values: list[ValueView]
    more: list[ValueView]
    left_out: int = 0


class BucketView(msgspec.Struct, frozen=True):
    """How the requests ended that began in a part of the time."""

    at: str
    at_s: int
    ok: int
    cancelled: int
    failed: int
    running: int


class RequestsView(msgspec.Struct, frozen=True):
    """A page of requests, of `found` that there are. `next` is the id that the next page is before.

    `seen` are answers of the time that clients reported and that passed the gateway by. `q_is` is what the
    text is taken for: the beginning of ids (`id`), a `session`, or part of a `name`. `live` is where new ones
    are told, "" where none can be among these.
    """

    requests: list[RequestView]
    found: int
    seen: int
    since: str
    until: str
    spans: list[ValueView]
    facets: list[FacetView]
    histogram: list[BucketView]
    bucket: str
    q: str
    q_is: str
    next: str | None
    older: str
    newest: str
    cleared: str
    live: str


class Requests:
    """Make the page."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def pages(self) -> tuple[Page, ...]:
        """Return the page."""
        return (Page(PATH, "requests", self.make, "Requests: filtered, counted, the newest first, live"),)

    async def make(self, asked: Asked) -> RequestsView:
        """Return what the page shows."""
        query, now_us = asked.query, self._gateway.clock.now_us()
        which, limit = filter_of(query, now_us), _limit(query)
        before = query.get("before", "")[:64]
        try:
            turns, found = await self._gateway.ledger.read(_read, which, before, limit, now_us)
        except QueryTooSlow as error:
            raise MalformedRequest(f"{error}", param="since") from None
        more = turns[limit - 1].intent.id if len(turns) > limit else None
        return RequestsView(
            requests=[request_view(turn) for turn in turns[:limit]],
            found=found.requests,
            seen=sum(each.requests for each in found.by["source"] if each.name == "seen"),
            since=iso(found.since_us),
            until=iso(found.until_us),
            spans=_spans(query),
            facets=[_facet(query, facet, found.by[facet]) for facet in _TITLES],
            histogram=[_bucket(each) for each in found.buckets],
            bucket=_told(found.width),
            q=which.text,
            q_is=found.text_is,
            next=more,
            older=address(query, before=more) if more else "",
            newest=address(query) if before else "",
            cleared=address(query, **dict.fromkeys((*CHOICES, "q"), "")) if which.names_any else "",
            live=live_address(query),
        )


def _read(rows: Rows, which: Filter, before: str, limit: int, now_us: int) -> tuple[Sequence[Turn], Facets]:
    """Return a page with the first row of the next one, and what it is a part of."""
    return queries.page(rows, which, before=before, limit=limit + 1), facets(rows, which, now_us)


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", "")
    if not text:
        return _USUAL_ROWS
    if not text.isascii() or not text.isdecimal() or len(text) > 4 or not 1 <= int(text) <= _MOST_ROWS:
        raise MalformedRequest(f"limit={text[:20]!r} is not a number from 1 to {_MOST_ROWS}", param="limit")
    return int(text)


def _spans(query: Mapping[str, str]) -> list[ValueView]:
    """Return the times that can be chosen; one that was written stands among them."""
    since, until = query.get("since", "") or USUAL, query.get("until", "")
    spans = [
        ValueView(each, each, None, each == since and not until, address(query, since=each, until=""))
        for each in SPANS
    ]
    if until or since not in SPANS:
        label = f"{since} to {until}" if until else f"since {since}"
        spans.append(ValueView(since, label, None, chosen=True, link=address(query)))
    return spans


def _facet(query: Mapping[str, str], facet: Facet, shares: Sequence[Share]) -> FacetView:
    told = query.get(facet, "")
    if facet == "status":
        shares = sorted(shares, key=lambda each: _STATUSES.index(each.name))
    left_out = max(0, len(shares) - _MOST_VALUES)
    chosen = [share for share in shares[_MOST_VALUES:] if told and (share.name or NAMELESS) == told]
    shares = [*shares[:_MOST_VALUES], *chosen]
    values = [_value(query, facet, share.name, share.requests) for share in shares]
    if told and not any(each.chosen for each in values):
        values.insert(0, _value(query, facet, told, 0))
    shown = len(values) if facet == "status" else _SHOWN
    first = [each for place, each in enumerate(values) if place < shown or each.chosen]
    rest = [each for each in values[shown:] if not each.chosen]
    return FacetView(facet, _TITLES[facet], first, rest, left_out - len(chosen))


def _value(query: Mapping[str, str], facet: Facet, name: str, requests: int) -> ValueView:
    told = name or NAMELESS
    chosen = query.get(facet, "") == told
    label = name if name and name != NAMELESS else _UNNAMED
    return ValueView(name, label, requests, chosen, address(query, **{facet: "" if chosen else told}))


def _bucket(bucket: Bucket) -> BucketView:
    ends = (bucket.ok, bucket.cancelled, bucket.failed, bucket.running)
    return BucketView(iso(bucket.start_us), bucket.start_us // 1_000_000, *ends)


def _told(width: Width) -> str:
    return f"{width.count} {_WIDTHS[width.unit]}" if width.count > 1 else width.unit
