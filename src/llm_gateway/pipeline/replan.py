"""Plan by what there is now: the providers of a fleet, engines of ours, and aliases of the settings."""

from collections.abc import Mapping
from functools import partial

from llm_gateway.clock import Clock
from llm_gateway.config import Loaded
from llm_gateway.engines.contract import Engine
from llm_gateway.ledger.price_table import table_of
from llm_gateway.pipeline.knowledge import FleetKnowledge
from llm_gateway.pipeline.plan import Router
from llm_gateway.pipeline.spending import Spending
from llm_gateway.pipeline.terms import go_by
from llm_gateway.providers.alias import read_aliases
from llm_gateway.providers.names import Directory
from llm_gateway.upstream.fleet import Fleet

__all__ = ["replan"]

_OWNER = ""


def replan(
    router: Router,
    loaded: Loaded,
    fleet: Fleet,
    engines: tuple[Mapping[str, Engine], Mapping[str, Engine]],
    spending: Spending,
    clock: Clock,
) -> None:
    """Let a router plan anew. Of `engines` the second ones are bridges: a bare name is theirs last of all."""
    ours, bridges = engines
    settings = loaded.settings
    book = go_by(spending, settings, fleet, partial(table_of, loaded.home))
    known = FleetKnowledge(fleet.members, book, clock)
    aliases = read_aliases(settings.aliases)
    names = {name: alias.names for name, alias in aliases.items()}
    others = {name for name, each in bridges.items() if each.people is not None and _OWNER not in each.people}
    providers = {
        # Somebody else's models have no bare names: what the owner's names mean is not for others to change.
        name: () if name in others else member.models
        for name, member in fleet.members.items()
    }
    directory = Directory(providers, names, tuple(bridges))
    logins = fleet.lines(fleet.logins)
    router.replace(directory, fleet.lines(), {**ours, **bridges}, aliases, known, logins)
