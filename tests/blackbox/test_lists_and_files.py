"""The vendors' SDKs, unchanged, where they ask for no answer of a model: lists of models, files, audio.

The upstream is scripted. Its answers are rebuilt from the vendor's reference (platform.openai.com, "Files",
"Audio", "Moderations").
"""

import contextlib
import json
from collections.abc import Iterator, Sequence

import anthropic
import ollama
import openai
import pytest
from google import genai

from gateway_process import GatewayProcess, configuration
from scripted import Received, Script, ScriptedUpstream, Send
from scripted.wording import response

AUDIO = bytes(range(256)) * 1000
FILE: dict[str, object] = {
    "id": "file-abc123",
    "object": "file",
    "bytes": 5,
    "created_at": 1_700_000_000,
    "filename": "a.jsonl",
    "purpose": "batch",
    "status": "processed",
}
MODELS = [{"id": name, "object": "model", "created": 0, "owned_by": "x"} for name in ("m", "claude-opus-5")]


def answer(request: Received, names: Sequence[str]) -> Script:
    """Answer as OpenAI's API does."""
    path = request.target.partition("?")[0].removeprefix("/v1/")
    match request.method, path:
        case "GET", "models":
            return said({"object": "list", "data": MODELS})
        case "POST", "files":
            return said(FILE)
        case "GET", "files":
            return said({"object": "list", "data": [FILE], "has_more": False})
        case "GET", "files/file-abc123/content":
            return (Send(response(200, AUDIO, content_type="application/octet-stream")),)
        case "DELETE", "files/file-abc123":
            return said({"id": "file-abc123", "object": "file", "deleted": True})
        case "POST", "audio/speech":
            return (Send(response(200, AUDIO, content_type="audio/mpeg")),)
        case "POST", "audio/transcriptions":
            usage = {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}
            return said({"text": "Guten Tag", "usage": usage})
    return (Send(response(404, b'{"error":{"message":"no such path"}}')),)


def said(body: object) -> Script:
    return (Send(response(200, json.dumps(body).encode())),)


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",), (answer,)) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    config = configuration(upstream.url, server='default_provider = "scripted"')
    with GatewayProcess(tmp_path_factory.mktemp("lists"), config) as gateway:
        yield gateway


@pytest.fixture
def sdk(gateway: GatewayProcess, upstream: ScriptedUpstream) -> Iterator[openai.OpenAI]:
    upstream.forget()
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0) as client:
        yield client


def test_openais_list(sdk: openai.OpenAI) -> None:
    assert {"scripted/m", "scripted/claude-opus-5", "demo/echo"} <= {model.id for model in sdk.models.list()}
    assert sdk.models.retrieve("scripted/m").id == "scripted/m"


def test_anthropics_pages(gateway: GatewayProcess) -> None:
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0) as client:
        found = list(client.models.list(limit=1))
        assert {"scripted/m", "claude-opus-5", "demo/echo"} <= {model.id for model in found}
        assert len(found) == len({model.id for model in found})
        assert client.models.retrieve("claude-opus-5").display_name == "claude-opus-5"
        with pytest.raises(anthropic.NotFoundError):
            client.models.retrieve("nothing")


def test_geminis_pages(gateway: GatewayProcess) -> None:
    options = genai.types.HttpOptions(base_url=gateway.url)
    with genai.Client(api_key=gateway.key, http_options=options) as client:
        found = {model.name for model in client.models.list(config={"page_size": 1})}
        assert {"models/scripted/m", "models/demo/echo"} <= found
        assert client.models.get(model="models/scripted/m").supported_actions


def test_ollamas_list(gateway: GatewayProcess) -> None:
    bearer = {"Authorization": f"Bearer {gateway.key}"}
    with contextlib.closing(ollama.Client(host=gateway.url, headers=bearer)) as client:
        assert {"scripted/m", "demo/echo"} <= {model.model for model in client.list().models}
        assert client.show("scripted/m").capabilities == ["completion", "tools"]
        assert client.ps().models == []
        with pytest.raises(ollama.ResponseError, match="nothing"):
            client.show("nothing")


def test_files_go_to_the_default_provider_and_are_counted(
    sdk: openai.OpenAI, gateway: GatewayProcess
) -> None:
    made = sdk.files.create(file=("a.jsonl", b"{}\n{}\n"), purpose="batch")
    assert made.id == "file-abc123"
    assert [file.id for file in sdk.files.list()] == ["file-abc123"]
    assert sdk.files.content("file-abc123").read() == AUDIO
    assert sdk.files.delete("file-abc123").deleted
    operations = [row["operation"] for row in gateway.rows()[:4]]
    assert operations == [
        "DELETE files/file-abc123",
        "GET files/file-abc123/content",
        "GET files",
        "files",
    ]
    assert {row["provider"] for row in gateway.rows()[:4]} == {"scripted"}


def test_speech_and_transcription_go_by_their_model(
    sdk: openai.OpenAI, upstream: ScriptedUpstream, gateway: GatewayProcess
) -> None:
    speech = sdk.audio.speech.create(model="scripted/tts", voice="alloy", input="Guten Tag")
    assert speech.read() == AUDIO
    heard = sdk.audio.transcriptions.create(model="scripted/whisper", file=("a.wav", b"RIFF\x00\xff"))
    assert heard.text == "Guten Tag"
    spoken, transcribed = upstream.asked()
    assert spoken.json()["model"] == "tts"
    assert b"\r\n\r\nwhisper\r\n" in transcribed.body and b"RIFF\x00\xff" in transcribed.body
    row = gateway.rows()[0]
    assert (row["operation"], row["tokens_in"], row["tokens_out"]) == ("audio/transcriptions", 14, 45)
    assert row["estimated"] is False


def test_responses_are_not_kept_by_a_provider_that_does_not_speak_them(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="not kept"):
        sdk.responses.retrieve("resp_1")
    with pytest.raises(openai.BadRequestError, match="not kept"):
        sdk.responses.create(model="scripted/m", input="hi", previous_response_id="resp_1")
