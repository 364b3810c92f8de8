"""Going on from a response that somebody keeps: refused, unless the default provider is the one."""

import json
from pathlib import Path

import msgspec
import pytest

from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import MalformedRequest
from llm_gateway.pipeline.handle import Admit
from llm_gateway.server.dialect_routes import dialect_routes
from llm_gateway.server.kept_responses import NOT_KEPT, admits
from llm_gateway.upstream.client import Line
from pipeline_stage import Stage, endpoint, on_stage
from scripted import responses
from server_stage import Door

KEPT: list[dict[str, object]] = [
    {"previous_response_id": "resp_1"},
    {"conversation": "conv_1"},
    {"conversation": {"id": "conv_1"}},
]


def ask(admit: Admit, **fields: object) -> None:
    body = json.dumps({"model": "first/m", "input": "hi", **fields}).encode()
    admit(DIALECTS["responses"].read_call(body, CallPath("responses")))


def speaking(stage: Stage) -> Stage:
    """Let the provider `first` speak `responses` alone."""
    made = msgspec.structs.replace(endpoint("first", stage.scripted.port), dialect="responses")
    del stage.lines["first", "chat"]
    stage.lines["first", "responses"] = Line(made)
    stage.plan_by({})
    return stage


@pytest.mark.parametrize("fields", KEPT)
def test_it_is_refused_with_the_field_and_the_way_out(tmp_path: Path, fields: dict[str, object]) -> None:
    async def scene(stage: Stage) -> None:
        for default in ("", "first", "absent"):
            with pytest.raises(MalformedRequest, match="not kept here") as refused:
                ask(admits(stage.router, default), **fields)
            assert refused.value.param in fields
            assert "server.default_provider" in refused.value.message

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("fields", KEPT)
def test_a_default_provider_that_keeps_responses_is_trusted_with_it(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    async def scene(stage: Stage) -> None:
        ask(admits(speaking(stage).router, "first"), **fields)
        with pytest.raises(MalformedRequest):
            ask(admits(stage.router, ""), **fields)

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("fields", [{}, {"previous_response_id": None}, {"previous_response_id": ""}])
def test_whoever_sends_all_of_it_is_admitted(tmp_path: Path, fields: dict[str, object]) -> None:
    async def scene(stage: Stage) -> None:
        ask(admits(stage.router, ""), **fields)

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(("default", "status"), [("", 400), ("first", 200)])
def test_the_path_asks_for_it(tmp_path: Path, default: str, status: int) -> None:
    async def scene(stage: Stage) -> None:
        door = Door(*dialect_routes(speaking(stage).gateway, default))
        body = json.dumps({"model": "first/m", "input": "hi", "previous_response_id": "resp_1"}).encode()
        reply = await door.ask("/v1/responses", method="POST", token=stage.key, body=body)
        assert reply.status == status
        assert len(stage.scripted.requests) == (status == 200)
        if status == 400:
            assert reply.error()["param"] == "previous_response_id"
            assert stage.metrics._refused == {"invalid_request": 1}

    on_stage(tmp_path, scene, responders=[responses.respond])


def test_the_words_for_those_who_fetch_one_name_the_setting() -> None:
    assert "server.default_provider" in NOT_KEPT and "not kept" in NOT_KEPT
