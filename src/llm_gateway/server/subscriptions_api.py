"""Subscriptions over the dashboard API: what is known of each, put together when somebody asks."""

from collections.abc import Callable, Sequence

import msgspec

from llm_gateway.config.subscriptions import SubscriptionSettings
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.quota_samples import KEPT_US, history
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.usage import Asked, Dimension, Period, usage
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.pipeline.plan_switches import Switch, Use, switches
from llm_gateway.pipeline.pools import Pool, pools
from llm_gateway.pipeline.quota_keeping import QuotaKeeping
from llm_gateway.providers.catalog import ProviderRow, load_catalog
from llm_gateway.server.account_names import AccountNames
from llm_gateway.server.account_views import AccountsView, Known, account_views, switch_views
from llm_gateway.server.edge import respond_json
from llm_gateway.server.routes import Route
from llm_gateway.server.subscription_worth import Drawn, renewed_us, worths
from llm_gateway.upstream.fleet import Fleet

__all__ = ["SubscriptionsApi"]

_HOUR_US = 3_600 * 1_000_000
_A_MINUTE_S = 60.0
_DAYS_US = 8 * 24 * _HOUR_US
_LONGEST_US = 40 * 24 * _HOUR_US
_Whose = tuple[str, str]
"""A client and a caller."""
_Asked = tuple[int, tuple[str, ...], int, int]
"""In which hour, by whom of which provider, how many requests, and their cost."""


class SubscriptionsApi:
    """Show subscriptions; `configured` are those of which the configuration speaks now."""

    def __init__(
        self,
        gateway: Gateway,
        fleet: Fleet,
        keeping: QuotaKeeping,
        configured: Callable[[], Sequence[SubscriptionSettings]],
    ) -> None:
        self._gateway = gateway
        self._fleet = fleet
        self._keeping = keeping
        self._configured = configured
        self._looked: tuple[float, list[Switch]] | None = None

    def routes(self) -> tuple[Route, ...]:
        """Return the route, for whoever has the dashboard token."""
        path, summary = "/api/dashboard/subscriptions", "Subscriptions: windows, who draws, worth"
        return (Route("GET", path, self.listed, summary, "dashboard"),)

    async def listed(self, exchange: Exchange, _: str) -> None:
        """Answer with every subscription that is configured or in use, and with what has moved off one."""
        respond_json(exchange, msgspec.json.encode(await self.subscriptions_view()))

    def names(self) -> AccountNames:
        """Return how accounts are called by whoever draws on them."""
        return AccountNames(pools(self._keeping.quotas.draws, self._configured()))

    async def subscriptions_view(self, *, look: bool = True) -> AccountsView:
        """Return every subscription that is configured or in use, and what has moved off one.

        With `look` this machine's bridges are looked at first, which may take seconds.
        """
        if look:
            bridged = await self._keeping.look()
            await self._keeping.keep()
        else:
            await self._keeping.resume()
            bridged = self._keeping.hear()
        ledger, now_us = self._gateway.ledger, self._gateway.clock.now_us()
        found = pools(self._keeping.quotas.draws, self._configured())
        told = await ledger.read(history, now_us - min(KEPT_US, _LONGEST_US))
        rows = {row.name: row for row in load_catalog()} | {
            name: member.row for name, member in self._fleet.members.items()
        }
        drawn = {begin: await ledger.read(_drawn, begin) for begin in _months(found, now_us)}
        known = Known(told, bridged, rows, worths(found, drawn, now_us), now_us)
        moved = await self._moved(rows, now_us)
        return AccountsView(account_views(found, known), switch_views(moved))

    async def _moved(self, rows: dict[str, ProviderRow], now_us: int) -> list[Switch]:
        """Return whose traffic has moved: by the hour of eight days, so looked for once a minute at most."""
        now, since_us = self._gateway.clock.monotonic(), now_us - _DAYS_US
        if self._looked is None or now - self._looked[0] >= _A_MINUTE_S:
            movers = _movers(await self._gateway.ledger.read(_by_hour, since_us, None), rows)
            uses = _uses(await self._gateway.ledger.read(_by_hour, since_us, movers), rows) if movers else []
            self._looked = (now, switches(uses))
        return self._looked[1]


def _months(found: Sequence[Pool], now_us: int) -> set[int]:
    return {renewed_us(now_us, each.settings.renews if each.settings else None) for each in found}


def _drawn(rows: Rows, since_us: int) -> list[Drawn]:
    # By the key, and not by what a caller calls itself: whose login it is, is known by the key.
    asked = Asked(since_us, by=("provider", "key", "client"), where={"source": "routed"}, spreads=False)
    return [Drawn(row.names[0], row.names[1], row.names[2], row.sums) for row in usage(rows, asked)]


def _by_hour(rows: Rows, since_us: int, whose: Sequence[_Whose] | None) -> list[_Asked]:
    """Return how much was asked by whom, by the hour for some; in one piece where nobody is named."""
    by: tuple[Dimension, ...] = ("client", "caller", "provider")
    found = []
    for client, caller in whose if whose is not None else [("", "")]:
        where: dict[Dimension, str] = {"source": "routed"}
        if whose is not None:
            where |= {"client": client, "caller": caller}
        period: Period = "all" if whose is None else "hour"
        asked = Asked(since_us, None, period, by, where, spreads=False, columns=("requests", "cost_nano"))
        found += [
            (row.start_us // _HOUR_US, row.names, row.sums.requests, row.sums.cost_nano)
            for row in usage(rows, asked)
        ]
    return found


def _movers(found: Sequence[_Asked], rows: dict[str, ProviderRow]) -> list[_Whose]:
    """Return who asked both a plan and a provider that bills: nobody else can have moved."""
    kinds: dict[_Whose, set[bool]] = {}
    for use in _uses(found, rows):
        kinds.setdefault((use.client, use.caller), set()).add(use.billed)
    return [whose for whose, both in kinds.items() if len(both) > 1]


def _uses(found: Sequence[_Asked], rows: dict[str, ProviderRow]) -> list[Use]:
    """Return what was asked of plans and of providers that bill; the others are neither."""
    uses = []
    for hour, (client, caller, provider), requests, cost in found:
        row = rows.get(provider)
        if row is not None and (row.metered or row.kind == "subscription"):
            uses.append(Use(client, caller, provider, hour, row.metered, requests, cost))
    return uses
