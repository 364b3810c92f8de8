"""What Ollama's clients ask beside answers."""

import json
from pathlib import Path

import pytest

from llm_gateway.server.ollama_api import OllamaApi
from rawhttp import Reply
from server_stage import Door
from shelf_stage import LISTED, Shelved, shelved


def door(shown: Shelved) -> Door:
    return Door(*OllamaApi(shown.stage.gateway, shown.shelf).routes())


async def show(shown: Shelved, body: bytes, path: str = "/api/show") -> Reply:
    return await door(shown).ask(path, method="POST", token=shown.stage.key, body=body)


@pytest.mark.parametrize("root", ["/api", "/api/api"])
def test_every_model_is_listed(tmp_path: Path, root: str) -> None:
    async def scene(shown: Shelved) -> None:
        page = await door(shown).json(f"{root}/tags", token=shown.stage.key)
        models = page["models"]
        assert isinstance(models, list)
        found = {each["name"]: each for each in models}
        assert len(found) == len(LISTED) + 3 and {"fast", "demo/echo"} < found.keys()
        qwen = found["ollama/qwen2.5:14b"]
        assert qwen["model"] == "ollama/qwen2.5:14b" and qwen["details"]["context_length"] == 32768
        assert found["ollama/nomic-embed-text"]["capabilities"] == ["embedding"]

    shelved(tmp_path, scene)


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"ollama/qwen2.5:14b"}',
        b'{"name":"ollama/qwen2.5:14b","verbose":true}',
        b'{"model":"qwen2.5:14b"}',
        b'{"model":"fast:latest"}',
    ],
)
def test_a_model_is_shown_by_any_of_its_names(tmp_path: Path, body: bytes) -> None:
    async def scene(shown: Shelved) -> None:
        reply = await show(shown, body)
        assert reply.status == 200
        info = reply.json()["model_info"]
        assert isinstance(info, dict)
        assert [value for name, value in info.items() if name.endswith(".context_length")] == [32768]
        assert reply.json()["capabilities"] == ["completion", "tools"]

    shelved(tmp_path, scene)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b'{"model":"nothing"}', 404, "nothing"),
        (b'{"model":"nothing:latest"}', 404, "nothing"),
        (b"{}", 400, "`model` is missing"),
        (b'{"model":5}', 400, "JSON object"),
        (b"[]", 400, "JSON object"),
        (b"", 400, "JSON object"),
        (b'{"model":"' + b"x" * 70_000 + b'"}', 413, "65536"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(tmp_path: Path, body: bytes, status: int, said: str) -> None:
    async def scene(shown: Shelved) -> None:
        reply = await show(shown, body)
        assert reply.status == status and reply.json().keys() == {"error"}
        assert said in str(reply.json()["error"])
        assert sum(shown.stage.metrics._refused.values()) == 1

    shelved(tmp_path, scene)


def test_the_version_is_one_that_clients_take(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        told = await door(shown).json("/api/version", token=shown.stage.key)
        version = tuple(int(part) for part in str(told["version"]).split("."))
        assert version >= (0, 13, 4), "what Codex wants at least"
        assert await door(shown).json("/api/ps", token=shown.stage.key) == {"models": []}

    shelved(tmp_path, scene)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "tags"), ("POST", "show"), ("GET", "ps"), ("GET", "version"), ("HEAD", "tags")],
)
def test_each_needs_a_key(tmp_path: Path, method: str, path: str) -> None:
    async def scene(shown: Shelved) -> None:
        for token in ("", "lgw_wrong"):
            reply = await door(shown).ask(f"/api/{path}", method=method, token=token, body=b'{"model":"m"}')
            assert reply.status == 401
            assert method == "HEAD" or json.loads(reply.body).keys() == {"error"}
        assert shown.stage.scripted.requests == []

    shelved(tmp_path, scene)
