"""A request that no dialect knows: who gets it, and what passes of it."""

import asyncio
import gzip
from pathlib import Path

import msgspec
import pytest

from forward_stage import DIALECTS, SPEECH, answering, error, received, say
from llm_gateway.canonical.usage import Usage
from llm_gateway.dialects.chat import CHAT
from llm_gateway.pipeline.forwarding import Forwarding, Onward, forward
from llm_gateway.upstream.client import Line
from pipeline_stage import Stage, endpoint, on_stage
from scripted import Gate, Reset, Send
from scripted.wording import LAST_CHUNK, chunk, head, response, stream_head

# who gets it


def test_the_model_in_the_body_decides_and_only_its_name_is_written_anew(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(answering(b'{"ok":true}'))
        heard = await say(
            stage, "audio/speech", SPEECH, (b"content-type", b"application/json"), default="down"
        )
        assert (heard.status, heard.sent) == (200, b'{"ok":true}')
        request = received(stage)
        assert request.target == "/v1/audio/speech"
        assert request.body == SPEECH.replace(b'"first/tts-1"', b'"tts-1"')
        assert request.header("authorization") == "Bearer sk-upstream-secret"
        assert stage.key.encode() not in request.raw
        assert heard.field(b"x-llm-gateway-provider") == b"first"
        assert heard.field(b"x-llm-gateway-model") == b"tts-1"

    on_stage(tmp_path, scene)


def test_the_model_may_stand_in_a_form(tmp_path: Path) -> None:
    def form(model: bytes) -> bytes:
        return (
            b'--b0\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\x00{"model":1}\r\n'
            b'--b0\r\nContent-Disposition: form-data; name="model"\r\n\r\n' + model + b"\r\n--b0--\r\n"
        )

    async def scene(stage: Stage) -> None:
        kind = (b"content-type", b"multipart/form-data; boundary=b0")
        stage.scripted.queue(answering(b'{"text":"hi"}'))
        await say(stage, "audio/transcriptions", form(b"first/whisper-1"), kind)
        assert received(stage).body == form(b"whisper-1")
        assert received(stage).header("content-type") == "multipart/form-data; boundary=b0"
        assert (await stage.turn()).intent.model_asked == "first/whisper-1"

    on_stage(tmp_path, scene)


def test_a_form_that_names_two_models_is_refused(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        field = b'--b0\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n'
        kind = (b"content-type", b"multipart/form-data; boundary=b0")
        heard = await say(stage, "images/edits", field * 2 + b"--b0--\r\n", kind)
        assert (heard.status, error(heard)["param"]) == (400, "model")

    on_stage(tmp_path, scene)


def test_an_alias_goes_to_its_first_target_that_has_an_endpoint(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.plan_by({"voice": ("demo/echo", "second/tts", "first/tts")})
        stage.scripted.queue(answering(b"{}"))
        heard = await say(stage, "audio/speech", b'{"model":"voice"}')
        assert heard.field(b"x-llm-gateway-provider") == b"second"
        assert received(stage).json() == {"model": "tts"}

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    "body", [b"", b"\x00\x01", b"[1]", b'{"input":1}', b'{"model":5}', b'{"model":', b'{"a":1,"a":2}']
)
def test_what_names_no_model_goes_to_the_default_as_it_came(tmp_path: Path, body: bytes) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(answering(b"{}"))
        heard = await say(stage, "files?a=1&b=%20", body, (b"openai-beta", b"x=1"), default="second")
        assert heard.status == 200
        assert heard.field(b"x-llm-gateway-provider") == b"second"
        assert heard.field(b"x-llm-gateway-model") is None
        assert (received(stage).target, received(stage).body) == ("/v1/files?a=1&b=%20", body)
        assert received(stage).header("openai-beta") == "x=1"

    on_stage(tmp_path, scene)


def test_a_name_that_nothing_serves_goes_to_the_default_as_it_is(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(answering(b"{}"))
        await say(stage, "moderations", b'{ "model" : "omni-moderation" }', default="first")
        assert received(stage).body == b'{ "model" : "omni-moderation" }'
        assert (await stage.turn()).intent.model == "omni-moderation"

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (b"GET", "files"),
        (b"DELETE", "files"),
        (b"PUT", "files"),
        (b"PATCH", "files"),
        (b"POST", "threads/thread_1/runs"),
    ],
)
def test_a_model_opens_nothing_that_is_kept_at_its_provider(tmp_path: Path, method: bytes, path: str) -> None:
    """Else whoever names a model of a provider would reach the files of everybody who uses it."""

    async def scene(stage: Stage) -> None:
        heard = await say(stage, path, b'{"model":"first/m"}', method=method)
        assert heard.status == 404 and "server.default_provider" in str(error(heard)["message"])
        assert stage.scripted.requests == []
        heard = await say(stage, path, b'{"model":"second/m"}', method=method, default="first")
        assert heard.field(b"x-llm-gateway-provider") == b"first"
        assert received(stage).body == b'{"model":"second/m"}'

    on_stage(tmp_path, scene, responders=[lambda *_: answering(b"{}")])


def test_there_too_the_defaults_own_model_is_called_by_its_own_name(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(answering(b"{}"))
        await say(stage, "threads/thread_1/runs", b'{"model":"first/m"}', default="first")
        assert received(stage).body == b'{"model":"m"}'

    on_stage(tmp_path, scene)


def test_without_a_default_the_setting_is_named(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        for body, code in ((b"", "not_found"), (b'{"model":"nothing"}', "model_not_found")):
            heard = await say(stage, "moderations", body)
            assert (heard.status, error(heard)["code"]) == (404, code)
            assert "`server.default_provider`" in str(error(heard)["message"])
        assert stage.metrics._refused == {"not_found": 1, "model_not_found": 1}
        assert stage.records() == [] and stage.scripted.requests == []

    on_stage(tmp_path, scene)


@pytest.mark.parametrize(
    ("body", "default", "said"),
    [
        (b"", "absent", "which is not there now"),
        (b'{"model":"demo/echo"}', "first", "demo has no endpoint that could answer /v1/audio/speech"),
        (b"", "demo", "demo has no endpoint"),
    ],
)
def test_a_provider_that_cannot_answer_is_named(tmp_path: Path, body: bytes, default: str, said: str) -> None:
    async def scene(stage: Stage) -> None:
        heard = await say(stage, "audio/speech", body, default=default)
        assert heard.status == 404 and said in str(error(heard)["message"])

    on_stage(tmp_path, scene)


def test_what_is_lacking_is_said_in_the_words_of_the_path(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        onward = Onward("responses/resp_1", "", ("responses",), "they are not kept")
        for default in ("", "first"):
            incoming = stage.incoming(b"")
            incoming.method = b"GET"
            await forward(incoming, Forwarding(stage.gateway, default), CHAT, onward)
            assert (incoming.status, error(incoming)["message"]) == (404, "they are not kept")

    on_stage(tmp_path, scene)


def test_the_endpoint_is_that_of_the_dialect_that_is_asked_in(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        made = msgspec.structs.replace(endpoint("first", stage.scripted.port), base_path="/anthropic/v1")
        stage.lines["first", "messages"] = Line(made)
        stage.plan_by({})
        incoming = stage.incoming(b"")
        onward = Onward("messages/batches", "", ("messages", "chat"))
        await forward(incoming, Forwarding(stage.gateway, "first"), CHAT, onward)
        assert received(stage).target == "/anthropic/v1/messages/batches"
        assert (await stage.turn()).intent.dialect == "messages"

    on_stage(tmp_path, scene, responders=[lambda *_: answering(b"{}")])


# how it passes


@pytest.mark.parametrize("method", [b"GET", b"DELETE", b"PUT", b"PATCH", b"POST"])
def test_the_method_passes(tmp_path: Path, method: bytes) -> None:
    async def scene(stage: Stage) -> None:
        await say(stage, "files/file-1", b"", method=method, default="first")
        request = received(stage)
        assert (request.method, request.target) == (method.decode(), "/v1/files/file-1")
        bodiless = method in (b"GET", b"DELETE")
        assert request.header("content-length") == (None if bodiless else "0")

    on_stage(tmp_path, scene, responders=[lambda *_: answering(b"{}")])


def test_a_head_is_asked_for_as_a_get_and_answered_whole(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        heard = await say(stage, "files/file-1/content", method=b"HEAD", default="first")
        assert received(stage).method == "GET"
        assert heard.field(b"content-type") == b"audio/mpeg"
        assert len(heard.pieces) == 1, "a whole answer, of which the server leaves out the body"
        assert (await stage.turn()).intent.operation == "HEAD files/file-1/content"

    on_stage(tmp_path, scene, responders=[lambda *_: answering(b"ID3", "audio/mpeg")])


def test_a_packed_body_goes_on_plain(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        packed = gzip.compress(SPEECH)
        await say(stage, "audio/speech", packed, (b"content-encoding", b"gzip"))
        assert received(stage).json()["model"] == "tts-1"
        assert received(stage).header("content-encoding") is None

    on_stage(tmp_path, scene, responders=[lambda *_: answering(b"{}")])


def test_a_body_over_the_limit_is_refused(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        heard = await say(stage, "files", b"x" * (1 << 20) + b"x", default="first")
        assert heard.status == 413 and stage.scripted.requests == []

    on_stage(tmp_path, scene)


def test_without_a_key_nothing_is_asked(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        incoming = stage.incoming(SPEECH)
        incoming.headers = []
        await forward(incoming, Forwarding(stage.gateway, "first"), CHAT, Onward("files", "", DIALECTS))
        assert (incoming.status, error(incoming)["code"]) == (401, "invalid_api_key")
        assert stage.scripted.requests == []

    on_stage(tmp_path, scene)


def test_a_file_passes_piece_by_piece(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        audio = bytes(range(256)) * 4096
        stage.scripted.queue(answering(audio, "audio/mpeg"))
        heard = await say(stage, "audio/speech", SPEECH)
        assert heard.sent == audio and len(heard.pieces) > 1
        assert heard.field(b"content-type") == b"audio/mpeg"
        end = await stage.settlement()
        assert (end.outcome, end.usage, end.response_bytes) == ("ok", None, len(audio))

    on_stage(tmp_path, scene)


def test_a_file_that_breaks_off_does_not_end_politely(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        broken = head(200, (("content-type", "audio/mpeg"), ("content-length", "100000"))) + b"ID3"
        stage.scripted.queue((Send(broken), Reset()))
        heard = await say(stage, "audio/speech", SPEECH)
        assert heard.abandoned and heard.sent in (b"ID3", b"")
        assert (await stage.settlement()).outcome == "truncated"

    on_stage(tmp_path, scene)


def test_a_stream_of_events_passes_and_its_usage_counts(tmp_path: Path) -> None:
    events = [
        b'data: {"type":"transcript.text.delta","delta":"Gu"}\n\n',
        b'data: {"type":"transcript.text.done","usage":{"input_tokens":14,"output_tokens":45}}\n\n',
    ]

    async def scene(stage: Stage) -> None:
        stage.scripted.queue(
            (Send(stream_head()), *(Send(chunk(event)) for event in events), Send(LAST_CHUNK))
        )
        heard = await say(stage, "audio/transcriptions", SPEECH)
        assert heard.sent == b"".join(events)
        assert (await stage.settlement()).usage == Usage(uncached=14, output=45)

    on_stage(tmp_path, scene)


def test_a_stream_of_events_that_breaks_off_says_so(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue((Send(stream_head()), Send(chunk(b'data: {"delta":"Gu"}\n\n')), Reset()))
        heard = await say(stage, "audio/transcriptions", SPEECH)
        assert heard.sent.startswith(b'data: {"delta":"Gu"}\n\nevent: error\ndata: {"error":')
        assert (await stage.settlement()).outcome == "truncated"

    on_stage(tmp_path, scene)


def test_an_answer_without_a_body_has_none(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        heard = await say(stage, "files/file-1", method=b"DELETE", default="first")
        assert (heard.status, heard.sent) == (204, b"")

    on_stage(tmp_path, scene, responders=[lambda *_: (Send(head(204, (("content-type", "text/x"),))),)])


def test_an_error_of_the_provider_passes_as_it_came(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.scripted.queue(answering(b'{"error":"odd"}', status=422))
        heard = await say(stage, "audio/speech", SPEECH)
        assert (heard.status, heard.sent) == (422, b'{"error":"odd"}')
        end = await stage.settlement()
        assert (end.outcome, end.http_status, end.error_kind) == ("error", 422, "upstream_status")
        assert len(stage.scripted.requests) == 1, "nothing is tried again"

    on_stage(tmp_path, scene)


def test_two_looks_at_a_batch_at_once_count_it_once(tmp_path: Path) -> None:
    told = b'{"id":"b1","object":"batch","status":"completed","model":"m","usage":{"input_tokens":5}}'

    async def scene(stage: Stage) -> None:
        stage.scripted.on("", (Gate("both"), Send(response(200, told))))
        forwarding = Forwarding(stage.gateway, "first")
        looks = [stage.incoming(b"") for _ in range(2)]
        for incoming in looks:
            incoming.method = b"GET"

        async def let_both_pass() -> None:
            await asyncio.to_thread(stage.scripted.wait_gate, "both", 2)
            stage.scripted.open("both")

        onward = Onward("batches/b1", "", DIALECTS)
        asked = [forward(incoming, forwarding, CHAT, onward) for incoming in looks]
        await asyncio.gather(*asked, let_both_pass())
        await say(stage, "batches/b1", method=b"GET", default="first")
        ends = stage.settlements()
        assert sorted(end.usage is not None for end in ends) == [False, False, True]
        (counted,) = [end for end in ends if end.usage is not None]
        assert (counted.usage, counted.model, counted.tier) == (Usage(5), "m", "batch")
        assert forwarding.looks == set()

    on_stage(tmp_path, scene)


def test_a_range_of_a_batchs_results_is_not_what_it_used(tmp_path: Path) -> None:
    line = b'{"result":{"message":{"model":"m","usage":{"input_tokens":5}}}}\n'

    async def scene(stage: Stage) -> None:
        for status, results in ((206, line), (200, line * 2)):
            stage.scripted.on("", (Send(response(status, results, content_type="application/x-jsonl")),))
            path = "messages/batches/b1/results"
            heard = await say(stage, path, b"", (b"range", b"bytes=0-9"), method=b"GET", default="first")
            assert (heard.status, heard.sent) == (status, results)
        assert [end.usage for end in stage.settlements()] == [None, Usage(10)]

    on_stage(tmp_path, scene)
