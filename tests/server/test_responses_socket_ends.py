"""How turns over a WebSocket fail and break off, and how the connection itself ends: accounted every time."""

import asyncio
import time
from pathlib import Path

import pytest
from wsproto.events import CloseConnection

from llm_gateway.dialects.contract import Call
from llm_gateway.ledger.records import Settlement
from llm_gateway.pipeline.sender import Sender
from scripted import Close, Gate, Hang, Reset, Script, Send, faults, responses, wording
from scripted.script import Step
from socket_stage import Place, talking
from websocket_peer import Closed, WebSocketPeer

Json = dict[str, object]
BEGUN: Script = (
    Send(wording.stream_head()),
    *(Send(wording.chunk(event)) for event in responses.events("m", ending="")),
)
LAST: Script = (Send(wording.chunk(responses.events("m")[-1])), Send(wording.LAST_CHUNK))
_PROMPTLY = 0.1


def ask(peer: WebSocketPeer, model: str = "responses/m", **fields: object) -> None:
    peer.send_json(**{"type": "response.create", "model": model, "input": "hi", **fields})


async def failed(peer: WebSocketPeer) -> Json:
    """Return the error that a turn ends with."""
    *_, last = await peer.until("response.completed", "response.failed", "error")
    assert last["type"] != "response.completed"
    return last


async def ended(place: Place, outcome: str) -> Settlement:
    """Return the end of the first turn once it is on record."""
    turn = (await place.settled())[0]
    assert turn.settlement is not None
    assert turn.settlement.outcome == outcome
    return turn.settlement


async def next_turn(peer: WebSocketPeer) -> None:
    """Show that the connection goes on."""
    ask(peer)
    await peer.until("response.completed")


# what upstreams do


