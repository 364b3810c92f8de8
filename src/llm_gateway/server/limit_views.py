"""How the limits stand, as JSON: values only, nothing is counted here."""

from collections.abc import Iterable

import msgspec

from llm_gateway.ledger.money import dollars
from llm_gateway.pipeline.limits import Standing
from llm_gateway.server.views import iso
from llm_gateway.telemetry.log import Log

__all__ = ["LimitView", "limit_view", "limit_views", "tell_close"]


class LimitView(msgspec.Struct, frozen=True):
    """One limit and how much of it is used; `resets_at` is where a calendar says when it begins anew."""

    scope: str
    name: str
    limit: str
    most: float
    used: float
    share: float
    warned: bool
    resets_at: str | None


def limit_views(standing: Iterable[Standing]) -> list[LimitView]:
    """Show every limit, the one that is used most first."""
    return sorted(
        map(limit_view, standing), key=lambda view: (-view.share, view.scope, view.name, view.limit)
    )


def limit_view(each: Standing) -> LimitView:
    """Show one limit."""
    scope, name = each.scope
    money = each.limit.startswith("usd_")
    return LimitView(
        scope=scope,
        name=name,
        limit=each.limit,
        most=float(dollars(each.most)) if money else each.most,
        used=float(dollars(each.used)) if money else each.used,
        share=round(each.share, 4),
        warned=each.warned,
        resets_at=iso(each.resets_us) if each.resets_us else None,
    )


def tell_close(log: Log, limit: Standing) -> None:
    """Write into the log that a limit is close."""
    view = limit_view(limit)
    told = {"scope": view.scope, "name": view.name, "limit": view.limit}
    log.write("warning", "a limit is close", **told, used=view.used, most=view.most)
