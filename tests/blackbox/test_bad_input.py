"""What clients get wrong, and an upstream that is not there: the right status, in OpenAI's error shape."""

import gzip
import json
import socket
import zlib
from pathlib import Path

import brotli
import pytest
import zstandard

from gateway_process import GatewayProcess, configuration
from rawhttp import request
from scripted import ScriptedUpstream

_CHAT = "/v1/chat/completions"

# name, body, status, param
MALFORMED: list[tuple[str, bytes, str | None]] = [
    ("empty", b"", None),
    ("not JSON", b"hello", None),
    ("cut", b'{"model": "scripted/m", "messages": [', None),
    ("trailing comma", b'{"model": "scripted/m",}', None),
    ("two values", b'{"model":"scripted/m"}{"model":"scripted/m"}', None),
    ("an array", b"[1, 2]", None),
    ("a string", b'"model"', None),
    ("null", b"null", None),
    ("not a number", b'{"model": "scripted/m", "temperature": NaN}', None),
    ("byte order mark", b'\xef\xbb\xbf{"model": "scripted/m", "messages": []}', None),
    ("UTF-16", '{"model": "scripted/m", "messages": []}'.encode("utf-16"), None),
    ("invalid UTF-8", b'{"model": "scripted/\xff", "messages": []}', "model"),
    ("two models", b'{"model": "scripted/a", "model": "scripted/b", "messages": []}', None),
    ("5 million brackets", b'{"model": "scripted/m", "messages": ' + b"[" * 5_000_000, None),
    ("no model", b'{"messages": []}', "model"),
    ("model is a number", b'{"model": 7, "messages": []}', "model"),
    ("model is null", b'{"model": null, "messages": []}', "model"),
    ("model is empty", b'{"model": "", "messages": []}', "model"),
    ("stream is text", b'{"model": "scripted/m", "messages": [], "stream": "yes"}', "stream"),
]


@pytest.mark.fault("C7")
@pytest.mark.parametrize(("name", "body", "param"), MALFORMED, ids=[case[0] for case in MALFORMED])
def test_a_body_that_cannot_be_read(
    gateway: GatewayProcess, upstream: ScriptedUpstream, name: str, body: bytes, param: str | None
) -> None:
    reply = gateway.post(_CHAT, body)
    assert reply.status == 400
    error = reply.error()
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert upstream.asked() == []


@pytest.mark.parametrize("model", ["no-such-model", "nobody/m", "/", "scripted/", "m\u0000", "x" * 100_000])
def test_an_unknown_model_is_404_and_says_which(
    gateway: GatewayProcess, upstream: ScriptedUpstream, model: str
) -> None:
    reply = gateway.chat(model)
    assert reply.status in (400, 404)
    error = reply.error()
    assert error["param"] == "model"
    assert len(str(error["message"])) < 2000
    assert upstream.asked() == []
    if reply.status == 404:
        assert error["code"] == "model_not_found"


def test_an_unknown_model_is_not_found_by_its_own_address_either(gateway: GatewayProcess) -> None:
    reply = gateway.get("/v1/models/no-such-model")
    assert reply.status == 404
    assert reply.error()["code"] == "model_not_found"


@pytest.mark.parametrize("key", ["", "wrong", "lgw_" + "a" * 40, "sk-" + "b" * 48, "lgw_\u00fc"])
@pytest.mark.parametrize("target", [_CHAT, "/v1/completions", "/v1/embeddings"])
def test_a_wrong_key_is_401(
    gateway: GatewayProcess, upstream: ScriptedUpstream, key: str, target: str
) -> None:
    with gateway.client() as client:
        client.send(request("POST", target, body=gateway.chat_body("scripted/m"), key=key))
        reply = client.read_reply()
    assert reply.status == 401
    assert reply.error()["code"] == "invalid_api_key"
    assert upstream.asked() == []
    assert key == "" or key not in reply.body.decode(), "a key is never repeated"


@pytest.mark.parametrize("target", ["/v1/models", "/v1/models/scripted/m", "/metrics", "/openapi.json"])
def test_reading_needs_a_key_too(gateway: GatewayProcess, target: str) -> None:
    assert gateway.get(target, key="lgw_wrong").status == 401


@pytest.mark.parametrize("header", ["x-api-key", "x-goog-api-key", "api-key", "x-llm-gateway-key"])
def test_every_credential_header_opens_the_door_and_none_goes_on(
    gateway: GatewayProcess, upstream: ScriptedUpstream, header: str
) -> None:
    with gateway.client() as client:
        body = gateway.chat_body("scripted/m")
        client.send(request("POST", _CHAT, body=body, headers=[(header, gateway.key)]))
        assert client.read_reply().status == 200
        client.send(request("POST", _CHAT, body=body, headers=[(header, gateway.key + "x")]))
        assert client.read_reply().status == 401
    (asked,) = upstream.asked()
    assert gateway.key.encode() not in asked.raw


