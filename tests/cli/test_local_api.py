"""The way to the gateway of this machine: found when it answers, and nobody else gets the owner's token."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway_process import GatewayProcess
from llm_gateway import __version__
from llm_gateway.cli.local_api import LocalApi, Running, error_message, is_alive
from llm_gateway.cli.output import FAILED, NOT_RUNNING, Stop
from llm_gateway.errors import ConfigError
from llm_gateway.vault import load_or_create_owner_token
from pipeline_stage import closed_port

OK = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b"


@contextmanager
def stranger(home: Path, *answers: bytes) -> Iterator[list[bytes]]:
    """Leave the address of a program that is no gateway, and yield what it is sent."""
    heard: list[bytes] = []
    load_or_create_owner_token(home)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for answer in answers:
                peer, _ = listener.accept()
                with peer:
                    heard.append(peer.recv(65536))
                    peer.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        Running(f"http://127.0.0.1:{listener.getsockname()[1]}", os.getpid()).leave(home)
        try:
            yield heard
        finally:
            thread.join(10)


def test_the_address_is_left_and_taken_back(tmp_path: Path) -> None:
    assert Running.read(tmp_path) is None
    Running("http://127.0.0.1:1", 7).leave(tmp_path)
    assert Running.read(tmp_path) == Running("http://127.0.0.1:1", 7)
    Running.forget(tmp_path)
    Running.forget(tmp_path)
    assert Running.read(tmp_path) is None


def test_an_address_that_is_none_is_no_gateway(tmp_path: Path) -> None:
    (tmp_path / "running.json").write_bytes(b"{")
    (tmp_path / "running.json").chmod(0o600)
    assert Running.read(tmp_path) is None
    assert LocalApi.find(tmp_path) is None


def test_a_gateway_that_has_died_is_not_found(tmp_path: Path) -> None:
    load_or_create_owner_token(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    Running(f"http://127.0.0.1:{closed_port()}", child.pid).leave(tmp_path)
    assert LocalApi.find(tmp_path) is None
    Running(f"http://127.0.0.1:{closed_port()}", os.getpid()).leave(tmp_path)
    assert LocalApi.find(tmp_path) is None


def test_a_stranger_on_its_port_is_not_given_the_token(tmp_path: Path) -> None:
    with stranger(tmp_path, b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n") as heard:
        assert LocalApi.find(tmp_path) is None
    assert heard[0].startswith(b"GET /livez ") and b"uthorization" not in heard[0]


def test_a_stranger_that_says_yes_is_no_crash(tmp_path: Path) -> None:
    with stranger(tmp_path, OK % (2, b"ok"), OK % (5, b"hello"), b"not HTTP\r\n\r\n"):
        api = LocalApi.find(tmp_path)
        assert api is not None
        with pytest.raises(Stop, match="is not this gateway") as no_json:
            api.get("/api/dashboard/health")
        with pytest.raises(Stop, match="the answer is not HTTP") as no_http:
            api.get("/api/dashboard/health")
    assert (no_json.value.code, no_http.value.code) == (FAILED, NOT_RUNNING)


def test_a_token_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    load_or_create_owner_token(tmp_path)
    (tmp_path / "owner-token").chmod(0o640)
    with pytest.raises(ConfigError, match="open to others"):
        LocalApi.find(tmp_path)


def test_it_speaks_with_the_gateway(gateway: GatewayProcess) -> None:
    api = LocalApi.find(gateway.home / "gateway")
    assert api is not None
    assert (api.url, api.pid) == (gateway.url, gateway.pid)
    assert api.get("/api/dashboard/health")["version"] == __version__
    assert api.get("/api/dashboard/requests", limit="1").keys() == {"requests", "next"}
    refused = api.send("POST", "/api/keys", b"{}")
    assert refused.status == 400 and refused.headers["content-type"] == "application/json"
    with pytest.raises(Stop, match=r"error: .*is not a name for a key") as stopped:
        api.call("POST", "/api/keys", {"name": "/"})
    assert stopped.value.code == FAILED
    body = b'{"model": "demo/slow", "messages": [{"role": "user", "content": "a b c d e f g h i"}]}'
    with pytest.raises(OSError, match="timed out"):
        api.send("POST", "/v1/chat/completions", body, timeout=0.2)


def test_what_an_error_says() -> None:
    assert error_message(b'{"error": {"message": "no", "code": null}}') == "no"
    assert error_message(b'{"error": "no"}') == "no"
    for body in (b"", b"[]", b"{}", b'{"error": 1}', b'{"error": {}}', b"\xff"):
        assert error_message(body) == ""


def test_a_process_that_waits_to_be_buried_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(child.pid)
    child.wait()
    assert not is_alive(child.pid)
    assert is_alive(os.getpid())
    assert is_alive(1)
