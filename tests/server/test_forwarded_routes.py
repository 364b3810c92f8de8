"""Every path below `/v1/` that is nobody else's: passed on, or refused with the way out."""

from pathlib import Path

import pytest

from llm_gateway.pipeline.forwarding import Forwarding
from llm_gateway.server.dialect_routes import dialect_routes
from llm_gateway.server.forwarded_routes import forwarded_routes
from llm_gateway.server.kept_responses import KeptResponses
from llm_gateway.server.responses_api import ResponsesApi
from pipeline_stage import Stage, on_stage, request
from rawhttp import Reply
from scripted import Received, Script, Send
from scripted.wording import response
from server_stage import Door

ANTHROPIC = (b"anthropic-version", b"2023-06-01")


def echo(asked: Received, names: object) -> Script:
    """Answer with what was asked for."""
    return (Send(response(200, b'{"asked":"%b %b"}' % (asked.method.encode(), asked.target.encode()))),)


def door(stage: Stage, default: str = "first") -> Door:
    forwarding = Forwarding(stage.gateway, default)
    kept = KeptResponses(stage.gateway, None, default)
    return Door(
        *dialect_routes(stage.gateway, kept),
        *ResponsesApi(kept, forwarding).routes(),
        *forwarded_routes(forwarding),
    )


async def ask(
    stage: Stage, target: str, *headers: tuple[bytes, bytes], method: str = "GET", default: str = "first"
) -> Reply:
    return await door(stage, default).ask(target, *headers, method=method, token=stage.key)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/files"),
        ("GET", "/v1/files/file-1/content"),
        ("DELETE", "/v1/files/file-1"),
        ("POST", "/v1/batches"),
        ("POST", "/v1/audio/speech"),
        ("POST", "/v1/images/generations"),
        ("POST", "/v1/moderations"),
        ("POST", "/v1/messages/batches"),
        ("GET", "/v1/messages/batches/msgbatch_1/results"),
        ("PUT", "/v1/evals/eval_1"),
        ("PATCH", "/v1/whatever/comes/next"),
        ("GET", "/v1/organization/usage/completions?start_time=1&group_by[]=model"),
        ("GET", "/v1/files/a%2Fb"),
    ],
)
def test_any_path_and_method_passes(tmp_path: Path, method: str, target: str) -> None:
    async def scene(stage: Stage) -> None:
        reply = await ask(stage, target, method=method)
        assert reply.status == 200 and reply.json() == {"asked": f"{method} {target}"}

    on_stage(tmp_path, scene, responders=[echo])


def test_a_doubled_version_is_one_and_our_key_stays_here(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        reply = await ask(stage, "/v1/v1/files?key=lgw_secret&after=x")
        assert reply.json() == {"asked": "GET /v1/files?after=x"}

    on_stage(tmp_path, scene, responders=[echo])


def test_the_paths_of_the_dialects_are_theirs(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        reply = await door(stage).ask("/v1/chat/completions", method="POST", token=stage.key, body=request())
        assert (await stage.turn()).intent.operation == "chat/completions"
        assert reply.status == 200
        assert (await ask(stage, "/v1/chat/completions", method="DELETE")).status == 405

    on_stage(tmp_path, scene)


def test_without_a_default_each_is_told_in_its_own_words(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        reply = await ask(stage, "/v1/files", default="")
        assert reply.status == 404 and "server.default_provider" in str(reply.error()["message"])
        for target in ("/v1/messages/batches", "/v1/files"):
            reply = await ask(stage, target, ANTHROPIC, default="")
            assert reply.status == 404 and reply.json()["type"] == "error"
        assert stage.scripted.requests == []

    on_stage(tmp_path, scene, responders=[echo])


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("default", ["", "first"])
def test_responses_are_not_kept(tmp_path: Path, method: str, default: str) -> None:
    """Nor does a default provider help that does not speak `responses`."""

    async def scene(stage: Stage) -> None:
        for target in ("/v1/responses/resp_1", "/v1/responses/resp_1/input_items?limit=2"):
            reply = await ask(stage, target, method=method, default=default)
            assert (reply.status, reply.error()["code"]) == (404, "not_found")
            message = str(reply.error()["message"])
            assert "not kept" in message and "server.default_provider" in message
        assert stage.scripted.requests == []

    on_stage(tmp_path, scene, responders=[echo])


def test_a_default_that_keeps_responses_is_asked_for_them(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.lines["first", "responses"] = stage.lines.pop(("first", "chat"))
        stage.plan_by({})
        reply = await ask(stage, "/v1/responses/resp_1/cancel", method="POST")
        assert reply.json() == {"asked": "POST /v1/responses/resp_1/cancel"}

    on_stage(tmp_path, scene, responders=[echo])


@pytest.mark.parametrize("path", ["logs", "metrics", "traces"])
def test_what_clients_tell_of_themselves_goes_to_no_provider(tmp_path: Path, path: str) -> None:
    async def scene(stage: Stage) -> None:
        assert (await ask(stage, f"/v1/{path}", method="POST")).status == 404
        assert (await ask(stage, f"/v1/v1/{path}", method="POST")).status == 404
        assert stage.scripted.requests == []

    on_stage(tmp_path, scene, responders=[echo])


@pytest.mark.parametrize(
    "path",
    [
        "files/../admin",
        "files/%2e%2e/admin",
        "files/%2E%2E%2Fadmin",
        "..%5cadmin",
        "files/%2e",
        "files//x",
        "files/%2F/x",
        "files/",
        "v1/",
        "files/%0d%0ax",
        "files/%00",
        "files/\x7f",
        "files/\xe9",
        "",
    ],
)
def test_a_path_that_may_lead_elsewhere_is_nobodys(tmp_path: Path, path: str) -> None:
    async def scene(stage: Stage) -> None:
        reply = await ask(stage, f"/v1/{path}")
        assert (reply.status, reply.error()["code"]) == (404, "not_found")
        assert stage.scripted.requests == []

    on_stage(tmp_path, scene, responders=[echo])


def test_every_method_needs_a_key(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        routes = forwarded_routes(Forwarding(stage.gateway, "first"))
        assert {route.access for route in routes} == {"key"}
        assert {route.path for route in routes} == {"/v1/{}"}
        for route in routes:
            assert (await door(stage).ask("/v1/files", method=route.method)).status == 401
        assert (await ask(stage, "/v1/files", method="OPTIONS")).status == 405
        assert stage.scripted.requests == []

    on_stage(tmp_path, scene, responders=[echo])
