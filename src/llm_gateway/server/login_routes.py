"""What a client that brings its own login asks its vendor beside answers: lists of models, for one.

It is passed on with the login as it came. Who brings none is told about our own models, and nothing else.
"""

from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import GatewayError, NotFound
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.forwarding import Forwarding, Onward, forward
from llm_gateway.pipeline.relay import refuse
from llm_gateway.pipeline.sender import sender_of
from llm_gateway.server.dialect_routes import CODEX_ROOT
from llm_gateway.server.forwarded_routes import METHODS, is_plain
from llm_gateway.server.query import query_text
from llm_gateway.server.routes import Answering, Route

__all__ = ["login_routes"]

_MODELS = "models"


def login_routes(forwarding: Forwarding, models: Answering) -> tuple[Route, ...]:
    """Return a route for each method below Codex's own path; `models` answers who brings no login."""
    gateway, dialect = forwarding.gateway, DIALECTS["responses"]

    async def answer(exchange: Exchange, rest: str) -> None:
        try:
            sender = sender_of(exchange, gateway.keys, gateway.clock)
            own = sender.login is None
            if not is_plain(rest) or (own and rest != _MODELS):
                raise NotFound("there is nothing at this path for a client that brings no login of its own")
        except GatewayError as error:
            gateway.metrics.refused(error.kind)
            refuse(exchange, dialect, error)
            return
        if own:
            await models(exchange, rest)
        else:
            onward = Onward(rest, query_text(exchange.target), ("responses",))
            await forward(exchange, forwarding, dialect, onward)

    summary = "What Codex asks its vendor with its own login: passed on"
    return tuple(Route(method, f"{CODEX_ROOT}/{{}}", answer, summary, "key") for method in METHODS)
