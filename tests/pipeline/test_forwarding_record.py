"""What is put on record of a request that no dialect knows."""

import asyncio
from pathlib import Path

import pytest

from forward_stage import DIALECTS, SPEECH, answering, error, say
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat import CHAT
from llm_gateway.pipeline.forwarding import Forwarding, Onward, forward
from pipeline_stage import Stage, on_stage
from scripted import Hang

USED = b'{"id":"modr_1","results":[],"usage":{"total_tokens":7}}'


def test_it_is_a_turn_like_any_other(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(answering(USED))
        heard = await say(
            stage, "moderations", b'{"model":"first/omni"}', (b"user-agent", b"codex_cli_rs/0.50")
        )
        turn = await stage.turn()
        intent, end = turn.intent, turn.settlement
        assert end is not None
        assert (intent.caller, intent.client, intent.dialect) == ("ada", "codex-cli", "chat")
        assert (intent.operation, intent.model_asked, intent.provider) == (
            "moderations",
            "first/omni",
            "first",
        )
        assert intent.request_bytes == len(b'{"model":"first/omni"}')
        assert (end.outcome, end.usage, end.response_id) == ("ok", Usage(uncached=7), "modr_1")
        assert end.upstream_request_id == "req_up"
        assert heard.field(b"x-llm-gateway-request-id") == intent.id.encode()
        assert [attempt.status for attempt in end.attempts] == [200]

    on_stage(tmp_path, scene)


def test_nothing_is_guessed_where_nothing_is_told(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(answering(b'{"id":"file-1"}'))
        await say(stage, "files", b"x" * 10_000, default="first")
        assert (await stage.settlement()).usage is None, "a file is no prompt"

    on_stage(tmp_path, scene)


def test_a_get_tells_what_others_have_used(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await say(stage, "responses/resp_1", method=b"GET", default="first")
        turn = await stage.turn()
        assert turn.intent.operation == "GET responses/resp_1"
        assert turn.settlement is not None and turn.settlement.usage is None

    on_stage(tmp_path, scene, responders=[lambda *_: answering(USED)])


def test_a_provider_that_is_down_is_told_and_put_on_record(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        heard = await say(stage, "files", b"x", default="down")
        assert (heard.status, error(heard)["code"]) == (502, "upstream_unreachable")
        assert heard.field(b"x-llm-gateway-request-id")
        end = await stage.settlement()
        assert (end.outcome, end.error_kind, len(end.attempts)) == ("error", "upstream_unreachable", 1)

    on_stage(tmp_path, scene)


def test_a_client_that_leaves_cancels_its_upstream(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue((Hang(),))
        incoming = stage.incoming(SPEECH)
        onward = Onward("audio/speech", "", DIALECTS)
        asking = asyncio.create_task(forward(incoming, Forwarding(stage.gateway), CHAT, onward))
        connection = (await asyncio.to_thread(stage.scripted.wait_asked)).connection
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.to_thread(stage.scripted.wait_closed, connection)
        end = await stage.settlement()
        assert (end.outcome, end.usage) == ("cancelled", None)
        assert [attempt.error_kind for attempt in end.attempts] == ["cancelled"]

    on_stage(tmp_path, scene)


def test_without_a_ledger_nothing_is_passed_on(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.ledger.close()
        heard = await say(stage, "audio/speech", SPEECH)
        assert heard.status == 503 and stage.scripted.requests == []
        assert stage.metrics._refused == {"ledger_unavailable": 1}

    on_stage(tmp_path, scene, closes_ledger=True)
