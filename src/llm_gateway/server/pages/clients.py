"""Clients: which AI applications go through the gateway, which do not, why, and what helps.

Gaps come first. One of them may be open, with its evidence, its limits and its connection: what connecting it
on this machine would change, and what undoing that would. Changes are made by the API, never by a page.
"""

from collections.abc import Iterable

import msgspec

from llm_gateway.clients.catalog import Client, catalog
from llm_gateway.clients.connections import Asked as Wanted
from llm_gateway.clients.connections import Connection
from llm_gateway.clients.coverage import Known, Uses, cover
from llm_gateway.errors import GatewayError
from llm_gateway.server.client_connections import wanted_by
from llm_gateway.server.client_views import ClientView, client_views
from llm_gateway.server.pages.page import Asked, Page
from llm_gateway.server.parts import Apis, Parts

__all__ = ["Clients", "ClientsPage", "Shown"]

_WORDS = {
    "captured": ("captured", "good"),
    "partly": ("partly captured", "warn"),
    "bypassing": ("bypassing", "bad"),
    "cannot": ("cannot be captured", "none"),
    "unknown": ("not known yet", "none"),
}
_STATUS = {"live": "live", "running": "running", "installed": "installed", "not-connected": "not found"}
_VERDICTS = ("bypassing", "partly", "unknown", "captured", "cannot")
_RUNS = ("live", "running")
_FRESH_S = 5.0
_COMMAND = "llm-gateway "
_BY = {"key": "By a key of the gateway's", "login": "By its own login, which is passed on"}


class Shown(msgspec.Struct, frozen=True):
    """An application as a card. `fix` is a command where `is_command`; `here`, whether it is on this machine.

    `limits` are what has to be known of capturing it. `connection` is there in the one that is open.
    """

    client: ClientView
    name: str
    verdict: str
    tone: str
    status: str
    here: bool
    is_gap: bool
    is_command: bool
    connectable: bool
    telemetry: bool
    limits: list[str]
    is_open: bool = False
    connection: Connection | None = None
    trouble: str = ""


class ClientsPage(msgspec.Struct, frozen=True):
    """All of them: those that were found or seen anywhere, and those that were not."""

    running: int
    captured: int
    machine: str
    looks: bool
    clients: list[Shown]
    missing: list[Shown]
    show_missing: bool
    unlisted: int = 0


class Clients:
    """Make the page."""

    def __init__(self, parts: Parts, apis: Apis) -> None:
        self._parts = parts
        self._apis = apis

    def pages(self) -> tuple[Page, ...]:
        """Return the page."""
        summary = "Clients: which AI applications are captured, which are not, and what helps"
        return (Page("/clients", "clients", self.make, summary),)

    async def make(self, asked: Asked) -> ClientsPage:
        """Return what the page shows."""
        # Whoever has just connected one wants to see that it is.
        found = await self._apis.dashboard.clients_view(older_than=0.0 if "did" in asked.query else _FRESH_S)
        here = self._parts.watching.machine
        rows = catalog()
        shown = [_shown(each, rows.get(each.id), here) for each in found.clients]
        there = [each for each in shown if not _is_missing(each)]
        missing = [each for each in shown if _is_missing(each)]
        missing += self._never_seen(rows.values(), {each.client.id for each in shown}, here)
        opened = await self._opened(asked, [*there, *missing])
        if opened is not None:
            there = [opened if _is_same(each, opened) else each for each in there]
            missing = [opened if _is_same(each, opened) else each for each in missing]
        order = {client: place for place, client in enumerate(rows)}
        missing.sort(key=lambda each: order.get(each.client.id, len(order)))
        return ClientsPage(
            running=found.running,
            captured=found.captured,
            machine=here,
            looks=self._parts.configured()[0].settings.clients.detect,
            clients=sorted(there, key=_urgency),
            missing=missing,
            show_missing=asked.query.get("show") == "all" or any(each.is_open for each in missing),
            unlisted=found.unlisted,
        )

    async def _opened(self, asked: Asked, shown: Iterable[Shown]) -> Shown | None:
        """Return the application that the query opens, with its connection where it is of this machine."""
        client, machine = asked.query.get("client", ""), asked.query.get("machine", "")
        named = [each for each in shown if each.client.id == client]
        named.sort(key=lambda each: not each.here)
        found = next((each for each in named if machine in ("", each.client.machine)), None)
        if "client" not in asked.query or found is None:
            return None
        connection, trouble = None, ""
        if found.here and found.connectable:
            try:
                connection = await self._apis.connections.look(client, _wanted(asked))
            except GatewayError as error:
                trouble = error.message
        return msgspec.structs.replace(found, is_open=True, connection=connection, trouble=trouble)

    def _never_seen(self, rows: Iterable[Client], known: set[str], here: str) -> list[Shown]:
        """Return the applications of the catalog of which nothing is known anywhere."""
        now = self._parts.gateway.clock.now_us()
        left = [row for row in rows if row.id not in known]
        views = client_views([cover(row, here, Known(), Uses(), now) for row in left], {})
        return [_shown(view, row, here) for view, row in zip(views, left, strict=True)]


