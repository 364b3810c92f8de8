"""The companions of a gateway: who is connected, which bridges they have, and by which names.

A bridge is called by its own name where it is the first of that name, in the order in which companions came
to have it, and the gateway has none so called itself; else it is `bridge@machine`. A name stays with whoever
has it, connected or not, until they are revoked, so that nobody's requests go to another subscription because
a laptop sleeps.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping

import msgspec

from llm_gateway.bridges.health import Action, Health
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.clock import Clock
from llm_gateway.companion.admission import Admission, Admitted
from llm_gateway.companion.channel import Bounds, Channel, ChannelFull
from llm_gateway.companion.enrolment import Enrolled, Registry
from llm_gateway.companion.flows import FlowBroken, Visit
from llm_gateway.companion.frames import Head, Open, Wrong
from llm_gateway.companion.link import Link
from llm_gateway.companion.offers import ABSENT, News, Offer, UnreadableNews, read_news
from llm_gateway.companion.remote import RemoteEngine
from llm_gateway.companion.socket import Socket
from llm_gateway.errors import GatewayError
from llm_gateway.ledger.companions import CompanionRow
from llm_gateway.ledger.reader import QueryTooSlow
from llm_gateway.tasks import Tasks
from llm_gateway.telemetry.log import Log

__all__ = ["Connected", "Hub", "Party", "Reported"]

Reported = Callable[[str, bytes], Coroutine[object, object, None]]
"""Take what a companion's machine reports, by the machine's name; MalformedRequest when it is no report."""

_LOOK_AGAIN = 2.0
_ANSWERS = 1.5
_MOST_BRIDGES = 64  # of one companion, over all time
_SEEN_EVERY = 60.0
_TAKE_GAP = 0.1  # who changes all the time is not planned for all the time
_BOUNDS = Bounds(streams=64, body=4 * 1024 * 1024, bodies=16 * 1024 * 1024, body_ahead=256 * 1024)
_REVOKED = Wrong("revoked", "this companion was revoked; `llm-gateway enroll` makes a token to join anew")


class Party(msgspec.Struct, frozen=True):
    """Whom a hub works with: who knows companions, what bridges can do, who hears of changes, time and log.

    `known` returns what a bridge of a kind can do at most; `taken` the names that are the gateway's own.
    `changed` is called after every change of what there is or how it is.
    """

    registry: Registry
    known: Callable[[str], Abilities]
    taken: Callable[[], Collection[str]]
    changed: Callable[[], None]
    reported: Reported
    tasks: Tasks
    clock: Clock
    log: Log


class Connected(msgspec.Struct):
    """A companion that is connected, since when, by which software, and what it said last."""

    row: CompanionRow
    link: Link
    software: str
    since_us: int
    news: News = News()
    trouble: str = ""
    taking: bool = False


class Hub:
    """All companions of a gateway."""

    def __init__(self, party: Party) -> None:
        self._registry = party.registry
        self._party = party
        self._admission = Admission(party.registry, party.clock)
        self._connected: dict[str, Connected] = {}
        self._engines: dict[tuple[str, str], RemoteEngine] = {}
        self._named: dict[str, RemoteEngine] = {}
        self._arranged = Enrolled()

    @property
    def engines(self) -> Mapping[str, RemoteEngine]:
        """Return the bridges of all companions that are not revoked, connected or not, by provider's name."""
        return self._named

    @property
    def connected(self) -> Mapping[str, Connected]:
        """Return who is connected, by id."""
        return self._connected

    async def open(self) -> None:
        """Know who there is."""
        await self._registry.load()
        self._arrange()

    async def watch(self) -> None:
        """Keep to what the ledger says, which another process may have changed, and say who was seen."""
        rounds = round(_SEEN_EVERY / _LOOK_AGAIN)
        while True:
            for number in range(rounds):
                await asyncio.sleep(_LOOK_AGAIN)
                if self._connected or not number:
                    await self._try(self.look_again())
            for each in tuple(self._connected):
                await self._note_seen(each)

    async def look_again(self) -> None:
        """Read who is let in, and let go of who is not any more."""
        known = await self._registry.load()
        for companion_id, each in tuple(self._connected.items()):
            if companion_id not in known.companions:
                each.link.end(_REVOKED)
        if known != self._arranged:
            self._arrange()

    async def revoke(self, machine: str, actor: str = "owner") -> bool:
        """Let a machine in no longer, and cut it off at once; False when there is none."""
        revoked = await self._registry.revoke(machine, actor)
        await self.look_again()
        return bool(revoked)

    async def pause(self, machine: str) -> bool:
        """Have a machine answer nothing from afar any more; False when it does not say that it does."""
        for each in self._connected.values():
            if each.row.machine == machine:
                try:
                    call = each.link.open(Open("pause"))
                except ChannelFull:
                    return False
                try:
                    async with asyncio.timeout(_ANSWERS):
                        return (await call.ask(b"")).status < 300
                except (FlowBroken, TimeoutError):
                    return False
                finally:
                    call.leave()
        return False

    def rearrange(self) -> None:
        """Name everything anew: what the gateway itself has is called otherwise now."""
        self._arrange()

    async def carry(self, socket: Socket, peer: str, leaving: asyncio.Event | None = None) -> Wrong:
        """Be the gateway's side of a link until it ends, and return why; Turned when who calls is not let in.

        Once `leaving` is set nothing new is begun on it, and it ends after what runs.
        """
        admitted = await self._admission.admit(socket, peer, self._is_here)
        connected = self._welcome(admitted, socket)
        stops = self._party.tasks.start("let a companion go", self._let_go(connected.link, leaving))
        wrong = Wrong("bridge_disconnected", "the connection was lost")
        try:
            wrong = await connected.link.run()
        finally:
            stops.cancel()
            self._lost(connected, wrong)
        return wrong

    async def close(self) -> None:
        """Let go of all of them."""
        for each in tuple(self._connected.values()):
            each.link.end(Wrong("draining", "the gateway stops"))

    # details

    async def _is_here(self, companion_id: str) -> bool:
        """Whether a companion is connected already, and answers."""
        known = self._connected.get(companion_id)
        return known is not None and await known.link.answers(_ANSWERS)

    def _welcome(self, admitted: Admitted, socket: Socket) -> Connected:
        party, row = self._party, admitted.row
        owned = party.tasks, party.clock

        def heard(data: bytes) -> None:
            self._heard(connected, data)

        async def serve(visit: Visit) -> None:
            await self._serve(connected, visit)

        link = Link(socket, Channel(dials=False, bounds=_BOUNDS), serve, heard, owned)
        connected = Connected(row, link, admitted.software, party.clock.now_us())
        before = self._connected.get(row.id)
        self._connected[row.id] = connected
        if before is not None:  # it came back before it was missed, and the old link is silent
            before.link.end(Wrong("replaced", "the companion has connected anew"))
        party.log.write("info", "a companion is connected", name=row.machine, version=admitted.software)
        for engine in self._of(row.id):
            engine.connect(link)
        party.changed()
        return connected

    def _lost(self, connected: Connected, wrong: Wrong) -> None:
        row, party = connected.row, self._party
        if self._connected.get(row.id) is not connected:
            return
        del self._connected[row.id]
        now = party.clock.now_us()
        for engine in self._of(row.id):
            engine.offline(now)
        party.log.write(
            "info", "a companion has left", name=row.machine, why=f"{wrong.kind}: {wrong.message}"
        )
        party.tasks.start("note when a companion was seen", self._note_seen(row.id))
        party.changed()

    def _heard(self, connected: Connected, data: bytes) -> None:
        row = connected.row
        try:
            news = read_news(data)
        except UnreadableNews as error:
            connected.trouble = str(error)
            for engine in self._of(row.id):
                engine.disconnect(
                    Health("version_mismatch", str(error), Action("run the same version on both machines"))
                )
            self._party.changed()
            return
        offers = tuple(each for each in news.offers if each.bridge in row.bridges or not row.bridges)
        connected.news = msgspec.structs.replace(news, offers=offers)
        connected.trouble = news.trouble
        if connected.taking:
            return  # what is being taken is always the newest
        connected.taking = True
        self._party.tasks.start("take a companion's bridges", self._take(connected))

    async def _take(self, connected: Connected) -> None:
        """Take what is offered, as long as there is news."""
        try:
            taken: News | None = None
            while taken is not connected.news and self._connected.get(connected.row.id) is connected:
                taken = connected.news
                await self._take_once(connected)
                await asyncio.sleep(_TAKE_GAP)
        finally:
            connected.taking = False

    async def _take_once(self, connected: Connected) -> None:
        """Take what is offered; what was offered before and is not any more stays, as not installed."""
        row = connected.row
        claimed = False
        while fresh := self._fresh(row, connected.news.offers):
            await self._try(self._registry.claim(row.id, fresh))
            self._arrange()
            claimed = True
            if fresh == self._fresh(row, connected.news.offers):
                break  # the ledger takes nothing now; with the next news
        if self._connected.get(row.id) is not connected:
            return
        by_name = {each.bridge: each for each in connected.news.offers}  # there may be newer ones by now
        changed = claimed
        for engine in self._of(row.id):
            engine.connect(connected.link)
            offer = by_name.get(engine.bridge) or Offer(
                engine.bridge,
                engine.kind,
                Health("not_installed", f"{row.machine} does not have it any more"),
            )
            changed |= engine.take(offer)
        if changed:
            self._party.changed()

    def _fresh(self, row: CompanionRow, offers: tuple[Offer, ...]) -> list[str]:
        """Return the bridges that a companion has and that have no name here yet, as many as it may have."""
        here = [each for each in offers if each.health.state not in ABSENT]
        fresh = [each.bridge for each in here if (row.id, each.bridge) not in self._engines]
        return fresh[: max(0, _MOST_BRIDGES - len(self._of(row.id)))]

    async def _serve(self, connected: Connected, visit: Visit) -> None:
        """Answer what a companion asks: it may report, and nothing else."""
        try:
            body = await visit.body()
            if visit.open.operation != "report":
                visit.begin(Head(404))
            else:
                await self._party.reported(connected.row.machine, body)
                visit.begin(Head(204))
            visit.finish()
        except FlowBroken:
            pass  # the link has ended
        except GatewayError as error:
            visit.begin(Head(error.status))
            visit.finish()

    def _arrange(self) -> None:
        """Give every bridge that anybody has its engine and its name."""
        known = self._arranged = self._registry.known
        named: dict[str, RemoteEngine] = {}
        engines: dict[tuple[str, str], RemoteEngine] = {}
        taken = self._party.taken()
        for claim in known.claims:
            row = known.companions.get(claim.companion)
            if row is None:
                continue
            key = claim.companion, claim.bridge
            engine = self._engines.get(key) or RemoteEngine(row, claim.bridge, self._party.known)
            engine.changed = self._party.changed
            engines[key] = engine
            # A guest's bridge never has the short name: that is for the owner's machines.
            first = not row.person and claim.bridge not in named and claim.bridge not in taken
            engine.name = claim.bridge if first else f"{claim.bridge}@{row.machine}"
            named[engine.name] = engine
            if (connected := self._connected.get(claim.companion)) is not None:
                engine.connect(connected.link)
        for key, engine in self._engines.items():
            if key not in engines:
                engine.disconnect(
                    Health("unreachable", f"revoked: the companion on {engine.companion.machine}")
                )
        self._engines, self._named = engines, named
        self._party.changed()

    def _of(self, companion_id: str) -> list[RemoteEngine]:
        return [engine for (whose, _), engine in self._engines.items() if whose == companion_id]

    async def _let_go(self, link: Link, leaving: asyncio.Event | None) -> None:
        if leaving is not None:
            await leaving.wait()
            await link.drain(86_400.0)  # whoever closes the listener waits for as long as is configured
            link.end(Wrong("draining", "the gateway stops or starts anew"))

    async def _note_seen(self, companion_id: str) -> None:
        await self._try(self._registry.seen(companion_id))

    async def _try(self, work: Coroutine[object, object, object]) -> None:
        """Do what can be done later as well, if the ledger takes nothing now."""
        try:
            await work
        except (GatewayError, QueryTooSlow) as error:
            self._party.log.write("warning", "a companion's state cannot be kept", error=str(error))
