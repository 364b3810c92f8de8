"""Going on from a response that somebody keeps: this gateway for a key that keeps content, or a provider."""

import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from fakes import FakeIncoming
from llm_gateway.content.content import Content
from llm_gateway.content.rows import database_of
from llm_gateway.content.safe import DAY_US
from llm_gateway.dialects.contract import Call
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.errors import BodyTooLarge, ContentDamaged, GatewayError, MalformedRequest, UnknownResponse
from llm_gateway.pipeline.authenticate import Credential, Identity
from llm_gateway.pipeline.handle import Admitted, handle
from llm_gateway.pipeline.sender import Sender
from llm_gateway.pipeline.turn import Caller
from llm_gateway.server.dialect_routes import dialect_routes
from llm_gateway.server.kept_responses import KIND, KeptResponse, KeptResponses, not_kept, read_kept
from llm_gateway.upstream.client import Line
from pipeline_stage import Stage, endpoint, on_stage
from scripted import Send, responses
from scripted.wording import response
from server_stage import Door, home_files

RESPONSES = DIALECTS["responses"]
ADA, BOB = Identity("key_1", "ada", 7), Identity("key_2", "bob", 7)
NOBODY = Identity("key_3", "eve")
NAMED: list[dict[str, object]] = [
    {"previous_response_id": "resp_1"},
    {"conversation": "conv_1"},
    {"conversation": {"id": "conv_1"}},
]


def call(**fields: object) -> Call:
    body = json.dumps({"model": "first/m", "input": "hi", **fields}).encode()
    return RESPONSES.read_call(body, CallPath("responses"))


async def admitted(kept: KeptResponses, asked: Call, who: Identity = NOBODY) -> Admitted | None:
    sender = Sender(Caller(who, "test"), Credential(who, b""), 0, b"", b"")
    admitting = kept.admit(asked, sender)
    return None if admitting is None else await admitting


def speaking(stage: Stage) -> Stage:
    """Let the provider `first` speak `responses` alone."""
    made = msgspec.structs.replace(endpoint("first", stage.scripted.port), dialect="responses")
    del stage.lines["first", "chat"]
    stage.lines["first", "responses"] = Line(made)
    stage.plan_by({})
    return stage


def keeping(home: Path, scene: Callable[[Stage, Content, KeptResponses], Awaitable[None]]) -> None:
    """Play a scene in which the key of `ada` keeps its content."""

    async def play(stage: Stage) -> None:
        content = stage.keep(home, 7)
        try:
            await scene(speaking(stage), content, KeptResponses(stage.gateway, content))
        finally:
            await content.close()

    on_stage(home, play, responders=[responses.respond])


async def answer(stage: Stage, kept: KeptResponses, **fields: object) -> FakeIncoming:
    body = json.dumps({"model": "first/m", "input": "hi", **fields}).encode()
    incoming = stage.incoming(body)
    await handle(incoming, stage.gateway, RESPONSES, CallPath("responses"), kept.admit)
    return incoming


async def kept_one(content: Content, who: Identity = ADA, said: str = "first") -> None:
    told = {"id": "resp_1", "status": "completed", "output": [{"type": "message", "text": "answer"}]}
    item = json.dumps([{"role": "user", "content": said}])
    payload = KeptResponse(json.dumps(told).encode(), item.encode())
    assert await content.keep(who.kept_under, KIND, "resp_1", msgspec.msgpack.encode(payload), 7)


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


# keeping


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_is_kept_before_its_client_has_the_end(tmp_path: Path, stream: bool) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        def there() -> int:
            if not database_of(tmp_path).exists():
                return 0
            with closing(sqlite3.connect(database_of(tmp_path))) as connection:
                try:
                    ((count,),) = connection.execute("SELECT count(*) FROM kept")
                except sqlite3.OperationalError:
                    return 0
            return int(count)

        body = json.dumps({"model": "first/m", "input": "hi", "stream": stream}).encode()
        bearer = (b"authorization", b"Bearer " + stage.key.encode())
        incoming = FakeIncoming(body, [bearer], watch=there)
        await handle(incoming, stage.gateway, RESPONSES, CallPath("responses"), kept.admit)
        last = b"response.completed" if stream else b'"completed"'
        assert [count for piece, count in incoming.pieces if last in piece] == [1]
        one = await kept.find(ADA, responses.ID)
        assert one is not None
        told, conversation = json.loads(one.response), json.loads(one.input)
        assert (told["id"], told["status"], told["store"]) == (responses.ID, "completed", True)
        assert told["previous_response_id"] is None
        assert len(told["output"]) == 1
        assert conversation[0]["content"] == [{"type": "input_text", "text": "hi"}]
        assert len(one.conversation()) == 2

    keeping(tmp_path, scene)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_stream_is_read_however_it_is_cut(tmp_path: Path, size: int) -> None:
    """Also where the blank line behind its last event is missing."""

    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        whole = b"".join(responses.events("m")).rstrip(b"\n")
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        stage.scripted.queue(responses.stream(pieces))
        incoming = await answer(stage, kept, stream=True)
        assert incoming.sent == whole
        assert await kept.find(ADA, responses.ID) is not None

    keeping(tmp_path, scene)


