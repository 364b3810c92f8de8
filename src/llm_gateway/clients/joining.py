"""Which of the answers that clients report are turns of ours, and which are the same answer told twice.

Ids come first: every answer that leaves here carries one that its client writes down. Where a source has
no id, a conversation and the tokens do: an answer is the turn of that conversation with as many. Where it
names no conversation either, client, tokens and time do. One turn is one answer: what is reported more often
than it was routed has passed us by. Pure; what is read and kept is the ledger's.
"""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.sightings import Answered, Kept, Sighting, Source

__all__ = ["NEAR_US", "Joined", "join_up"]

NEAR_US = 120 * 1_000_000
"""How far a client's clock and ours may be apart about the same answer, where no id says that it is one."""

_TURN_ID = 32
_OTHER: dict[Source, Source] = {"log": "otlp", "otlp": "log"}


class Joined(msgspec.Struct, frozen=True):
    """What was found out about a sighting: the turn that it is, and the other one that is the same answer."""

    seq: int
    turn_id: str = ""
    twin: int = 0


_Same = tuple[str, int, int]
"""What two reports of one answer share where no id does: a conversation or a client, tokens in and out."""


def join_up(kept: Sequence[Kept], turns: Sequence[Answered]) -> list[Joined]:
    """Return what is new about sightings; those of which all is known take part as they are.

    `kept` and `turns` cover the same time, with some margin. Running it again finds nothing new.
    """
    match = _Match(kept, turns)
    match.by_id()
    match.pair()
    match.by_likeness()
    return match.news()


class _Match:
    """What is known of each sighting: its turn, and the one that tells of the same answer."""

    def __init__(self, kept: Sequence[Kept], turns: Sequence[Answered]) -> None:
        self._kept = sorted(kept, key=lambda one: (one.sighting.at_us, one.seq))
        self._turn = {one.seq: one.turn_id for one in kept}
        self._twin = {one.seq: one.twin for one in kept}
        self._taken = {(one.turn_id, one.sighting.source) for one in kept if one.turn_id}
        self._ids: dict[str, Answered] = {}
        self._alike: dict[_Same, list[Answered]] = defaultdict(list)
        for turn in turns:
            for name in (turn.id, turn.response_id, turn.upstream_request_id):
                if name:
                    self._ids.setdefault(name, turn)
            if turn.usage is not None and not turn.usage.estimated:
                if turn.session:
                    self._alike[_same(turn.session, turn.usage)].append(turn)
                self._alike[_same(_family(turn.client), turn.usage)].append(turn)

    def by_id(self) -> None:
        """Recognise turns, and the same answers, by their ids."""
        first: dict[str, int] = {}
        for one in sorted(self._kept, key=lambda each: each.seq):
            for name in _ids(one.sighting):
                if first.setdefault(name, one.seq) != one.seq and not self._twin[one.seq]:
                    self._twin[one.seq] = first[name]
                turn = self._ids.get(name) or self._ids.get(name[-_TURN_ID:])
                if turn is not None and not self._turn[one.seq]:
                    self._recognise(one, turn.id)

    def pair(self) -> None:
        """Bring together what two sources tell of one answer, where only one of them knows its id."""
        twinned = {(self._twin[one.seq], one.sighting.source) for one in self._kept if self._twin[one.seq]}
        groups: dict[_Same, list[Kept]] = defaultdict(list)
        for one in self._kept:
            if one.sighting.session and not self._twin[one.seq]:
                groups[_same(one.sighting.session, one.sighting.usage)].append(one)
        for group in groups.values():
            logged = [
                one for one in group if one.sighting.source == "log" and (one.seq, "otlp") not in twinned
            ]
            for one in group:
                if one.sighting.source != "otlp" or (one.seq, "log") in twinned:
                    continue
                other = next((each for each in logged if self._may_be_one(one, each)), None)
                if other is not None:
                    logged.remove(other)
                    self._bring_together(one, other)

    def by_likeness(self) -> None:
        """Recognise turns by conversation, client, tokens and time, where no id could."""
        named = {seq for one in self._kept if _ids(one.sighting) for seq in (one.seq, self._twin[one.seq])}
        named |= {one.seq for one in self._kept if self._twin[one.seq] in named}
        for one in self._kept:
            if self._turn[one.seq]:
                continue
            twin = self._twin[one.seq]
            turn_id = self._turn.get(twin, "") if twin else ""
            if not turn_id and (turn := self._like(one.sighting, one.seq in named)) is not None:
                turn_id = turn.id
            if turn_id:
                self._recognise(one, turn_id)
                if twin in self._turn:
                    self._turn[twin] = turn_id

    def news(self) -> list[Joined]:
        """Return what was not known before, in the order in which they were kept."""
        return [
            Joined(one.seq, self._turn[one.seq], self._twin[one.seq])
            for one in sorted(self._kept, key=lambda each: each.seq)
            if (self._turn[one.seq], self._twin[one.seq]) != (one.turn_id, one.twin)
        ]

    def _recognise(self, one: Kept, turn_id: str) -> None:
        self._turn[one.seq] = turn_id
        self._taken.add((turn_id, one.sighting.source))

    def _may_be_one(self, one: Kept, other: Kept) -> bool:
        """Whether nothing says that two sightings are of two answers."""
        mine, theirs = self._turn[one.seq], self._turn[other.seq]
        if mine and theirs:
            return mine == theirs
        if (mine and _ids(other.sighting)) or (theirs and _ids(one.sighting)):
            return False  # an id that is known was not this turn's
        return not _differ(one.sighting, other.sighting)

    def _bring_together(self, one: Kept, other: Kept) -> None:
        earlier, later = sorted((one, other), key=lambda each: each.seq)
        self._twin[later.seq] = earlier.seq
        if turn_id := self._turn[one.seq] or self._turn[other.seq]:
            self._recognise(one, turn_id)
            self._recognise(other, turn_id)

    def _like(self, sighting: Sighting, named: bool) -> Answered | None:
        """Return the turn that may be this answer: of its conversation, else the nearest in time.

        `named`: the id of the answer is known, so that no turn with another id is it.
        """
        if sighting.session:
            in_session = self._free(_same(sighting.session, sighting.usage), sighting.source, named)
            if in_session:
                return in_session[0]
        near = [
            turn
            for turn in self._free(_same(_family(sighting.client), sighting.usage), sighting.source, named)
            if turn.at_us - NEAR_US <= sighting.at_us <= turn.ended_us + NEAR_US
            and not (turn.session and sighting.session)
        ]
        return min(near, key=lambda turn: abs(turn.ended_us - sighting.at_us), default=None)

    def _free(self, same: _Same, source: Source, named: bool) -> list[Answered]:
        """Return the turns alike of which a source has not told."""
        return [
            turn
            for turn in self._alike.get(same, ())
            if (turn.id, source) not in self._taken and not (named and turn.response_id)
        ]


def _ids(sighting: Sighting) -> list[str]:
    return [name for name in (sighting.request_id, sighting.answer_id) if name]


def _same(name: str, usage: Usage) -> _Same:
    return name, usage.input, usage.output


def _family(client: str) -> str:
    """Return what the parts of one program share: they are told apart by one source and not by another."""
    return client.partition("-")[0]


def _differ(one: Sighting, other: Sighting) -> bool:
    """Whether ids say that these are two answers."""
    return any(
        mine and theirs and mine != theirs
        for mine, theirs in ((one.request_id, other.request_id), (one.answer_id, other.answer_id))
    )
