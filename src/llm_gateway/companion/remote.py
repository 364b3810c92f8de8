"""A bridge on another machine as a provider of this gateway: it is asked over its companion's link.

The companion has the vendor's program, the login and the last word; here is what it said last, the way there,
and what is told while there is none.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from llm_gateway.bridges.faults import BridgeFault, FaultKind, answer_of
from llm_gateway.bridges.health import Action, BridgeModel, Health
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.companion.channel import ChannelFull
from llm_gateway.companion.flows import Call, FlowBroken
from llm_gateway.companion.frames import MOST, MOST_MODEL, Head, Open, Wrong
from llm_gateway.companion.link import Link
from llm_gateway.companion.offers import Offer, able, meet
from llm_gateway.dialects.bridge import BRIDGE
from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import UpstreamTruncated
from llm_gateway.ledger.companions import CompanionRow
from llm_gateway.upstream.answer import Answer
from llm_gateway.wire.headers import Headers

__all__ = ["RemoteAnswer", "RemoteEngine"]

_LOOK_TAKES = 3.0
_HEAD_TAKES = 900.0  # a turn may wait in the companion's queue; its own deadlines are shorter
_BETWEEN = 600.0
_FIELDS = frozenset((b"content-type", b"cache-control", b"retry-after", b"x-should-retry"))

_FAULTS: dict[str, FaultKind] = {
    "draining": "bridge_unreachable",
    "too_many_streams": "bridge_busy",
    "upstream_timeout": "upstream_timeout",
    "failed": "bridge_failed",
    "too_long": "refused",
}

_OURS = "llm-gateway "


class RemoteAnswer:
    """The answer of a turn on another machine, with so many seconds `between` two pieces of it at most."""

    def __init__(self, call: Call, head: Head, between: float = _BETWEEN) -> None:
        self.status = head.status
        # Those of bridges, and no others: what a companion says is not to become more than a value of one.
        self.headers: Headers = [(n, v) for n, v in head.headers if n in _FIELDS and _is_value(v)]
        self._call = call
        self._between = between

    async def read(self) -> bytes:
        """Return the next bytes; b"" at the proper end, UpstreamTruncated when it broke before it."""
        await self.arrive()
        data = self._call.take()
        if not data and not self._call.complete:
            raise UpstreamTruncated(_why_cut(self._call.wrong))
        return data

    async def arrive(self) -> None:
        """Wait until something is here, or its end; UpstreamTruncated when that takes too long."""
        try:
            async with asyncio.timeout(self._between):
                await self._call.arrive()
        except TimeoutError:
            self._call.leave()
            raise UpstreamTruncated(f"the companion said nothing for {self._between:g} seconds") from None

    def take(self) -> bytes:
        """Return what is here already."""
        return self._call.take()

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Hand on what comes, until `sink` says False or at the proper end."""
        while (data := await self.read()) and sink(data):
            pass

    @property
    def ended(self) -> bool:
        """Whether nothing is left to read."""
        return self._call.complete and not self._call.waits

    def release(self) -> None:
        """Let go of it: a turn that still runs is stopped there."""
        self._call.leave()


