"""The official OpenAI SDK over a WebSocket, unchanged, against the gateway: turns, errors, the end."""

import asyncio
from collections.abc import Iterator
from typing import Any  # the SDK's union of every kind of event is walked, not named

import openai
import pytest
from openai.resources.responses.responses import ResponsesConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway_process import GatewayProcess, configuration
from scripted import ScriptedUpstream, faults, responses
from upstream_answers import UPSTREAMS

# The SDK opens its socket in a way that the newest `websockets` does not like.
pytestmark = pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")

_ENDS = ("response.completed", "response.failed", "error")


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",), tuple(each.responder for each in UPSTREAMS.values())) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Start a gateway with a provider for each dialect, named after it."""
    rows = [
        f'[[providers]]\nname = "up-{name}"\nbase_url = "{upstream.url}"\ndialects = ["{name}"]\n'
        f'api_key_env = "SCRIPTED_API_KEY"\nmodels = ["m"]\n'
        for name in UPSTREAMS
    ]
    rows.append("[routing]\nretries = 0\nlongest_cool_down = 0")  # one error an answer, and no aftermath
    config = configuration(upstream.url, more="\n".join(rows))
    with GatewayProcess(tmp_path_factory.mktemp("sockets"), config) as gateway:
        yield gateway


def client(gateway: GatewayProcess, key: str = "") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key or gateway.key, max_retries=0, timeout=30)


@pytest.fixture
def socket(gateway: GatewayProcess, upstream: ScriptedUpstream) -> Iterator[ResponsesConnection]:
    upstream.forget()
    with client(gateway) as sdk, sdk.responses.connect() as connection:
        yield connection


def turn(socket: ResponsesConnection, model: str, said: Any, **fields: Any) -> list[Any]:
    socket.response.create(model=f"{model}/m", input=said, **fields)
    heard: list[Any] = [socket.recv()]
    while heard[-1].type not in _ENDS:
        heard.append(socket.recv())
    return heard


@pytest.mark.parametrize("dialect", UPSTREAMS)
def test_turns_that_go_on_from_each_other(
    socket: ResponsesConnection, gateway: GatewayProcess, upstream: ScriptedUpstream, dialect: str
) -> None:
    *events, last = turn(socket, f"up-{dialect}", "first")
    assert last.response.output_text.strip() == UPSTREAMS[dialect].text
    assert (last.response.usage.input_tokens, last.response.usage.output_tokens) == (40, 12)
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas).strip() == UPSTREAMS[dialect].text
    *_, last = turn(socket, f"up-{dialect}", "second", previous_response_id=last.response.id)
    assert last.type == "response.completed"
    assert all(word in upstream.asked()[1].body for word in (b"first", b"second"))
    for row in gateway.rows()[:2]:
        assert (row["status"], row["provider"], row["dialect"]) == ("ok", f"up-{dialect}", "responses")
        assert (row["tokens_in"], row["tokens_out"]) == (40, 12)


def test_a_warm_up(socket: ResponsesConnection, upstream: ScriptedUpstream) -> None:
    *_, warm = turn(socket, "up-responses", "the rules", generate=False)
    assert (warm.type, warm.response.output) == ("response.completed", [])
    assert upstream.asked() == []
    turn(socket, "up-responses", "the task", previous_response_id=warm.response.id)
    assert b"the rules" in upstream.asked()[0].body


def test_errors_are_the_sdks_own(socket: ResponsesConnection, upstream: ScriptedUpstream) -> None:
    upstream.queue(faults.failing(429, retry_after="1"))
    for told, status, code in (
        (turn(socket, "up-responses", "hi"), 429, "scripted"),
        (turn(socket, "nobody", "hi"), 404, "model_not_found"),
        (turn(socket, "up-chat", "hi", previous_response_id="resp_x"), 400, "previous_response_not_found"),
    ):
        (error,) = told
        assert (error.type, error.status, error.error.code) == ("error", status, code)
        assert error.error.message and error.error.type
    upstream.queue(responses.stream(responses.events("m", ending="")))
    *_, failed = turn(socket, "up-responses", "hi")
    assert (failed.type, failed.response.status) == ("response.failed", "failed")
    *_, last = turn(socket, "up-responses", "and on it goes")
    assert last.type == "response.completed"


def test_input_that_is_to_steer_comes_back(socket: ResponsesConnection) -> None:
    socket.response.steer(previous_response_id="resp_x", input="left!")
    event: Any = socket.recv()
    assert (event.type, event.error.code) == ("response.steer.failed", "steering_not_supported")
    assert event.steer.input == "left!"


def test_a_wrong_key_does_not_get_in(gateway: GatewayProcess) -> None:
    with client(gateway, "lgw_wrong") as sdk, pytest.raises(InvalidStatus) as refused:
        sdk.responses.connect().enter()
    assert refused.value.response.status_code == 401


def test_the_asynchronous_client(gateway: GatewayProcess) -> None:
    async def play() -> None:
        async with (
            openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as sdk,
            sdk.responses.connect() as socket,
        ):
            await socket.response.create(model="up-messages/m", input="hi")
            async for event in socket:
                if event.type in _ENDS:
                    break
            assert event.type == "response.completed"

    asyncio.run(play())


def test_a_gateway_that_stops_says_goodbye(
    upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = configuration(upstream.url, models=("m",))
    with GatewayProcess(tmp_path_factory.mktemp("stopping"), config) as gateway, client(gateway) as sdk:
        with sdk.responses.connect() as socket:
            turn(socket, "scripted", "hi")
            assert gateway.stop() == 0
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv()
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
