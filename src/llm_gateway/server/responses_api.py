"""Responses by their ids: fetched, deleted, their input read, while they are kept for the key that asks.

What is not kept here is the default provider's, where there is one; what is another key's is nobody's.
"""

import msgspec

from llm_gateway.errors import MalformedRequest
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.forwarding import Forwarding
from llm_gateway.pipeline.sender import sender_of
from llm_gateway.server.edge import respond_json
from llm_gateway.server.forwarded_routes import METHODS, pass_on
from llm_gateway.server.input_list import page_of_items
from llm_gateway.server.kept_responses import KeptResponses, not_kept
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route

__all__ = ["ResponsesApi"]

_ROOTS = ("/v1", "", "/v1/v1")
_SUMMARIES = {
    "GET": "OpenAI Responses: a response that is kept, or its `input_items`",
    "DELETE": "OpenAI Responses: delete one that is kept",
    "POST": "OpenAI Responses: `cancel`",
}
_ONWARD = "OpenAI Responses: passed on to the default provider"


class ResponsesApi:
    """Answer what is asked about responses by their ids."""

    def __init__(self, kept: KeptResponses, forwarding: Forwarding) -> None:
        self._kept = kept
        self._forwarding = forwarding

    def routes(self) -> tuple[Route, ...]:
        """Return the routes below `responses/`."""
        return tuple(
            Route(method, f"{root}/responses/{{}}", self.answer, _SUMMARIES.get(method, _ONWARD), "key")
            for root in _ROOTS
            for method in METHODS
        )

    async def answer(self, exchange: Exchange, rest: str) -> None:
        """Answer from what is kept here, else pass the question on."""
        gateway = self._forwarding.gateway
        identity = sender_of(exchange, gateway.keys, gateway.clock).caller.identity
        response_id, _, below = rest.partition("/")
        match exchange.method, below:
            case b"DELETE", "":
                done = await self._delete(exchange, identity, response_id)
            case (b"GET" | b"HEAD", "" | "input_items") | (b"POST", "cancel"):
                done = await self._show(exchange, identity, response_id, below)
            case _:
                done = False
        if not done:
            await pass_on(exchange, self._forwarding, f"responses/{rest}", not_kept(identity))

    async def _delete(self, exchange: Exchange, identity: Identity, response_id: str) -> bool:
        if not await self._kept.delete(identity, response_id):
            return False
        told = {"id": response_id, "object": "response", "deleted": True}
        respond_json(exchange, msgspec.json.encode(told))
        return True

    async def _show(self, exchange: Exchange, identity: Identity, response_id: str, below: str) -> bool:
        kept = await self._kept.find(identity, response_id)
        if kept is None:
            return False
        query = query_values(exchange.target)
        if below == "cancel":
            raise MalformedRequest(
                "this response has ended: only one that is made in the `background` can be cancelled, and "
                "none that is kept here is"
            )
        if below == "input_items":
            respond_json(exchange, page_of_items(kept.input, response_id, query))
            return True
        if query.get("stream", "").lower() in ("true", "1"):
            raise MalformedRequest(
                "`stream`: what is kept is the whole response, not the events that told it; fetch it without",
                param="stream",
            )
        respond_json(exchange, kept.response)
        return True
