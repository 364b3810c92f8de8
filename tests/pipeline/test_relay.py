"""Answers on their way to the client: what it gets, when it gets it, and what the ledger knows by then."""

import asyncio
import gzip
import json
from pathlib import Path
from random import Random

import pytest

from fakes import FakeIncoming
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import Forbidden, GatewayError, LedgerUnavailable, Unauthenticated, UpgradeRefused
from llm_gateway.http.client import ClientConnection
from llm_gateway.ledger.ledger import Durability
from llm_gateway.pipeline.relay import refuse, refuse_turn
from llm_gateway.upstream.answer import MAX_ERROR
from pipeline_stage import Stage, on_stage, request
from relay_stage import STREAM, STRIPPED, WHOLE, Fields, Relay, error_of, left, relayed
from scripted import Gate, Hang, Reset, Script, Send, chat, faults, wording

both = pytest.mark.parametrize("fields", [STREAM, STRIPPED], ids=["asked for usage", "did not"])
EVENTS = chat.events("m", ["eins ", "zwei ", "drei"])
HOW = [None, 1, 2, 7, 64, *(Random(seed) for seed in range(6))]
HOW_IDS = ["by event", "1", "2", "7", "64", *(f"random {seed}" for seed in range(6))]
TOLD = Usage(uncached=32, cache_read=8, output=12, reasoning=2)
DONE = b"data: [DONE]\n\n"


# streams


@pytest.mark.parametrize("durability", ["process", "power"])
@pytest.mark.parametrize("how", HOW, ids=HOW_IDS)
def test_the_turn_is_settled_before_the_client_has_the_last_event(
    tmp_path: Path, how: int | Random | None, durability: Durability
) -> None:
    incoming, end = relayed(tmp_path, chat.stream(EVENTS, how), STREAM, durability=durability)
    assert incoming.sent == b"".join(EVENTS), "every byte passes as it came"
    heard = b""
    for piece, settled in incoming.pieces:
        heard += piece
        assert settled == (DONE in heard), "before the client has the end, and not before there is one"
    assert (end.outcome, end.http_status, end.error_kind) == ("ok", 200, "")
    assert (end.usage, end.finish_reason, end.response_id) == (TOLD, "stop", chat.ID)


@pytest.mark.parametrize("how", HOW, ids=HOW_IDS)
def test_usage_that_only_we_asked_for_is_taken_out(tmp_path: Path, how: int | Random | None) -> None:
    incoming, end = relayed(tmp_path, chat.stream(EVENTS, how), STRIPPED)
    assert b"usage" not in incoming.sent
    plain = b"".join(chat.events("m", ["eins ", "zwei ", "drei"], usage=None))
    assert incoming.sent == plain, "the client gets what it would have got without us"
    assert end.usage == TOLD
    assert all(settled or DONE not in piece for piece, settled in incoming.pieces)


