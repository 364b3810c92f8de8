"""Upstreams that misbehave: what the client is told, what is tried again, and what the ledger says."""

import json
import time
from collections.abc import Iterator
from random import Random

import pytest

from gateway_process import GatewayProcess, configuration
from rawhttp import Reply
from scripted import Reset, ScriptedUpstream, Send, chat, faults, wording


def outcome(gateway: GatewayProcess, reply: Reply) -> object:
    return gateway.row(reply.header("x-llm-gateway-request-id"))["status"]


def upstream_error(reply: Reply) -> str:
    """Return the message of an error that says the provider did not do its part."""
    assert reply.status in (502, 504), reply
    error = reply.error()
    assert str(error["code"]).startswith("upstream_")
    return str(error["message"])


# answers that are no answers


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", faults.BROKEN_ANSWERS)
def test_an_answer_nobody_can_use_is_502(
    gateway: GatewayProcess, upstream: ScriptedUpstream, name: str, stream: bool
) -> None:
    upstream.queue(faults.BROKEN_ANSWERS[name])
    reply = gateway.chat("scripted/m", stream=stream)
    upstream_error(reply)
    assert outcome(gateway, reply) == "error" or outcome(gateway, reply) == "truncated"
    assert len(upstream.asked()) == 1, "it was asked, so it is not asked again"
    assert gateway.chat("scripted/m").status == 200, "and the next request is not spoilt by it"


def test_a_bomb_is_not_unpacked(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.queue(faults.bomb(200 * 1024 * 1024))
    before = gateway.status_kib("VmHWM")
    upstream_error(gateway.chat("scripted/m"))
    assert gateway.status_kib("VmHWM") - before < 200 * 1024


def test_an_answer_packed_unasked_is_unpacked(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.queue(faults.packed())
    assert gateway.chat("scripted/m").json()["usage"] == chat.USAGE


# answers that pass


@pytest.mark.parametrize("statuses", [(103,), (102, 103), (100,)])
def test_interim_answers_are_passed_over(
    gateway: GatewayProcess, upstream: ScriptedUpstream, statuses: tuple[int, ...]
) -> None:
    upstream.queue(faults.interim(*statuses))
    assert gateway.chat("scripted/m").body == faults.ANSWER


@pytest.mark.parametrize("retry_after", ["7", "Wed, 21 Oct 2026 07:28:00 GMT", "-1", "99999999999"])
def test_429_passes_with_its_words_and_retry_after(
    gateway: GatewayProcess, upstream: ScriptedUpstream, retry_after: str
) -> None:
    upstream.queue(faults.failing(429, retry_after=retry_after))
    reply = gateway.chat("scripted/m")
    assert reply.status == 429
    assert reply.header("retry-after") == retry_after
    assert reply.error()["message"] == "scripted 429"
    assert outcome(gateway, reply) == "error"
    assert len(upstream.asked()) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500, 502, 503, 529])
def test_an_error_of_the_upstream_keeps_its_status_and_words(
    gateway: GatewayProcess, upstream: ScriptedUpstream, status: int
) -> None:
    upstream.queue(faults.failing(status) if status != 529 else faults.overloaded())
    reply = gateway.chat("scripted/m")
    assert reply.status == status
    assert reply.error()["message"] == f"scripted {status}"
    assert outcome(gateway, reply) == "error"


