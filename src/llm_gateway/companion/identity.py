"""Who a companion is: its private key, and the gateway that it belongs to, in a file for its owner alone.

The key never leaves this file; the gateway knows the public one. Of which name the gateway is, is learnt when
it is joined, and another one at the same address is not spoken to from then on.
"""

import importlib
from pathlib import Path
from types import ModuleType

import msgspec

from llm_gateway.errors import ConfigError
from llm_gateway.vault import read_private, write_private
from llm_gateway.wire.ready import ready

__all__ = ["Identity", "forget", "load", "make", "proof"]

_KEY_BYTES = 32


@ready
class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`key` is the private key; `gateway` its gateway's name, "" until that has welcomed it.

    `url` is where the gateway was reached last, `machine` how it calls this machine, `ca` the certificates in
    PEM that were to be trusted there, "" for the system's authorities.
    """

    key: bytes
    url: str = ""
    gateway: str = ""
    machine: str = ""
    ca: str = ""

    @property
    def public_key(self) -> bytes:
        """Return the public key."""
        public: bytes = proof().public_key(self.key)
        return public

    @property
    def thumbprint(self) -> str:
        """Return what the gateway calls the key by."""
        name: str = proof().thumbprint(self.public_key)
        return name

    def keep(self, folder: Path) -> None:
        """Write it down."""
        write_private(_path(folder), msgspec.json.encode(self) + b"\n")


def proof() -> ModuleType:
    """Return the module of signatures: the library below it is only loaded when somebody connects."""
    return importlib.import_module("llm_gateway.companion.proof")


def make(url: str, ca: str = "") -> Identity:
    """Return a new identity that no gateway knows yet."""
    key: bytes = proof().new_key()
    return Identity(key, url, ca=ca)


def load(folder: Path) -> Identity | None:
    """Return the identity that a folder keeps, None when there is none; ConfigError when it is damaged."""
    path = _path(folder)
    data = read_private(path)
    if data is None:
        return None
    try:
        identity = msgspec.json.decode(data, type=Identity)
    except (msgspec.DecodeError, UnicodeDecodeError):
        identity = None
    if identity is None or len(identity.key) != _KEY_BYTES:
        raise ConfigError(
            f"{path} does not hold a companion's key; delete it, and join the gateway again with a token of "
            "`llm-gateway enroll`"
        )
    return identity


def forget(folder: Path) -> None:
    """Delete the key."""
    _path(folder).unlink(missing_ok=True)


def _path(folder: Path) -> Path:
    return folder / "identity.json"
