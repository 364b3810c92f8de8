"""The `local` provider: a small real model of our own, so that a bare machine has an answer.

llama.cpp runs it in a process of its own on this machine; nothing is started before the first request.
"""

from collections.abc import Mapping, Sequence

from llm_gateway.engines.local.child import Child
from llm_gateway.engines.local.model import LocalModel
from llm_gateway.engines.prepared import refusal
from llm_gateway.upstream.answer import Answer
from llm_gateway.upstream.client import Line, Upstream

__all__ = ["LocalEngine"]

_JSON = b"content-type: application/json\r\n"


class LocalEngine:
    """The engine behind the local models. `environ` is the gateway's own; little of it is passed on."""

    counts = True
    dialect = "chat"
    abilities = None
    people: frozenset[str] | None = None

    def __init__(
        self,
        models: Sequence[LocalModel],
        upstream: Upstream,
        environ: Mapping[str, str],
        *,
        name: str = "local",
    ) -> None:
        self.name = name
        self.models: Sequence[str] = tuple(model.name for model in models)
        self._upstream = upstream
        self._children = {model.name: Child(name, model, environ) for model in models}
        self._lines: dict[str, Line] = {}

    async def answer(self, operation: str, body: bytes, model: str) -> Answer:
        """Answer a call of the `chat` dialect; the first one waits until the weights are loaded."""
        child = self._children.get(model)
        if child is None:
            known = ", ".join(f"{self.name}/{other}" for other in self.models) or "no model"
            return refusal(404, f"there is no {self.name}/{model}, but {known}", "model_not_found")
        endpoint = await child.endpoint()
        line = self._lines.get(model)
        if line is None or line.endpoint is not endpoint:
            line = self._lines[model] = Line(endpoint)
        return await self._upstream.send(line, line.post(operation, _JSON, len(body)), body)

    async def close(self) -> None:
        """End the models' processes."""
        for child in self._children.values():
            await child.close()
