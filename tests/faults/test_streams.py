"""Streams that break off, fall silent, drip, or are written oddly: from upstreams of three dialects.

A stream that has begun is never asked for again, and never ends well unless the upstream ended it well.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random

import pytest

from faults.asking import DIALECTS, Asking
from faults.stage import Stage, Targets
from gateway_process import GatewayProcess
from rawhttp import Reply
from scripted import Close, Drip, Flood, Hang, Reset, Script, ScriptedUpstream, Send, chat, gemini, messages
from scripted.odd_streams import READABLE, UNREADABLE
from scripted.script import Step
from scripted.wording import LAST_CHUNK, chunk, response, stream_head

_UPSTREAMS = ("chat", "messages", "gemini")
_BEGUN = {
    "chat": chat.events("m", done=False),
    "messages": messages.events("m", ending=""),
    "gemini": gemini.events("m", finish=None),
}
_RESPONDERS = {"chat": chat.respond, "messages": messages.respond, "gemini": gemini.respond}
_IDLE_S = 0.5
_MIB = 1024 * 1024

Upstreams = dict[str, ScriptedUpstream]


@pytest.fixture(scope="module")
def _upstreams() -> Iterator[Upstreams]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(ScriptedUpstream(("m",), (_RESPONDERS[name],))) for name in _UPSTREAMS
        }


@pytest.fixture(scope="module")
def stage(_upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Start a gateway that gives up on silence soon; each alias has a second target that lives."""
    targets = Targets()
    for name, upstream in _upstreams.items():
        model = targets.add(name, upstream.url, name)
        targets.alias(f"{name}-first", model, "spare/m")
    targets.add("spare", _upstreams["chat"].url)
    patience = f"first_byte_timeout = 2.0\nidle_timeout = {_IDLE_S}\ntotal_timeout = 3.0"
    config = targets.configuration(upstream=patience)
    with GatewayProcess(tmp_path_factory.mktemp("streams"), config) as gateway:
        yield Stage(gateway, targets)


@pytest.fixture
def upstreams(_upstreams: Upstreams, stage: Stage) -> Upstreams:
    for name, upstream in _upstreams.items():
        upstream.forget()
        # Whatever the test before has done to it: one good answer, and its circuit is closed again.
        assert stage.ask(f"{name}/m").status == 200
        upstream.forget()
    return _upstreams


def begun(dialect: str) -> Script:
    return (Send(stream_head()), *(Send(chunk(event)) for event in _BEGUN[dialect]))


def ask(stage: Stage, dialect: str, model: str) -> tuple[Asking, Reply]:
    return Asking(dialect, model, True), stage.ask(model, dialect, stream=True)


def breaks_off(stage: Stage, upstream: ScriptedUpstream, dialect: str, model: str) -> dict[str, object]:
    """Ask, and return the row of an answer that begins and ends with an error in the client's dialect."""
    asking, reply = ask(stage, dialect, model)
    assert reply.status == 200 and reply.whole
    assert asking.text(reply), "what came before is delivered"
    assert asking.error(reply), reply.body[-300:]
    assert not asking.ends_well(reply) and b"[DONE]" not in reply.body
    return stage.row(reply)


# U4, U5, U6


_ENDINGS: dict[str, Step] = {"reset": Reset(), "eof": Close(), "polite": Send(LAST_CHUNK)}


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("target", _UPSTREAMS)
@pytest.mark.parametrize(
    "how",
    [
        pytest.param("reset", marks=pytest.mark.fault("U5")),
        pytest.param("eof", marks=pytest.mark.fault("U6")),
        pytest.param("polite", marks=pytest.mark.fault("U6")),
    ],
)
def test_a_stream_that_breaks_off_ends_with_an_error_and_is_not_asked_for_again(
    stage: Stage, upstreams: Upstreams, how: str, target: str, client: str
) -> None:
    upstreams[target].queue((*begun(target), _ENDINGS[how]))
    row = breaks_off(stage, upstreams[target], client, f"{target}-first")
    assert row["status"] == "truncated"
    assert isinstance(row["tokens_out"], int) and row["tokens_out"] > 0
    assert sum(len(upstream.asked()) for upstream in upstreams.values()) == 1