class RemoteEngine:
    """One bridge of one companion. `known` is what such a bridge can do at most, as this gateway knows it.

    `name` is its provider's, which changes when somebody who had the shorter one is gone.
    """

    counts = True
    dialect = BRIDGE.name

    def __init__(self, row: CompanionRow, bridge: str, known: Callable[[str], Abilities]) -> None:
        self.name = bridge
        self.bridge = bridge
        self.companion = row
        self._known = known
        self._link: Link | None = None
        self._offer: Offer | None = None
        self._away = _offline(row, row.last_seen_us)
        self.changed: Callable[[], None] = lambda: None
        """Called when it turns out, on being asked, that it is not as was said last."""

    @property
    def kind(self) -> str:
        """What it is a bridge to: a row of the catalog."""
        return self._offer.kind if self._offer is not None else self.bridge

    @property
    def models(self) -> Sequence[str]:
        """The names of its models, as far as they are known."""
        return tuple(model.id for model in self.offered)

    @property
    def offered(self) -> tuple[BridgeModel, ...]:
        """What it offered last."""
        return self._offer.models if self._offer is not None else ()

    @property
    def abilities(self) -> Abilities | None:
        """What it can be told: what the companion says, and never more than is known here."""
        known = self._known(self.kind)
        return meet(self._offer.abilities if self._offer is not None else able(known), known)

    @property
    def people(self) -> frozenset[str] | None:
        """Whose keys may use it: its owner's, and those its owner shares it with."""
        return frozenset(
            (self.companion.person, *(self._offer.share_with if self._offer is not None else ()))
        )

    @property
    def health(self) -> Health:
        """How it is, as far as that is known here."""
        if self._link is None or not self._link.alive:
            return self._away
        return self._offer.health if self._offer is not None else Health("starting", "it just connected")

    # from the hub

    def connect(self, link: Link) -> None:
        """Ask over this link from now on."""
        self._link = link

    def take(self, offer: Offer) -> bool:
        """Take what the companion says; return whether that is news."""
        before = self._offer
        self._offer = msgspec.structs.replace(offer, health=_shown(offer.health))
        return before != self._offer

    def disconnect(self, away: Health) -> None:
        """Ask nobody any more; `away` says why."""
        self._link = None
        self._away = away

    def offline(self, at_us: int) -> None:
        """Ask nobody any more: the companion has left, at this time."""
        self.disconnect(_offline(self.companion, at_us))

    # for the pipeline

    async def look(self, *, fresh: bool = False) -> Health:
        """Return how it is: as the companion said last, or asked of it when it has to be `fresh`."""
        if fresh and self._link is not None and self._offer is not None:
            try:
                data = await self.ask("look", _LOOK_TAKES)
                health = msgspec.json.decode(data, type=Health)
                if self.take(msgspec.structs.replace(self._offer, health=health)):
                    self.changed()
            except BridgeFault as fault:
                return msgspec.structs.replace(self.health, last_error=fault.message)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return Health("version_mismatch", "the companion says in other words how it is; upgrade it")
        return self.health

    async def ask(self, operation: str, seconds: float, body: bytes = b"") -> bytes:
        """Return what the companion answers to a short operation; BridgeFault when it does not."""
        call = self._open(Open(operation, self.bridge))
        try:
            async with asyncio.timeout(seconds):
                answer = RemoteAnswer(call, await call.ask(body))
                data = b""
                while piece := await answer.read():
                    data += piece
                    if len(data) > MOST:
                        raise UpstreamTruncated("it says more than there is to say")
        except TimeoutError:
            raise BridgeFault(
                "upstream_timeout", f"{self._there} did not answer within {seconds:g} seconds"
            ) from None
        except (FlowBroken, UpstreamTruncated) as error:
            raise BridgeFault("bridge_disconnected", f"{self._there} was cut off: {error}") from None
        finally:
            call.leave()
        if answer.status >= 400:
            raise BridgeFault("refused", f"{self._there} refuses to {operation}")
        return data

    async def answer(self, operation: str, body: bytes, model: str) -> Answer:
        """Answer a turn, over there; what comes back is as the bridge itself would answer."""
        if len(model) > MOST_MODEL or not model.isprintable():  # clients make names up, and the link goes on
            return _refused(BridgeFault("refused", "no bridge has a model of such a name", param="model"))
        try:
            call = self._open(Open("turn", self.bridge, model, os.urandom(12).hex()))
        except BridgeFault as fault:
            return _refused(fault)
        try:
            async with asyncio.timeout(_HEAD_TAKES):
                head = await call.ask(body)
        except TimeoutError:
            call.leave()
            why = f"{self._there} did not begin to answer within {_HEAD_TAKES:g} seconds"
            return _refused(BridgeFault("upstream_timeout", why))
        except FlowBroken as broken:
            return _refused(self._fault(broken.wrong))
        except BaseException:
            call.leave()
            raise
        if head.status != 200 and head.status < 400:
            call.leave()
            why = f"{self._there} answers {head.status}, which no bridge does; upgrade it"
            return _refused(BridgeFault("version_mismatch", why))
        return RemoteAnswer(call, head)

    async def close(self) -> None:
        """Hold nothing: the hub has the link."""

    # details

    @property
    def _there(self) -> str:
        return f"the companion on {self.companion.machine}"

    def _open(self, what: Open) -> Call:
        health = self.health
        if self._link is None or not self._link.alive:
            raise BridgeFault("bridge_unreachable", f"{self.name}: {health.reason}", action=health.action)
        try:
            return self._link.open(what)
        except ChannelFull as error:
            kind: FaultKind = "bridge_unreachable" if self._link.drains else "bridge_busy"
            raise BridgeFault(kind, f"{self._there} takes nothing new now: {error}", retry_after=1) from None

    def _fault(self, wrong: Wrong) -> BridgeFault:
        kind = _FAULTS.get(wrong.kind, "bridge_disconnected")
        if kind == "bridge_disconnected":
            why = f"{self._there} was cut off before it began to answer ({wrong.message or wrong.kind})"
            return BridgeFault(kind, f"{why}; ask again")
        return BridgeFault(kind, f"{self._there} did not answer: {wrong.message or wrong.kind}")


def _offline(row: CompanionRow, at_us: int) -> Health:
    since = datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Health(
        "unreachable",
        f"agent_offline_since {since}: the companion on {row.machine} is not connected",
        Action(f"start it on {row.machine}", "llm-gateway companion"),
    )


def _shown(health: Health) -> Health:
    """Return a health that people may be shown: a page makes a link of an address, which is followed."""
    action = health.action
    if action is None:
        return health
    url = action.url if action.url.startswith(("https://", "http://")) else ""
    # A command is for whoever reads it to run: one of ours, or none.
    command = action.command if action.command.startswith(_OURS) and action.command.isprintable() else ""
    return msgspec.structs.replace(health, action=msgspec.structs.replace(action, url=url, command=command))


def _is_value(value: bytes) -> bool:
    return value.isascii() and value.decode("ascii").isprintable()


def _refused(fault: BridgeFault) -> PreparedAnswer:
    status, headers, body = answer_of(fault)
    return PreparedAnswer(status, headers, [body])


def _why_cut(wrong: Wrong | None) -> str:
    if wrong is None:
        return "the companion's answer ended before its end"
    return wrong.message or f"the companion's answer was cut off ({wrong.kind})"
