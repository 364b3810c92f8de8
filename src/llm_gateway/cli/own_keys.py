"""The key of an application on this machine: made once, kept for its owner, ended with its connection."""

from llm_gateway.cli.context import Context
from llm_gateway.cli.keys import end_key, key_views, make_key
from llm_gateway.clients.connect import OwnKey, forget_own_key, keep_own_key, name_of_key, read_own_key
from llm_gateway.clients.machine import machine_name

__all__ = ["end_own_key", "known_key", "own_key"]


def own_key(context: Context, client: str) -> OwnKey:
    """Return the key of an application on this machine, made now where there is none that is accepted."""
    known = known_key(context, client)
    if known is not None:
        return known
    loaded = context.load()
    machine = machine_name(loaded.settings.clients.machine)
    key, view = make_key(context, name_of_key(client, machine), client=client, machine=machine)
    made = OwnKey(view.id, key)
    keep_own_key(loaded.home, client, made)
    return made


def known_key(context: Context, client: str) -> OwnKey | None:
    """Return the key of an application on this machine where there is one that is accepted."""
    known = read_own_key(context.load().home, client)
    if known is None:
        return None
    accepted = any(view.id == known.id and view.status == "active" for view in key_views(context))
    return known if accepted else None


def end_own_key(context: Context, client: str, key_id: str = "") -> bool:
    """End the key of an application, and the one that a record names; return whether there was any."""
    known = known_key(context, client)
    ids = {key_id, known.id if known else ""} - {""}
    ended = [view.id for view in key_views(context) if view.id in ids and view.status == "active"]
    for each in ended:
        end_key(context, each)
    forget_own_key(context.load().home, client)
    return bool(ended)
