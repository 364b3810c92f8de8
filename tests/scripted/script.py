"""What the scripted upstream does with one request, as values: a script is a tuple of steps.

Steps know nothing of dialects; `wording` makes their bytes, `chat` and its siblings make the answers.
When a script ends without closing, the connection waits for its next request.
"""

from dataclasses import dataclass

__all__ = [
    "Close",
    "CloseOnReuse",
    "Drip",
    "Flood",
    "Gate",
    "Hang",
    "Pause",
    "Reset",
    "Script",
    "Send",
    "Step",
]


@dataclass(frozen=True, slots=True)
class Send:
    """Write bytes and wait until the kernel has taken them."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Drip:
    """Write `size` bytes at a time, `every` so many seconds."""

    data: bytes
    size: int
    every: float


@dataclass(frozen=True, slots=True)
class Flood:
    """Write `piece` again and again, as fast as it is taken, `count` times."""

    piece: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Gate:
    """Wait until the test opens the gate of this name; a gate stays open."""

    name: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait; for pacing a stream under load, never for ordering a test (that is a gate)."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Do nothing until the peer goes away."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Break the connection with a TCP reset, once the peer's kernel has everything sent before."""


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection in order, whatever was promised."""


@dataclass(frozen=True, slots=True)
class CloseOnReuse:
    """Close the connection when the first byte of its next request comes, without an answer."""


Step = Send | Drip | Flood | Gate | Pause | Hang | Reset | Close | CloseOnReuse
Script = tuple[Step, ...]