def test_the_head_of_a_stream_comes_without_waiting_for_its_body(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        script = chat.stream(EVENTS)
        turn = await Relay.begin(stage, (script[0], Gate("body"), *script[1:]), STREAM)
        task = asyncio.create_task(turn.run())
        await asyncio.to_thread(stage.scripted.wait_gate, "body")
        await asyncio.sleep(0)
        assert turn.incoming.started and not turn.incoming.pieces
        stage.clock.advance(0.25)
        stage.scripted.open("body")
        await task
        assert turn.incoming.status == 200
        assert turn.incoming.field(b"content-type") == b"text/event-stream; charset=utf-8"
        assert turn.incoming.field(b"x-llm-gateway-request-id") == turn.turn.intent.id.encode()
        assert turn.incoming.field(b"x-llm-gateway-provider") == b"first"
        assert turn.incoming.field(b"transfer-encoding") is None
        assert (await stage.settlement()).ttft_us == 250_000

    on_stage(tmp_path, scene)


@both
@pytest.mark.parametrize("how", ["reset", "eof", "polite"])
def test_a_stream_that_breaks_off_ends_with_an_error_and_no_polite_ending(
    tmp_path: Path, how: str, fields: Fields
) -> None:
    incoming, end = relayed(tmp_path, faults.cut_stream(how), fields)
    *events, last, nothing = incoming.sent.split(b"\n\n")
    assert error_of(last)["code"] == "upstream_truncated"
    assert nothing == b"" and b"[DONE]" not in incoming.sent
    assert all(json.loads(event.removeprefix(b"data: "))["id"] == chat.ID for event in events)
    assert incoming.pieces[-1][1] == 1, "settled before the client knows"
    assert (end.outcome, end.http_status, end.error_kind) == ("truncated", 502, "upstream_truncated")
    assert end.usage is not None and end.usage.estimated


@pytest.mark.parametrize("ending", [Reset(), Send(wording.LAST_CHUNK)], ids=["reset", "polite"])
def test_an_error_event_stands_on_a_line_of_its_own(tmp_path: Path, ending: Reset | Send) -> None:
    begun = EVENTS[1] + EVENTS[2][:40]
    script = (Send(wording.stream_head()), Send(wording.chunk(begun)), ending)
    incoming, _ = relayed(tmp_path, script, STREAM)
    assert incoming.sent.startswith(begun + b"\n\ndata: {")
    assert error_of(incoming.sent.split(b"\n\n")[-2])["code"] == "upstream_truncated"


def test_an_empty_stream_is_an_error_too(tmp_path: Path) -> None:
    incoming, end = relayed(tmp_path, (Send(wording.stream_head()), Send(wording.LAST_CHUNK)), STREAM)
    assert error_of(incoming.sent)["code"] == "upstream_truncated"
    assert end.outcome == "truncated"


def test_a_stream_that_falls_silent_ends_with_an_error(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        silent = await Relay.begin(stage, faults.hang_mid_stream(), STREAM)
        task = asyncio.create_task(silent.run())
        await silent.incoming.heard(b"data: ")
        assert isinstance(silent.answer, ClientConnection)
        silent.answer.expire(silent.answer.deadline + 1)
        incoming = await task
        assert error_of(incoming.sent.split(b"\n\n")[-2])["code"] == "upstream_timeout"
        end = await stage.settlement()
        assert (end.outcome, end.http_status, end.error_kind) == ("error", 504, "upstream_timeout")

    on_stage(tmp_path, scene)


def test_what_breaks_after_the_last_word_is_nobodys_loss(tmp_path: Path) -> None:
    script = (Send(wording.stream_head()), Send(wording.chunk(b"".join(EVENTS))), Gate("heard"), Reset())

    async def scene(stage: Stage) -> None:
        turn = await Relay.begin(stage, script, STREAM)
        task = asyncio.create_task(turn.run())
        await turn.incoming.heard(DONE)
        stage.scripted.open("heard")
        assert (await task).sent == b"".join(EVENTS)
        assert (await stage.settlement()).outcome == "ok"

    on_stage(tmp_path, scene)


@both
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_stream_may_end_without_its_marker_once_it_gave_its_reason(
    tmp_path: Path, cut: int, fields: Fields
) -> None:
    """Some servers send no `[DONE]`; the last event may lack its blank line."""
    events = chat.events("m", ["eins"], usage=None)[:-1]
    whole = b"".join(events)[: -(cut - 1) or None]
    incoming, end = relayed(tmp_path, chat.stream([whole]), fields)
    assert incoming.sent == whole
    assert (end.outcome, end.finish_reason) == ("ok", "stop")
    assert incoming.pieces[-1][1] == 1


@pytest.mark.parametrize("tail", [[], [DONE]], ids=["no marker", "marker"])
def test_an_error_inside_a_stream_passes_and_is_accounted_as_one(tmp_path: Path, tail: list[bytes]) -> None:
    failed = b'data: {"error":{"message":"out of memory","code":500}}\n\n'
    events = [*EVENTS[:2], failed, *tail]
    incoming, end = relayed(tmp_path, chat.stream(events), STREAM)
    assert incoming.sent == b"".join(events)
    assert (end.outcome, end.http_status, end.error_kind) == ("error", 200, "upstream_stream")
    assert incoming.pieces[-1][1] == 1


@both
def test_usage_that_nobody_told_is_estimated_and_says_so(tmp_path: Path, fields: Fields) -> None:
    _, end = relayed(tmp_path, chat.stream(chat.events("m", ["x" * 40], usage=None)), fields)
    assert end.usage == Usage(uncached=-(-len(request(**fields)) // 4), output=10, estimated=True)


def test_nothing_is_written_to_a_client_that_does_not_read(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        begin, first, second, *rest, last = chat.stream(EVENTS)
        script = (begin, first, Gate("second"), second, Gate("rest"), *rest, Gate("end"), last)
        slow = await Relay.begin(stage, script, STREAM)
        task = asyncio.create_task(slow.run())
        await slow.incoming.heard(EVENTS[0])
        slow.incoming.blocked = True
        stage.scripted.open("second")
        await slow.incoming.heard(EVENTS[1])
        stage.scripted.open("rest")
        await asyncio.to_thread(stage.scripted.wait_gate, "end")
        stage.scripted.open("end")
        assert slow.incoming.sent == EVENTS[0] + EVENTS[1]
        slow.incoming.drained.set()
        assert (await task).sent == b"".join(EVENTS)

    on_stage(tmp_path, scene)


# the client leaves


def test_a_client_that_leaves_a_quiet_stream_is_accounted_with_an_estimate(tmp_path: Path) -> None:
    begun = chat.events("m", ["x" * 40], done=False)
    script: Script = (Send(wording.stream_head()), *(Send(wording.chunk(event)) for event in begun), Hang())
    end = left(tmp_path, script, STREAM, lambda turn: turn.leave_after(b"xxxx"))
    assert end.usage == Usage(uncached=-(-len(request(**STREAM)) // 4), output=10, estimated=True)
    assert end.response_bytes == len(b"".join(begun))


def test_a_client_that_leaves_while_it_is_too_slow_is_accounted(tmp_path: Path) -> None:
    async def leave(turn: Relay) -> None:
        turn.incoming.blocked = True
        await turn.leave_after(EVENTS[1])

    # In one piece: a client that takes nothing more is not sent a second one.
    begun = Send(b"".join(wording.chunk(event) for event in EVENTS[:2]))
    script: Script = (Send(wording.stream_head()), begun, Hang())
    end = left(tmp_path, script, STREAM, leave)
    assert end.usage is not None and end.usage.estimated


def test_a_client_that_leaves_before_a_whole_answer_has_come_is_accounted(tmp_path: Path) -> None:
    async def leave(turn: Relay) -> None:
        task = asyncio.create_task(turn.relay())
        await asyncio.sleep(0)
        await turn.cancel(task)

    answer = wording.response(200, chat.completion("m"))
    end = left(tmp_path, (Send(answer[:-50]), Hang()), WHOLE, leave)
    assert end.usage == Usage(uncached=-(-len(request()) // 4), estimated=True)


# whole answers


def test_a_whole_answer_passes_byte_for_byte_and_is_settled_first(tmp_path: Path) -> None:
    fields = (("x-request-id", "req_1"), ("set-cookie", "a=b"), ("x-vendor", "kept"))
    script = (Send(wording.response(200, faults.ANSWER, fields)),)
    incoming, end = relayed(tmp_path, script)
    assert incoming.pieces == [(faults.ANSWER, 1)]
    assert incoming.field(b"x-vendor") == b"kept" and incoming.field(b"set-cookie") is None
    assert incoming.field(b"x-llm-gateway-attempts") == b"1"
    assert (end.outcome, end.usage, end.finish_reason) == ("ok", TOLD, "stop")
    assert (end.upstream_request_id, end.response_id, end.response_bytes) == (
        "req_1",
        chat.ID,
        len(faults.ANSWER),
    )


def test_a_whole_answer_without_usage_is_estimated(tmp_path: Path) -> None:
    _, end = relayed(tmp_path, chat.plain("m", "x" * 40, usage=None))
    assert end.usage == Usage(uncached=-(-len(request()) // 4), output=10, estimated=True)


@pytest.mark.parametrize("fields", [WHOLE, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 529])
def test_an_error_of_the_upstream_passes_unchanged(tmp_path: Path, status: int, fields: Fields) -> None:
    script = faults.overloaded() if status == 529 else faults.failing(status, retry_after="7")
    incoming, end = relayed(tmp_path, script, fields)
    assert incoming.status == status
    assert incoming.sent == chat.error(f"scripted {status}", "scripted_error", "scripted").replace(
        b"scripted_error", b"overloaded_error" if status == 529 else b"scripted_error"
    )
    assert incoming.field(b"retry-after") == (None if status == 529 else b"7")
    assert incoming.pieces[-1][1] == 1
    assert (end.outcome, end.http_status, end.error_kind) == ("error", status, "upstream_status")
    assert end.usage is None


@pytest.mark.parametrize("size", [58, MAX_ERROR, MAX_ERROR + 1])
@pytest.mark.parametrize("status", [400, 500])
def test_an_error_page_passes_up_to_a_size(tmp_path: Path, status: int, size: int) -> None:
    page = b"<html>" + b"x" * (size - 6)
    incoming, _ = relayed(tmp_path, (Send(wording.response(status, page, (), "text/html")),))
    assert (incoming.status, incoming.field(b"content-type")) == (status, b"text/html")
    assert incoming.sent == page[:MAX_ERROR]


def test_a_whole_answer_that_breaks_off_is_a_clean_error(tmp_path: Path) -> None:
    answer = wording.response(200, faults.ANSWER)
    incoming, end = relayed(tmp_path, (Send(answer[:-50]), Reset()))
    assert incoming.status == 502
    assert error_of(incoming.sent)["code"] == "upstream_truncated"
    assert incoming.field(b"x-llm-gateway-request-id") is not None
    assert (end.outcome, end.http_status) == ("truncated", 502)
    assert incoming.pieces[-1][1] == 1


# codings that nobody asked for


def test_a_coded_answer_is_decoded(tmp_path: Path) -> None:
    incoming, end = relayed(tmp_path, faults.packed())
    assert incoming.sent == faults.ANSWER
    assert incoming.field(b"content-encoding") is None
    assert end.usage == TOLD


@both
def test_a_coded_stream_is_decoded_and_metered(tmp_path: Path, fields: Fields) -> None:
    packed = gzip.compress(b"".join(EVENTS))
    head = wording.stream_head((("content-encoding", "gzip"),))
    script = (Send(head), *(Send(wording.chunk(piece)) for piece in wording.cut(packed, 20)))
    incoming, end = relayed(tmp_path, (*script, Send(wording.LAST_CHUNK)), fields)
    assert incoming.sent.endswith(DONE) and b"eins" in incoming.sent
    assert incoming.field(b"content-encoding") is None
    assert (b"usage" in incoming.sent) == (fields is STREAM)
    assert (end.outcome, end.usage) == ("ok", TOLD)
    assert incoming.pieces[0][1] == 1, "it is all there when it begins"


def test_a_coded_stream_that_cannot_be_decoded_is_refused_before_it_begins(tmp_path: Path) -> None:
    head = wording.stream_head((("content-encoding", "gzip"),))
    script = (Send(head), Send(wording.chunk(b"".join(EVENTS))), Send(wording.LAST_CHUNK))
    incoming, end = relayed(tmp_path, script, STREAM)
    assert (incoming.status, incoming.field(b"content-type")) == (502, b"application/json")
    assert error_of(incoming.sent)["code"] == "upstream_broken"
    assert (end.outcome, end.error_kind) == ("error", "upstream_broken")


def test_a_huge_answer_is_refused(tmp_path: Path) -> None:
    incoming, end = relayed(tmp_path, faults.bomb(65 * 1024 * 1024))
    assert incoming.status == 502 and len(incoming.sent) < 1000
    assert error_of(incoming.sent)["code"] == "upstream_broken"
    assert (end.outcome, end.error_kind) == ("error", "upstream_broken")


# defects and refusals


class Defective(PreparedAnswer):
    """An answer that fails in a way that nobody foresaw."""

    async def read(self) -> bytes:
        raise RuntimeError("a defect")


@pytest.mark.parametrize("kind", [b"text/event-stream", b"application/json"])
def test_a_turn_that_a_defect_ends_is_settled_and_the_defect_goes_on(tmp_path: Path, kind: bytes) -> None:
    async def scene(stage: Stage) -> None:
        turn = await Relay.begin(stage, chat.plain("m"))
        turn.answer.release()
        turn.answer = Defective(200, [(b"content-type", kind)], [b"{}"], pause=1.0)
        with pytest.raises(RuntimeError):
            await turn.run()
        end = await stage.settlement()
        assert (end.outcome, end.http_status, end.error_kind) == ("error", 500, "internal_error")

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (Unauthenticated("who?"), b"www-authenticate", b"Bearer"),
        (Forbidden("no"), b"www-authenticate", None),
        (UpgradeRefused("no"), b"upgrade", b"HTTP/1.1"),
        (UpgradeRefused("no", to="websocket"), b"upgrade", b"websocket"),
        (UpgradeRefused("no", to="websocket"), b"connection", b"upgrade"),
        (LedgerUnavailable("full"), b"retry-after", b"5"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, GatewayError) else "",
)
def test_a_refusal_is_json_and_carries_what_its_status_demands(
    error: GatewayError, name: bytes, value: bytes | None
) -> None:
    incoming = FakeIncoming()
    refuse(incoming, CHAT, error, b"x-more: 1\r\n")
    assert incoming.status == error.status and incoming.done
    assert incoming.sent == CHAT.encode_error(error)
    assert incoming.field(b"content-type") == b"application/json"
    assert incoming.field(b"x-more") == b"1"
    assert incoming.field(name) == value


# the id by which a client's own log is found in the ledger


@pytest.mark.parametrize("fields", [WHOLE, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("status", [200, 429])
def test_an_answer_has_the_id_of_its_upstream_or_else_of_its_turn(
    tmp_path: Path, status: int, fields: Fields
) -> None:
    kind = "application/json" if fields is WHOLE else "text/event-stream"
    body = chat.completion("m") if fields is WHOLE else b"".join(EVENTS)
    for number, told in enumerate(((), (("X-Request-Id", "req_up"),))):
        script = (Send(wording.response(status, body, told, content_type=kind)),)
        incoming, end = relayed(tmp_path / str(number), script, fields)
        ids = [value for name, value in incoming.fields if name == b"x-request-id"]
        assert ids == ([b"req_up"] if told else [b"req_" + end.id.encode()])


@pytest.mark.parametrize("name", DIALECTS)
def test_a_refusal_has_the_id_of_its_turn(tmp_path: Path, name: str) -> None:
    async def scene(stage: Stage) -> None:
        turn = await Relay.begin(stage, chat.plain("m"))
        refuse_turn(turn.incoming, DIALECTS[name], Forbidden("no"), turn.turn)
        written = {b"chat": b"x-request-id", b"responses": b"x-request-id", b"messages": b"request-id"}
        field = written.get(name.encode())
        expected = b"req_" + turn.turn.intent.id.encode()
        found = [value for each, value in turn.incoming.fields if each in (b"x-request-id", b"request-id")]
        assert found == ([] if field is None else [expected])
        assert field is None or turn.incoming.field(field) == expected
        turn.answer.release()
        await turn.turn.settle("ok", 0)

    on_stage(tmp_path, scene)
