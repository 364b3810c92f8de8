"""A shelf of models before a gateway: two providers that list theirs by a scripted upstream, and the demo."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from llm_gateway.engines.contract import Engine
from llm_gateway.providers.catalog import ProviderRow, Speaks
from llm_gateway.providers.names import Directory, read_target
from llm_gateway.server.models_api import ModelsApi
from llm_gateway.server.shelf import Shelf
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import Stage, endpoint, on_stage
from rawhttp import Reply
from scripted import Received, Script, Send
from scripted.wording import response
from server_stage import Door

__all__ = ["LISTED", "Shelved", "listing", "shelved"]

ROW = ProviderRow("ollama", "Ollama", "local", {"chat": Speaks("/v1")})
DEMO = ProviderRow("demo", "Demo", "builtin", {"chat": Speaks()})
LISTED: list[dict[str, object]] = [
    {"id": "qwen2.5:14b", "created": 1_750_000_000, "owned_by": "library", "context_length": 32768},
    {"id": "org/llama"},
    {"id": "both"},
    {"id": "claude-sonnet-5", "created": 1_771_459_200, "display_name": "Claude Sonnet 5"},
    {"id": "gemini-3-pro", "context_length": 1_048_576},
    {"id": "gpt-5.5"},
    {"id": "nomic-embed-text"},
]


class Shelved:
    """The list of models before a gateway."""

    def __init__(self, stage: Stage, aliases: Mapping[str, str], patience: float) -> None:
        self.stage = stage
        self._engines: Mapping[str, Engine] = {}
        self.failures: list[BaseException] = []
        self.tasks = Tasks(lambda name, failure: self.failures.append(failure))
        self.fleet = Fleet(stage.upstream, stage.clock, lambda: self.plan_by(self._engines))
        self._aliases = {alias: (read_target(target),) for alias, target in aliases.items()}
        port = stage.scripted.port
        self.fleet.add(ROW, [endpoint("ollama", port)], presence="configured")
        other = msgspec.structs.replace(ROW, name="other")
        self.fleet.add(other, [endpoint("other", port)], presence="configured", models=("both",))
        self.fleet.add(DEMO, (), presence="built in", models=("echo",))
        self.plan_by({})
        self.shelf = Shelf(self.fleet, stage.router, stage.clock, self.tasks, patience=patience)
        self.door = Door(*ModelsApi(stage.gateway, self.shelf).routes())

    def plan_by(self, engines: Mapping[str, Engine]) -> None:
        """Plan with these engines from now on."""
        self._engines = engines
        providers = {name: member.models for name, member in self.fleet.members.items()}
        self.stage.router.replace(Directory(providers, self._aliases), self.fleet.lines(), engines)

    async def get(
        self, target: str, *headers: tuple[bytes, bytes], key: str | None = None, method: str = "GET"
    ) -> Reply:
        """Return the answer to somebody who has the key, or shows another one."""
        token = self.stage.key if key is None else key
        return await self.door.ask(target, *headers, token=token, method=method)

    async def quiet(self) -> None:
        """Wait until nobody is being asked any more."""
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    async def page(self, target: str, *headers: tuple[bytes, bytes]) -> dict[str, object]:
        """Return what a path answers."""
        reply = await self.get(target, *headers)
        assert reply.status == 200, reply
        assert reply.header("content-type") == "application/json"
        return reply.json()


def shelved(
    home: Path,
    scene: Callable[[Shelved], Awaitable[None]],
    *,
    aliases: Mapping[str, str] | None = None,
    patience: float = 5.0,
    lists: Script = (),
) -> None:
    """Play a scene; nothing may fail behind it. `lists` is how providers answer, if not with the list."""

    async def play(stage: Stage) -> None:
        told = {"fast": "ollama/qwen2.5:14b"} if aliases is None else aliases
        shown = Shelved(stage, told, patience)
        await scene(shown)
        await shown.quiet()
        assert shown.failures == []

    on_stage(home, play, responders=[lambda request, _: lists or listing(request)])


def listing(request: Received) -> Script:
    """Answer with the list."""
    body = msgspec.json.encode({"object": "list", "data": [{"object": "model", **each} for each in LISTED]})
    return (Send(response(200, body)),)