def test_an_upstreams_error_is_told_with_status_words_and_headers(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        place.scripted.queue(faults.failing(429, retry_after="7"))
        async with place.open() as peer:
            ask(peer, stream_id="l")
            told = await failed(peer)
            assert (told["type"], told["status"], told["stream_id"]) == ("error", 429, "l")
            assert told["error"] == {
                "message": "scripted 429", "type": "scripted_error", "param": None, "code": "scripted",
            }  # fmt: skip
            headers = told["headers"]
            assert isinstance(headers, dict)
            assert headers["retry-after"] == "7" and headers["x-llm-gateway-provider"] == "responses"
            assert (await ended(place, "error")).http_status == 429
            await next_turn(peer)

    talking(tmp_path, scene)


@pytest.mark.parametrize(
    ("model", "status", "code", "rows"),
    [("down/m", 502, "upstream_unreachable", 1), ("nobody/m", 404, "model_not_found", 1)],
)
def test_what_the_gateway_cannot_do_is_told_the_same_way(
    tmp_path: Path, model: str, status: int, code: str, rows: int
) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            ask(peer, model)
            told = await failed(peer)
            said = told["error"]
            assert isinstance(said, dict)
            assert (told["type"], told["status"], said["code"]) == ("error", status, code)
            assert len(await place.settled()) == rows
            await next_turn(peer)

    talking(tmp_path, scene)


@pytest.mark.parametrize("how", ["reset", "eof", "polite"])
def test_a_stream_that_breaks_off_ends_with_a_failure_and_cannot_be_gone_on_from(
    tmp_path: Path, how: str
) -> None:
    ends: dict[str, Step] = {"reset": Reset(), "eof": Close(), "polite": Send(wording.LAST_CHUNK)}

    async def scene(place: Place) -> None:
        place.scripted.queue((*BEGUN, ends[how]))
        async with place.open() as peer:
            ask(peer)
            told = await failed(peer)
            response = told["response"]
            assert told["type"] == "response.failed" and isinstance(response, dict)
            assert response["error"]["code"] == "server_error", "Codex tries again"
            kept = await ended(place, "truncated")
            assert kept.usage is not None and kept.usage.estimated and kept.usage.output > 0
            ask(peer, previous_response_id=responses.ID)
            said = (await failed(peer))["error"]
            assert isinstance(said, dict) and said["code"] == "previous_response_not_found"
            await next_turn(peer)

    talking(tmp_path, scene)


def test_an_error_inside_a_stream_ends_the_turn_for_codex(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        place.scripted.queue((*BEGUN, Send(wording.chunk(responses.error_event())), Send(wording.LAST_CHUNK)))
        async with place.open() as peer:
            ask(peer)
            told = await failed(peer)
            assert (told["type"], told["status"], told["code"]) == ("error", 500, "server_error")
            await ended(place, "error")
            await next_turn(peer)

    talking(tmp_path, scene)


@pytest.mark.parametrize("name", ["half a header section", "not HTTP", "gzip that is not gzip"])
def test_an_answer_that_nobody_can_use_is_an_error(tmp_path: Path, name: str) -> None:
    async def scene(place: Place) -> None:
        place.scripted.queue(faults.BROKEN_ANSWERS[name])
        async with place.open() as peer:
            ask(peer)
            assert (await failed(peer))["status"] == 502
            await place.settled()
            await next_turn(peer)

    talking(tmp_path, scene)


# clients that leave


@pytest.mark.parametrize("how", ["reset", "end", "close"])
@pytest.mark.parametrize("when", ["before the answer", "in the middle"])
def test_a_client_that_leaves_cancels_its_upstream_and_is_accounted(
    tmp_path: Path, how: str, when: str
) -> None:
    begun = when == "in the middle"

    async def scene(place: Place) -> None:
        place.scripted.queue((*BEGUN, Hang()) if begun else (Hang(),))
        async with place.open() as peer:
            ask(peer)
            asked = await asyncio.to_thread(place.scripted.wait_asked)
            assert len(await place.turns()) == 1, "it is on record before the upstream is asked"
            if begun:
                await peer.until("response.output_item.done")
            left = time.monotonic()
            match how:
                case "reset":
                    peer.leave()
                case "end":
                    peer.writer.write_eof()
                case _:
                    peer.say(CloseConnection(1000))
            closed = await asyncio.to_thread(place.scripted.wait_closed, asked.connection)
            assert closed - left <= _PROMPTLY
            end = await ended(place, "cancelled")
            assert end.usage is not None and end.usage.estimated
            assert (end.usage.output > 0) == begun
            assert end.http_status == 499

    talking(tmp_path, scene)


def test_a_client_that_takes_no_answers_is_asked_for_no_more(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # every transport that reads has it
            for _ in range(400):
                peer.send_json(type="response.steer", previous_response_id="r", input="x" * 100_000)
            sending = asyncio.get_running_loop().create_task(peer.writer.drain())
            done, _ = await asyncio.wait({sending}, timeout=0.5)
            assert not done, "40 MB of answers are not held for a client that reads none"
            peer.writer.transport.resume_reading()  # type: ignore[attr-defined]  # the same
            for _ in range(400):
                assert (await peer.json())["type"] == "response.steer.failed"
            await sending

    talking(tmp_path, scene)


# keys and settings


def test_a_key_that_is_revoked_ends_within_its_connection(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            await next_turn(peer)
            place.stage.keys.replace([])
            for generate in (True, False):
                ask(peer, generate=generate)
                told = await failed(peer)
                said = told["error"]
                assert isinstance(said, dict)
                assert (told["status"], said["code"]) == (401, "invalid_api_key")
        assert len(place.scripted.asked()) == 1

    talking(tmp_path, scene)


def test_what_the_default_provider_keeps_can_be_used(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            ask(peer, conversation="conv_1")
            await peer.until("response.completed")
        assert place.scripted.asked()[0].json()["conversation"] == "conv_1"

    talking(tmp_path, scene, default_provider="responses")


def test_a_strict_client_is_refused_what_would_be_lost(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open("X-LLM-Gateway-Strict: 1") as peer:
            ask(peer, "ollama/m", x_unknown=1)
            assert (await failed(peer))["status"] == 422
        assert place.scripted.asked() == []

    talking(tmp_path, scene)


# the end of the connection


def test_a_listener_that_is_replaced_says_that_too(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        async with place.open() as peer:
            leaving = asyncio.get_running_loop().create_task(place.listener.hand_over(5, lambda: False))
            assert (await peer.closed())[0] == 1012
            peer.writer.close()
            kept = await asyncio.wait_for(leaving, 3)
        assert kept is not None and kept.connections == ()
        for each in kept.bound:
            each.close()

    talking(tmp_path, scene)


def test_a_listener_that_closes_lets_a_turn_end_and_says_goodbye(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        place.scripted.queue((*BEGUN, Gate("drain"), *LAST))
        async with place.open() as busy, place.open() as idle:
            ask(busy)
            ask(busy, input="too late")
            await busy.until("response.output_item.done")
            closing = asyncio.get_running_loop().create_task(place.listener.close(5))
            assert (await idle.closed())[0] == 1001
            place.scripted.open("drain")
            await busy.until("response.completed")
            with pytest.raises(Closed) as closed:
                await busy.json()
            assert closed.value.code == 1001
            for peer in (busy, idle):
                peer.writer.close()
            await asyncio.wait_for(closing, 3)
        await ended(place, "ok")
        assert len(place.scripted.asked()) == 1

    talking(tmp_path, scene)


def test_a_listener_that_cannot_wait_cuts_a_turn_and_it_is_accounted(tmp_path: Path) -> None:
    async def scene(place: Place) -> None:
        place.scripted.queue((*BEGUN, Hang()))
        async with place.open() as peer:
            ask(peer)
            await peer.until("response.output_item.done")
            await place.listener.close(0.05)
            await ended(place, "error")
            await peer.until("response.failed")

    talking(tmp_path, scene)


def test_a_defect_of_ours_closes_the_socket_and_is_logged(tmp_path: Path) -> None:
    def broken(_: Call, __: Sender) -> None:
        raise RuntimeError("a defect")

    async def scene(place: Place) -> None:
        async with place.open() as peer:
            ask(peer)
            code, reason = await peer.closed()
            assert code == 1011 and "log" in reason
        assert "RuntimeError" in place.logged.getvalue()
        assert await place.turns() == []

    talking(tmp_path, scene, admit=broken)