@pytest.mark.fault("C5")
def test_a_body_over_the_limit_is_413_before_it_has_come(gateway: GatewayProcess) -> None:
    head = f"POST {_CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {gateway.key}\r\n"
    with gateway.client() as client:
        client.send(f"{head}Content-Length: {65 * 1024 * 1024}\r\n\r\n".encode() + b"{" * 1000)
        reply = client.read_reply()
        assert client.read_to_end()[1] in ("closed", "reset")
    assert reply.status == 413
    assert reply.error()["message"]


@pytest.mark.fault("C5")
def test_an_endless_chunked_body_is_413(gateway: GatewayProcess) -> None:
    head = f"POST {_CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {gateway.key}\r\n"
    piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    with gateway.client(timeout=30) as client:
        client.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(70):
            client.send(piece)
        data, _ = client.read_to_end(10)
    assert b" 413 " in data.split(b"\r\n", 1)[0]


def _packed(coding: str, data: bytes) -> bytes:
    match coding:
        case "gzip":
            return gzip.compress(data)
        case "deflate":
            return zlib.compress(data)
        case "br":
            return bytes(brotli.compress(data, quality=1))
        case _:
            return zstandard.compress(data)


@pytest.mark.fault("C5")
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_packed_body_is_unpacked_under_the_limit(
    gateway: GatewayProcess, upstream: ScriptedUpstream, coding: str
) -> None:
    headers = [("content-encoding", coding)]
    plain = gateway.chat_body("scripted/m")
    assert gateway.post(_CHAT, _packed(coding, plain), headers=headers).status == 200
    (asked,) = upstream.asked()
    assert asked.json() == json.loads(plain) | {"model": "m"}
    assert asked.header("content-encoding") is None
    before = gateway.status_kib("VmHWM")
    assert gateway.post(_CHAT, _packed(coding, bytes(200 * 1024 * 1024)), headers=headers).status == 413
    assert gateway.status_kib("VmHWM") - before < 200 * 1024
    assert gateway.post(_CHAT, plain, headers=headers).status == 400
    assert gateway.post(_CHAT, _packed(coding, plain)[:-6], headers=headers).status == 400


def test_an_unknown_coding_is_415(gateway: GatewayProcess) -> None:
    reply = gateway.post(_CHAT, b"x", headers=[("content-encoding", "compress")])
    assert reply.status == 415
    assert "gzip" in str(reply.error()["message"])


def test_an_unknown_path_is_404_and_a_wrong_method_405(gateway: GatewayProcess) -> None:
    assert gateway.get("/v1/no/such/path").status == 404
    wrong = gateway.get(_CHAT)
    assert wrong.status == 405
    assert wrong.header("allow") == "POST"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8787"])
def test_another_host_is_misdirected(gateway: GatewayProcess, host: str) -> None:
    with gateway.client() as client:
        client.send(request("GET", "/v1/models", key=gateway.key, host=host))
        assert client.read_reply().status in (403, 421)


@pytest.mark.parametrize(
    "headers",
    [
        [("origin", "https://evil.example")],
        [("origin", "null")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
    ],
    ids=lambda headers: ": ".join(headers[0]),
)
def test_a_page_of_another_site_is_forbidden(
    gateway: GatewayProcess, upstream: ScriptedUpstream, headers: list[tuple[str, str]]
) -> None:
    reply = gateway.post(_CHAT, gateway.chat_body("scripted/m"), headers=headers)
    assert reply.status == 403
    assert not any(name.startswith("access-control-") for name, _ in reply.headers)
    assert upstream.asked() == []


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_is_down_is_502_and_in_the_ledger(tmp_path: Path, stream: bool) -> None:
    config = configuration(f"http://127.0.0.1:{closed_port()}", models=["m"])
    with GatewayProcess(tmp_path, config) as gateway:
        reply = gateway.chat("scripted/m", stream=stream)
        assert reply.status == 502
        error = reply.error()
        assert "refused" in str(error["message"])
        assert error["code"] == "upstream_unreachable"
        row = gateway.row(reply.header("x-llm-gateway-request-id"))
        assert row["provider"] == "scripted"
        assert row["status"] == "error"


def test_a_refused_request_never_reaches_the_ledger_or_the_upstream_twice(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    before = {row["id"] for row in gateway.rows()}
    gateway.post(_CHAT, b"nonsense")
    assert {row["id"] for row in gateway.rows()} == before
    reply = gateway.chat("scripted/m")
    assert {row["id"] for row in gateway.rows()} - before == {reply.header("x-llm-gateway-request-id")}
    assert len(upstream.asked()) == 1
