"""The model process by itself: what it says, whom it answers, and when it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from llm_gateway.engines.local.orders import Orders, Ready
from llm_gateway.engines.local.process import parameters
from rawhttp import RawClient, Reply, request
from tiny_model import make_tiny_model

KEY = "key-of-the-model-process"


def orders(weights: Path) -> Orders:
    return Orders(weights=str(weights), alias="tiny", key=KEY, threads=1, context=512, slots=2, rest_s=60)


@contextmanager
def process() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-P", "-m", "llm_gateway.engines.local.process"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def order(child: subprocess.Popen[bytes], line: bytes) -> bytes:
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write(line + b"\n")
    child.stdin.flush()
    return child.stdout.readline()


def ask(port: int, target: str, key: str) -> Reply:
    with RawClient(port) as client:
        client.send(request("GET", target, key=key))
        return client.read_reply()


def test_answers_its_gateway_alone_and_ends_with_it(tmp_path: Path) -> None:
    with process() as child:
        line = order(child, msgspec.json.encode(orders(make_tiny_model(tmp_path / "tiny.gguf"))))
        port = msgspec.json.decode(line, type=Ready).port
        assert ask(port, "/v1/models", KEY).status == 200
        assert ask(port, "/v1/models", "another-key").status == 401
        assert ask(port, "/v1/models", "").status == 401
        assert ask(port, "/slots", KEY).status == 501
        assert ask(port, "/", KEY).status == 404
        for interrupt in (signal.SIGINT, signal.SIGTERM):
            os.kill(child.pid, interrupt)
        assert ask(port, "/v1/models", KEY).status == 200
        assert child.stdin is not None and child.stdout is not None
        child.stdin.close()
        assert child.wait(5) == 0
        assert child.stdout.read() == b""  # nothing but its one answer


@pytest.mark.parametrize("line", [b"", b"nonsense", b'{"weights":1}'])
def test_ends_on_orders_that_it_cannot_read(line: bytes) -> None:
    with process() as child:
        assert order(child, line) == b""
        assert child.wait(5) == 1


def test_listens_on_loopback_with_a_key_and_no_pages(tmp_path: Path) -> None:
    wanted = parameters(orders(tmp_path / "tiny.gguf"))
    assert (wanted.hostnames, wanted.port, wanted.api_keys) == (["127.0.0.1"], 0, [KEY])
    assert (wanted.ui, wanted.endpoint_slots, wanted.cors_origins) == (False, False, "")
    assert (wanted.n_ctx, wanted.n_parallel, wanted.cpuparams.n_threads) == (512, 2, 1)
