"""`GET /v1/models`: every name that can be asked for, and nothing to whoever has no key."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from llm_gateway.providers.catalog import ProviderRow, Speaks
from llm_gateway.providers.names import Directory, read_target
from llm_gateway.server.models_api import ModelsApi
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import Stage, endpoint, on_stage
from rawhttp import Reply
from scripted import Received, Script, Send
from scripted.wording import response
from server_stage import Door

ROW = ProviderRow("ollama", "Ollama", "local", {"chat": Speaks("/v1")})
DEMO = ProviderRow("demo", "Demo", "builtin", {"chat": Speaks()})
LISTED: list[dict[str, object]] = [
    {"id": "qwen2.5:14b", "created": 1_750_000_000, "owned_by": "library", "context_length": 32768},
    {"id": "org/llama"},
    {"id": "both"},
]


class Shelf:
    """The list of models before a gateway."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.fleet = Fleet(stage.upstream, stage.clock, self._plan_anew)
        port = stage.scripted.port
        self.fleet.add(ROW, [endpoint("ollama", port)], presence="configured")
        other = msgspec.structs.replace(ROW, name="other")
        self.fleet.add(other, [endpoint("other", port)], presence="configured", models=("both",))
        self.fleet.add(DEMO, (), presence="built in", models=("echo",))
        self._plan_anew()
        self.door = Door(*ModelsApi(stage.gateway, self.fleet, stage.router).routes())

    def _plan_anew(self) -> None:
        providers = {name: member.models for name, member in self.fleet.members.items()}
        aliases = {"fast": (read_target("ollama/qwen2.5:14b"),)}
        self.stage.router.replace(Directory(providers, aliases), self.fleet.lines(), {})

    async def get(self, target: str, *, key: str | None = None) -> Reply:
        return await self.door.ask(target, token=self.stage.key if key is None else key)

    async def names(self) -> list[str]:
        reply = await self.get("/v1/models")
        assert reply.status == 200 and reply.json()["object"] == "list"
        data = reply.json()["data"]
        assert isinstance(data, list)
        assert all(each["object"] == "model" for each in data)
        return [each["id"] for each in data]


def shelved(home: Path, scene: Callable[[Shelf], Awaitable[None]]) -> None:
    async def play(stage: Stage) -> None:
        await scene(Shelf(stage))

    on_stage(home, play, responders=[listing])


def listing(request: Received, names: object) -> Script:
    body = msgspec.json.encode({"object": "list", "data": [{"object": "model", **each} for each in LISTED]})
    return (Send(response(200, body)),)


def test_every_model_is_listed_under_the_name_that_reaches_it(tmp_path: Path) -> None:
    async def scene(shelf: Shelf) -> None:
        names = await shelf.names()
        assert names == [
            "fast",
            "ollama/qwen2.5:14b",
            "ollama/org/llama",
            "ollama/both",
            "other/both",
            "demo/echo",
        ]
        for name in names:
            assert shelf.stage.router.resolve(name)
            assert (await shelf.get(f"/v1/models/{name}")).json()["id"] == name

    shelved(tmp_path, scene)


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/v1/models"])
def test_the_version_path_may_be_missing_or_doubled(tmp_path: Path, path: str) -> None:
    async def scene(shelf: Shelf) -> None:
        assert (await shelf.get(path)).status == 200
        assert (await shelf.get(f"{path}/demo/echo")).json()["id"] == "demo/echo"

    shelved(tmp_path, scene)


def test_a_model_is_shown_with_what_its_provider_tells_of_it(tmp_path: Path) -> None:
    async def scene(shelf: Shelf) -> None:
        await shelf.names()
        assert (await shelf.get("/v1/models/ollama/qwen2.5:14b")).json() == {
            "id": "ollama/qwen2.5:14b",
            "object": "model",
            "created": 1_750_000_000,
            "owned_by": "library",
            "context_length": 32768,
        }
        assert (await shelf.get("/v1/models/ollama/org/llama")).json() == {
            "id": "ollama/org/llama",
            "object": "model",
            "created": 0,
            "owned_by": "ollama",
        }
        assert (await shelf.get("/v1/models/fast")).json()["owned_by"] == "llm-gateway"

    shelved(tmp_path, scene)


@pytest.mark.parametrize(
    ("asked", "shown", "owner"),
    [
        ("qwen2.5:14b", "qwen2.5:14b", "ollama"),
        ("ollama%2Forg%2Fllama", "ollama/org/llama", "ollama"),
        ("qwen2.5%3A14b", "qwen2.5:14b", "ollama"),
    ],
)
def test_any_name_that_resolves_is_there_whether_or_not_a_list_was_asked_for(
    tmp_path: Path, asked: str, shown: str, owner: str
) -> None:
    async def scene(shelf: Shelf) -> None:
        model = (await shelf.get(f"/v1/models/{asked}")).json()
        assert (model["id"], model["owned_by"]) == (shown, owner)

    shelved(tmp_path, scene)


@pytest.mark.parametrize("name", ["nothing", "ollama/nothing", "both", "nobody/m", "%00", "%ff", "x" * 5000])
def test_a_name_that_reaches_nothing_is_404(tmp_path: Path, name: str) -> None:
    async def scene(shelf: Shelf) -> None:
        await shelf.names()
        reply = await shelf.get(f"/v1/models/{name}")
        assert (reply.status, reply.error()["code"], reply.error()["param"]) == (
            404,
            "model_not_found",
            "model",
        )

    shelved(tmp_path, scene)


@pytest.mark.parametrize("target", ["/v1/models", "/v1/models/demo/echo"])
def test_without_a_key_nothing_is_listed_and_nobody_is_asked(tmp_path: Path, target: str) -> None:
    async def scene(shelf: Shelf) -> None:
        for key in ("", "lgw_wrong"):
            reply = await shelf.get(target, key=key)
            assert (reply.status, reply.error()["code"]) == (401, "invalid_api_key")
        assert shelf.stage.scripted.requests == []

    shelved(tmp_path, scene)


def test_a_list_is_asked_for_anew_after_a_while(tmp_path: Path) -> None:
    async def scene(shelf: Shelf) -> None:
        await shelf.names()
        await shelf.names()
        assert len(shelf.stage.scripted.requests) == 2, "once from each of the two"
        shelf.stage.clock.advance(300)
        await shelf.names()
        assert len(shelf.stage.scripted.requests) == 4

    shelved(tmp_path, scene)
