"""What Ollama's clients ask beside answers: which models there are, what one is, which version this is.

The answers' form is the dialect's (`dialects/ollama/catalog.py`); what there is to list is on the shelf.
"""

from collections.abc import Callable

import msgspec

from llm_gateway.dialects.ollama import catalog
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import GatewayError, MalformedRequest, UnknownModel
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.pipeline.relay import refuse
from llm_gateway.server.edge import respond_json
from llm_gateway.server.model_shapes import Listed
from llm_gateway.server.routes import Answering, Route
from llm_gateway.server.shelf import Shelf

__all__ = ["OllamaApi"]

_MAX_BODY = 64 * 1024
_ROOTS = ("/api", "/api/api")


class _Asked(msgspec.Struct):
    model: str = ""
    name: str = ""  # what older clients call it


class OllamaApi:
    """Answer Ollama's clients."""

    def __init__(self, gateway: Gateway, shelf: Shelf) -> None:
        self._gateway = gateway
        self._shelf = shelf

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        table = (
            ("GET", "tags", self.tags, "Ollama: models that can be asked for"),
            ("POST", "show", self.show, "Ollama: one model"),
            ("GET", "ps", self._told(catalog.encode_ps), "Ollama: models in memory, which are none"),
            (
                "GET",
                "version",
                self._told(catalog.encode_version),
                "Ollama: the version that this is like",
            ),
        )
        return tuple(
            Route(method, f"{root}/{name}", answer, summary, "key")
            for method, name, answer, summary in table
            for root in _ROOTS
        )

    async def tags(self, exchange: Exchange, _: str) -> None:
        """Answer with every model."""
        try:
            identity = self._gateway.keys.authenticate(exchange.headers)
        except GatewayError as error:
            self._refuse(exchange, error)
            return
        await self._shelf.look()
        shelf = self._shelf.seen_by(identity.person)
        respond_json(exchange, catalog.encode_tags([_offered(each) for each in shelf.listed()]))

    async def show(self, exchange: Exchange, _: str) -> None:
        """Answer with the model that the body names."""
        try:
            identity = self._gateway.keys.authenticate(exchange.headers)
            name = _named(await exchange.body(_MAX_BODY))
            await self._shelf.look()
            found = _find(self._shelf.seen_by(identity.person), name)
        except GatewayError as error:
            self._refuse(exchange, error)
            return
        respond_json(exchange, catalog.encode_show(_offered(found)))

    def _told(self, encode: Callable[[], bytes]) -> Answering:
        """Answer what is known without looking."""

        async def answer(exchange: Exchange, _: str) -> None:
            try:
                self._gateway.keys.authenticate(exchange.headers)
            except GatewayError as error:
                self._refuse(exchange, error)
                return
            respond_json(exchange, encode())

        return answer

    def _refuse(self, exchange: Exchange, error: GatewayError) -> None:
        self._gateway.metrics.refused(error.kind)
        refuse(exchange, DIALECTS["ollama"], error)


def _named(body: bytes) -> str:
    try:
        asked = msgspec.json.decode(body, type=_Asked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedRequest(
            "the body is not a JSON object with the name of a model", param="model"
        ) from None
    name = asked.model or asked.name
    if not name:
        raise MalformedRequest("`model` is missing: name a model, as in `GET /api/tags`", param="model")
    return name


def _offered(listed: Listed) -> catalog.Offered:
    """Return a model as Ollama's catalog has it; what it is for, only its name tells here."""
    if "embed" in listed.name.lower():
        return catalog.Offered(listed.name, listed.context_length, listed.created, ("embedding",))
    return catalog.Offered(listed.name, listed.context_length, listed.created)


def _find(shelf: Shelf, name: str) -> Listed:
    """Return a model; the tag that Ollama's clients put behind a name without one is left off again."""
    plain = name.removesuffix(":latest")
    try:
        return shelf.find(name)
    except UnknownModel:
        if plain == name:
            raise
        return shelf.find(plain)
