"""What can be asked for here and what it costs, by the configuration, the catalog and the table of prices.

Nobody is asked, and no gateway has to run. How it is shown is `prices.py`.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from llm_gateway.cli.context import Context
from llm_gateway.cli.output import say
from llm_gateway.clock import Clock, SystemClock
from llm_gateway.config import Loaded
from llm_gateway.ledger.price_table import TABLE, shipped_table, table_of
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.tariff import Tariff
from llm_gateway.pipeline.spending import Spending
from llm_gateway.pipeline.terms import go_by
from llm_gateway.providers.alias import read_aliases
from llm_gateway.providers.catalog import ProviderRow, load_catalog
from llm_gateway.upstream.fleet import Fleet
from llm_gateway.upstream.muster import muster
from llm_gateway.upstream.opening import open_upstream

__all__ = ["Shop", "Use"]

_NAMED = frozenset(("exact", "pattern", "stated"))
_TIERS = ("batch", "flex", "priority", "fast")


class Use(NamedTuple):
    """A price that a model has: what is `paid` for it, or what answers are `worth` that nobody bills.

    `chosen`: that is by a reference of the configuration.
    """

    model: str
    use: Literal["paid", "worth"]
    tariff: Tariff
    chosen: bool = False


class Shop:
    """The prices of this home, by the names that a request would use."""

    def __init__(self, context: Context) -> None:
        loaded = context.load()
        self.table = table_of(loaded.home)
        own = loaded.home / TABLE
        if self.table is shipped_table() and own.exists():
            say(f"warning: {own} cannot be read; the prices are those that come with the gateway")
        clock = SystemClock()
        fleet = asyncio.run(_mustered(loaded, context.environ, clock))
        self._book = go_by(Spending(clock), loaded.settings, fleet, lambda: self.table)
        self._aliases = read_aliases(loaded.settings.aliases)
        self._configured = {name: member.row for name, member in fleet.members.items()}
        others = {row.name: row for row in load_catalog() if row.kind != "builtin"}
        self._known: Mapping[str, ProviderRow] = {**others, **self._configured}

    @property
    def book(self) -> PriceBook:
        """Return the prices as a gateway would go by them."""
        return self._book

    def seller(self, provider: str) -> str:
        """Return what the table calls a provider, "" where it does not know it."""
        return self._book.seller(provider)

    def uses(self, asked: str, at_us: int) -> list[Use]:
        """Return the prices of `provider/model`, of what an alias stands for, or of whoever has a model."""
        if asked in self._aliases:
            targets = self._aliases[asked].names
            return [use for target in targets for use in self._of(target.provider, target.model, at_us)]
        provider, slash, model = asked.partition("/")
        if slash and (provider in self._known or self.seller(provider)):
            return list(self._of(provider, model, at_us))
        for sellers in (tuple(self._known), self.table.names):
            known = [use for seller in sellers for use in self._of(seller, asked, at_us)]
            # What is stated for all models of a provider does not say that it has this one.
            if found := [use for use in known if use.tariff.card.match in _NAMED and not use.chosen]:
                return found
        return []

    def tiers(self, use: Use, at_us: int) -> dict[str, Tariff]:
        """Return the prices of the service tiers of which one is known, for what is paid."""
        if use.use == "worth":
            return {}
        provider, _, model = use.model.partition("/")
        found = {tier: self._book.tariff(provider, model, at_us, tier) for tier in _TIERS}
        return {tier: tariff for tier, tariff in found.items() if tariff is not None and tariff.card.tier}

    def _of(self, provider: str, model: str, at_us: int) -> Iterator[Use]:
        name = f"{provider}/{model}"
        row = self._known.get(provider)
        if row is not None and not row.metered:
            reference, chosen = self._book.reference(provider, model, at_us)
            if reference is not None:
                yield Use(name, "worth", reference, chosen)
            return
        tariff = self._book.tariff(provider, model, at_us)
        if tariff is not None:
            yield Use(name, "paid", tariff)
        elif provider in self._configured:
            yield Use(name, "paid", self._book.assumed(provider, model))


async def _mustered(loaded: Loaded, environ: Mapping[str, str], clock: Clock) -> Fleet:
    """Return the providers that there are; nobody is asked for anything."""
    upstream = open_upstream(loaded.settings.upstream)
    fleet = Fleet(upstream, clock, lambda: None)
    # Nobody is asked, so a key that this shell does not have is not missed.
    keys = {each.api_key_env: "-" for each in loaded.settings.providers if each.api_key_env}
    muster(fleet, loaded.settings, {**keys, **environ}, {}, lambda why: say(f"warning: {why}"))
    upstream.close()
    return fleet
