"""Five upstreams that answer orders, one of each dialect, and the record of what they did for each.

What goes wrong is drawn for each try; the record says it before anything of the answer leaves, so that it is
there when the client has its end.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from faults.asking import DIALECTS
from faults.stage import Targets
from scripted import Received, Responder, Script, ScriptedUpstream
from soak.answers import Fault, answer, fault_of
from soak.orders import ALIASES, GONE, drawn, number_of
from upstream_answers import UPSTREAMS

__all__ = ["Play", "Upstreams"]


@dataclass(frozen=True, slots=True)
class Play:
    """One answer that an upstream gave, or failed to give. `at` is of `time.monotonic`."""

    provider: str
    fault: Fault
    at: float


class Upstreams:
    """All of them. Use as a context manager; every method may be called from any thread."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._plays: dict[int, list[Play]] = {}
        self._later: dict[str, float] = {}
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._servers: dict[str, ScriptedUpstream] = {}
        self._nobody = socket.socket()
        self.played: Counter[Fault] = Counter()
        """How often each fault was played; "" for answers that were right."""
        self.strays = 0
        """Requests for a model that are of no order."""

    def __enter__(self) -> Self:
        self._nobody.bind(("127.0.0.1", 0))  # not listening: whoever connects is refused
        for kind in DIALECTS:
            server = ScriptedUpstream(("m",), (self._responder(kind),))
            self._servers[kind] = self._stack.enter_context(server)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self._nobody.close()

    def targets(self) -> Targets:
        """Return them as providers of a configuration; its aliases are plain ones."""
        targets = Targets()
        for kind, server in self._servers.items():
            targets.add(kind, server.url, kind)
        targets.add(GONE, f"http://127.0.0.1:{self._nobody.getsockname()[1]}")
        for name, providers in ALIASES.items():
            if name != "spread":
                targets.alias(name, *(f"{provider}/m" for provider in providers))
        return targets

    def plays(self, number: int) -> Sequence[Play]:
        """Return what was done for an order so far."""
        with self._lock:
            return tuple(self._plays.get(number, ()))

    def told_to_wait(self) -> dict[str, float]:
        """Return when each provider last said that it wants to be left alone."""
        with self._lock:
            return dict(self._later)

    def forget(self, *numbers: int) -> None:
        """Forget these orders, and all bytes that came so far."""
        for server in self._servers.values():
            server.forget()
        with self._lock:
            for number in numbers:
                self._plays.pop(number, None)

    def _responder(self, kind: str) -> Responder:
        def respond(request: Received, names: Sequence[str]) -> Script | None:
            if request.method != "POST":
                return UPSTREAMS[kind].responder(request, names)
            number = number_of(request.body)
            if number < 0:
                self.strays += 1
                return None
            order = drawn(self._seed, number)
            with self._lock:
                done = self._plays.setdefault(number, [])
                fault = fault_of(self._seed, number, len(done), stream=order.stream)
                now = time.monotonic()
                done.append(Play(kind, fault, now))
                self.played[fault] += 1
                if fault == "429 later":
                    self._later[kind] = now
            return answer(kind, order, fault)

        return respond
