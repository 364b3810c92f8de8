"""Streams that say nothing for a while: their clients hear that they go on, and the deadlines stand."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import anthropic
import openai
import pytest

from faults.asking import DIALECTS, Asking
from faults.stage import Stage, Targets
from gateway_process import GatewayProcess
from rawhttp import Reply
from scripted import Hang, Pause, Script, ScriptedUpstream, Send, chat, messages
from scripted.wording import LAST_CHUNK, chunk, stream_head

_KEEP_ALIVE = b": keep-alive\n\n"
_TOLD = ("chat", "responses", "messages")
_EVENTS = {"chat": chat.events("m", usage=None), "messages": messages.events("m")}
_IDLE_S = 3.0


@pytest.fixture(scope="module")
def _upstreams() -> Iterator[dict[str, ScriptedUpstream]]:
    responders = {"chat": chat.respond, "messages": messages.respond}
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(ScriptedUpstream(("m",), (responder,)))
            for name, responder in responders.items()
        }


@pytest.fixture(scope="module")
def stage(
    _upstreams: dict[str, ScriptedUpstream], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    targets = Targets()
    for name, upstream in _upstreams.items():
        targets.add(name, upstream.url, name)
    config = targets.configuration(
        server="keep_alive_interval = 1.0",
        upstream=f"idle_timeout = {_IDLE_S}",
        more="[routing]\nretries = 0",
    )
    with GatewayProcess(tmp_path_factory.mktemp("silence"), config) as gateway:
        yield Stage(gateway, targets)


@pytest.fixture
def upstreams(_upstreams: dict[str, ScriptedUpstream]) -> dict[str, ScriptedUpstream]:
    for upstream in _upstreams.values():
        upstream.forget()
    return _upstreams


def events(dialect: str, *, silent: float) -> Script:
    """Return a stream that says nothing for so many seconds in its middle."""
    told = [Send(chunk(event)) for event in _EVENTS[dialect]]
    return (Send(stream_head()), *told[:3], Pause(silent), *told[3:], Send(LAST_CHUNK))


def ask_all(stage: Stage, model: str) -> dict[str, Reply]:
    with ThreadPoolExecutor(len(DIALECTS)) as pool:
        replies = pool.map(lambda dialect: stage.ask(model, dialect, stream=True), DIALECTS)
        return dict(zip(DIALECTS, replies, strict=True))


@pytest.mark.fault("U4")
@pytest.mark.parametrize("target", _EVENTS)
def test_a_client_hears_that_its_silent_stream_goes_on(
    stage: Stage, upstreams: dict[str, ScriptedUpstream], target: str
) -> None:
    upstreams[target].queue(*[events(target, silent=2.4)] * len(DIALECTS))
    for dialect, reply in ask_all(stage, f"{target}/m").items():
        assert Asking(dialect, "", True).ends_well(reply), reply
        heard = reply.body.count(_KEEP_ALIVE)
        assert 1 <= heard <= 3 if dialect in _TOLD else heard == 0
        if dialect == target == "chat":
            assert reply.body.replace(_KEEP_ALIVE, b"") == b"".join(_EVENTS[target])


@pytest.mark.fault("U4")
def test_signs_of_life_of_ours_are_none_of_the_upstreams(
    stage: Stage, upstreams: dict[str, ScriptedUpstream]
) -> None:
    begun = [Send(chunk(event)) for event in chat.events("m", done=False)]
    silent: Script = (Send(stream_head()), *begun, Hang())
    upstreams["chat"].queue(*[silent] * len(DIALECTS))
    began = time.monotonic()
    for dialect, reply in ask_all(stage, "chat/m").items():
        assert Asking(dialect, "", True).error(reply) and reply.whole
        assert (_KEEP_ALIVE in reply.body) is (dialect in _TOLD)
        assert stage.row(reply)["error"] == "upstream_timeout"
    assert time.monotonic() - began < _IDLE_S + 3


@pytest.mark.fault("U4")
@pytest.mark.parametrize("ending", [b"", b"\n"])
def test_nothing_is_said_in_the_middle_of_an_event(
    stage: Stage, upstreams: dict[str, ScriptedUpstream], ending: bytes
) -> None:
    told = chat.events("m", usage=None)
    half = told[1].removesuffix(b"\n\n") + ending
    rest = told[1].removeprefix(half)
    upstreams["chat"].queue(
        (
            Send(stream_head()),
            *(Send(chunk(piece)) for piece in (told[0], half)),
            Pause(2.1),
            *(Send(chunk(piece)) for piece in (rest, *told[2:])),
            Send(LAST_CHUNK),
        )
    )
    reply = stage.gateway.chat("chat/m", stream=True, stream_options={"include_usage": True})
    assert reply.body == b"".join(told)


@pytest.mark.fault("U4")
def test_the_vendors_clients_pass_over_it(stage: Stage, upstreams: dict[str, ScriptedUpstream]) -> None:
    for upstream, name in ((upstreams["chat"], "chat"), (upstreams["messages"], "messages")):
        upstream.queue(events(name, silent=2.2), events(name, silent=2.2))
    url, key = stage.gateway.url, stage.gateway.key
    words = "Guten Tag"
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=30) as client:
        with client.chat.completions.stream(
            model="chat/m", messages=[{"role": "user", "content": words}]
        ) as completion:
            said = completion.get_final_completion().choices[0].message.content
        assert str(said).strip() == chat.TEXT
        with client.responses.stream(model="chat/m", input=words) as response:
            assert response.get_final_response().output_text.strip() == chat.TEXT
    with (
        anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=30) as vendor,
        vendor.messages.stream(
            model="messages/m", max_tokens=9, messages=[{"role": "user", "content": words}]
        ) as message,
    ):
        assert message.get_final_text().strip() == messages.TEXT
