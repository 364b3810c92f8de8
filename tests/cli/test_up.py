"""The life of a gateway: it starts once, says so once, ends in order, and leaves nothing open."""

import json
import os
import pty
import re
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from certificate import self_signed
from gateway_process import GatewayProcess
from llm_gateway.vault import looks_like_key
from rawhttp import RawClient, request
from scripted import ScriptedUpstream
from server_stage import home_files
from terminal import Started, Terminal, program

KEY = re.compile(r"lgw_\w+")
UP = ("up", "--port", "0")


def keys_in(text: str) -> list[str]:
    return [found for found in KEY.findall(text) if looks_like_key(found)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


# the first start, and the second


def test_the_first_start_makes_a_key_and_shows_it_once(home: Path) -> None:
    with Started(home, *UP, "--json") as first:
        told = first.object()
        port = int(str(told["url"]).rpartition(":")[2])
        assert told == {
            "schema": "llm-gateway/up/v1",
            "url": f"http://127.0.0.1:{port}",
            "pid": first.process.pid,
            "home": str(home),
            "already": False,
        }
        first.send(signal.SIGTERM)
        done = first.end()
    (key,) = keys_in(done.err)
    assert (done.code, done.out) == (0, "")
    assert "OpenAI base URL" in done.err and "llm-gateway smoke" in done.err
    assert key.encode() not in home_files(home)
    with Started(home, *UP, "--json") as second:
        port = int(str(second.object()["url"]).rpartition(":")[2])
        with RawClient(port) as client:
            client.send(request("GET", "/v1/models", key=key))
            assert client.read_reply().status == 200
        second.send(signal.SIGINT)
        done = second.end()
    assert (done.code, keys_in(done.err)) == (0, [])


def test_where_a_key_is_given_none_is_made(tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, "") as gateway:
        assert gateway.stop() == 0
    assert keys_in(gateway.stderr()) == []


def test_a_second_up_says_that_it_runs_already(gateway: GatewayProcess, terminal: Terminal) -> None:
    for options in ((), ("--detach",), ("--port", "0")):
        done = terminal.ok("up", *options)
        assert (done.out, done.err) == ("", f"already running: {gateway.url} (pid {gateway.pid})\n")
    told = terminal.json("up")
    assert (told["already"], told["url"], told["pid"]) == (True, gateway.url, gateway.pid)


def test_a_port_that_is_used_is_said_and_costs_nothing(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = program(home, "up", "--port", port)
        assert (done.code, done.out) == (1, "")
        assert f"127.0.0.1:{port} cannot be listened on: address already in use" in done.err.lower()
        assert "`llm-gateway status`" in done.err and "--port" in done.err
        behind = program(home, "up", "--port", port, "--detach")
        assert behind.code == 1 and "cannot be listened on" in behind.err
    assert keys_in(done.err) == [], "a key that was made would never be shown again"


def test_a_start_that_failed_leaves_the_first_key_to_the_next(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        program(home, "up", "--port", str(other.getsockname()[1]))
    with Started(home, *UP, "--json") as started:
        started.object()
        started.send(signal.SIGTERM)
        assert len(keys_in(started.end().err)) == 1


def test_a_ledger_that_another_process_holds_is_said(home: Path) -> None:
    with Started(home, *UP, "--json") as first:
        first.object()
        (home / "running.json").unlink()
        done = program(home, *UP)
        assert done.code == 1
        assert f"pid {first.process.pid}" in done.err and "`llm-gateway down`" in done.err


# in the background


@pytest.fixture
def detached(home: Path) -> Iterator[Path]:
    yield home
    program(home, "down")


def test_in_the_background_and_down_again(detached: Path) -> None:
    done = program(detached, *UP, "--detach", "--json")
    told = json.loads(done.out)
    assert done.code == 0, done.err
    (key,) = keys_in(done.err)
    port = int(told["url"].rpartition(":")[2])
    with RawClient(port) as client:
        client.send(request("GET", "/v1/models", key=key))
        assert client.read_reply().status == 200
    assert program(detached, "status").code == 0
    log = detached / "gateway.log"
    assert "LLM Gateway is ready" in log.read_text() and str(log) in done.err
    stopped = program(detached, "down")
    assert (stopped.code, stopped.err) == (0, "stopped\n")
    assert key.encode() not in home_files(detached), "a log is no place for a key"
    assert log.stat().st_mode & 0o777 == 0o600
    assert not (detached / "running.json").exists()
    gone = program(detached, "down")
    assert gone.code == 5 and "no gateway runs" in gone.err
    assert program(detached, "status").code == 5


def test_a_start_in_the_background_that_is_refused_says_why(detached: Path) -> None:
    done = program(detached, *UP, "--host", "0.0.0.0", "--detach")
    assert (done.code, done.out) == (6, "")
    assert "server.expose = true" in done.err and f"its log: {detached / 'gateway.log'}" in done.err


# the end


Streaming = tuple[GatewayProcess, ScriptedUpstream, RawClient]


def test_a_running_stream_is_let_end(streaming: Streaming) -> None:
    gateway, upstream, client = streaming
    with gateway.client() as waiting:
        waiting.send(request("GET", "/livez"))
        waiting.read_reply()
        ended: list[int] = []
        stopping = threading.Thread(target=lambda: ended.append(gateway.stop()))
        stopping.start()
        assert waiting.read_to_end()[1] == "closed", "what rests is closed at once"
        upstream.open("rest")
        reply = client.read_reply()
        stopping.join(30)
    assert ended == [0]
    assert reply.whole and reply.events()[-1] == b"[DONE]"
    gateway.start()
    row = gateway.row(reply.header("x-llm-gateway-request-id"))
    assert (row["status"], row["tokens_out"]) == ("ok", 12)


def test_the_second_signal_does_not_wait(streaming: Streaming) -> None:
    gateway, _, client = streaming
    with gateway.client() as waiting:
        waiting.send(request("GET", "/livez"))
        waiting.read_reply()
        ended: list[int] = []
        stopping = threading.Thread(target=lambda: ended.append(gateway.stop()))
        pid = gateway.pid
        stopping.start()
        assert waiting.read_to_end()[1] == "closed"
        os.kill(pid, signal.SIGTERM)
        stopping.join(10)
    assert ended == [0]
    assert client.read_to_end()[1] in ("closed", "reset")
    gateway.start()
    row = gateway.rows()[0]
    assert (row["status"], row["error"]) == ("error", "draining")


# TLS


def test_tls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate, key = self_signed(tmp_path)
    config = f'[server]\ntls_cert = "{certificate}"\ntls_key = "{key}"\n'
    context = ssl.create_default_context(cafile=str(certificate))
    with GatewayProcess(tmp_path, config) as gateway:
        assert gateway.url == f"https://127.0.0.1:{gateway.port}"
        with (
            socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            secure.sendall(gateway.chat_request("demo/echo", stream=True))
            received = b""
            while b"[DONE]" not in received:
                data = secure.recv(65536)
                assert data, received
                received += data
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        terminal = Terminal(tmp_path / "gateway", capsys)
        assert f"\nok  {gateway.url}  " in terminal.ok("status").out
        assert terminal.json("smoke", "demo/echo")["visible"] is True
        assert gateway.stop() == 0


def test_a_key_that_does_not_fit_its_certificate_is_said(tmp_path: Path, home: Path) -> None:
    certificate, key = self_signed(tmp_path, passphrase="secret")
    environ = {"LLM_GATEWAY_SERVER__TLS_CERT": str(certificate), "LLM_GATEWAY_SERVER__TLS_KEY": str(key)}
    closed = program(home, *UP, environ=environ)
    assert closed.code == 1 and "are no pair" in closed.err
    gone = program(home, *UP, environ={**environ, "LLM_GATEWAY_SERVER__TLS_KEY": "none.pem"})
    assert gone.code == 1 and "No such file" in gone.err


# the terminal


def test_a_gateway_ends_with_its_terminal(home: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "llm_gateway", "--home", str(home), *UP])
    said = b""
    while b"llm-gateway smoke" not in said:
        said += os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
