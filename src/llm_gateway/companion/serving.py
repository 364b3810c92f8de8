"""What a companion does for its gateway: a fixed list of things, each within its owner's caps and on record.

There is no way from here to a command, a file or a login: a turn is handed to one of the bridges that the
companion was started with, and everything that is not on the list is not found.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from llm_gateway.bridges.engine import BridgeEngine
from llm_gateway.bridges.faults import BridgeFault, answer_of
from llm_gateway.bridges.health import Health
from llm_gateway.companion.caps import Counter
from llm_gateway.companion.flows import FlowBroken, Visit
from llm_gateway.companion.frames import Head, Wrong
from llm_gateway.companion.journal import Journal
from llm_gateway.companion.offers import ABSENT, News, Offer, able
from llm_gateway.companion.switch import Switch
from llm_gateway.dialects.bridge import PATH
from llm_gateway.errors import AuditUnavailable, ClientFault, GatewayError, UpstreamFault
from llm_gateway.upstream.answer import Answer

__all__ = ["OPERATIONS", "Served", "Serving"]

OPERATIONS = ("turn", "look", "pause")
"""All that a gateway can ask for."""

_LOOK_AGAIN = 0.5
_PAUSED = BridgeFault(
    "bridge_disabled", "it is paused on its own machine; `llm-gateway companion resume` there"
)


class Served(msgspec.Struct, frozen=True):
    """A bridge of this machine: what it is a bridge to, its engine, and who may use it beside its owner."""

    kind: str
    engine: BridgeEngine
    share_with: tuple[str, ...] = ()


class Serving:
    """The bridges of this machine, for whoever is at the other end of the link."""

    def __init__(
        self, bridges: Mapping[str, Served], counter: Counter, journal: Journal, switch: Switch
    ) -> None:
        self._bridges = bridges
        self._counter = counter
        self._journal = journal
        self._switch = switch
        self._allowed: frozenset[str] = frozenset()
        self._turns: set[asyncio.Task[object]] = set()
        self.changed: Callable[[], None] = lambda: None
        """Called when there may be news."""

    def allow(self, bridges: Sequence[str]) -> None:
        """Take what the gateway lets this machine offer; () is everything."""
        self._allowed = frozenset(bridges)

    async def present(self) -> tuple[str, ...]:
        """Return the bridges whose programs this machine has: those whose names it wants to have."""
        here = [(name, each) for name, each in self._bridges.items() if each.engine.absence() is None]
        found = await asyncio.gather(*(each.engine.look() for _, each in here))
        return tuple(
            name for (name, _), health in zip(here, found, strict=True) if health.state not in ABSENT
        )

    async def news(self, trouble: str = "") -> News:
        """Return how everything is."""
        offered = [(name, each) for name, each in self._bridges.items() if self._offers(name)]
        found = await asyncio.gather(*(each.engine.look() for _, each in offered))
        paused = self._switch.paused
        offers = []
        for (name, each), seen in zip(offered, found, strict=True):
            health = _paused(seen) if paused else seen
            able_to = able(each.engine.abilities)
            offers.append(Offer(name, each.kind, health, each.engine.offered, able_to, each.share_with))
        return News(tuple(offers), paused, trouble)

    async def serve(self, visit: Visit) -> None:
        """Answer one stream."""
        try:
            body = await visit.body()
            await self._serve(visit, body)
        except FlowBroken:
            pass  # nobody is there any more
        except BridgeFault as fault:
            await _refuse(visit, fault)
        except ClientFault as error:
            await _refuse(visit, BridgeFault("refused", error.message))
        except UpstreamFault as error:
            visit.fail(Wrong(error.kind, error.message))
        except GatewayError as error:
            await _refuse(visit, BridgeFault("bridge_failed", error.message))

    async def watch(self) -> None:
        """Stop what runs as soon as somebody has paused the companion; and settle the journal."""
        was = self._switch.paused
        while True:
            await asyncio.sleep(_LOOK_AGAIN)
            await self._journal.settle()
            if (paused := self._switch.paused) != was:
                was = paused
                if paused:
                    self.stop()
                self.changed()

    def stop(self) -> None:
        """Stop every turn that runs."""
        for task in self._turns:
            task.cancel(_PAUSED.kind)

    # details

    def _offers(self, name: str) -> bool:
        """Whether the gateway hears of a bridge: not of one that nobody here has ever used."""
        served = self._bridges.get(name)
        allowed = not self._allowed or name in self._allowed
        return served is not None and allowed and served.engine.absence() is None

    async def _serve(self, visit: Visit, body: bytes) -> None:
        match visit.open.operation:
            case "turn":
                await self._turn(visit, body)
            case "look" if self._offers(visit.open.bridge):
                health = await self._bridges[visit.open.bridge].engine.look(fresh=True)
                visit.begin(Head(200))
                await visit.put(msgspec.json.encode(_paused(health) if self._switch.paused else health))
                visit.finish()
                self.changed()
            case "pause":
                if not self._switch.paused:  # once: it may be asked for without end
                    self._journal.noted("companion.pause")
                    self._switch.pause("gateway")
                visit.begin(Head(204))
                visit.finish()
            case _:
                visit.begin(Head(404))
                visit.finish()

    async def _turn(self, visit: Visit, body: bytes) -> None:
        asked = visit.open
        if self._switch.paused:
            raise _PAUSED
        if not self._offers(asked.bridge):
            raise BridgeFault("bridge_not_installed", f"this machine has no bridge {asked.bridge[:64]!r}")
        self._counter.begin(asked.bridge, asked.model)
        task = asyncio.current_task()
        assert task is not None
        self._turns.add(task)
        passed, outcome = 0, "cancelled"
        try:
            self._journal.begun(asked.id, asked.bridge, asked.model, len(body))
            passed = await _relay(
                visit, await self._bridges[asked.bridge].engine.answer(PATH, body, asked.model)
            )
            outcome = "answered"
        except asyncio.CancelledError as stop:
            if stop.args == (_PAUSED.kind,):
                visit.fail(Wrong(_PAUSED.kind, _PAUSED.message))
            raise
        except (GatewayError, FlowBroken):
            outcome = "failed"
            raise
        finally:
            self._turns.discard(task)
            self._counter.end(len(body) + passed)
            self._note_end(asked.id, asked.bridge, outcome, passed)

    def _note_end(self, turn: str, bridge: str, outcome: str, passed: int) -> None:
        try:
            self._journal.ended(turn, bridge, outcome, passed)
        except AuditUnavailable:
            pass  # the next turn is refused for it
        self.changed()


def _paused(health: Health) -> Health:
    return msgspec.structs.replace(health, state="disabled", reason=_PAUSED.message, action=None)


async def _relay(visit: Visit, answer: Answer) -> int:
    """Hand on an answer as it comes, and return how many bytes that was."""
    passed = 0
    try:
        fields = tuple((name, value) for name, value in answer.headers)
        visit.begin(Head(answer.status, fields))
        while data := answer.take() or await answer.read():
            passed += len(data)
            await visit.put(data)
        visit.finish()
    finally:
        answer.release()
    return passed


async def _refuse(visit: Visit, fault: BridgeFault) -> None:
    status, headers, body = answer_of(fault)
    visit.begin(Head(status, tuple(headers)))
    await visit.put(body)
    visit.finish()
