"""`GET /v1/models`: everything that can be asked for, under the name that reaches it."""

from collections.abc import Iterator
from urllib.parse import unquote

import msgspec

from llm_gateway.errors import UnknownModel
from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.pipeline.plan import Router
from llm_gateway.server.edge import respond_json
from llm_gateway.server.routes import Route
from llm_gateway.upstream.fleet import Fleet

__all__ = ["ModelsApi"]

_STALE = 300.0


class ModelsApi:
    """List models in the shape of OpenAI's API (platform.openai.com, API reference, Models)."""

    def __init__(self, gateway: Gateway, fleet: Fleet, router: Router) -> None:
        self._gateway = gateway
        self._fleet = fleet
        self._router = router

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, with and without the version path."""
        return tuple(
            Route("GET", f"{version}/models{rest}", answer, summary, "key")
            for version in ("/v1", "", "/v1/v1")
            for rest, answer, summary in (
                ("", self.listed, "Models that can be asked for"),
                ("/{}", self.one, "One model"),
            )
        )

    async def listed(self, exchange: Exchange, _: str) -> None:
        """Answer with every model."""
        self._gateway.keys.authenticate(exchange.headers)
        await self._fleet.refresh(older_than=_STALE)
        respond_json(exchange, msgspec.json.encode({"object": "list", "data": list(self._entries())}))

    async def one(self, exchange: Exchange, quoted: str) -> None:
        """Answer with one model; a name that resolves is there, listed or not."""
        self._gateway.keys.authenticate(exchange.headers)
        await self._fleet.refresh(older_than=_STALE)
        name = unquote(quoted)
        entry = next((entry for entry in self._entries() if entry["id"] == name), None)
        if entry is None:
            target = self._router.resolve(name)[0]
            if target.model not in self._fleet.members[target.provider].models:
                raise UnknownModel(
                    f"{target.provider} does not list the model {target.model!r}", param="model"
                )
            entry = _entry(name, target.provider)
        respond_json(exchange, msgspec.json.encode(entry))

    def _entries(self) -> Iterator[dict[str, object]]:
        for alias in self._router.aliases:
            yield _entry(alias, "llm-gateway")
        for name, member in self._fleet.members.items():
            details = {entry.id: entry for entry in member.entries}
            for model in member.models:
                found = details.get(model)
                entry = _entry(f"{name}/{model}", (found.owned_by if found else "") or name)
                if found is not None:
                    entry["created"] = found.created
                    if found.context_length:
                        entry["context_length"] = found.context_length
                yield entry


def _entry(name: str, owner: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
