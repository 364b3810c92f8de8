"""What is kept of an answer, when, and what is not."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from fakes import FakeIncoming
from kept_stage import ADA, BOB, RESPONSES, admitted, answer, call, keeping, kept_one
from llm_gateway.content.content import Content
from llm_gateway.content.rows import database_of
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.pipeline.handle import handle
from llm_gateway.server.kept_responses import KeptResponse, KeptResponses, read_kept
from pipeline_stage import Stage
from scripted import Send, responses
from scripted.wording import response
from server_stage import home_files


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
