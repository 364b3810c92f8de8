"""The paths on which clients speak to models, with and without the version path they may have doubled."""

from collections.abc import Coroutine

from llm_gateway.dialects.contract import Dialect
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.handle import Gateway, handle
from llm_gateway.server.routes import Answering, Route

__all__ = ["chat_routes"]

_CHAT = (
    ("chat/completions", "OpenAI Chat Completions"),
    ("completions", "OpenAI Completions"),
    ("embeddings", "OpenAI Embeddings"),
)


def chat_routes(gateway: Gateway, dialect: Dialect) -> tuple[Route, ...]:
    """Return the routes of the `chat` dialect."""
    return tuple(
        Route("POST", f"{version}/{operation}", _answering(gateway, dialect, operation), summary, "key")
        for version in ("/v1", "", "/v1/v1")
        for operation, summary in _CHAT
    )


def _answering(gateway: Gateway, dialect: Dialect, operation: str) -> Answering:
    def answer(exchange: Exchange, _: str) -> Coroutine[object, object, None]:
        return handle(exchange, gateway, dialect, operation)

    return answer