def _wanted(asked: Asked) -> Wanted:
    """Return how it is to be connected; what is no way of connecting anything is as if nothing was asked."""
    try:
        return wanted_by(asked.query)
    except GatewayError:
        return Wanted()


def _shown(view: ClientView, row: Client | None, here: str) -> Shown:
    word, tone = _WORDS[view.coverage.verdict]
    verdict = view.coverage.verdict
    return Shown(
        client=view,
        name=view.label or "Callers that give no name",
        verdict=word,
        tone=tone,
        status=_STATUS[view.status],
        here=view.machine in (None, here),
        is_gap=view.status in _RUNS and verdict not in ("captured", "cannot"),
        is_command=view.fix.startswith(_COMMAND),
        connectable=row is not None and not row.cannot and bool(row.ways or row.part_of),
        telemetry=row is not None and row.telemetry is not None,
        limits=_limits(row) if row is not None else [_SELF_NAMED],
    )


_SELF_NAMED = (
    "It is not in the catalog of applications: its name is the one that its key or its requests give. "
    "Where its settings are, nobody here knows."
)


def _limits(row: Client) -> list[str]:
    """Return what the catalog says of an application's limits."""
    found = []
    if row.cannot:
        found.append(f"It cannot be connected: {row.cannot}.")
    if row.instead:
        found.append(f"What is left: {row.instead}.")
    if row.part_of:
        found.append(
            f"It has its settings from {catalog()[row.part_of].label}: connecting one connects both."
        )
    for name, way in row.ways.items():
        if way.note:
            found.append(f"{_BY[name]}: {way.note}.")
        if way.local_or_https:
            found.append("It takes no address but https, or http of 127.0.0.1 by number.")
        if not way.files:
            found.append(f"{_BY[name]}: no file holds that setting; variables or your own hand do it.")
    if any(way.restart for way in row.ways.values()):
        found.append("It reads its settings when it starts: what runs has to be started anew.")
    if row.logs:
        found.append("Its own log is read here, so that what passes by is counted.")
    elif row.telemetry is not None:
        found.append("What passes by is counted where it reports its use: connect it with --telemetry.")
    else:
        found.append("It writes no log that is read and reports nothing: what passes by cannot be seen.")
    return found


def _is_missing(shown: Shown) -> bool:
    """Return whether it is neither installed nor was ever seen, on any machine."""
    client = shown.client
    seen = client.tracked_requests or client.coverage.seen_requests or client.last_seen
    return client.status == "not-connected" and not seen


def _is_same(one: Shown, other: Shown) -> bool:
    return (one.client.id, one.client.machine) == (other.client.id, other.client.machine)


def _urgency(shown: Shown) -> tuple[bool, bool, int, str]:
    """Return what puts gaps first: those that run, then those that are known to pass by, then the others."""
    verdict = shown.client.coverage.verdict
    return (
        not shown.is_gap,
        shown.client.status not in _RUNS and verdict in ("captured", "cannot", "unknown"),
        _VERDICTS.index(verdict),
        shown.client.label.lower(),
    )
