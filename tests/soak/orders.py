"""What the n-th request of a soak test is, and what a right answer to it says: all of it drawn from a seed.

Values only. No two orders have the same answer, so one that gets another one's is found out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from faults.asking import DIALECTS, Asking

__all__ = [
    "ALIASES",
    "GONE",
    "REFUSALS",
    "Behaviour",
    "Order",
    "drawn",
    "number_of",
    "targets_of",
]

GONE = "gone"
"""The provider that refuses every connection: its port is nobody's."""
ALIASES: dict[str, Sequence[str]] = {
    "any": ("chat", "messages", "gemini"),
    "spread": ("responses", "ollama", "chat"),
    "gone-first": (GONE, "messages", "chat"),
}
"""Names that stand for several providers; `spread` shares by weight and keeps conversations."""

Behaviour = Literal["reads", "leaves", "breaks off", "no such key", "no such model", "no JSON"]
"""What a client does: reads to the end, leaves in the middle of the answer or of its own request, or asks
what cannot be answered."""
REFUSALS: dict[Behaviour, int] = {"no such key": 401, "no such model": 404, "no JSON": 400}
"""The status that a request gets which cannot be answered."""

_SMALL, _LARGE = 1_000, 60_000
_SHARE_LARGE = 0.3
# Of the names that are asked for: refused, aliases, another dialect's provider; the rest is the own one.
_SHARE_GONE, _SHARE_ALIAS, _SHARE_OTHER = 0.006, 0.25, 0.3
_BEHAVIOURS: dict[Behaviour, float] = {
    "leaves": 0.04,
    "breaks off": 0.01,
    "no such key": 0.01,
    "no such model": 0.01,
    "no JSON": 0.01,
}
_MARK = re.compile(rb"soak order (\d+);")
_LONGEST = 12
_LONG_PIECE = 6_000


@dataclass(frozen=True, slots=True)
class Order:
    """One request. `pieces`: how many the answer's text has; `long`: whether they are long ones."""

    number: int
    dialect: str
    model: str
    stream: bool
    behaviour: Behaviour = "reads"
    size: int = _SMALL
    pieces: int = 4
    long: bool = False
    fresh: bool = False
    """Whether it comes over a connection of its own."""

    @property
    def asking(self) -> Asking:
        """Return what is asked, in the client's dialect."""
        mark = f"soak order {self.number}; "
        words = mark + "Wörter und words. " * ((self.size - len(mark)) // 19)
        return Asking(self.dialect, self.model, self.stream, words)

    def request(self, key: str, unknown: str) -> bytes:
        """Return the bytes of the request, with the key or one that nobody made; some are wrong."""
        right = self.asking.request(unknown if self.behaviour == "no such key" else key)
        return right.replace(b"}", b" ") if self.behaviour == "no JSON" else right

    @property
    def texts(self) -> list[str]:
        """Return the pieces of the right answer; there is no other answer with this text."""
        filler = "ü🌍 wort " * (_LONG_PIECE // 9) if self.long else ""
        first = f"Antwort {self.number}: "
        return [first, *(f"{self.number % (at + 7)}, {filler}" for at in range(self.pieces - 2)), "Ende."]

    @property
    def text(self) -> str:
        """Return the text of the right answer."""
        return "".join(self.texts)

    @property
    def tokens(self) -> tuple[int, int]:
        """Return the tokens, in and out, that the upstream says it used."""
        return 100 + self.number % 997, 10 + self.number % 89


def drawn(seed: str, number: int) -> Order:
    """Return the order of this number."""
    random = Random(f"{seed}/order/{number}")
    dialect = random.choice(DIALECTS)
    stream = random.random() < 0.5
    behaviour = _behaviour(random)
    if behaviour == "leaves":
        stream = True
    model = "nobody/m" if behaviour == "no such model" else _model(random, dialect)
    size = _LARGE if random.random() < _SHARE_LARGE else _SMALL
    pieces, long = random.randrange(3, _LONGEST), random.random() < 0.1
    return Order(number, dialect, model, stream, behaviour, size, pieces, long, random.random() < 0.2)


def number_of(body: bytes) -> int:
    """Return whose request this is, in whatever dialect it has come; -1 when it is of no order."""
    found = _MARK.search(body)
    return int(found[1]) if found else -1


def targets_of(model: str) -> Sequence[str]:
    """Return the providers that a name stands for."""
    return ALIASES.get(model) or (model.partition("/")[0],)


def _behaviour(random: Random) -> Behaviour:
    chance = random.random()
    for behaviour, share in _BEHAVIOURS.items():
        if chance < share:
            return behaviour
        chance -= share
    return "reads"


def _model(random: Random, dialect: str) -> str:
    chance = random.random()
    if chance < _SHARE_GONE:
        return random.choice((f"{GONE}/m", "gone-first", "gone-first"))
    if chance < _SHARE_ALIAS:
        return random.choice(("any", "spread"))
    if chance < _SHARE_ALIAS + _SHARE_OTHER:
        return f"{random.choice([other for other in DIALECTS if other != dialect])}/m"
    return f"{dialect}/m"
