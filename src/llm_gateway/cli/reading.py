"""Read requests: from the gateway that runs, else from its ledger; and go on reading as they end."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import quote

import msgspec

from llm_gateway.cli.context import Context
from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import (
    FAILED,
    NOT_RUNNING,
    USAGE,
    Stop,
    complain,
    json_line,
    say,
    table,
    table_row,
)
from llm_gateway.clock import SystemClock
from llm_gateway.ledger import queries
from llm_gateway.ledger.arithmetic import turn_and_cards
from llm_gateway.ledger.filters import Filter
from llm_gateway.ledger.opening import reading
from llm_gateway.ledger.store import Rows
from llm_gateway.server.views import RequestDetail, RequestView, request_detail, request_view

__all__ = ["answered", "one_request", "page_of_requests", "since_us", "the_request"]

T = TypeVar("T")

_COLUMNS = (
    "at",
    "id",
    "client",
    "caller",
    "provider",
    "model",
    "status",
    "tokens_in",
    "tokens_out",
    "latency_ms",
)
_TITLES = [name.upper() for name in _COLUMNS]
_PAUSE_S = 0.5
_LOOKED_AT = 200
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_AMOUNT = 6


def page_of_requests(context: Context, wanted: Mapping[str, str], follow: bool, as_json: bool) -> None:
    """Print a page of requests, the newest last, and with `follow` those that end from then on."""
    begin_us = since_us(wanted["since"])
    api = context.api_or_none()
    if follow:
        if api is None:
            raise Stop(NOT_RUNNING, "no gateway runs, so nothing follows\nhint: `llm-gateway up` starts one")
        _follow(context, api, wanted, as_json)
        return
    page = _from_gateway(api, wanted) if api is not None else _from_ledger(context, wanted, begin_us)
    page.reverse()
    if as_json:
        json_line("requests", {"requests": page})
        return
    table(_TITLES, map(_cells, page))
    if not page:
        say("no requests yet; `llm-gateway smoke` sends one")


def answered(
    context: Context, name: str, query: Mapping[str, str], kind: type[T], made: Callable[[Rows], T]
) -> T:
    """Return what the gateway that runs says at a place of its dashboard API, else what its ledger says."""
    api = context.api_or_none()
    if api is not None:
        return msgspec.convert(api.get(f"/api/dashboard/{name}", **query), kind)
    with reading(context.load().home, SystemClock(), complain) as rows:
        return made(rows)


def the_request(context: Context, request_id: str) -> RequestDetail:
    """Return everything about a request; one that is not there ends the command."""
    detail = one_request(context, request_id)
    if detail is None:
        hint = "`llm-gateway requests` lists them"
        raise Stop(FAILED, f"error: there is no request {request_id!r}\nhint: {hint}")
    return detail


def one_request(context: Context, request_id: str) -> RequestDetail | None:
    """Return everything about a request, or None."""
    api = context.api_or_none()
    if api is not None:
        reply = api.send("GET", f"/api/dashboard/requests/{quote(request_id, safe='')}")
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise Stop(FAILED, f"error: the gateway answered {reply.status}; its log says why")
        return msgspec.json.decode(reply.body, type=RequestDetail)
    with reading(context.load().home, SystemClock(), complain) as rows:
        turn, cards = turn_and_cards(rows, request_id)
    return None if turn is None else request_detail(turn, cards)


def _from_gateway(api: LocalApi, wanted: Mapping[str, str]) -> list[RequestView]:
    query = {name: value for name, value in wanted.items() if value}
    return msgspec.convert(api.get("/api/dashboard/requests", **query)["requests"], list[RequestView])


def _from_ledger(context: Context, wanted: Mapping[str, str], begin_us: int) -> list[RequestView]:
    which = Filter(
        client=wanted["client"], provider=wanted["provider"], outcome=wanted["status"], since_us=begin_us
    )
    with reading(context.load().home, SystemClock(), complain) as rows:
        return [request_view(turn) for turn in queries.page(rows, which, limit=int(wanted["limit"]))]


def _follow(context: Context, api: LocalApi, wanted: Mapping[str, str], as_json: bool) -> None:
    """Print what there is, then each request once when it has ended."""
    known = _from_gateway(api, {**wanted, "limit": str(max(_LOOKED_AT, int(wanted["limit"])))})
    page = known[: int(wanted["limit"])][::-1]
    widths: list[int] = []
    if as_json:
        for view in page:
            json_line("request-row", view)
    else:
        widths = table(_TITLES, map(_cells, page))
    for view in _ended(context, wanted, known):
        if as_json:
            json_line("request-row", view)
        else:
            table_row(_cells(view), widths)


def _ended(context: Context, wanted: Mapping[str, str], known: list[RequestView]) -> Iterator[RequestView]:
    """Yield each request that ends from now on. Asks again and again: a restart is outlived, too."""
    while True:
        time.sleep(_PAUSE_S)
        # Only the gateway is asked: reading its ledger beside it would be in the way of one that starts.
        api = context.api_or_none()
        if api is None:
            continue
        try:
            fresh = _newest(context, api, wanted, known)
        except Stop:
            continue  # it went away meanwhile
        done = {view.id for view in known if view.status != "running"}
        for view in reversed(fresh):
            if view.status != "running" and view.id not in done:
                yield view
        known = fresh


def _newest(
    context: Context, api: LocalApi, wanted: Mapping[str, str], known: list[RequestView]
) -> list[RequestView]:
    """Return the newest requests, and those behind them that ran when they were last seen."""
    fresh = _from_gateway(api, {**wanted, "limit": str(_LOOKED_AT)})
    before = {view.id for view in known}
    if len(fresh) == _LOOKED_AT and not any(view.id in before for view in fresh):
        fresh = _from_gateway(api, {**wanted, "limit": str(queries.MOST)})
    there = {view.id for view in fresh}
    running = (view.id for view in known if view.status == "running" and view.id not in there)
    return fresh + [detail.request for turn_id in running if (detail := one_request(context, turn_id))]


def _cells(view: RequestView) -> list[object]:
    return [getattr(view, name) for name in _COLUMNS]


def since_us(text: str) -> int:
    """Return the time that `--since` means, 0 for all time."""
    if not text:
        return 0
    amount, unit = text[:-1], text[-1:]
    if not amount.isdecimal() or len(amount) > _LONGEST_AMOUNT or unit not in _UNITS:
        raise Stop(USAGE, f"error: --since {text!r} is not a time like 30m, 24h or 7d")
    return max(0, SystemClock().now_us() - int(amount) * _UNITS[unit] * 1_000_000)