def test_an_html_error_page_keeps_its_status(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.queue(faults.failing(500, html=True))
    reply = gateway.chat("scripted/m")
    assert reply.status == 500
    assert outcome(gateway, reply) == "error"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(gateway: GatewayProcess, upstream: ScriptedUpstream, status: int) -> None:
    with ScriptedUpstream() as elsewhere:
        upstream.queue(faults.redirect(f"{elsewhere.url}/v1/chat/completions", status))
        message = upstream_error(gateway.chat("scripted/m"))
        assert elsewhere.connections == []
    assert "redirect" in message


def test_a_slow_answer_holds_up_nobody_else(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    upstream.queue(faults.drip(0.001, 4))
    with gateway.client() as client:
        client.send(gateway.chat_request("scripted/m"))
        upstream.wait_asked()
        began = time.monotonic()
        assert gateway.chat("scripted/m").status == 200
        assert time.monotonic() - began < 1.0
        assert client.read_reply().body == faults.ANSWER


# kept connections


def test_connections_are_kept(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    for _ in range(3):
        assert gateway.chat("scripted/m").status == 200
    assert len({request.connection.number for request in upstream.asked()}) == 1


def test_a_connection_closed_while_it_rested_is_not_used(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    for _ in range(20):
        upstream.queue(faults.stale("now"))
        assert gateway.chat("scripted/m").status == 200
        upstream.wait_closed(upstream.asked()[-1].connection)
        assert gateway.chat("scripted/m").status == 200


def test_a_connection_closed_at_reuse_is_answered_once_or_not_at_all(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    """The request was sent; nobody can know whether it was read. It may be tried again or refused."""
    upstream.queue(faults.stale("reuse"))
    assert gateway.chat("scripted/m").status == 200
    reply = gateway.chat("scripted/m")
    assert reply.status in (200, 502)
    assert len(upstream.asked()) == (2 if reply.status == 200 else 1)
    assert gateway.chat("scripted/m").status == 200


# streams


def events_of(reply: Reply) -> list[bytes]:
    assert reply.status == 200
    assert reply.whole, "even a stream that breaks off has its proper end"
    return reply.events()


@pytest.mark.parametrize("how", ["reset", "eof", "polite"])
def test_a_stream_that_breaks_off_ends_with_an_error(
    gateway: GatewayProcess, upstream: ScriptedUpstream, how: str
) -> None:
    upstream.queue(faults.cut_stream(how))
    reply = gateway.chat("scripted/m", stream=True, stream_options={"include_usage": True})
    *relayed, last = events_of(reply)
    assert relayed == [event.removeprefix(b"data: ").rstrip() for event in faults.UNFINISHED]
    error = json.loads(last)["error"]
    assert error["message"] and error["code"] == "upstream_truncated"
    assert b"[DONE]" not in reply.body
    assert outcome(gateway, reply) == "truncated"


def test_a_stream_cut_inside_an_event_ends_with_an_error_of_its_own(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    begun = faults.EVENTS[1] + faults.EVENTS[2][:40]
    upstream.queue((Send(wording.stream_head()), Send(wording.chunk(begun)), Reset()))
    reply = gateway.chat("scripted/m", stream=True)
    last = events_of(reply)[-1]
    assert json.loads(last)["error"]["code"] == "upstream_truncated"
    assert b"[DONE]" not in reply.body


@pytest.mark.parametrize("how", [1, 2, 7, 64, *(Random(seed) for seed in range(4))])
def test_a_stream_passes_byte_for_byte_however_it_is_cut(
    gateway: GatewayProcess, upstream: ScriptedUpstream, how: int | Random
) -> None:
    events = chat.events("m", [f"{chat.TEXT} \u2028\u0085\x0b data: [DONE] ", "🌍"])
    upstream.queue(chat.stream(events, how))
    options = {"include_usage": True}
    reply = gateway.chat("scripted/m", stream=True, stream_options=options)
    assert reply.body == b"".join(events)
    row = gateway.row(reply.header("x-llm-gateway-request-id"))
    assert (row["tokens_in"], row["tokens_out"]) == (40, 12)


@pytest.mark.parametrize("how", [None, 1, 7, Random(9)])
def test_usage_that_only_we_asked_for_is_counted_and_taken_out(
    gateway: GatewayProcess, upstream: ScriptedUpstream, how: int | Random | None
) -> None:
    upstream.queue(chat.stream(chat.events("m"), how))
    reply = gateway.chat("scripted/m", stream=True)
    assert upstream.asked()[0].json()["stream_options"] == {"include_usage": True}
    assert [event for event in reply.events() if b"prompt_tokens" in event] == []
    assert reply.events()[-1] == b"[DONE]"
    row = gateway.row(reply.header("x-llm-gateway-request-id"))
    assert (row["tokens_in"], row["tokens_out"]) == (40, 12)


ABSURD: list[object] = [
    None,
    {},
    {"prompt_tokens": -5, "completion_tokens": -7, "total_tokens": -12},
    {"prompt_tokens": 10**18, "completion_tokens": 10**30},
    {"prompt_tokens": "many", "completion_tokens": None},
    {"prompt_tokens": 1.5, "completion_tokens": True},
    {"prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 900}},
    [1, 2, 3],
    "lots",
]


@pytest.mark.parametrize("usage", ABSURD, ids=str)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_absent_or_absurd_usage_spoils_neither_answer_nor_account(
    gateway: GatewayProcess, upstream: ScriptedUpstream, usage: object, stream: bool
) -> None:
    upstream.queue(chat.stream(chat.events("m", usage=usage)) if stream else chat.plain("m", usage=usage))
    reply = gateway.chat("scripted/m", stream=stream)
    assert reply.status == 200
    row = gateway.row(reply.header("x-llm-gateway-request-id"))
    assert row["status"] == "ok"
    for name in ("tokens_in", "tokens_out"):
        tokens = row[name]
        assert isinstance(tokens, int) and 0 <= tokens < 2**63


# deadlines


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GatewayProcess, ScriptedUpstream]]:
    with ScriptedUpstream() as upstream:
        more = "[upstream]\nfirst_byte_timeout = 1.0\nidle_timeout = 1.0"
        config = configuration(upstream.url, more=more)
        with GatewayProcess(tmp_path_factory.mktemp("impatient"), config) as gateway:
            yield gateway, upstream


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_upstream_that_never_answers_is_504(
    impatient: tuple[GatewayProcess, ScriptedUpstream], stream: bool
) -> None:
    gateway, upstream = impatient
    upstream.forget()
    upstream.queue(faults.never())
    reply = gateway.chat("scripted/m", stream=stream)
    assert reply.status == 504
    assert reply.error()["code"] == "upstream_timeout"
    upstream.wait_closed(upstream.asked()[0].connection)
    assert outcome(gateway, reply) == "error"


def test_a_stream_that_falls_silent_ends_with_an_error(
    impatient: tuple[GatewayProcess, ScriptedUpstream],
) -> None:
    gateway, upstream = impatient
    upstream.forget()
    upstream.queue(faults.hang_mid_stream())
    reply = gateway.chat("scripted/m", stream=True)
    assert json.loads(events_of(reply)[-1])["error"]["code"] == "upstream_timeout"
    assert b"[DONE]" not in reply.body
    upstream.wait_closed(upstream.asked()[0].connection)
