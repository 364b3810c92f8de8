"""Going on from a response that somebody keeps: this gateway for a key that keeps content, or a provider."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kept_stage import ADA, BOB, NOBODY, admitted, answer, call, keeping, kept_one, speaking
from llm_gateway.content.content import Content
from llm_gateway.content.rows import database_of
from llm_gateway.content.safe import DAY_US
from llm_gateway.errors import BodyTooLarge, ContentDamaged, GatewayError, MalformedRequest, UnknownResponse
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.server.dialect_routes import dialect_routes
from llm_gateway.server.kept_responses import KeptResponses, not_kept
from pipeline_stage import Stage, on_stage
from scripted import responses
from server_stage import Door

NAMED: list[dict[str, object]] = [
    {"previous_response_id": "resp_1"},
    {"conversation": "conv_1"},
    {"conversation": {"id": "conv_1"}},
]


# nobody keeps anything


@pytest.mark.parametrize("fields", NAMED)
def test_it_is_refused_with_the_field_and_the_way_out(tmp_path: Path, fields: dict[str, object]) -> None:
    async def scene(stage: Stage) -> None:
        for default in ("", "first", "absent"):
            with pytest.raises(MalformedRequest, match="not kept here") as refused:
                await admitted(KeptResponses(stage.gateway, None, default), call(**fields))
            assert refused.value.param in fields
            assert "server.default_provider" in refused.value.message
            if "conversation" not in fields:
                assert "keys keep" in refused.value.message

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("fields", NAMED)
def test_a_default_provider_that_keeps_responses_is_trusted_with_it(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    async def scene(stage: Stage) -> None:
        asked = call(**fields)
        gone_on = await admitted(KeptResponses(speaking(stage).gateway, None, "first"), asked)
        assert gone_on is None or gone_on == (asked, None)
        with pytest.raises(MalformedRequest):
            await admitted(KeptResponses(stage.gateway), asked)

    on_stage(tmp_path, scene)


@pytest.mark.parametrize("fields", [{}, {"previous_response_id": None}, {"previous_response_id": ""}])
def test_whoever_sends_all_of_it_goes_on_at_once(tmp_path: Path, fields: dict[str, object]) -> None:
    async def scene(stage: Stage) -> None:
        assert await admitted(KeptResponses(stage.gateway), call(**fields)) is None

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(("default", "status"), [("", 400), ("first", 200)])
def test_the_path_asks_for_it(tmp_path: Path, default: str, status: int) -> None:
    async def scene(stage: Stage) -> None:
        kept = KeptResponses(speaking(stage).gateway, None, default)
        door = Door(*dialect_routes(stage.gateway, kept))
        body = json.dumps({"model": "first/m", "input": "hi", "previous_response_id": "resp_1"}).encode()
        reply = await door.ask("/v1/responses", method="POST", token=stage.key, body=body)
        assert reply.status == status
        assert len(stage.scripted.requests) == (status == 200)
        if status == 400:
            assert reply.error()["param"] == "previous_response_id"
            assert stage.metrics._refused == {"invalid_request": 1}

    on_stage(tmp_path, scene, responders=[responses.respond])


def test_the_words_for_those_who_fetch_one_name_the_setting() -> None:
    said = not_kept(NOBODY)
    assert "server.default_provider" in said and "not kept" in said and "keys keep" in said
    assert "no response of this id" in not_kept(ADA) and "was deleted" in not_kept(ADA)


# going on from what is kept


def test_a_conversation_is_put_before_the_input_and_the_name_taken_out(tmp_path: Path) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        await kept_one(content)
        asked = call(previous_response_id="resp_1", instructions="be brief", input="second", store=False)
        found = await admitted(kept, asked, ADA)
        assert found is not None
        gone_on, witness = found
        body = json.loads(gone_on.document.body)
        assert witness is None, "it said not to keep it"
        assert "previous_response_id" not in body and body["instructions"] == "be brief"
        assert [item.get("text") or item["content"] for item in body["input"]][:2] == ["first", "answer"]
        assert body["input"][2]["content"] == [{"type": "input_text", "text": "second"}]
        assert {name: bytes(raw) for name, raw in gone_on.said.items()} == {
            "previous_response_id": b'"resp_1"'
        }
        assert (gone_on.model, gone_on.operation, gone_on.stream) == ("first/m", "responses", False)

    keeping(tmp_path, scene)


@pytest.mark.parametrize(("who", "error"), [(BOB, UnknownResponse), (NOBODY, MalformedRequest)])
def test_the_answer_of_another_key_is_nobodys(
    tmp_path: Path, who: Identity, error: type[GatewayError]
) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        told = []
        for name in ("resp_1", "resp_2"):
            with pytest.raises(error) as refused:
                await admitted(kept, call(previous_response_id=name), who)
            told.append(refused.value.message)
            assert refused.value.param == "previous_response_id"
            await kept_one(content)
        assert told[0] == told[1]

    keeping(tmp_path, scene)


def test_what_was_kept_is_gone_on_from_after_keeping_is_turned_off(tmp_path: Path) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        await kept_one(content)
        found = await admitted(kept, call(previous_response_id="resp_1"), Identity("key_1", "ada"))
        assert found is not None and found[1] is None and b"answer" in found[0].document.body

    keeping(tmp_path, scene)


def test_a_key_that_replaced_another_goes_on_with_what_that_kept(tmp_path: Path) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        await kept_one(content)
        successor = Identity("key_9", "ada", 7, "key_1")
        assert await admitted(kept, call(previous_response_id="resp_1"), successor) is not None

    keeping(tmp_path, scene)


def test_what_has_expired_is_not_gone_on_from(tmp_path: Path) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        await kept_one(content)
        stage.clock.now += 7 * DAY_US
        with pytest.raises(UnknownResponse):
            await admitted(kept, call(previous_response_id="resp_1"), ADA)

    keeping(tmp_path, scene)


def test_a_conversation_that_is_too_long_together(tmp_path: Path) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        await kept_one(content, said="x" * (stage.gateway.max_body - 100))
        with pytest.raises(BodyTooLarge, match="conversation"):
            await admitted(kept, call(previous_response_id="resp_1"), ADA)

    keeping(tmp_path, scene)


@pytest.mark.parametrize("value", [7, ["resp_1"], {"id": "resp_1"}])
def test_a_name_that_is_none(tmp_path: Path, value: object) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        with pytest.raises(MalformedRequest, match="must be a string"):
            await admitted(kept, call(previous_response_id=value), ADA)

    keeping(tmp_path, scene)


def test_what_cannot_be_opened_is_not_taken_for_missing(tmp_path: Path) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        await kept_one(content)
        with closing(sqlite3.connect(database_of(tmp_path))) as connection, connection:
            connection.execute("UPDATE kept SET sealed = x'01'")
        with pytest.raises(ContentDamaged):
            await admitted(kept, call(previous_response_id="resp_1"), ADA)
        incoming = await answer(stage, kept, previous_response_id="resp_1")
        assert incoming.status == 500 and b"content_damaged" in incoming.sent
        assert stage.scripted.requests == []

    keeping(tmp_path, scene)
