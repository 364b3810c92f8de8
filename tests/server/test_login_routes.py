"""Codex's own path: for who brings a login; all others are told about our models, and nothing else."""

from pathlib import Path

import pytest

from llm_gateway.http.exchange import Exchange
from llm_gateway.pipeline.forwarding import Forwarding
from llm_gateway.server.edge import respond_json
from llm_gateway.server.forwarded_routes import METHODS
from llm_gateway.server.login_routes import login_routes
from pipeline_stage import Stage, on_stage
from server_stage import Door


async def models(exchange: Exchange, _: str) -> None:
    respond_json(exchange, b'{"ours":true}')


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "models?client_version=1", 200),
        ("GET", "wham/usage", 404),
        ("POST", "alpha/search", 404),
        ("GET", "models/../x", 404),
    ],
)
def test_without_a_login_only_models_are_told(tmp_path: Path, method: str, path: str, status: int) -> None:
    async def scene(stage: Stage) -> None:
        door = Door(*login_routes(Forwarding(stage.gateway), models), metrics=stage.metrics)
        reply = await door.ask(f"/backend-api/codex/{path}", method=method, token=stage.key)
        assert reply.status == status
        assert (await door.ask(f"/backend-api/codex/{path}", method=method, token="lgw_x")).status in (
            401,
            404,
        )

    on_stage(tmp_path, scene)


def test_every_method_has_its_route(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        routes = login_routes(Forwarding(stage.gateway), models)
        assert [route.method for route in routes] == list(METHODS)
        assert {route.access for route in routes} == {"key"}

    on_stage(tmp_path, scene)
