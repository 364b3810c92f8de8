"""What requests a page is asked for, read from its address, and the addresses that ask for others.

All of it stands in the address, so that going back, reloading and a bookmark show the same again.
"""

from collections.abc import Mapping
from urllib.parse import urlencode

from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger.filters import Filter
from llm_gateway.server.usage_query import instant

__all__ = ["CHOICES", "PATH", "SPANS", "USUAL", "address", "filter_of", "live_address"]

PATH = "/requests"

CHOICES = ("client", "provider", "model", "status", "key", "caller")
"""What can be chosen, by the names of the address."""

SPANS = ("1h", "6h", "24h", "7d", "30d", "90d", "all")
"""The times that are offered; others can be written."""

USUAL = "7d"

_KEPT = (*CHOICES, "q", "since", "until", "limit")
_LONGEST = 200
_ALL = "all"


def filter_of(query: Mapping[str, str], now_us: int) -> Filter:
    """Return which requests are asked for; MalformedRequest says what is not understood."""
    told = {name: query.get(name, "").strip() for name in _KEPT}
    for name, value in told.items():
        if len(value) > _LONGEST:
            raise MalformedRequest(f"{name} is over {_LONGEST} characters long", param=name)
    since = told["since"] or USUAL
    since_us = 0 if since == _ALL else instant(since, now_us)
    until_us = instant(told["until"], now_us, "until") if told["until"] else 0
    if until_us and since_us >= until_us:
        raise MalformedRequest("since is not before until, so nothing is in between", param="since")
    return Filter(
        client=told["client"],
        provider=told["provider"],
        model=told["model"],
        outcome=told["status"],
        since_us=since_us,
        key=told["key"],
        caller=told["caller"],
        until_us=until_us,
        text=told["q"],
    )


def address(query: Mapping[str, str], **changes: str) -> str:
    """Return the address of the same requests but for what changes; "" takes something out."""
    told = {name: query.get(name, "") for name in _KEPT} | changes
    text = urlencode({name: value for name, value in told.items() if value})
    return f"{PATH}?{text}" if text else PATH


def live_address(query: Mapping[str, str]) -> str:
    """Return where those of them are told that begin and end from now on; "" where none can be among them."""
    if query.get("until") or query.get("before"):
        return ""
    told = {name: query.get(name, "") for name in (*CHOICES, "q")}
    text = urlencode({name: value for name, value in told.items() if value})
    return f"/live?{text}" if text else "/live"
