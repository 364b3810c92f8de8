"""The page of keys and limits: who may come in, what each used, what may be used at most and how that stands.

What is done with keys goes over the API of keys; a key that was made is in that answer and nowhere else.
"""

from collections.abc import Callable, Mapping

import msgspec

from llm_gateway.config import Loaded
from llm_gateway.ledger.key_uses import KeyUse, key_uses
from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.spans import DAY_US, HOUR_US
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.server.access import is_person
from llm_gateway.server.client_views import ALWAYS
from llm_gateway.server.keys_api import KeysApi, KeyView
from llm_gateway.server.limit_terms import StandingView, StatedLimit, as_toml, standing_views, stated_limits
from llm_gateway.server.limit_views import limit_views
from llm_gateway.server.pages.page import Asked, Page
from llm_gateway.server.sessions import Session
from llm_gateway.server.views import iso
from llm_gateway.wire.headers import Headers

__all__ = ["KeyLine", "Limits", "LimitsView"]

_DAYS = 30
_NOBODY = KeyUse()
_FIXED = ("bootstrap", "owner")


class KeyLine(msgspec.Struct, frozen=True):
    """A key and what came with it: requests and dollars of the last 30 days, and when it was used last."""

    key: KeyView
    told: str
    requests: int
    cost_usd: float
    last_used_at: str | None


class LimitsView(msgspec.Struct, frozen=True):
    """What the page shows.

    `fixed` are the keys that are in no table: the one of the environment and the command line's own.
    `since` is when the 30 days begin. `sample` is how a limit is written into `file`. `may_change` says
    whether who looks may make and change keys from here.
    """

    keys: list[KeyLine]
    fixed: list[KeyLine]
    ended: int
    since: str
    limits: list[StandingView]
    stated: list[StatedLimit]
    sample: str
    file: str
    most_days: int
    clients: list[str]
    may_change: bool = False

    @property
    def requests(self) -> int:
        """Return how many requests came with all keys."""
        return sum(line.requests for line in (*self.keys, *self.fixed))

    @property
    def cost_usd(self) -> float:
        """Return what all of them paid."""
        return sum(line.cost_usd for line in (*self.keys, *self.fixed))

    def marked(self, mark: str) -> int:
        """Return how many limits have a mark."""
        return sum(each.mark == mark for each in self.limits)


class Limits:
    """Make the page."""

    def __init__(
        self,
        gateway: Gateway,
        keys: KeysApi,
        configured: Callable[[], tuple[Loaded, Mapping[str, str]]],
        session_of: Callable[[Headers], Session | None] = lambda headers: None,
    ) -> None:
        self._gateway = gateway
        self._keys = keys
        self._configured = configured
        self._session_of = session_of

    def pages(self) -> tuple[Page, ...]:
        """Return the page."""
        summary = "Keys & limits: who may come in, what each used, and how much of each limit is left"
        return (Page("/limits", "limits", self.make, summary),)

    async def make(self, asked: Asked) -> LimitsView:
        """Return what the page shows; with `ended=1` keys that are no longer accepted, too."""
        now_us = self._gateway.clock.now_us()
        since_us = max(now_us - _DAYS * DAY_US, 0) // HOUR_US * HOUR_US
        views = await self._keys.views()
        uses = await self._gateway.ledger.read(key_uses, since_us)
        loaded = self._configured()[0]
        stated = stated_limits(loaded)
        standing = limit_views(self._gateway.spending.standing())
        everything = asked.query.get("ended") == "1"
        shown = [view for view in reversed(views) if everything or view.status == "active"]
        return LimitsView(
            keys=[_line(view, uses.get(view.id, _NOBODY)) for view in shown],
            fixed=[_line(_fixed(name), uses[name]) for name in _FIXED if name in uses],
            ended=sum(view.status != "active" for view in views),
            since=iso(since_us),
            limits=standing_views(standing, stated, views, now_us),
            stated=stated,
            sample=as_toml(),
            file=str(loaded.file),
            most_days=self._keys.most_days,
            clients=sorted({*ALWAYS, *(view.client for view in views if view.client)}),
            may_change=is_person(self._session_of(asked.exchange.headers)),
        )


def _line(view: KeyView, use: KeyUse) -> KeyLine:
    return KeyLine(
        key=view,
        told=view.limits.told,
        requests=use.sums.requests,
        cost_usd=float(dollars(use.nano)),
        last_used_at=iso(use.last_us) if use.last_us else None,
    )


def _fixed(name: str) -> KeyView:
    return KeyView(name, name, "", "active", iso(0), None, None, 0, name)
