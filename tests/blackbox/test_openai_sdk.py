"""The official OpenAI SDK, unchanged, against the gateway: with a scripted upstream and a real engine."""

import json
from collections.abc import Iterator

import openai
import pytest
from openai.types.chat import ChatCompletionMessage, ChatCompletionMessageParam, ChatCompletionToolUnionParam

from gateway_process import GatewayProcess, configuration
from scripted import ScriptedUpstream, chat, faults
from tiny_model import make_tiny_model

_MODEL = "scripted/scripted-model"
_ASK: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Wie wird das Wetter?"}]
_TOOLS: list[ChatCompletionToolUnionParam] = [
    {
        "type": "function",
        "function": {
            "name": "lookup",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


@pytest.fixture
def sdk(gateway: GatewayProcess, upstream: ScriptedUpstream) -> Iterator[openai.OpenAI]:
    with connect(gateway) as client:
        yield client


def connect(gateway: GatewayProcess, key: str | None = None) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key or gateway.key, max_retries=0, timeout=60)


def test_chat(sdk: openai.OpenAI, gateway: GatewayProcess) -> None:
    raw = sdk.chat.completions.with_raw_response.create(model=_MODEL, messages=_ASK)
    answer = raw.parse()
    assert answer.choices[0].message.content == chat.TEXT
    assert answer.usage is not None and (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (
        40,
        12,
    )
    assert raw.headers["x-llm-gateway-provider"] == "scripted"
    row = gateway.row(raw.headers["x-llm-gateway-request-id"])
    assert (row["status"], row["tokens_in"], row["tokens_out"]) == ("ok", 40, 12)


def test_stream(sdk: openai.OpenAI) -> None:
    with sdk.chat.completions.create(model=_MODEL, messages=_ASK, stream=True) as stream:
        chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text.strip() == chat.TEXT
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_stream_with_usage(sdk: openai.OpenAI) -> None:
    with sdk.chat.completions.create(
        model=_MODEL, messages=_ASK, stream=True, stream_options={"include_usage": True}
    ) as stream:
        *_, last = stream
    assert last.choices == []
    assert last.usage is not None and last.usage.total_tokens == 52


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_tool_call_goes_there_and_back(
    sdk: openai.OpenAI, upstream: ScriptedUpstream, streamed: bool
) -> None:
    message: ChatCompletionMessage
    if streamed:
        with sdk.chat.completions.stream(model=_MODEL, messages=_ASK, tools=_TOOLS) as stream:
            message = stream.get_final_completion().choices[0].message
    else:
        message = sdk.chat.completions.create(model=_MODEL, messages=_ASK, tools=_TOOLS).choices[0].message
    assert message.tool_calls
    call = message.tool_calls[0]
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("lookup", {"city": "Köln"})
    again: list[ChatCompletionMessageParam] = [
        *_ASK,
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
            ],
        },
        {"role": "tool", "tool_call_id": call.id, "content": "sonnig"},
    ]
    answer = sdk.chat.completions.create(model=_MODEL, messages=again, tools=_TOOLS)
    assert answer.choices[0].message.content == chat.TEXT
    assert upstream.asked()[-1].json()["messages"] == again


@pytest.mark.parametrize("encoding", ["float", "base64", None])
def test_embeddings(sdk: openai.OpenAI, gateway: GatewayProcess, encoding: str | None) -> None:
    match encoding:
        case "float":
            answer = sdk.embeddings.create(model=_MODEL, input=["eins", "zwei"], encoding_format="float")
        case "base64":
            answer = sdk.embeddings.create(model=_MODEL, input=["eins", "zwei"], encoding_format="base64")
        case _:
            answer = sdk.embeddings.create(model=_MODEL, input=["eins", "zwei"])
    assert len(answer.data) == 2
    assert answer.usage.prompt_tokens == 6
    assert gateway.rows()[0]["tokens_in"] == 6


def test_legacy_completions(sdk: openai.OpenAI, upstream: ScriptedUpstream) -> None:
    sdk.completions.create(model=_MODEL, prompt="Es war einmal")
    assert upstream.asked()[0].target == "/v1/completions"


def test_models_are_listed_and_retrieved(sdk: openai.OpenAI) -> None:
    ids = [model.id for model in sdk.models.list()]
    assert "scripted/scripted-model" in ids
    assert "demo/echo" in ids
    for model_id in ("scripted/scripted-model", "demo/echo"):
        assert sdk.models.retrieve(model_id).id == model_id


def test_demo_echo_answers(sdk: openai.OpenAI) -> None:
    answer = sdk.chat.completions.create(model="demo/echo", messages=_ASK)
    assert "Wetter" in (answer.choices[0].message.content or "")
    with sdk.chat.completions.create(model="demo/echo", messages=_ASK, stream=True) as stream:
        assert "Wetter" in "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def test_errors_are_the_sdks_own(
    sdk: openai.OpenAI, gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        sdk.chat.completions.create(model="no-such-model", messages=_ASK)
    assert unknown.value.code == "model_not_found"
    with connect(gateway, "lgw_wrong") as stranger, pytest.raises(openai.AuthenticationError):
        stranger.chat.completions.create(model=_MODEL, messages=_ASK)
    upstream.queue(faults.failing(429, retry_after="1"))
    with pytest.raises(openai.RateLimitError):
        sdk.chat.completions.create(model=_MODEL, messages=_ASK)
    with pytest.raises(openai.RateLimitError):
        sdk.chat.completions.create(model="demo/error-429", messages=_ASK)
    with pytest.raises(openai.InternalServerError):
        sdk.chat.completions.create(model="demo/error-500", messages=_ASK)


def test_a_stream_that_breaks_off_is_an_error_of_the_sdk(
    sdk: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.queue(faults.cut_stream("reset"))
    with (
        pytest.raises(openai.APIError),
        sdk.chat.completions.create(model=_MODEL, messages=_ASK, stream=True) as stream,
    ):
        list(stream)


# with a real engine


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    """Start a gateway whose provider `local` is a real llama.cpp with a tiny generated model."""
    pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
    home = tmp_path_factory.mktemp("real")
    model = make_tiny_model(home / "tiny.gguf")
    config = configuration("http://127.0.0.1:9", more=f'[local]\nmodel_path = "{model}"')
    with GatewayProcess(home, config) as gateway, connect(gateway) as client:
        yield client


def local_model(sdk: openai.OpenAI) -> str:
    """Return the name of the one model of our own."""
    (name,) = [model.id for model in sdk.models.list() if model.id.startswith("local/")]
    return name


def test_the_real_engine_answers(real: openai.OpenAI) -> None:
    answer = real.chat.completions.create(model=local_model(real), messages=_ASK, max_tokens=8)
    assert answer.choices[0].finish_reason in ("length", "stop")
    assert answer.usage is not None
    assert 0 < answer.usage.completion_tokens <= 8
    assert answer.usage.prompt_tokens > 0


def test_the_real_engine_streams(real: openai.OpenAI) -> None:
    with real.chat.completions.create(
        model=local_model(real),
        messages=_ASK,
        max_tokens=8,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    assert chunks[-1].usage is not None
    assert 0 < chunks[-1].usage.completion_tokens <= 8
    assert chunks[-2].choices[0].finish_reason in ("length", "stop")


def test_the_real_engine_is_retrieved_by_name(real: openai.OpenAI) -> None:
    assert real.models.retrieve(local_model(real)).id == local_model(real)


def test_the_real_engine_takes_tools_and_may_leave_them(real: openai.OpenAI) -> None:
    # Random weights cannot be made to call one; what is shown is that an agent's request gets its answer.
    answer = real.chat.completions.create(model=local_model(real), messages=_ASK, tools=_TOOLS, max_tokens=8)
    assert answer.choices[0].finish_reason in ("length", "stop", "tool_calls")


def test_the_real_engine_embeds(real: openai.OpenAI) -> None:
    answer = real.embeddings.create(model=local_model(real), input=["eins", "zwei"], encoding_format="float")
    one, two = (item.embedding for item in answer.data)
    assert len(one) == len(two) > 0
    assert one != two
    assert answer.usage.prompt_tokens > 0
