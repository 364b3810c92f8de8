"""What is to be connected, and how: the row of an application, one of its ways, the words of its settings.

Nothing is read from the disk here; where the gateway is and what it serves is told.
"""

import difflib
from collections.abc import Sequence
from typing import Literal

from llm_gateway.clients.catalog import Client, catalog
from llm_gateway.clients.connect.planning import Wish, Words, needs_models
from llm_gateway.clients.connections import CannotConnect

__all__ = ["connectable", "models_to_name", "row_for", "wish_for", "words_for"]

_BY_NUMBER = ("https://", "http://127.0.0.1:")
_DEMO = "demo/"


def row_for(client: str) -> tuple[Client, str]:
    """Return the row that holds an application's settings, and what is to be said where it is another's."""
    rows = catalog()
    row = rows.get(client)
    if row is None:
        named = [name for name, each in rows.items() if client in each.commands]
        near = named or difflib.get_close_matches(client, rows, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        hint = "`llm-gateway clients --all` lists their ids"
        raise CannotConnect("unknown", f"no application {client[:40]!r} is known{meant}", hint)
    if not row.part_of:
        return row, ""
    whole = rows[row.part_of]
    return whole, f"{row.label} has its settings from {whole.label}"


def connectable(row: Client) -> Client:
    """Return a row that can be connected; CannotConnect says why another cannot, and what is left."""
    if row.cannot:
        raise CannotConnect("refused", f"{row.label} cannot be connected: {row.cannot}", row.instead)
    return row


def wish_for(row: Client, way: Literal["key", "login"] | None, *, telemetry: bool = False) -> Wish:
    """Return how an application is to be connected: as asked, else by a key, else by the one way it has."""
    name = way or ("key" if "key" in row.ways else next(iter(row.ways), None))
    if name is None:
        why = f"no way is known to connect {row.label}"
        raise CannotConnect("refused", why, row.instead or row.source)
    if name not in row.ways:
        why = (
            f"{row.label} has no way by its own login: it has none, or its vendor lets nobody pass it on"
            if name == "login"
            else f"{row.label} takes no key of another gateway"
        )
        other = next(iter(row.ways), "")
        raise CannotConnect("refused", why, f"`llm-gateway connect {row.id} --way {other}`")
    return Wish(row, name, telemetry)


def words_for(wish: Wish, key: str, base: str, listed: Sequence[str] | None, model: str | None) -> Words:
    """Return the words of a plan; `listed` are the models that a gateway serves, None where none runs."""
    if wish.way.local_or_https and not base.startswith(_BY_NUMBER):
        raise CannotConnect(
            "failed",
            f"{wish.row.label} takes an https address or 127.0.0.1 by number, and the gateway is at {base}",
            "set server.host to 127.0.0.1, or server.tls_cert",
        )
    models: tuple[str, ...] = ()
    if needs_models(wish):
        if listed is None:
            raise CannotConnect(
                "offline",
                f"{wish.row.label} has to be told which models there are, and no gateway runs",
                "`llm-gateway up` starts one",
            )
        models = models_to_name(listed)
        if model is not None and model not in models:
            models = (model, *models)
    return Words(base, key, wish.row.id, model or next(iter(models), ""), models)


def models_to_name(listed: Sequence[str]) -> tuple[str, ...]:
    """Return the models that an application is told of, the demonstration's only where there is no other."""
    return tuple(name for name in listed if not name.startswith(_DEMO)) or tuple(listed)
