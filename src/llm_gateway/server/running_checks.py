"""What a gateway that runs says of itself, as findings with what helps: ledger, file, clients, providers.

Made of the values of its API by pure functions: the command line asks for these, the pages have them.
"""

from collections.abc import Iterable, Iterator

from llm_gateway.server.checks import Finding
from llm_gateway.server.client_views import ClientView
from llm_gateway.server.views import HealthView, ProviderView

__all__ = ["client_findings", "health_findings", "open_gaps", "provider_findings"]

_WAYS_OUT = {"auth_required": "set its key again"}


def health_findings(url: str, health: HealthView) -> Iterator[Finding]:
    """Yield what is found of the gateway itself, its ledger and the file that it goes by."""
    yield Finding("gateway", "ok", f"{url}, version {health.version}")
    if health.database == "connected":
        yield Finding("ledger", "ok", "connected")
    else:
        waiting = f"; {health.unrecorded} records are in memory alone" if health.unrecorded else ""
        yield Finding("ledger", "error", health.database + waiting, health.advice)
    if health.configuration:
        said = f"the file is not in use, the last good one is: {health.configuration}"
        yield Finding("reload", "error", said, "mend the file; the gateway looks at it by itself")


def open_gaps(clients: Iterable[ClientView]) -> list[ClientView]:
    """Return those that run, could go through the gateway, and do not or not wholly."""
    return [
        each
        for each in clients
        if each.status in ("live", "running") and each.coverage.verdict not in ("captured", "cannot")
    ]


def client_findings(clients: Iterable[ClientView]) -> Iterator[Finding]:
    """Yield what is found of applications that do not go through the gateway."""
    for gap in open_gaps(clients):
        yield Finding(f"client {gap.id}", "warning", gap.reason, gap.fix)


def provider_findings(providers: Iterable[ProviderView]) -> Iterator[Finding]:
    """Yield what is found of those that can answer."""
    providers = list(providers)
    idle = [each.name for each in providers if each.presence == "bridge" and each.state != "ok"]
    if idle:  # nobody said that they should answer: that they do not is no fault
        yield Finding("bridges", "ok", f"not in use: {', '.join(idle)}; see `llm-gateway bridges`")
    for provider in providers:
        name = f"provider {provider.name}"
        if provider.name in idle:
            continue
        if provider.state in ("ok", "unknown"):
            yield Finding(name, "ok", f"{len(provider.models)} models")
        else:
            bridged = provider.kind == "subscription" and not provider.endpoints
            way_out = _WAYS_OUT.get(provider.state, "start it, or correct its base_url")
            way_out = "`llm-gateway bridges` says what helps" if bridged else way_out
            yield Finding(name, "warning", f"{provider.state}: {provider.reason}", way_out)
