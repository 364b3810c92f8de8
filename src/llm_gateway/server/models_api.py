"""`GET /v1/models` and its like: one path that four kinds of clients ask, each answered in its own shape.

Who asks is told by what no other kind of client sends. What there is to list is on the shelf.
"""

from collections.abc import Callable
from urllib.parse import unquote

import msgspec

from llm_gateway.dialects.contract import Dialect
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import GatewayError
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.pipeline.relay import refuse
from llm_gateway.server import model_shapes as shapes
from llm_gateway.server.codex_catalog import codex_catalog
from llm_gateway.server.edge import respond_json
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route
from llm_gateway.server.shelf import Shelf
from llm_gateway.wire.headers import get

__all__ = ["ModelsApi"]

_Query = dict[str, str]

_GOOGLES = (b"x-goog-api-key", b"x-goog-api-client")


class _Shape(msgspec.Struct, frozen=True):
    """A kind of client: the dialect in which it is told of errors, and how it is answered."""

    dialect: str
    whole: Callable[[Shelf, _Query], object]
    one: Callable[[shapes.Listed], object]


_OPENAI = _Shape("chat", lambda shelf, _: shapes.openai_list(shelf.listed()), shapes.openai_model)
_CODEX = _Shape("responses", lambda shelf, _: codex_catalog(shelf.listed()), shapes.openai_model)
_CODEX_LOGIN = _Shape(
    "responses", lambda shelf, _: codex_catalog(shelf.listed(), login=True), shapes.openai_model
)
_ANTHROPIC = _Shape(
    "messages", lambda shelf, query: shapes.anthropic_list(shelf.listed(), query), shapes.anthropic_model
)
_GEMINI = _Shape(
    "gemini", lambda shelf, query: shapes.gemini_list(shelf.listed(), query), shapes.gemini_model
)


class ModelsApi:
    """Answer who asks for models."""

    def __init__(self, gateway: Gateway, shelf: Shelf) -> None:
        self._gateway = gateway
        self._shelf = shelf

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, with and without the version path."""
        table = (
            (
                ("/v1", "", "/v1/v1"),
                "Models that can be asked for, in the shape that the asker expects",
                "One model",
            ),
            (("/v1beta", "/v1beta/v1beta"), "Gemini: models that can be asked for", "Gemini: one model"),
        )
        return tuple(
            Route("GET", f"{version}/models{rest}", answer, summary, "key")
            for versions, every, single in table
            for rest, answer, summary in (("", self.listed, every), ("/{}", self.one, single))
            for version in versions
        )

    async def listed(self, exchange: Exchange, _: str) -> None:
        """Answer with every model, or a page of them."""
        await self._answer(exchange, self._list)

    async def one(self, exchange: Exchange, quoted: str) -> None:
        """Answer with one model; a name that resolves is there, listed or not."""
        name = unquote(quoted).removeprefix("models/")
        await self._answer(exchange, lambda shape, shelf, _: shape.one(shelf.find(name)))

    async def _answer(self, exchange: Exchange, find: Callable[[_Shape, Shelf, _Query], object]) -> None:
        shape = _asked_for(exchange)
        dialect = _dialect(shape)
        try:
            target = exchange.target if dialect.keys_in_url or shape is _GEMINI else b""
            identity = self._gateway.keys.authenticate(exchange.headers, target)
            await self._shelf.look()
            found = find(shape, self._shelf.seen_by(identity.person), query_values(exchange.target))
        except GatewayError as error:
            self._gateway.metrics.refused(error.kind)
            refuse(exchange, dialect, error)
            return
        respond_json(exchange, msgspec.json.encode(found))

    def _list(self, shape: _Shape, shelf: Shelf, query: _Query) -> object:
        return shape.whole(shelf, query)


def _asked_for(exchange: Exchange) -> _Shape:
    """Return who asks. Codex says its version in the query, Anthropic's clients theirs in a header.

    Google's SDK asks on `/v1/` as well when it is told to, with a key where only its clients put one.
    """
    path, _, query = exchange.target.partition(b"?")
    if path.startswith(b"/v1beta/"):
        return _GEMINI
    if get(exchange.headers, b"anthropic-version") is not None:
        return _ANTHROPIC
    names = {part.partition(b"=")[0] for part in query.split(b"&")}
    if b"client_version" in names:
        return _CODEX if get(exchange.headers, b"chatgpt-account-id") is None else _CODEX_LOGIN
    if b"key" in names or any(get(exchange.headers, name) is not None for name in _GOOGLES):
        return _GEMINI
    return _OPENAI


def _dialect(shape: _Shape) -> Dialect:
    return DIALECTS.get(shape.dialect) or DIALECTS["chat"]
