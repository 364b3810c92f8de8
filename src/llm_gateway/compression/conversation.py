"""Which results of a conversation are encoded, and as what; the same today, tomorrow and anywhere else.

Append-only: how a result is sent follows from what stands before it and from what was decided when it was
sent first. A result that a model has read and of which nothing was decided was sent as it came, and stays so,
unless the one before it was encoded: then it was, too. What is remembered beside decisions costs time to find
out again, and nothing else.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from llm_gateway.canonical.slots import Entry, Slot, Slots
from llm_gateway.compression.block import STRICT, WIDE, Setting
from llm_gateway.compression.chains import Chains
from llm_gateway.compression.decisions import RAW, STOPPED, Decision, Decisions
from llm_gateway.compression.memory import Memory
from llm_gateway.compression.past import Past
from llm_gateway.wire.splice import splice

__all__ = [
    "SETTINGS",
    "Compressed",
    "Compressor",
    "Mode",
    "Plan",
    "Replacement",
    "Walked",
    "Wish",
    "rewritten",
]

Mode = Literal["off", "strict", "wide"]

SETTINGS: Mapping[Mode, Sequence[Setting]] = {"strict": (STRICT,), "wide": (WIDE,)}
"""To each mode its versions, the newest first. An old one stays while conversations may be pinned to it."""

_TEXTS, _PASTS, _WALKS = 32 << 20, 64 << 20, 8 << 20  # bytes
_MOST_NEW = 2 << 20  # bytes of new results that are encoded in one request; what comes on top goes as it came
_LONGEST_S = 0.02  # that new results may take in one request; what comes after that goes as it came
_STEP = 24  # bytes that a result takes that was gone past


class Wish(msgspec.Struct, frozen=True):
    """What is asked for in a request: a mode for what is new in it.

    `least` is how many bytes the body has to keep, lest a provider cache none of it. `scope` sets apart
    whose conversations these are.
    """

    mode: Mode = "off"
    least: int = 0
    scope: bytes = b""


class Replacement(msgspec.Struct, frozen=True, gc=False):
    """A slot that is written otherwise: which one, from 0, its size, and the JSON string it becomes."""

    slot: int
    size: int
    literal: bytes


class Compressed(msgspec.Struct, frozen=True):
    """What becomes of the slots of a request, each with its chain and its decision."""

    replacements: Sequence[Replacement] = ()
    chains: Sequence[bytes] = ()
    decisions: Sequence[Decision] = ()
    changed: bool = False
    """Whether the client has said something else now where there was something before, but for marks."""
    failures: int = 0
    """How many results could not be encoded, or did not come back, and are sent as they came."""
    large: int = 0
    """How many are sent as they came because there was too much that is new,"""
    slow: int = 0
    """and how many because what came before them took too long."""


class Walked(msgspec.Struct, frozen=True):
    """A request as it was gone through, up to its last result."""

    decisions: Sequence[Decision]
    paths: Sequence[str]
    replacements: Sequence[Replacement]


class Plan(msgspec.Struct, frozen=True):
    """A request, and all of it that is quickly found out."""

    slots: Slots
    wish: Wish
    chains: Sequence[bytes]
    walked: Walked
    """What became of the results that were there before; what follows is about the others."""
    known: Mapping[bytes, Decision]
    changed: bool
    work: int
    """Bytes of text to be gone through: what takes long is better not done on the event loop."""


class _Text(msgspec.Struct, frozen=True, gc=False):
    """How a result is sent after these decisions; None for as it came."""

    path: str
    literal: bytes | None


class Compressor:
    """All conversations of a gateway: read the slots with `recall`, `plan`, `compress`, and `rewritten`.

    `compress` may run in any thread, the others belong to one. `seconds` tells how time passes: by it new
    results go as they came when those before them took long, which is a decision like any other. Without it
    nothing depends on time.
    """

    def __init__(
        self,
        decisions: Decisions | None = None,
        settings: Mapping[Mode, Sequence[Setting]] = SETTINGS,
        seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.decisions = decisions or Decisions()
        self.newest = {mode: versions[0] for mode, versions in settings.items() if versions}
        self.settings = {each.version: each for versions in settings.values() for each in versions}
        self.seconds = seconds
        self.texts: Memory[bytes, _Text] = Memory(_TEXTS)
        self.pasts: Memory[bytes, Past] = Memory(_PASTS)
        self.walks: Memory[bytes, Walked] = Memory(_WALKS)
        self._chains = Chains()

    def recall(self, dialect: str, body: bytes, start: int) -> Slots | None:
        """Return the last request of a dialect whose messages began like those at a place of a body."""
        return self._chains.recall(dialect, body, start)

    def plan(self, slots: Slots, wish: Wish) -> Plan:
        """Find out what a request has of results, and what was decided of them."""
        if not slots.starts:
            return Plan(slots, wish, (), _NOT_WALKED, {}, changed=False, work=0)
        chained = self._chains.of(slots, wish.scope)
        chains, old = chained.chains, chained.old
        walked = (self.walks.find(chains[old - 1]) if old else None) or _NOT_WALKED
        known = self.decisions.find(chains[len(walked.decisions) :])
        work = 0
        if wish.mode != "off" or not self.settings.keys().isdisjoint(known.values()):
            literals = slots.literals()
            goes_on = not old or old == len(chains) or self.pasts.find(chains[old - 1]) is not None
            work = sum(map(len, literals[old:] if goes_on else literals))
        return Plan(slots, wish, chains, walked, known, chained.changed, work)

    def compress(self, plan: Plan, *, stopped: bool = False) -> Compressed:
        """Decide what was not decided, and return how each result is sent.

        `stopped` is for a conversation that missed its prompt cache (`watch.py`): nothing new of it is
        encoded, from then on and whatever is wished for.
        """
        walk = _Walk(self, plan, stopped=stopped)
        for slot in range(len(plan.walked.decisions), len(plan.chains)):
            walk.step(slot)
        return walk.end()


def rewritten(slots: Slots, compressed: Compressed) -> bytes:
    """Return the body as it is sent: itself where nothing of it is written otherwise."""
    if not compressed.replacements:
        return slots.body
    starts = slots.starts
    return splice(
        slots.body,
        [
            (starts[each.slot], starts[each.slot] + each.size, each.literal)
            for each in compressed.replacements
        ],
    )


_NOT_WALKED = Walked((), (), ())


class _Walk:
    """One request gone through, result by result."""

    def __init__(self, compressor: Compressor, plan: Plan, *, stopped: bool) -> None:
        self._of = compressor
        self._plan = plan
        self._stopped = stopped
        self._entries: Sequence[Entry] = list(plan.slots.entries())
        self._slots = [entry for entry in self._entries if isinstance(entry, Slot)]
        self._decisions = list(plan.walked.decisions)
        self._settings = [compressor.settings.get(each) for each in self._decisions]
        self._paths = list(plan.walked.paths)
        self._decided: dict[bytes, Decision] = {}
        self._kept: dict[bytes, Decision] = {}
        self._replacements = list(plan.walked.replacements)
        self._size = len(plan.slots.body) - sum(each.size - len(each.literal) for each in self._replacements)
        self._new = 0
        self._past: Past | None = None
        self._failures = self._large = self._slow = 0
        self._seconds = 0.0

    def step(self, slot: int) -> None:
        """Go past the next result."""
        chain = self._plan.chains[slot]
        before = self._decisions[-1] if slot else None
        known = self._plan.known.get(chain)
        is_new = known is None and slot >= self._plan.slots.read
        decision = known or self._decide(slot, before)
        size = len(self._slots[slot].literal)
        if is_new and decision in self._of.settings and self._is_too_much(size):
            decision = RAW
        self._take(slot, decision)
        literal = self._literal(slot, is_new) if self._settings[slot] is not None else None
        if literal is not None:
            if is_new and self._size - size + len(literal) < self._plan.wish.least:
                decision = self._taken_back(slot)
            else:
                self._size -= size - len(literal)
                self._replacements.append(Replacement(slot, size, literal))
        if known is None:
            self._decided[chain] = decision
        if is_new and decision != (before or RAW):
            self._kept[chain] = decision

    def end(self) -> Compressed:
        """Remember what was found out, and return it."""
        of, chains = self._of, self._plan.chains
        of.decisions.remember(self._decided)
        of.decisions.keep(self._kept)
        if self._past is not None and self._past.slots:
            of.pasts.keep(chains[self._past.slots - 1], self._past, self._past.size)
        if len(self._plan.walked.decisions) < len(chains):
            walked = Walked(self._decisions, self._paths, self._replacements)
            of.walks.keep(chains[-1], walked, _STEP * len(chains))
        left = (self._failures, self._large, self._slow)
        return Compressed(self._replacements, chains, self._decisions, self._plan.changed, *left)

    def _is_too_much(self, size: int) -> bool:
        """Whether another new result, of that size, goes as it came."""
        self._new += size
        if self._new > _MOST_NEW:
            self._large += 1
        elif self._seconds >= _LONGEST_S:
            self._slow += 1
        else:
            return False
        return True

    def _decide(self, slot: int, before: Decision | None) -> Decision:
        wish = self._plan.wish
        if slot < self._plan.slots.read:  # it was sent before: as the one before it, or as it came
            return before or RAW
        if self._stopped or before == STOPPED:
            return STOPPED
        newest = self._of.newest.get(wish.mode)
        if newest is None:
            return RAW
        known = self._of.settings
        began = next((each for each in self._decisions if each in known), None)
        return began or newest.version  # a conversation keeps to what it began with

    def _take(self, slot: int, decision: Decision) -> None:
        path = self._paths[-1] if slot else ""
        if not slot or decision != self._decisions[-1]:
            path = f"{path} {slot}:{decision}"
        self._decisions.append(decision)
        self._settings.append(self._of.settings.get(decision))
        self._paths.append(path)

    def _taken_back(self, slot: int) -> Decision:
        """Have a result go as it came that was gone past as encoded."""
        self._past = None  # it has gone past it, too
        self._of.texts.take(self._plan.chains[slot])
        for told in (self._decisions, self._settings, self._paths):
            told.pop()
        self._take(slot, RAW)
        return RAW

    def _literal(self, slot: int, is_new: bool) -> bytes | None:
        """Return the JSON string that a result is sent as, None for as it came."""
        chain, path = self._plan.chains[slot], self._paths[slot]
        text = self._of.texts.find(chain)
        if text is not None and text.path == path:
            return text.literal
        past = self._past = self._past_before(slot)
        failures = past.failures
        past.go(self._entries, self._settings, slot - 1)  # what was decided is gone by, however long it takes
        began = self._of.seconds()
        literal = past.go(self._entries, self._settings, slot)
        past.path = path
        if is_new:
            self._seconds += self._of.seconds() - began
        self._failures += past.failures - failures
        self._of.texts.keep(chain, _Text(path, literal), len(literal or b""))
        return literal

    def _past_before(self, slot: int) -> Past:
        """Return the conversation as far as it was gone through before; from its beginning, if need be."""
        nearest = self._past or Past()
        for index in range(slot - 1, nearest.slots - 1, -1):
            past = self._of.pasts.take(self._plan.chains[index])
            if past is not None and past.path == self._paths[index]:
                return past
        return nearest
