"""Find an application on a machine: whether it is there, whether it runs, and where its settings point.

Every finding comes with its evidence in plain words. Nothing is changed, and nothing is sent. An application
is started only to be asked for its version, and only on request.
"""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from llm_gateway.clients.catalog import Client, catalog
from llm_gateway.clients.machine import Machine
from llm_gateway.clients.pointing import Connection, WayName, pointed

__all__ = ["Detection", "detect", "detect_all"]

_VERSION_S = 5.0
_VERSION_BYTES = 4096
_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.+-]{0,24}")


class Detection(msgspec.Struct, frozen=True):
    """What was found of an application. `how` is the evidence; times are microseconds, 0 for never.

    `connection` is where its settings point now: to this `gateway`, `elsewhere` (to `host`), to its `vendor`
    because they choose nobody else, or `unknown` where that cannot be read. `way` is the way by which it is
    connected, where each of its settings is as it would be written, else "".
    """

    client: str
    installed: bool = False
    how: tuple[str, ...] = ()
    version: str = ""
    running: tuple[int, ...] = ()
    since_us: int = 0
    settings: tuple[Path, ...] = ()
    connection: Connection = "unknown"
    host: str = ""
    way: WayName | Literal[""] = ""

    @property
    def points_at(self) -> str:
        """Return where it points in one word, as a verdict takes it: "" where that is not known."""
        match self.connection:
            case "elsewhere":
                return self.host
            case "unknown":
                return ""
        return self.connection


def detect_all(machine: Machine, addresses: Sequence[str]) -> dict[str, Detection]:
    """Return what is found of every application that there is for a machine's platform, by its id."""
    rows = [row for row in catalog().values() if machine.platform in row.platforms]
    return {row.id: detect(row, machine, addresses) for row in rows}


def detect(
    row: Client, machine: Machine, addresses: Sequence[str], *, ask_version: bool = False
) -> Detection:
    """Return what is found of an application; `addresses` are those under which the gateway is known.

    With `ask_version` the application itself is started, to be asked for its version.
    """
    found = [(name, path) for name in row.commands if (path := machine.which(name))]
    applications, settings = machine.there(row.applications), machine.there(row.settings, row)
    processes = [each for each in machine.processes if each.name in row.processes]
    since_us = min((each.started_us for each in processes), default=0)
    how = [f"the command {name} in {machine.shown(path.parent)}" for name, path in found]
    how += [f"the application {machine.shown(path)}" for path in applications]
    how += [f"its settings in {machine.shown(path)}" for path in settings]
    if processes:
        ids = ", ".join(str(each.pid) for each in processes[:3])
        since = datetime.fromtimestamp(since_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M UTC")
        how.append(f"running since {since}, as process {ids}")
    installed = bool(how)
    points = pointed(row, machine, addresses, installed=installed)
    return Detection(
        client=row.id,
        installed=installed,
        how=(*how, *points.how),
        version=_version(row, machine, found[0][1]) if ask_version and found and row.version else "",
        running=tuple(each.pid for each in processes),
        since_us=since_us,
        settings=tuple(settings),
        connection=points.connection,
        host=points.host,
        way=points.way,
    )


def _version(row: Client, machine: Machine, path: Path) -> str:
    """Return the version that an application tells when it is asked; "" when it tells none in time."""
    with tempfile.TemporaryFile() as output:
        try:
            asked = subprocess.Popen(  # noqa: S603  the catalog's command, found on the path
                [path, *row.version[1:]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(machine.environ),
                cwd=machine.home,
                start_new_session=True,
            )
        except OSError:
            return ""
        try:
            asked.wait(_VERSION_S)
        except subprocess.TimeoutExpired:
            _end(asked)
            return ""
        output.seek(0)
        told = _VERSION.search(output.read(_VERSION_BYTES).decode("utf-8", "replace"))
    return told[0] if told else ""


def _end(asked: subprocess.Popen[bytes]) -> None:
    """End a process that still runs, and what it started."""
    if os.name == "posix":
        os.killpg(asked.pid, signal.SIGKILL)  # not reaped yet, so the number is still its own
    else:
        asked.kill()
    asked.wait()
