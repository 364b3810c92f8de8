"""The slots of a request, gathered message by message; what was read of a message before is not read again.

Not a dialect: what a message has is told by the dialect's `slots.py`. Equal bytes tell the same, so that
nothing depends on what is remembered but the time that it takes.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Raw

from llm_gateway.canonical.slots import Slot, Slots, Told
from llm_gateway.wire.jsonedit import Document
from llm_gateway.wire.splice import elements, locate

__all__ = ["BEGINNING", "Form", "Member", "Names", "Reader", "Recall", "found_in", "gather", "nothing_known"]

Names = dict[str, str]
"""The tools that were called so far, by the ids of the calls."""

Reader = Callable[[bytes, Names], Told]
"""Read one message; msgspec's DecodeError for a shape that is not known."""

Recall = Callable[[str, Sequence[bytes]], Sequence[Told]]
"""Return what was read of a request of the same dialect that began with the same messages."""

Member = tuple[bytes, bytes, Slot | None]
"""A key with its quotes, its value, and the slot that it is; None for what must only be told from one."""

BEGINNING = 3
"""By how many messages a conversation is told from others."""


class Form(msgspec.Struct, frozen=True):
    """Where requests of a dialect have their messages, and how one is read."""

    dialect: str
    member: str
    read: Reader


_array = msgspec.json.Decoder(list[Raw])


def nothing_known(_dialect: str, _beginning: Sequence[bytes]) -> Sequence[Told]:
    """Recall nothing."""
    return ()


def gather(document: Document, form: Form, recall: Recall) -> Slots:
    """Return the slots of the messages of a request; none where there are no messages.

    A message that is not understood has none, and may be a model's: what is before it counts as read.
    """
    body = document.body
    names: Names = {}
    messages: list[Told] = []
    starts: list[int] = []
    answered = marked = 0
    try:
        raws = _array.decode(document.fields[form.member])
        texts = [bytes(raw) for raw in raws]
        known = recall(form.dialect, texts[:BEGINNING])
        same = len(known)  # up to where what is known holds: names that differ make results other tools'
        for index, position in enumerate(elements(body, document.start(form.member), texts)):
            if index < same and known[index].raw == texts[index]:
                told = known[index]
            else:
                told = _read(form, texts[index], names)
                if index < same and told.names != known[index].names:
                    same = 0
            messages.append(told)
            if told.names:
                names.update(told.names)
            if told.answers:
                answered = len(starts)
            if told.marked is not None:
                marked = len(starts) + told.marked
            if told.places:
                starts += [position + place for place in told.places]
    except (KeyError, msgspec.DecodeError):
        return Slots(body, form.dialect, form.member)
    return Slots(body, form.dialect, form.member, messages, starts, answered, marked)


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
