"""A vendor's program as a child of ours, which gets nothing of our environment but what it needs.

It stands in an empty folder, speaks by lines, and ends together with everything that it started.
"""

import asyncio
import importlib
import os
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from llm_gateway.bridges.faults import BridgeFault

__all__ = ["Child", "find_program", "scrubbed"]

# What a vendor's program needs to find its own login, the network and the language. None of our secrets.
_PASSED = (
    "ALL_PROXY",
    "APPDATA",
    "COMSPEC",
    "DBUS_SESSION_BUS_ADDRESS",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LC_ALL",
    "LOCALAPPDATA",
    "LOGNAME",
    "NODE_EXTRA_CA_CERTS",
    "NO_PROXY",
    "PATH",
    "PATHEXT",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "SHELL",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "SYSTEMROOT",
    "TEMP",
    "TERM",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    "USERNAME",
    "USERPROFILE",
    "WINDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
_LONGEST_LINE = 64 * 1024 * 1024
_AHEAD = 256 * 1024  # twice as much is read before somebody wants it; a program that floods then waits
_TAIL = 8 * 1024
_GRACE = 2.0
_AT_ONCE = signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL


def scrubbed(environ: Mapping[str, str], more: Sequence[str] = ()) -> dict[str, str]:
    """Return the part of an environment that a vendor's program gets; `more` are names that it needs, too."""
    return {name: environ[name] for name in (*_PASSED, *more) if name in environ}


def find_program(name: str, environ: Mapping[str, str], given: str = "") -> Path | None:
    """Return where a program is: where it is said to be, else on the path; None when it is not there."""
    found = shutil.which(given or name, path=environ.get("PATH", os.defpath))
    return Path(found) if found is not None else None


class Child:
    """A program that runs. Its folder is its own, mode 0700, and goes with it, unless it `stays`."""

    def __init__(self, process: Process, folder: str, *, stays: bool = False) -> None:
        self._process = process
        self._folder = folder
        self._stays = stays
        self._tail = b""

    @classmethod
    async def start(
        cls, program: Path, arguments: Sequence[str], environ: Mapping[str, str], place: Path | None = None
    ) -> "Child":
        """Start a program in an empty folder, or at a `place` that stays; BridgeFault when it cannot be."""
        folder = str(place) if place is not None else tempfile.mkdtemp(prefix="llm-gateway-bridge-")
        try:
            process = await asyncio.create_subprocess_exec(
                str(program), *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=folder, env=dict(environ),
                limit=_AHEAD, start_new_session=sys.platform != "win32",
            )  # fmt: skip
        except OSError as error:
            if place is None:
                shutil.rmtree(folder, ignore_errors=True)
            raise BridgeFault(
                "bridge_not_installed", f"{program.name} cannot be started: {error.strerror}"
            ) from None
        except asyncio.CancelledError:  # whoever wanted it has left
            if place is None:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(process, folder, stays=place is not None)

    @property
    def folder(self) -> str:
        """Return the empty folder that it stands in."""
        return self._folder

    @property
    def pid(self) -> int:
        """Return the id of its process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it is there."""
        return self._process.returncode is None

    async def write(self, data: bytes) -> None:
        """Write to its stdin; BridgeFault when it has ended."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError):
            raise BridgeFault("bridge_failed", "the vendor's program has ended; ask again") from None

    async def line(self) -> bytes:
        """Return its next line of stdout, b"" at its end; BridgeFault for one without end."""
        assert self._process.stdout is not None
        begun: list[bytes] = []
        size = 0
        while size <= _LONGEST_LINE:
            try:
                return b"".join((*begun, await self._process.stdout.readuntil()))
            except asyncio.IncompleteReadError as end:
                return b"".join((*begun, end.partial))
            except asyncio.LimitOverrunError as longer:
                begun.append(await self._process.stdout.readexactly(longer.consumed))
                size += longer.consumed
        raise BridgeFault("bridge_failed", "the vendor's program writes a line without end")

    async def exactly(self, count: int) -> bytes:
        """Return so many bytes of its stdout; fewer when it ends before."""
        assert self._process.stdout is not None
        try:
            return await self._process.stdout.readexactly(count)
        except asyncio.IncompleteReadError as end:
            return end.partial

    async def watch_errors(self) -> None:
        """Read its stderr to the end, and keep its last lines; without this it blocks when it writes much."""
        assert self._process.stderr is not None
        while data := await self._process.stderr.read(4096):
            self._tail = (self._tail + data)[-_TAIL:]

    @property
    def said(self) -> str:
        """Return the end of what it wrote to stderr. For us, to be judged: never for a log or a client."""
        return self._tail.decode("utf-8", "replace")

    async def wait(self) -> int:
        """Wait for its end and return its status."""
        return await self._process.wait()

    async def close(self) -> None:
        """End it and all that it started: politely, then not; its folder goes, too."""
        try:
            try:
                if self.running:
                    _signal(self._process, signal.SIGTERM)
                    try:
                        async with asyncio.timeout(_GRACE):
                            await self._process.wait()
                    except TimeoutError:
                        pass
            finally:  # whoever waits for its end may be stopped meanwhile: then it ends all the same
                _signal(self._process, _AT_ONCE)
            await asyncio.gather(
                self._process.wait(), *map(_emptied, (self._process.stdout, self._process.stderr))
            )
        finally:
            if not self._stays:
                shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """End it at once, without waiting; `close` is still to follow."""
        _signal(self._process, _AT_ONCE)


async def _emptied(pipe: asyncio.StreamReader | None) -> None:
    """Read what is left in a pipe, unless somebody does: one that nobody read for long is not closed else."""
    assert pipe is not None
    try:
        async with asyncio.timeout(_GRACE):  # whoever left its group may hold it
            while await pipe.read(_AHEAD):
                pass
    except (RuntimeError, TimeoutError):  # somebody reads it, and will see its end
        pass


def _signal(process: Process, number: int) -> None:
    """Signal a process and everything that it started: its group where there are groups, else its tree."""
    try:
        if sys.platform != "win32":
            os.killpg(process.pid, number)
        elif process.returncode is None:
            _end_tree(process.pid)
    except (ProcessLookupError, PermissionError):  # it is gone; macOS says so in another way
        pass


def _end_tree(pid: int) -> None:
    """End a process and all below it, where there are no groups."""
    psutil = importlib.import_module("psutil")  # for Windows alone, and not needed to start
    try:
        parent = psutil.Process(pid)
        for each in (*parent.children(recursive=True), parent):
            each.kill()
    except psutil.Error:  # it is gone
        pass