@pytest.mark.fault("U4")
@pytest.mark.parametrize("target", _UPSTREAMS)
def test_a_stream_that_falls_silent_ends_with_an_error(
    stage: Stage, upstreams: Upstreams, target: str
) -> None:
    upstreams[target].queue(*[(*begun(target), Hang())] * len(DIALECTS))
    with ThreadPoolExecutor(len(DIALECTS)) as pool:
        rows = list(
            pool.map(lambda client: breaks_off(stage, upstreams[target], client, f"{target}-first"), DIALECTS)
        )
    for row in rows:
        assert (row["status"], row["error"]) == ("error", "upstream_timeout")
        assert isinstance(row["tokens_out"], int) and row["tokens_out"] > 0, "what came is accounted"
    for request in upstreams[target].asked():
        upstreams[target].wait_closed(request.connection)
    assert sum(len(upstream.asked()) for upstream in upstreams.values()) == len(DIALECTS)


# U7, U8, U9, U10, U24


def odd(events: bytes) -> Script:
    return (Send(stream_head()), Send(chunk(events)), Send(LAST_CHUNK))


def asked_as_it_is(stage: Stage) -> Reply:
    """Ask for a stream whose usage the client wants, so that nothing in it has to be changed."""
    return stage.gateway.chat("chat/m", stream=True, stream_options={"include_usage": True})


@pytest.mark.fault("U7")
@pytest.mark.parametrize("name", [*READABLE, *UNREADABLE])
def test_an_odd_stream_passes_untouched(stage: Stage, upstreams: Upstreams, name: str) -> None:
    spelt = (READABLE | UNREADABLE)[name](chat.events("m"))
    upstreams["chat"].queue(odd(spelt))
    reply = asked_as_it_is(stage)
    row = stage.row(reply)
    assert reply.status == 200 and reply.body.startswith(spelt)
    if name == "no blank line between events":  # all of it is one event, and says nothing
        assert row["status"] == "truncated" and Asking("chat", "", True).error(reply)
        return
    assert reply.body == spelt and row["status"] == "ok"
    if name in READABLE:
        assert (row["tokens_in"], row["tokens_out"]) == (40, 12)


@pytest.mark.fault("U7")
@pytest.mark.parametrize("client", [dialect for dialect in DIALECTS if dialect != "chat"])
@pytest.mark.parametrize("name", READABLE)
def test_an_odd_stream_is_read_as_the_standard_says(
    stage: Stage, upstreams: Upstreams, name: str, client: str
) -> None:
    upstreams["chat"].queue(odd(READABLE[name](chat.events("m"))))
    asking, reply = ask(stage, client, "chat/m")
    assert asking.ends_well(reply), reply.body[-300:]
    assert asking.text(reply).strip() == chat.TEXT


_SEPARATORS = "a\u2028b\u2029c\u0085d\x0be\x0cf\u00a0g"
_ENDLIKE = 'x\n\ndata: [DONE]\n\nevent: error\ndata: {"error": {"message": "no"}}\n\n: y'


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("target", _UPSTREAMS)
@pytest.mark.parametrize(
    "said",
    [
        pytest.param(_SEPARATORS, marks=pytest.mark.fault("U8"), id="separators"),
        pytest.param(_ENDLIKE, marks=pytest.mark.fault("U24"), id="like an end"),
    ],
)
def test_what_is_said_stays_what_is_said(
    stage: Stage, upstreams: Upstreams, said: str, target: str, client: str
) -> None:
    scripts = {
        "chat": lambda: chat.stream(chat.events("m", [said])),
        "messages": lambda: messages.stream(messages.events("m", [messages.text(said)])),
        "gemini": lambda: gemini.stream(gemini.events("m", [gemini.text(said)])),
    }
    upstreams[target].queue(scripts[target]())
    asking, reply = ask(stage, client, f"{target}/m")
    assert asking.ends_well(reply), reply.body[-300:]
    assert asking.text(reply) == said


@pytest.mark.fault("U9")
def test_a_character_may_be_cut_anywhere(
    stage: Stage, upstreams: Upstreams, random: Random, full: bool
) -> None:
    events = chat.events("m", ["Grüße 🌍🏳️‍🌈 ", "你好, мир"])
    data = b"".join(events)
    inside = [at for at in range(1, len(data)) if data[at] & 0xC0 == 0x80]
    cuts = [[at] for at in inside] + [random.sample(range(1, len(data)), 20) for _ in range(200)]
    for cut in cuts if full else random.sample(cuts, 60):
        upstreams["chat"].queue(chat.stream(events, sorted(cut)))
        assert asked_as_it_is(stage).body == data
    row = stage.gateway.rows()[0]
    assert (row["status"], row["tokens_in"], row["tokens_out"]) == ("ok", 40, 12)


