"""Which handler answers a path, and what is said where none does."""

import pytest

from llm_gateway.errors import MethodNotAllowed, NotFound
from llm_gateway.http.exchange import Exchange
from llm_gateway.server.routes import Route, Routes


async def nothing(exchange: Exchange, rest: str) -> None:
    """Answer nothing: only found, never called."""


def route(method: str, path: str) -> Route:
    return Route(method, path, nothing, f"{method} {path}", "open")


TABLE = Routes(
    (
        route("GET", "/"),
        route("GET", "/v1/models"),
        route("GET", "/v1/models/{}"),
        route("POST", "/v1/chat/completions"),
        route("GET", "/api/keys"),
        route("POST", "/api/keys"),
        route("DELETE", "/api/keys/{}"),
        route("GET", "/api/{}"),
        route("GET", "/api/keys/{}"),
    )
)


@pytest.mark.parametrize(
    ("method", "path", "summary", "rest"),
    [
        (b"GET", b"/", "GET /", ""),
        (b"GET", b"/v1/models", "GET /v1/models", ""),
        (b"HEAD", b"/v1/models", "GET /v1/models", ""),
        (b"GET", b"/v1/models/ollama/qwen2.5:14b", "GET /v1/models/{}", "ollama/qwen2.5:14b"),
        (b"GET", b"/v1/models/a%2Fb", "GET /v1/models/{}", "a%2Fb"),
        (b"HEAD", b"/v1/models/a", "GET /v1/models/{}", "a"),
        (b"POST", b"/v1/chat/completions", "POST /v1/chat/completions", ""),
        (b"POST", b"/api/keys", "POST /api/keys", ""),
        (b"DELETE", b"/api/keys/k1", "DELETE /api/keys/{}", "k1"),
        (b"GET", b"/api/keys/k1", "GET /api/keys/{}", "k1"),
        (b"GET", b"/api/other", "GET /api/{}", "other"),
    ],
)
def test_a_path_finds_its_route(method: bytes, path: bytes, summary: str, rest: str) -> None:
    found, stood = TABLE.find(method, path)
    assert (found.summary, stood) == (summary, rest)


def test_bytes_that_are_no_text_stand_for_something_all_the_same() -> None:
    assert TABLE.find(b"GET", b"/v1/models/a\xffb")[1] == "a\ufffdb"


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"*",
        b"/v1",
        b"/v1/models/",
        b"/V1/models",
        b"/v1/chat/completions/",
        b"/v1//models",
        b"/v1/models//a",
        b"/v1/models/../keys",
        b"/v1/models/.hidden",
        b"/api/./keys",
        b"/v1/chat%2Fcompletions",
        b"//v1/models",
    ],
)
def test_any_other_spelling_is_another_path(path: bytes) -> None:
    with pytest.raises(NotFound, match=r"openapi\.json"):
        TABLE.find(b"GET", path)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        (b"GET", b"/v1/chat/completions", ("POST",)),
        (b"HEAD", b"/v1/chat/completions", ("POST",)),
        (b"OPTIONS", b"/v1/chat/completions", ("POST",)),
        (b"PUT", b"/api/keys", ("GET", "POST", "HEAD")),
        (b"POST", b"/api/keys/k1", ("DELETE", "GET", "HEAD")),
        (b"get", b"/", ("GET", "HEAD")),
    ],
)
def test_another_method_is_told_which_ones_there_are(
    method: bytes, path: bytes, allowed: tuple[str, ...]
) -> None:
    with pytest.raises(MethodNotAllowed, match=", ".join(allowed)) as refused:
        TABLE.find(method, path)
    assert refused.value.allowed == allowed


@pytest.mark.parametrize("path", [b"/" + b"x" * 10_000, b"/a\r\nset-cookie: b\x1b[0m\x00\xff"])
def test_a_refusal_shows_a_path_short_and_printable(path: bytes) -> None:
    with pytest.raises(NotFound) as refused:
        TABLE.find(b"GET", path)
    assert refused.value.message.isprintable() and len(refused.value.message) < 300


def test_the_table_is_there_to_be_described() -> None:
    assert len(TABLE.all) == 9 and TABLE.all[0].path == "/"
