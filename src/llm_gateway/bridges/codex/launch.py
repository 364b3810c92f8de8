"""Everything that is to be known of the program before it is asked: where it is, which one, whether it fits.

What a version was found to be is kept in the bridge's folder, so that it is asked once a day and a version.
"""

import asyncio
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from llm_gateway.bridges.codex.agreement import REQUIRED, differences, older
from llm_gateway.bridges.codex.catalogue import Catalogue, Known, UnreadableCatalogue, edited
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action
from llm_gateway.bridges.process import Child, find_program, scrubbed
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.tasks import Tasks

__all__ = ["INSTALL", "Launch", "environment", "find", "prepare"]

INSTALL = "npm install -g @openai/codex"

# Its own settings of whoever runs it: where its login is, and whose certificates to trust.
_ITS_OWN = ("CODEX_HOME", "CODEX_CA_CERTIFICATE", "CODEX_SQLITE_HOME")
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?")
_SCHEMA = "codex_app_server_protocol.v2.schemas.json"
_KEEPS = 86_400.0
_PATIENCE = 15.0


class Launch(msgspec.Struct, frozen=True):
    """A program that fits, the catalogue that it is to read, and what its models are."""

    program: Path
    version: str
    catalogue: Path
    models: Mapping[str, Known]


def find(settings: BridgeSettings, around: Surroundings) -> Path:
    """Return where the program is; BridgeFault when it is not."""
    program = find_program("codex", around.environ, settings.program)
    if program is None:
        wanted = settings.program or "codex"
        raise BridgeFault(
            "bridge_not_installed",
            f"there is no program {wanted} on the bridge's machine; `{INSTALL}`",
            action=Action("install Codex, or say where it is as `program` in its table", INSTALL),
        )
    return program


def environment(settings: BridgeSettings, around: Surroundings) -> dict[str, str]:
    """Return the program's environment; a home of its own is made when it is not there."""
    environ = scrubbed(around.environ, _ITS_OWN)
    if settings.home:
        home = Path(settings.home).expanduser()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        environ["CODEX_HOME"] = str(home)
    return environ


async def prepare(settings: BridgeSettings, around: Surroundings) -> Launch:
    """Find the program and make it ready; BridgeFault when there is none, or it does not fit."""
    program, environ = find(settings, around), environment(settings, around)
    asking = _Asking(program, environ, around.tasks)
    version = await asking.version()
    if older(version):
        raise _mismatch(f"codex {version} is too old: {REQUIRED} or newer is needed")
    around.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = around.folder / f"models-{version}.json"
    raw = _fresh(kept, around.clock.now_us())
    if not raw:
        raw = await _asked(asking, version)
        _write(kept, raw)
    catalogue = await asyncio.to_thread(_edited, raw, version)
    path = around.folder / f"catalogue-{version}.json"
    _write(path, catalogue.body)
    return Launch(program, version, path, catalogue.models)


async def _asked(asking: "_Asking", version: str) -> bytes:
    """Return the models of a program whose protocol is what it should be."""
    if lacks := differences(await asking.schema()):
        more = f" and {len(lacks) - 3} more" if len(lacks) > 3 else ""
        raise _mismatch(
            f"codex {version} speaks its protocol without {', '.join(lacks[:3])}{more}, which this gateway "
            "needs; update whichever of them is older"
        )
    return await asking.models()


def _edited(raw: bytes, version: str) -> Catalogue:
    try:
        return edited(raw)
    except UnreadableCatalogue as error:
        raise _mismatch(f"{error} (codex {version}); update whichever of them is older") from None


def _mismatch(why: str) -> BridgeFault:
    return BridgeFault("version_mismatch", why, action=Action("update Codex, or the gateway", INSTALL))


class _Asking:
    """A program that is run to say one thing."""

    def __init__(self, program: Path, environ: Mapping[str, str], tasks: Tasks) -> None:
        self._program = program
        self._environ = environ
        self._tasks = tasks

    async def version(self) -> str:
        said = await self._said(("--version",))
        found = _VERSION.search(said.decode("utf-8", "replace"))
        if found is None:
            raise _mismatch(f"{self._program.name} does not say its version: is it Codex?")
        return found[0]

    async def models(self) -> bytes:
        """Return its catalogue: what its vendor has now, else what came with it."""
        return await self._said(("debug", "models")) or await self._said(("debug", "models", "--bundled"))

    async def schema(self) -> bytes:
        arguments = ("app-server", "generate-json-schema", "--experimental", "--out", ".")
        return await self._said(arguments, read=_SCHEMA)

    async def _said(self, arguments: Sequence[str], read: str = "") -> bytes:
        """Return what it prints, or a file that it writes where it stands; b"" when it fails."""
        child = await Child.start(self._program, arguments, self._environ)
        errors = self._tasks.start("what codex has to complain of", child.watch_errors())
        printed: list[bytes] = []
        try:
            async with asyncio.timeout(_PATIENCE):
                while line := await child.line():
                    printed.append(line)
                status = await child.wait()
            if status != 0:
                return b""
            return (Path(child.folder) / read).read_bytes() if read else b"".join(printed)
        except (TimeoutError, FileNotFoundError):
            return b""
        finally:
            errors.cancel()
            await child.close()


def _fresh(kept: Path, now_us: int) -> bytes:
    """Return what is kept, b"" when there is nothing or it is of yesterday."""
    try:
        age = now_us / 1_000_000 - kept.stat().st_mtime
        return kept.read_bytes() if age < _KEEPS else b""
    except OSError:
        return b""


def _write(path: Path, data: bytes) -> None:
    """Write a file, all or nothing."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_bytes(data)
    os.replace(beside, path)
