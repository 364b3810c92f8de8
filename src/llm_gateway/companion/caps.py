"""What a companion lets its gateway ask for, whatever the gateway says: models, turns, estimated tokens.

Counted here, on the owner's machine, so that a gateway that was taken over spends no more than this. A day is
one of UTC. What was counted before a restart comes from the journal.
"""

import fnmatch
from collections import deque
from typing import Annotated

import msgspec
from msgspec import Meta

from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.usage import estimate_tokens
from llm_gateway.clock import Clock
from llm_gateway.wire.ready import ready

__all__ = ["DAY_US", "Caps", "Counted", "Counter"]

DAY_US = 86_400 * 1_000_000
_MINUTE = 60.0


@ready
class Caps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The most of everything. `models` are patterns of `bridge/model`; () allows every one.

    `parallel` is over all bridges, each of which lets fewer run and others wait.
    """

    models: tuple[str, ...] = ()
    parallel: Annotated[int, Meta(ge=1, le=256)] = 64
    per_minute: Annotated[int, Meta(ge=1)] = 120
    per_day: Annotated[int, Meta(ge=0)] = 2000
    tokens_per_day: Annotated[int, Meta(ge=0)] | None = None


class Counted(msgspec.Struct):
    """What a day has seen: its number since 1970, turns, and tokens by estimate."""

    day: int
    turns: int = 0
    tokens: int = 0


class Counter:
    """What was asked for so far, held to the caps."""

    def __init__(self, caps: Caps, clock: Clock, before: Counted | None = None) -> None:
        self._caps = caps
        self._clock = clock
        self._today = before or Counted(0)
        self._begun: deque[float] = deque()
        self.running = 0

    @property
    def today(self) -> Counted:
        """What was counted today."""
        day = self._clock.now_us() // DAY_US
        if day > self._today.day:  # a clock that is set back begins no new day
            self._today = Counted(day)
        return self._today

    def begin(self, bridge: str, model: str) -> None:
        """Count a turn that begins; BridgeFault says which cap it is over."""
        caps, today, now = self._caps, self.today, self._clock.monotonic()
        while self._begun and now - self._begun[0] >= _MINUTE:
            self._begun.popleft()
        name = f"{bridge}/{model}"
        if caps.models and not any(fnmatch.fnmatchcase(name, pattern) for pattern in caps.models):
            raise BridgeFault(
                "refused", f"the owner of this bridge does not allow {name[:128]} from afar", param="model"
            )
        if self.running >= caps.parallel:
            raise BridgeFault(
                "bridge_busy",
                f"{caps.parallel} turns run on that machine, as many as it lets run",
                retry_after=1,
            )
        if len(self._begun) >= caps.per_minute:
            wait = self._begun[0] + _MINUTE - now
            raise BridgeFault(
                "bridge_busy", f"{caps.per_minute} turns began there within a minute", retry_after=wait
            )
        tokens = caps.tokens_per_day
        if today.turns >= caps.per_day or (tokens is not None and today.tokens >= tokens):
            over = f"{today.turns} turns" if today.turns >= caps.per_day else f"about {today.tokens} tokens"
            raise BridgeFault(
                "rate_limited",
                f"its owner's cap for a day is reached with {over}; it begins anew at midnight UTC",
                retry_after=((today.day + 1) * DAY_US - self._clock.now_us()) / 1e6,
            )
        self._begun.append(now)
        self.running += 1
        today.turns += 1

    def end(self, n_bytes: int) -> None:
        """Count that a turn has ended in which so many bytes passed, both ways."""
        self.running -= 1
        self.today.tokens += estimate_tokens(n_bytes)
