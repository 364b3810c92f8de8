"""Read requests: from the gateway that runs, else from its ledger; and go on reading as they end."""

import sys
import time
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlencode

import msgspec

from llm_gateway.cli.context import Context
from llm_gateway.cli.output import FAILED, NOT_RUNNING, Stop, json_line, say, table
from llm_gateway.clock import SystemClock
from llm_gateway.errors import ConfigError
from llm_gateway.ledger import queries
from llm_gateway.ledger.opening import reading
from llm_gateway.server.views import RequestDetail, RequestView, request_detail, request_view

__all__ = ["one_request", "page_of_requests"]

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
_PAUSE_S = 0.5
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def page_of_requests(context: Context, wanted: Mapping[str, str], follow: bool, as_json: bool) -> None:
    """Print a page of requests, the newest last, and with `follow` those that end from then on."""
    page = _page(context, wanted)
    page.reverse()
    if as_json and not follow:
        json_line("requests", {"requests": page})
        return
    if as_json:
        for view in page:
            json_line("request-row", view)
    else:
        table(
            [name.upper() for name in _COLUMNS], ([getattr(view, name) for name in _COLUMNS] for view in page)
        )
    if not follow:
        if not page and not as_json:
            say("no requests yet; `llm-gateway smoke` sends one")
        return
    if context.api_or_none() is None:
        raise Stop(NOT_RUNNING, "no gateway runs, so nothing follows\nhint: `llm-gateway up` starts one")
    for view in _following(context, wanted, page):
        if as_json:
            json_line("request-row", view)
        else:
            print("  ".join(str(getattr(view, name) or "-") for name in _COLUMNS))
            sys.stdout.flush()


def one_request(context: Context, request_id: str) -> dict[str, object] | None:
    """Return everything about a request, or None."""
    api = context.api_or_none()
    if api is not None:
        reply = api.send("GET", f"/api/dashboard/requests/{quote(request_id, safe='')}")
        return msgspec.json.decode(reply.body, type=dict[str, object]) if reply.status == 200 else None
    loaded = context.load()
    try:
        with reading(loaded.home, SystemClock(), _complain) as rows:
            turn = queries.turn(rows, request_id)
    except ConfigError as error:
        raise Stop(FAILED, f"error: {error}") from None
    if turn is None:
        return None
    detail: RequestDetail = request_detail(turn)
    shown = msgspec.to_builtins(detail)
    return msgspec.convert(shown, dict[str, object])


def _page(context: Context, wanted: Mapping[str, str]) -> list[RequestView]:
    api = context.api_or_none()
    if api is not None:
        query = urlencode({name: value for name, value in wanted.items() if value})
        found = api.get(f"/api/dashboard/requests?{query}")["requests"]
        return msgspec.convert(found, list[RequestView])
    loaded = context.load()
    which = queries.Filter(
        client=wanted["client"],
        provider=wanted["provider"],
        outcome=wanted["status"],
        since_us=_since(wanted["since"]),
    )
    try:
        with reading(loaded.home, SystemClock(), _complain) as rows:
            return [request_view(turn) for turn in queries.page(rows, which, limit=int(wanted["limit"]))]
    except ConfigError as error:
        raise Stop(FAILED, f"error: {error}") from None


def _following(context: Context, wanted: Mapping[str, str], page: list[RequestView]) -> Iterator[RequestView]:
    """Yield each request once when it has ended. Asks again and again: also a restart is outlived."""
    done = {view.id for view in page if view.status != "running"}
    while True:
        time.sleep(_PAUSE_S)
        try:
            fresh = _page(context, {**wanted, "limit": "200"})
        except Stop:
            continue  # between a stop and a start
        for view in reversed(fresh):
            if view.status != "running" and view.id not in done:
                done.add(view.id)
                yield view
        if len(done) > 10_000:
            done = {view.id for view in fresh}


def _since(text: str) -> int:
    if not text:
        return 0
    amount, unit = text[:-1], text[-1:]
    if not amount.isdigit() or unit not in _UNITS:
        raise Stop(2, f"error: --since {text!r} is not a time like 30m, 24h or 7d")
    return SystemClock().now_us() - int(amount) * _UNITS[unit] * 1_000_000


def _complain(what: str, error: BaseException) -> None:
    say(f"warning: {what}: {error}")
