"""What a command about an application has to know first: its row and way, the gateway's address, models."""

import difflib
from typing import Literal

import msgspec

from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import FAILED, NOT_RUNNING, REFUSED, Stop, say
from llm_gateway.clients.catalog import Client, catalog
from llm_gateway.clients.connect import Wish, Words, needs_models
from llm_gateway.config import Loaded
from llm_gateway.server.door import url_of

__all__ = ["row_of", "wish_for", "words_for"]

_BY_NUMBER = ("https://", "http://127.0.0.1:")


def row_of(client: str) -> Client:
    """Return the row that holds an application's settings; ends the command where there is none."""
    rows = catalog()
    row = rows.get(client)
    if row is None:
        named = [name for name, each in rows.items() if client in each.commands]
        near = named or difflib.get_close_matches(client, rows, 1)
        meant = f"; did you mean {near[0]}?" if near else ""
        hint = "hint: `llm-gateway clients --all` lists their ids"
        raise Stop(FAILED, f"error: no application {client!r} is known{meant}\n{hint}")
    if row.part_of:
        say(f"{row.label} has its settings from {rows[row.part_of].label}")
        row = rows[row.part_of]
    if row.cannot:
        raise Stop(REFUSED, f"error: {row.label} cannot be connected: {row.cannot}\nhint: {row.instead}")
    return row


def wish_for(row: Client, way: Literal["key", "login"] | None, *, telemetry: bool = False) -> Wish:
    """Return how an application is to be connected: as asked, else by a key, else by the one way it has."""
    name = way or ("key" if "key" in row.ways else next(iter(row.ways), None))
    if name is None:
        raise Stop(
            REFUSED, f"error: no way is known to connect {row.label}\nhint: {row.instead or row.source}"
        )
    if name not in row.ways:
        why = (
            f"{row.label} has no way by its own login: it has none, or its vendor lets nobody pass it on"
            if name == "login"
            else f"{row.label} takes no key of another gateway"
        )
        other = next(iter(row.ways), "")
        raise Stop(REFUSED, f"error: {why}\nhint: `llm-gateway connect {row.id} --way {other}`")
    return Wish(row, name, telemetry)


def words_for(wish: Wish, key: str, loaded: Loaded, api: LocalApi | None, model: str | None) -> Words:
    """Return the words of a plan; ends the command where a gateway that runs is needed and none does."""
    server = loaded.settings.server
    if api is None and server.port == 0:
        raise Stop(
            NOT_RUNNING,
            "error: the gateway gets another port at each start (server.port = 0), and none runs now\n"
            "hint: set server.port, or `llm-gateway up` first",
        )
    base = api.url if api is not None else url_of(server, server.port)
    if wish.way.local_or_https and not base.startswith(_BY_NUMBER):
        raise Stop(
            FAILED,
            f"error: {wish.row.label} takes an https address or 127.0.0.1 by number, and the gateway is at "
            f"{base}\nhint: set server.host to 127.0.0.1, or server.tls_cert",
        )
    models: tuple[str, ...] = ()
    if needs_models(wish):
        models = _models(wish, api)
        if model is not None and model not in models:
            models = (model, *models)
    elif model is not None:
        say(f"{wish.row.label} takes its models from its own settings; --model changes nothing")
    return Words(base, key, wish.row.id, model or next(iter(models), ""), models)


def _models(wish: Wish, api: LocalApi | None) -> tuple[str, ...]:
    """Return the models that the gateway serves, the demonstration's only where there is no other."""
    if api is None:
        raise Stop(
            NOT_RUNNING,
            f"error: {wish.row.label} has to be told which models there are, and no gateway runs\n"
            "hint: `llm-gateway up` starts one",
        )
    listed = msgspec.convert(api.get("/v1/models")["data"], list[dict[str, object]])
    names = tuple(str(each["id"]) for each in listed)
    return tuple(name for name in names if not name.startswith("demo/")) or names
