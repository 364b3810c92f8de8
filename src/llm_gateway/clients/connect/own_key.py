"""The key of an application on this machine, as it is kept beside the record of its connection.

Others of the gateway's keys are shown once and kept nowhere. An application's own stands in its settings in
plain sight; it is kept here as well, so that nobody need make another each time. Whether it is still accepted
is in the ledger; keys are made and ended there.
"""

from pathlib import Path

import msgspec

from llm_gateway.clients.connect.record import folder_of
from llm_gateway.errors import ConfigError
from llm_gateway.vault import read_private, write_private
from llm_gateway.wire.ready import ready

__all__ = ["PLACEHOLDER", "OwnKey", "forget_own_key", "keep_own_key", "name_of_key", "read_own_key"]

PLACEHOLDER = "lgw_0000new"
"""What stands for a key in a plan while there is none."""

_LONGEST = 64


@ready
class OwnKey(msgspec.Struct, frozen=True):
    """A key and its id."""

    id: str
    key: str


def name_of_key(client: str, machine: str) -> str:
    """Return the name of an application's key on a machine."""
    return f"{client}@{machine}"[:_LONGEST]


def read_own_key(home: Path, client: str) -> OwnKey | None:
    """Return the key that is kept for an application, accepted or not; ConfigError where it is none."""
    path = _path(home, client)
    data = read_private(path)
    if data is None:
        return None
    try:
        return msgspec.json.decode(data, type=OwnKey)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ConfigError(f"{path} holds no key of ours; delete it and run the command again") from None


def keep_own_key(home: Path, client: str, made: OwnKey) -> None:
    """Keep a key that was just made, for the owner alone."""
    write_private(_path(home, client), msgspec.json.encode(made))


def forget_own_key(home: Path, client: str) -> None:
    """Keep it no longer."""
    _path(home, client).unlink(missing_ok=True)


def _path(home: Path, client: str) -> Path:
    return folder_of(home) / f"{client}.key"
