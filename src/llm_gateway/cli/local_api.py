"""The way of a command to the gateway that runs on this machine: plain HTTP, with the owner's token.

The gateway leaves its address in the home (`Running`); whether it answers is asked, never believed.
"""

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from llm_gateway import __version__
from llm_gateway.cli.output import FAILED, NOT_RUNNING, Stop, waiting
from llm_gateway.vault import load_owner_token, read_private, write_private

__all__ = ["LocalApi", "Reply", "Running", "error_message", "is_alive"]

_FILE = "running.json"
_PROC = Path("/proc")


class Running(msgspec.Struct, frozen=True):
    """Where the gateway of a home listens.

    `run` is another one with each start, also where the process stays; `refusals` says how often a restart
    was refused in it, `refused` why the last time.
    """

    url: str
    pid: int
    run: str = ""
    refusals: int = 0
    refused: str = ""

    def leave(self, home: Path) -> None:
        """Say it to the commands to come."""
        write_private(home / _FILE, msgspec.json.encode(self))

    @staticmethod
    def forget(home: Path) -> None:
        """Take it back."""
        (home / _FILE).unlink(missing_ok=True)

    @classmethod
    def read(cls, home: Path) -> "Running | None":
        """Return what was left, or None."""
        data = read_private(home / _FILE)
        try:
            return msgspec.json.decode(data, type=cls) if data else None
        except msgspec.DecodeError:
            return None


class Reply(msgspec.Struct, frozen=True):
    """An answer of the gateway; header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class LocalApi:
    """A gateway that runs."""

    def __init__(self, running: Running, token: str) -> None:
        self.url = running.url
        self.pid = running.pid
        self._token = token

    @classmethod
    def find(cls, home: Path) -> "LocalApi | None":
        """Return the gateway of a home when it answers."""
        running = Running.read(home)
        token = load_owner_token(home)
        # Nobody else who has its port by now may be given the owner's token.
        if running is None or token is None or not is_alive(running.pid):
            return None
        try:
            alive = cls(running, "").send("GET", "/livez", timeout=5.0)
        except OSError:
            return None
        return cls(running, token.reveal()) if alive.status == 200 else None

    def get(self, path: str, **query: str) -> dict[str, object]:
        """Return a JSON object; ends the command with the gateway's own words when there is none."""
        return self.call("GET", f"{path}?{urlencode(query)}" if query else path)

    def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Return the JSON object that a call answers with; what is refused ends the command, in its words."""
        data = b"" if body is None else msgspec.json.encode(body)
        try:
            with waiting(f"the gateway at {self.url}"):
                reply = self.send(method, path, data)
        except OSError as error:
            raise Stop(NOT_RUNNING, f"error: the gateway at {self.url} does not answer: {error}") from None
        if reply.status < 400:
            try:
                return msgspec.json.decode(reply.body, type=dict[str, object])
            except msgspec.DecodeError:
                raise Stop(FAILED, f"error: what answers at {self.url} is not this gateway") from None
        why = error_message(reply.body) or f"the gateway answered {reply.status}"
        raise Stop(FAILED, f"error: {why}")

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        agent: str = "llm-gateway-cli",
        timeout: float = 60.0,
        more: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request and return the answer, whatever its status; OSError when nobody answers."""
        headers = {"Content-Type": "application/json", "User-Agent": f"{agent}/{__version__}"}
        headers |= more or {}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        # Loaded when something is asked: a gateway that runs asks nobody.
        local_http = importlib.import_module("llm_gateway.cli.local_http")
        return Reply(*local_http.ask(self.url, (method, path), body, headers, timeout))


def error_message(data: bytes) -> str:
    """Return what an error answer says, or nothing. Below /api it is a text, as Ollama's clients know it."""
    try:
        told = msgspec.json.decode(data, type=dict[str, dict[str, object] | str]).get("error", "")
    except msgspec.DecodeError:
        return ""
    return told if isinstance(told, str) else str(told.get("message", ""))


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and only waits for its parent does not."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
        state = (_PROC / str(pid) / "stat").read_text("latin-1").rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's process, or a system without /proc
        return True
    return state != "Z"
