"""The key of an application on this machine: made once, kept for the owner alone, ended with the connection.

Others of the gateway's keys are shown once and kept nowhere. An application's own stands in its settings in
plain sight; it is kept beside their record as well, so that `env` and `run` need not make another each time.
"""

import msgspec

from llm_gateway.cli.context import Context
from llm_gateway.cli.keys import end_key, key_views, make_key
from llm_gateway.clients.connect import folder_of
from llm_gateway.clients.machine import machine_name
from llm_gateway.errors import ConfigError
from llm_gateway.vault import read_private, write_private

__all__ = ["PLACEHOLDER", "OwnKey", "end_own_key", "known_key", "own_key"]

PLACEHOLDER = "lgw_0000new"
"""What stands for a key in a plan while there is none."""

_LONGEST = 64


class OwnKey(msgspec.Struct, frozen=True):
    """A key and its id."""

    id: str
    key: str


def own_key(context: Context, client: str) -> OwnKey:
    """Return the key of an application on this machine, made now where there is none that is accepted."""
    known = known_key(context, client)
    if known is not None:
        return known
    loaded = context.load()
    machine = machine_name(loaded.settings.clients.machine)
    name = f"{client}@{machine}"[:_LONGEST]
    key, view = make_key(context, name, client=client, machine=machine)
    made = OwnKey(view.id, key)
    write_private(folder_of(loaded.home) / f"{client}.key", msgspec.json.encode(made))
    return made


def known_key(context: Context, client: str) -> OwnKey | None:
    """Return the key of an application on this machine where there is one that is accepted."""
    path = folder_of(context.load().home) / f"{client}.key"
    data = read_private(path)
    if data is None:
        return None
    try:
        known = msgspec.json.decode(data, type=OwnKey)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ConfigError(f"{path} holds no key of ours; delete it and run the command again") from None
    accepted = any(view.id == known.id and view.status == "active" for view in key_views(context))
    return known if accepted else None


def end_own_key(context: Context, client: str, key_id: str = "") -> bool:
    """End the key of an application, and the one that a record names; return whether there was any."""
    path = folder_of(context.load().home) / f"{client}.key"
    known = known_key(context, client)
    ids = {key_id, known.id if known else ""} - {""}
    ended = [view.id for view in key_views(context) if view.id in ids and view.status == "active"]
    for each in ended:
        end_key(context, each)
    path.unlink(missing_ok=True)
    return bool(ended)
