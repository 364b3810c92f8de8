"""`GET /v1/models` and its like: every name that can be asked for, in the words of whoever asks."""

from pathlib import Path

import pytest

from scripted import Gate, Send
from scripted.wording import response
from shelf_stage import Shelved, shelved

NAMES = [
    "fast",
    "ollama/qwen2.5:14b",
    "ollama/org/llama",
    "ollama/both",
    "ollama/claude-sonnet-5",
    "ollama/gemini-3-pro",
    "ollama/gpt-5.5",
    "ollama/nomic-embed-text",
    "other/both",
    "demo/echo",
]
ANTHROPIC = (b"anthropic-version", b"2023-06-01")
GOOGLE = (b"x-goog-api-client", b"google-genai-sdk/1.30.0 gl-node/v22")


def ids(page: dict[str, object], key: str = "data", name: str = "id") -> list[object]:
    models = page[key]
    assert isinstance(models, list)
    return [each[name] for each in models]


def test_every_model_is_listed_under_the_name_that_reaches_it(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        page = await shown.page("/v1/models")
        assert page["object"] == "list"
        assert ids(page) == NAMES
        for name in NAMES:
            assert shown.stage.router.resolve(name)
            assert (await shown.page(f"/v1/models/{name}"))["id"] == name

    shelved(tmp_path, scene)


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/v1/models"])
def test_the_version_path_may_be_missing_or_doubled(tmp_path: Path, path: str) -> None:
    async def scene(shown: Shelved) -> None:
        assert ids(await shown.page(path)) == NAMES
        assert (await shown.page(f"{path}/demo/echo"))["id"] == "demo/echo"
        assert ids(await shown.page(path, ANTHROPIC))

    shelved(tmp_path, scene)


def test_a_model_is_shown_with_what_its_provider_tells_of_it(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        await shown.page("/v1/models")
        assert await shown.page("/v1/models/ollama/qwen2.5:14b") == {
            "id": "ollama/qwen2.5:14b",
            "object": "model",
            "created": 1_750_000_000,
            "owned_by": "library",
            "context_length": 32768,
        }
        assert await shown.page("/v1/models/ollama/org/llama") == {
            "id": "ollama/org/llama",
            "object": "model",
            "created": 0,
            "owned_by": "ollama",
        }
        assert (await shown.page("/v1/models/fast"))["owned_by"] == "llm-gateway"

    shelved(tmp_path, scene)


def test_anthropics_clients_get_pages_of_their_own_shape(tmp_path: Path) -> None:
    """As Claude Code asks, which keeps what begins with `claude` or `anthropic`."""

    async def scene(shown: Shelved) -> None:
        page = await shown.page("/v1/models?limit=1000", ANTHROPIC)
        assert page["has_more"] is False
        assert (page["first_id"], page["last_id"]) == ("fast", "demo/echo")
        assert "claude-sonnet-5" in ids(page)
        page = await shown.page("/v1/models?limit=2&after_id=fast", ANTHROPIC)
        assert (ids(page), page["has_more"]) == (["ollama/qwen2.5:14b", "ollama/org/llama"], True)
        model = await shown.page("/v1/models/claude-sonnet-5", ANTHROPIC)
        assert model == {
            "type": "model",
            "id": "claude-sonnet-5",
            "display_name": "Claude Sonnet 5",
            "created_at": "2026-02-19T00:00:00Z",
        }
        named = await shown.page("/v1/models/ollama/qwen2.5:14b", ANTHROPIC)
        assert (named["id"], named["max_input_tokens"]) == ("ollama/qwen2.5:14b", 32768)

    shelved(tmp_path, scene)


def test_codex_gets_its_catalog(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        page = await shown.page("/v1/models?client_version=0.169.0")
        assert page.keys() == {"models"}
        slugs = ids(page, "models", "slug")
        assert "ollama/qwen2.5:14b" in slugs and "fast" in slugs
        assert "ollama/gpt-5.5" not in slugs, "Codex has an entry of its own for it"
        login = (b"chatgpt-account-id", b"acc_1")
        hidden = await shown.page("/v1/models?client_version=0.169.0", login)
        models = hidden["models"]
        assert isinstance(models, list) and {entry["visibility"] for entry in models} == {"hide"}

    shelved(tmp_path, scene)


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/v1beta/models", ()),
        ("/v1beta/v1beta/models", ()),
        ("/v1/models", (GOOGLE,)),
        ("/v1/models?pageSize=50", ((b"x-goog-api-key", b"KEY"),)),
        ("/v1/models?key=KEY", ()),
    ],
)
def test_geminis_clients_get_their_own_shape(
    tmp_path: Path, target: str, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    async def scene(shown: Shelved) -> None:
        key = shown.stage.key
        told = [(name, key.encode() if value == b"KEY" else value) for name, value in headers]
        own = any(name == b"x-goog-api-key" for name, _ in headers) or "KEY" in target
        reply = await shown.get(target.replace("KEY", key), *told, key="" if own else None)
        assert reply.status == 200
        names = ids(reply.json(), "models", "name")
        assert "models/ollama/qwen2.5:14b" in names and "models/gemini-3-pro" in names

    shelved(tmp_path, scene)


def test_a_model_of_gemini_is_found_as_it_is_named_there(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        await shown.page("/v1beta/models")
        for name in ("gemini-3-pro", "ollama/gemini-3-pro", "models/gemini-3-pro", "ollama%2Fgemini-3-pro"):
            model = await shown.page(f"/v1beta/models/{name}")
            assert model["inputTokenLimit"] == 1_048_576
            assert "generateContent" in str(model["supportedGenerationMethods"])

    shelved(tmp_path, scene)


@pytest.mark.parametrize(
    ("asked", "shown_as", "owner"),
    [
        ("qwen2.5:14b", "qwen2.5:14b", "library"),
        ("ollama%2Forg%2Fllama", "ollama/org/llama", "ollama"),
        ("qwen2.5%3A14b", "qwen2.5:14b", "library"),
    ],
)
def test_any_name_that_resolves_is_there_whether_or_not_a_list_was_asked_for(
    tmp_path: Path, asked: str, shown_as: str, owner: str
) -> None:
    async def scene(shown: Shelved) -> None:
        model = await shown.page(f"/v1/models/{asked}")
        assert (model["id"], model["owned_by"]) == (shown_as, owner)

    shelved(tmp_path, scene)


@pytest.mark.parametrize("name", ["nothing", "ollama/nothing", "both", "nobody/m", "%00", "%ff", "x" * 5000])
def test_a_name_that_reaches_nothing_is_404(tmp_path: Path, name: str) -> None:
    async def scene(shown: Shelved) -> None:
        await shown.page("/v1/models")
        reply = await shown.get(f"/v1/models/{name}")
        assert (reply.status, reply.error()["code"], reply.error()["param"]) == (
            404,
            "model_not_found",
            "model",
        )

    shelved(tmp_path, scene)


@pytest.mark.parametrize("target", ["/v1/models", "/v1/models/demo/echo", "/v1beta/models?key=lgw_wrong"])
def test_without_a_key_nothing_is_listed_and_nobody_is_asked(tmp_path: Path, target: str) -> None:
    async def scene(shown: Shelved) -> None:
        for key in ("", "lgw_wrong"):
            reply = await shown.get(target, key=key)
            assert reply.status == 401 and b"lgw_wrong" not in reply.body
        assert shown.stage.metrics._refused == {"invalid_api_key": 2}
        assert shown.stage.scripted.requests == []

    shelved(tmp_path, scene)


def test_a_key_in_the_query_is_for_geminis_clients_alone(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        target = f"/v1/models?key={shown.stage.key}"
        assert (await shown.get(target, key="")).status == 200
        assert (await shown.get(target, ANTHROPIC, key="")).status == 401

    shelved(tmp_path, scene)


def test_an_error_comes_in_the_words_of_whoever_asks(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        reply = await shown.get("/v1/models/nothing", ANTHROPIC)
        assert reply.status == 404 and reply.json()["type"] == "error"
        reply = await shown.get("/v1/models?limit=none", ANTHROPIC)
        assert reply.status == 400 and reply.json()["type"] == "error"
        reply = await shown.get("/v1/models?after_id=nothing", ANTHROPIC)
        assert reply.status == 400 and b"after_id" in reply.body
        assert (await shown.get("/v1/models/nothing?client_version=1")).error()["code"] == "model_not_found"

    shelved(tmp_path, scene)


def test_head_is_answered_like_get_without_a_body(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        whole = await shown.get("/v1/models", ANTHROPIC)
        head = await shown.get("/v1/models", ANTHROPIC, method="HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.header("content-length") == str(len(whole.body))

    shelved(tmp_path, scene)


def test_a_slow_provider_is_not_waited_for(tmp_path: Path) -> None:
    async def scene(shown: Shelved) -> None:
        names = ids(await shown.page("/v1/models"))
        assert "demo/echo" in names, "what is known is listed"
        shown.stage.scripted.open("late")

    shelved(tmp_path, scene, patience=0.05, lists=(Gate("late"), Send(response(200, b'{"data":[]}'))))
