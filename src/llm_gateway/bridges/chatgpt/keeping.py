"""What is kept of a sign-in: the registration, its tokens, and the id of this installation.

The tokens rest in one sealed file. The id is no secret and has a file of its own, because a registration may
move to another machine and the id may not (developers.openai.com, siwc/token-sharing-open-source,
"Self-hosted VMs"). Neither the ID token nor a name or an e-mail address is kept. One process at a time
changes anything.
"""

import asyncio
import os
import re
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from llm_gateway.bridges.chatgpt.refusals import LOGIN
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.sealed import SealBroken, SealedFile
from llm_gateway.errors import ConfigError
from llm_gateway.ledger.folder import NO_FOLLOW, try_lock
from llm_gateway.vault import Secret, load_master_key, read_private, write_private
from llm_gateway.wire.ready import ready

__all__ = ["Registration", "Store", "Tokens", "open_store", "packed", "unpacked"]

_MASTER = "LLM_GATEWAY_MASTER_KEY_FILE"

_HOST = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOOKS_AGAIN = 0.02


@ready
class Tokens(msgspec.Struct, frozen=True):
    """Tokens in use; times are in microseconds since 1970. Before `earliest_us` a renewal costs `refresh`."""

    access: Secret
    refresh: Secret
    expires_us: int
    earliest_us: int
    scopes: tuple[str, ...]


@ready
class Registration(msgspec.Struct, frozen=True):
    """A person's registration: it stays when they sign out, and is used when they sign in again.

    `ended` is the code with which the sign-in ended by itself, or `moved`.
    """

    client: str
    subject: Secret
    tokens: Tokens | None = None
    ended: str = ""


def packed(registration: Registration) -> bytes:
    """Return a registration with its secrets in the clear, to be sealed at once."""
    return msgspec.json.encode(registration, enc_hook=_reveal)


def unpacked(data: bytes) -> Registration:
    """Return what was packed; ValueError when it was not."""
    try:
        return msgspec.json.decode(data, type=Registration, dec_hook=_hide)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("this is no registration") from None


def open_store(folder: Path, environ: Mapping[str, str]) -> "Store":
    """Return the files of the installation in this folder; nothing is read or made yet."""
    named = environ.get(_MASTER)
    file = SealedFile(
        folder / "login.sealed",
        "chatgpt login",
        lambda: load_master_key(folder, Path(named) if named else None, make=True),
    )
    return Store(folder, file)


class Store:
    """The files of one installation, in a folder of their own; a change `waits` for others so long."""

    def __init__(self, folder: Path, file: SealedFile, waits: float = 30.0) -> None:
        self._folder = folder
        self._file = file
        self._waits = waits

    @property
    def mark(self) -> tuple[int, int, int]:
        """Return what tells whether somebody has written since."""
        return self._file.mark

    def host(self) -> str:
        """Return this installation's id, made when it is first asked for; to be called while `changing`."""
        path = self._folder / "host-id"
        try:
            known = (read_private(path) or b"").decode("latin-1").strip()
            if not known:
                known = uuid.uuid4().urn
                write_private(path, known.encode("ascii") + b"\n")
        except ConfigError as error:
            raise BridgeFault("bridge_failed", str(error)) from None
        if not _HOST.fullmatch(known):
            raise BridgeFault(
                "bridge_failed",
                f"{path} does not hold the id of an installation; delete it and sign in again",
            )
        return known

    def read(self) -> Registration | None:
        """Return the registration, None without one; BridgeFault when it cannot be used."""
        try:
            data = self._file.read()
            return None if data is None else unpacked(data)
        except (SealBroken, ValueError):
            raise _unusable("it was sealed under another master key, or was altered") from None
        except ConfigError as error:
            raise _unusable(str(error)) from None

    def write(self, registration: Registration) -> None:
        """Keep a registration, whole or not at all; BridgeFault when that cannot be done."""
        try:
            self._file.write(packed(registration))
        except ConfigError as error:
            raise BridgeFault("bridge_failed", f"the sign-in with ChatGPT cannot be kept: {error}") from None

    def clear(self) -> None:
        """Forget the registration, too."""
        self._file.clear()

    @asynccontextmanager
    async def changing(self) -> AsyncGenerator[None, None]:
        """Keep every other change out, of this process and of others, until it is done."""
        handle = self._lock_file()
        try:
            await _lock(handle, self._waits)
            yield
        finally:
            os.close(handle)

    def _lock_file(self) -> int:
        path = self._folder / "lock"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o600)
        except OSError as error:
            raise BridgeFault("bridge_failed", f"{path} cannot be opened: {error.strerror}") from None


async def _lock(handle: int, waits: float) -> None:
    try:
        async with asyncio.timeout(waits):
            while not try_lock(handle):  # noqa: ASYNC110 - nobody tells when another process lets go
                await asyncio.sleep(_LOOKS_AGAIN)
    except TimeoutError:
        raise BridgeFault(
            "bridge_failed",
            "another process is changing the sign-in with ChatGPT, and takes long; ask again",
        ) from None


def _unusable(why: str) -> BridgeFault:
    return BridgeFault(
        "auth_required", f"the sign-in with ChatGPT that is kept here cannot be used: {why}", action=LOGIN
    )


def _reveal(value: object) -> str:
    assert isinstance(value, Secret)
    return value.reveal()


def _hide(kind: type, value: object) -> Secret:
    assert kind is Secret
    if not isinstance(value, str):
        raise msgspec.ValidationError("a secret is a text")
    return Secret(value)
