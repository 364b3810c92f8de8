"""Desktops of a gateway: companions as processes, each with a vendor's program that a test plays.

The gateway, the companions and the link between them are the real ones; the program answers like `claude`.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from bridges.claude.claude_stage import END, Json, Played, says
from faults.asking import Asking
from gateway_process import GatewayProcess
from llm_gateway.vault import load_owner_token
from rawhttp import RawClient, Reply, request
from terminal import Started

__all__ = ["CONFIGURATION", "Desk", "api", "asked", "begun", "eventually", "joined", "tells"]

CONFIGURATION = '[[bridges]]\nname = "claude"\nenabled = false\n'
"""Of a gateway that has no such program itself, whatever is installed on the machine of a test."""

_PATIENCE_S = 15.0


def eventually(true: Callable[[], object], seconds: float = 5.0) -> float:
    """Wait until something is so, and return how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "it did not become so"
        time.sleep(0.01)
    return time.monotonic() - began


def tells(text: str) -> list[Json]:
    """Return a turn that answers with a text."""
    return [*says(text), END]


def api(gateway: GatewayProcess, method: str, path: str, body: object = None) -> Reply:
    """Ask as the gateway's owner."""
    token = load_owner_token(gateway.home / "gateway")
    assert token is not None
    data = b"" if body is None else json.dumps(body).encode()
    with gateway.client() as client:
        client.send(request(method, path, body=data, key=token.reveal()))
        return client.read_reply()


class Desk:
    """A machine of this name, beside a gateway. `start` and `stop` its companion as often as you like."""

    def __init__(
        self, folder: Path, name: str, gateway: GatewayProcess, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        (folder / "vendor").mkdir()
        self.vendor = Played(folder / "vendor")
        self.provider = "claude"
        self._gateway = gateway
        self._environ = environ
        self._running: Started | None = None
        self.heard: list[str] = []
        """All that it said on stderr, over all its starts."""
        table = f'[[bridges]]\nname = "claude"\nprogram = "{self.vendor.program}"\nparallel = 16\n'
        (self.home / "gateway.toml").write_text(table, encoding="utf-8")

    def play(self, model: str, *turns: Sequence[Json]) -> str:
        """Have the vendor's program play these turns in every conversation from now on.

        Return the model to ask for. Each test has one of its own: a program that was started ahead of the
        next question, which knows nothing of these turns, was started for another.
        """
        self.vendor.sessions(list(turns))
        return f"{self.provider}/{model}"

    def join(self) -> None:
        """Be invited, start, and be there."""
        made = api(self._gateway, "POST", "/api/companions", {"machine": self.name})
        assert made.status == 201, made
        self.start("--gateway", self._gateway.url, "--join", str(made.json()["token"]))
        self.until("ok")

    def start(self, *arguments: str) -> None:
        """Start its companion."""
        self._running = Started(self.home, "companion", *arguments, environ=self._environ)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End its companion, and read what it said."""
        running, self._running = self._running, None
        if running is not None:
            with running:
                running.send(signal.SIGCONT)
                running.send(how)
                running.process.wait(_PATIENCE_S)
                assert running.process.stderr is not None
                self.heard += running.process.stderr.read().splitlines()

    @property
    def process(self) -> psutil.Process:
        """Return its companion's process."""
        assert self._running is not None
        return psutil.Process(self._running.process.pid)

    @property
    def state(self) -> tuple[str, str]:
        """Return how its bridge is, as the gateway says, and why."""
        for each in self._offers():
            if each["provider"] == self.provider:
                return str(each["state"]), str(each["reason"])
        return "", ""

    def until(self, state: str, seconds: float = _PATIENCE_S) -> float:
        """Wait until its bridge is in a state, and return how long that took."""
        return eventually(lambda: self.state[0] == state, seconds)

    def journal(self) -> str:
        """Return its own record."""
        return (self.home / "companion" / "audit.jsonl").read_text("utf-8")

    def _offers(self) -> list[dict[str, object]]:
        found = api(self._gateway, "GET", "/api/companions").json()["companions"]
        assert isinstance(found, list)
        return [offer for each in found if each["machine"] == self.name for offer in each["offers"]]


def asked(gateway: GatewayProcess, model: str, dialect: str = "chat", *, stream: bool = False) -> Reply:
    """Ask a model, and return the answer however it ends."""
    with gateway.client(timeout=30.0) as client:
        client.send(Asking(dialect, model, stream).request(gateway.key))
        return client.read_reply()


@contextmanager
def begun(gateway: GatewayProcess, model: str, dialect: str, text: str) -> Iterator[RawClient]:
    """Ask for a stream, and have it when this text has come of it."""
    with gateway.client(timeout=30.0) as client:
        client.send(Asking(dialect, model, True).request(gateway.key))
        client.read_until(text.encode())
        yield client


@contextmanager
def joined(folder: Path, gateway: GatewayProcess, *names: str, **environ: str) -> Iterator[list[Desk]]:
    """Have machines of these names join a gateway; they leave with the block."""
    desks = []
    try:
        for name in names:
            desk = Desk(folder / name, name, gateway, environ)
            desks.append(desk)
            desk.provider = "claude" if len(desks) == 1 else f"claude@{name}"
            desk.join()
        yield desks
    finally:
        for desk in desks:
            desk.stop(signal.SIGKILL)