@pytest.mark.fault("U9")
@pytest.mark.parametrize("client", DIALECTS)
def test_invalid_utf_8_passes_or_is_an_error_and_is_accounted(
    stage: Stage, upstreams: Upstreams, client: str
) -> None:
    events = [event.replace("Grüße".encode(), b"Gr\xff\xfe\xc3") for event in chat.events("m")]
    upstreams["chat"].queue(chat.stream(events))
    asking, reply = ask(stage, client, "chat/m")
    assert asking.ends_well(reply) or asking.error(reply)
    if client == "chat":
        assert b"Gr\xff\xfe\xc3" in reply.body and asking.ends_well(reply)
    tokens = stage.row(reply)["tokens_out"]
    assert isinstance(tokens, int) and tokens >= 0


@pytest.mark.fault("U10")
@pytest.mark.parametrize("client", DIALECTS)
def test_truncated_json_passes_or_is_an_error(stage: Stage, upstreams: Upstreams, client: str) -> None:
    upstreams["chat"].queue((Send(response(200, chat.completion("m")[:-40])),))
    asking, reply = Asking(client, "chat/m", False), stage.ask("chat/m", client)
    if client == "chat":
        assert (reply.status, reply.body) == (200, chat.completion("m")[:-40])
        assert stage.row(reply)["estimated"] is True, "nobody could read what it used"
    else:
        assert reply.status == 502 and asking.error(reply)


@pytest.mark.fault("U10")
@pytest.mark.parametrize("client", [dialect for dialect in DIALECTS if dialect != "chat"])
def test_an_event_that_cannot_be_read_ends_a_translation(
    stage: Stage, upstreams: Upstreams, client: str
) -> None:
    upstreams["chat"].queue(odd(UNREADABLE["truncated JSON"](chat.events("m"))))
    asking, reply = ask(stage, client, "chat/m")
    assert asking.error(reply), reply.body[-300:]
    assert stage.row(reply)["status"] in ("error", "truncated")


# U11


@pytest.mark.fault("U11")
@pytest.mark.parametrize("client", ["chat", "messages"])
@pytest.mark.parametrize("dressed", [False, True], ids=["bytes", "JSON"])
def test_an_event_without_an_end_is_an_error_and_takes_little_memory(
    stage: Stage, upstreams: Upstreams, client: str, dressed: bool
) -> None:
    opening = b'data: {"choices":[{"index":0,"delta":{"content":"' if dressed else b""
    giant = Flood(chunk(b"x" * 65536), 1024)
    upstreams["chat"].queue((*begun("chat"), Send(chunk(opening or b"y")), giant, Send(LAST_CHUNK)))
    before = stage.gateway.status_kib("VmRSS")
    asking, reply = ask(stage, client, "chat/m")
    risen = (stage.gateway.status_kib("VmHWM") - before) / 1024
    assert asking.error(reply), reply.body[-300:]
    assert risen < 2 * 16 + 16, f"{risen:.0f} MiB"  # the answer's own buffers, too
    assert stage.row(reply)["status"] in ("error", "truncated")


# U17


@pytest.mark.fault("U17")
@pytest.mark.parametrize("part", ["head", "body", "stream"])
def test_a_drip_is_ended_by_a_deadline_and_holds_up_nobody_else(
    stage: Stage, upstreams: Upstreams, part: str
) -> None:
    answer = response(200, chat.completion("m"))
    scripts: dict[str, Script] = {
        "head": (Drip(answer, 1, 0.1),),
        "body": (Send(answer[:-300]), Drip(answer[-300:], 1, 0.1)),
        "stream": (*begun("chat"), Drip(chunk(b": " + b"x" * 300), 1, 0.1)),
    }
    upstreams["chat"].queue(scripts[part])
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        slow = pool.submit(ask, stage, "chat", "chat/m") if part == "stream" else None
        whole = pool.submit(stage.ask, "chat/m") if slow is None else None
        upstreams["chat"].wait_asked()
        for _ in range(20):
            assert stage.ask("chat/m").status == 200
        if whole is not None:
            assert whole.result().error()["code"] == "upstream_timeout"
        if slow is not None:
            asking, reply = slow.result()
            assert asking.error(reply)
    assert time.monotonic() - began < 15