def test_an_answer_passes_as_it_came_and_what_is_kept_says_more(tmp_path: Path) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        first = await answer(stage, kept)
        second = await answer(stage, kept, input="again", previous_response_id=responses.ID)
        assert second.sent == first.sent
        asked = json.loads(stage.scripted.asked()[1].body)
        assert len(asked["input"]) == 3 and "previous_response_id" not in asked
        one = await kept.find(ADA, responses.ID)
        assert one is not None
        assert json.loads(one.response)["previous_response_id"] == responses.ID
        assert len(json.loads(one.input)) == 3

    keeping(tmp_path, scene)


@pytest.mark.parametrize("fields", [{"store": False}])
def test_what_is_not_to_be_stored_is_not_kept(tmp_path: Path, fields: dict[str, object]) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        assert (await answer(stage, kept, **fields)).status == 200
        assert await kept.find(ADA, responses.ID) is None

    keeping(tmp_path, scene)


@pytest.mark.parametrize("operation", ["responses/compact", "responses/input_tokens"])
def test_other_operations_go_on_and_are_not_kept(tmp_path: Path, operation: str) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        await kept_one(content)
        body = json.dumps({"model": "first/m", "previous_response_id": "resp_1"}).encode()
        found = await admitted(kept, RESPONSES.read_call(body, CallPath(operation)), ADA)
        assert found is not None and found[1] is None
        assert len(json.loads(found[0].document.body)["input"]) == 2
        plain = RESPONSES.read_call(b'{"model":"first/m","input":"hi"}', CallPath(operation))
        assert await admitted(kept, plain, ADA) is None

    keeping(tmp_path, scene)


def test_an_error_is_not_kept_and_costs_nothing(tmp_path: Path) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        stage.scripted.queue((Send(response(429, b'{"error":{"message":"slow down"}}')),))
        assert (await answer(stage, kept)).status == 429
        assert await content.totals() == []

    keeping(tmp_path, scene)


@pytest.mark.parametrize("status", ["failed", "in_progress", "queued"])
def test_what_has_not_ended_well_is_not_kept(tmp_path: Path, status: str) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        body = json.dumps({"id": "resp_x", "object": "response", "status": status, "output": []}).encode()
        stage.scripted.queue((Send(response(200, body)),))
        assert (await answer(stage, kept)).status == 200
        assert await content.totals() == []

    keeping(tmp_path, scene)


def test_a_database_that_fails_fails_no_answer(tmp_path: Path) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        (tmp_path / "content").write_bytes(b"in the way")
        for stream in (False, True):
            incoming = await answer(stage, kept, stream=stream)
            assert incoming.status == 200 and b"completed" in incoming.sent
        assert content.not_kept == 2 and content.failure is not None
        assert [turn.outcome for turn in stage.settlements()] == ["ok", "ok"]

    keeping(tmp_path, scene)


def test_nothing_of_a_conversation_is_in_the_home(tmp_path: Path) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        await answer(stage, kept, input="A MARK OF THIS TEST", instructions="ANOTHER MARK")
        await answer(stage, kept, input="and now", previous_response_id=responses.ID)
        files = home_files(tmp_path)
        assert b"MARK" not in files and responses.TEXT.encode() not in files
        assert b"A MARK OF THIS TEST" in stage.scripted.asked()[1].body

    keeping(tmp_path, scene)


def test_what_is_kept_is_read_as_it_was_written() -> None:
    kept = KeptResponse(b'{"id":"r"}', b"[]")
    assert read_kept(msgspec.msgpack.encode(kept)) == kept
    assert KeptResponse(b'{"output":[1,{"a":2}]}', b'[{"x":1}, 3]').conversation() == (
        b'{"x":1}, 3',
        b"1",
        b'{"a":2}',
    )
    assert KeptResponse(b"{}", b"[]").conversation() == ()


def test_items_that_are_only_named_are_looked_up(tmp_path: Path) -> None:
    async def scene(stage: Stage, content: Content, kept: KeptResponses) -> None:
        await answer(stage, kept, input="first")
        one = await kept.find(ADA, responses.ID)
        assert one is not None
        (message,) = one.output()
        reference = {"type": "item_reference", "id": json.loads(message)["id"]}
        said = [{"role": "user", "content": "first"}, reference, {"role": "user", "content": "second"}]
        for store in (False, True):
            await answer(stage, kept, input=said, store=store)
            asked = json.loads(stage.scripted.asked()[-1].body)
            assert asked["input"] == [said[0], json.loads(message), said[2]]
        again = await kept.find(ADA, responses.ID)
        assert again is not None and json.loads(again.input)[1] == json.loads(message)
        unknown = await admitted(kept, call(input=[reference]), BOB)
        assert unknown is not None and json.loads(unknown[0].document.body)["input"] == [reference]
        assert await admitted(kept, call(input=[reference])) is None

    keeping(tmp_path, scene)
