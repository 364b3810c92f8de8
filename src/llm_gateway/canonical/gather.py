"""The slots of a request, gathered message by message; what was read of a message before is not read again.

Not a dialect: what a message has is told by the dialect's `slots.py`. Equal bytes tell the same, so that
nothing depends on what is remembered but the time that it takes.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Raw

from llm_gateway.canonical.slots import Slot, Slots, Told
from llm_gateway.wire.jsonedit import Document
from llm_gateway.wire.splice import behind, elements, locate

__all__ = ["Form", "Member", "Names", "Reader", "Recall", "found_in", "gather", "nothing_known"]

Names = dict[str, str]
"""The tools that were called so far, by the ids of the calls."""

Reader = Callable[[bytes, Names], Told]
"""Read one message; msgspec's DecodeError for a shape that is not known."""

Recall = Callable[[str, bytes, int], Slots | None]
"""Return a request of a dialect that was read before and whose messages begin like those of a body, there."""

Member = tuple[bytes, bytes, Slot | None]
"""A key with its quotes, its value, and the slot that it is; None for what must only be told from one."""

_LATEST = 8  # messages among which marks for a provider's prompt cache move
_ENDS_ONE = b",] \t\n\r"

_array = msgspec.json.Decoder(list[Raw])


class Form(msgspec.Struct, frozen=True):
    """Where requests of a dialect have their messages, and how one is read."""

    dialect: str
    member: str
    read: Reader


def nothing_known(_dialect: str, _body: bytes, _start: int) -> None:
    """Recall nothing."""


def gather(document: Document, form: Form, recall: Recall) -> Slots:
    """Return the slots of the messages of a request; none where there are no messages.

    A message that is not understood has none, and may be a model's: what is before it counts as read.
    """
    body = document.body
    array = document.fields.get(form.member)
    if array is None:
        return Slots(body, form.dialect, form.member)
    start = document.start(form.member)
    before = recall(form.dialect, body, start)
    kept = 0 if before is None else _kept(before, body, start)
    found = _Gathered(start) if before is None else _Gathered.of(before, kept, start)
    known = () if before is None else before.messages
    try:
        position, left = behind(body, found.ends[-1], start + len(array)) if kept else (start, array)
        texts = [bytes(raw) for raw in _array.decode(left)]
    except msgspec.DecodeError:
        return Slots(body, form.dialect, form.member)
    same = len(known)  # up to where what is known holds: other names make results those of other tools
    for index, (text, place) in enumerate(zip(texts, elements(body, position, texts), strict=True), kept):
        if index < same and known[index].raw == text:
            told = known[index]
        else:
            told = _read(form, text, found.names)
            if index < same and told.names != known[index].names:
                same = 0
        found.add(told, place)
    return found.slots(body, form)


class _Gathered:
    """What was found so far."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.messages: list[Told] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.names: Names = {}
        self.read = self.marked = 0

    @classmethod
    def of(cls, before: Slots, kept: int, start: int) -> "_Gathered":
        """Return what so many messages of another request come to, which begin at another place."""
        self = cls(start)
        self.messages = list(before.messages[:kept])
        slots = 0
        for told in self.messages:
            if told.names:
                self.names.update(told.names)
            if told.answers:
                self.read = slots
            if told.marked is not None:
                self.marked = slots + told.marked
            slots += len(told.places)
        shift = start - before.start
        self.starts = [place + shift for place in before.starts[:slots]]
        self.ends = [end + shift for end in before.ends[:kept]]
        return self

    def slots(self, body: bytes, form: Form) -> Slots:
        """Return it as the slots of a body."""
        return Slots(
            body,
            form.dialect,
            form.member,
            self.messages,
            self.starts,
            self.ends,
            self.start,
            self.read,
            self.marked,
        )

    def add(self, told: Told, position: int) -> None:
        """Go past a message that begins at a place."""
        self.messages.append(told)
        self.ends.append(position + len(told.raw))
        if told.names:
            self.names.update(told.names)
        if told.answers:
            self.read = len(self.starts)
        if told.marked is not None:
            self.marked = len(self.starts) + told.marked
        self.starts += [position + place for place in told.places]


def _kept(before: Slots, body: bytes, start: int) -> int:
    """Return how many messages are the same, byte for byte, from the first one on."""
    count = len(before.messages)
    kept, end = 0, before.start
    for tried in (count - _LATEST, count // 2):
        if tried > 0 and body.startswith(before.body[end : before.ends[tried - 1]], start):
            kept, end = tried, before.ends[tried - 1]
            break
    while kept < count and body.startswith(before.body[end : before.ends[kept]], start + end - before.start):
        end = before.ends[kept]
        kept += 1
    # What is cut off may go on: 1 is the beginning of 12.
    return kept if body[start + end - before.start] in _ENDS_ONE else 0


def _read(form: Form, raw: bytes, names: Names) -> Told:
    try:
        return form.read(raw, names)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Told(raw, answers=True)


def found_in(raw: bytes, members: Sequence[Member]) -> tuple[tuple[Slot, ...], tuple[int, ...]]:
    """Return the slots among members of a message and where they begin; none where that is in doubt.

    `members` are all that it has of the keys that are slots' keys, in order.
    """
    places: dict[bytes, list[int]] = {}
    for key in {key for key, _, slot in members if slot is not None}:
        found = locate(raw, key, [value for name, value, _ in members if name == key])
        if found is None:
            return (), ()
        places[key] = found[::-1]
    slots: list[Slot] = []
    starts: list[int] = []
    for key, _, slot in members:
        place = places[key].pop() if key in places else 0
        if slot is not None:
            slots.append(slot)
            starts.append(place)
    return tuple(slots), tuple(starts)
