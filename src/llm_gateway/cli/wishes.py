"""What a command about an application has to know first: its row and way, the gateway's address, models."""

from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec

from llm_gateway.cli.local_api import LocalApi
from llm_gateway.cli.output import FAILED, NOT_RUNNING, REFUSED, Stop, say
from llm_gateway.clients.catalog import Client
from llm_gateway.clients.connect import Wish, Words, needs_models, wishing
from llm_gateway.clients.connections import CannotConnect, Kind
from llm_gateway.config import Loaded
from llm_gateway.server.door import url_of

__all__ = ["row_of", "wish_for", "words_for"]

T = TypeVar("T")

_CODES: dict[Kind, int] = {"refused": REFUSED, "offline": NOT_RUNNING}


def row_of(client: str) -> Client:
    """Return the row that holds an application's settings; ends the command where there is none."""
    row, said = _or_stop(lambda: wishing.row_for(client))
    if said:
        say(said)
    return _or_stop(lambda: wishing.connectable(row))


def wish_for(row: Client, way: Literal["key", "login"] | None, *, telemetry: bool = False) -> Wish:
    """Return how an application is to be connected; ends the command where that way is none."""
    return _or_stop(lambda: wishing.wish_for(row, way, telemetry=telemetry))


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
    needed = needs_models(wish)
    if model is not None and not needed:
        say(f"{wish.row.label} takes its models from its own settings; --model changes nothing")
    listed = _models(api) if api is not None and needed else None
    return _or_stop(lambda: wishing.words_for(wish, key, base, listed, model))


def _models(api: LocalApi) -> list[str]:
    return [
        str(each["id"]) for each in msgspec.convert(api.get("/v1/models")["data"], list[dict[str, object]])
    ]


def _or_stop(find: Callable[[], T]) -> T:
    """Return what is found; ends the command with why it is not."""
    try:
        return find()
    except CannotConnect as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        raise Stop(_CODES.get(error.kind, FAILED), f"error: {error.message}{hint}") from None
