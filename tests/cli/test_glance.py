"""The status line is one line, quick and harmless, whatever is in its way."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway_process import GatewayProcess
from llm_gateway.cli.glance import DOWN, ask, glance, home_of
from llm_gateway.config import default_home
from llm_gateway.vault import write_private
from terminal import program

MODULES = "import sys; from llm_gateway.cli import main; print(*sys.modules)"


def leave(home: Path, port: int, pid: int | None = None) -> None:
    """Leave what a gateway leaves that runs."""
    running = {"url": f"http://127.0.0.1:{port}", "pid": pid or os.getpid()}
    write_private(home / "running.json", json.dumps(running).encode())
    write_private(home / "owner-token", b"lgo_" + b"a" * 49)


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Answer with these bytes, one after the other, on one connection; yield the port and what was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                for answer in answers:
                    asked.append(connection.recv(65536))
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], asked
        thread.join(5)


def reply(body: bytes, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def test_a_gateway_that_runs_says_its_line(gateway: GatewayProcess) -> None:
    assert gateway.chat("demo/echo").status == 200
    told = ask(str(gateway.home / "gateway"), {"session_id": "none of its own", "model": {"id": "x"}})
    assert str(told["line"]).startswith("gateway | today ") and " tok $0.00" in str(told["line"])
    assert told["state"] == "ok" and told["conversation_tokens"] == 0


def test_what_claude_code_says_is_read_from_stdin(gateway: GatewayProcess) -> None:
    """The shape is that of code.claude.com, "Customize your status line"."""
    session = "5f0c9a3e-1111-4222-8333-944455556666"
    headers = (("x-claude-code-session-id", session),)
    assert gateway.post("/v1/chat/completions", gateway.chat_body("demo/echo"), headers=headers).status == 200
    said = {
        "session_id": session,
        "transcript_path": "t.jsonl",
        "cwd": "project",
        "model": {"id": "claude-opus-5", "display_name": "Opus"},
        "workspace": {"current_dir": "project", "project_dir": "project"},
        "version": "2.1.0",
        "cost": {"total_cost_usd": 0.01, "total_duration_ms": 45000},
        "rate_limits": {"five_hour": {"used_percentage": 23.5, "resets_at": 1738425600}},
    }
    done = program(gateway.home / "gateway", "statusline", typed=json.dumps(said))
    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 1 and " | this one " in done.out
    other = program(
        gateway.home / "gateway", "statusline", typed=json.dumps({**said, "session_id": "another"})
    )
    assert " | this one " not in other.out
    for typed in ("", "{", "[1]", json.dumps({"session_id": 7})):
        assert program(gateway.home / "gateway", "statusline", typed=typed).out == other.out


def test_it_is_quick_and_brings_nothing_slow(gateway: GatewayProcess) -> None:
    done = subprocess.run([sys.executable, "-c", MODULES], check=True, capture_output=True, text=True)
    slow = {"asyncio", "click", "msgspec", "email", "http.client", "ssl", "sqlite3", "llm_gateway.errors"}
    assert not slow & set(done.stdout.split())
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        assert program(gateway.home / "gateway", "statusline").code == 0
        taken.append(time.perf_counter() - began)
    assert min(taken) < 0.5, "a bare interpreter takes a part of it, and a machine that is busy more"


@pytest.mark.parametrize(
    "arguments", [["--json"], ["--print-setup"], ["--help"], ["--home"], ["--config", "x"]]
)
def test_everything_else_is_for_the_whole_command_line(arguments: list[str]) -> None:
    assert glance(arguments, {}) is False


def test_a_gateway_that_is_down_is_said_and_all_is_well(tmp_path: Path) -> None:
    assert ask(str(tmp_path), {}) == {"line": DOWN}
    done = program(tmp_path / "home", "statusline")
    assert (done.code, done.out, done.err) == (0, f"{DOWN}\n", "")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    leave(tmp_path, port)
    assert ask(str(tmp_path), {}) == {"line": DOWN}, "nobody listens any more"
    done_pid = subprocess.Popen([sys.executable, "-c", ""])
    done_pid.wait()
    leave(tmp_path, port, done_pid.pid)
    assert ask(str(tmp_path), {}) == {"line": DOWN}


def test_the_token_is_shown_to_who_lives_and_in_no_file_that_others_read(tmp_path: Path) -> None:
    with answering(reply(b"ok\n"), reply(b'{"line":"gateway | today 5 tok\\u001b[2J"}')) as (port, asked):
        leave(tmp_path, port)
        assert ask(str(tmp_path), {"session_id": "a b&c"}) == {"line": "gateway | today 5 tok?[2J"}
    assert asked[0].startswith(b"GET /livez ") and b"lgo_" not in asked[0]
    assert asked[1].startswith(b"GET /api/dashboard/statusline?session=a%20b%26c HTTP/1.1\r\n")
    assert b"Authorization: Bearer lgo_" in asked[1]
    (tmp_path / "owner-token").chmod(0o644)
    assert ask(str(tmp_path), {}) == {"line": DOWN}


@pytest.mark.parametrize(
    ("answers", "line"),
    [
        ((b"SSH-2.0-x\r\n\r\n",), DOWN),
        ((b"",), DOWN),
        ((reply(b"no", 404),), "gateway: answered 404 (llm-gateway doctor)"),
        ((reply(b"ok"), reply(b'{"error":"x"}', 401)), "gateway: answered 401 (llm-gateway doctor)"),
        ((reply(b"ok"), reply(b"[]")), "gateway: answered 200 (llm-gateway doctor)"),
        ((reply(b"ok"), reply(b"<html>")), "gateway: answered 200 (llm-gateway doctor)"),
        ((reply(b"ok"), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"), DOWN),
    ],
)
def test_whatever_answers_is_a_line(tmp_path: Path, answers: tuple[bytes, ...], line: str) -> None:
    with answering(*answers) as (port, _):
        leave(tmp_path, port)
        assert ask(str(tmp_path), {}) == {"line": line}


def test_one_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        leave(tmp_path, server.getsockname()[1])
        began = time.monotonic()
        assert ask(str(tmp_path), {}) == {"line": "gateway: does not answer (llm-gateway doctor)"}
        assert time.monotonic() - began < 3


def test_the_home_is_that_of_every_command(tmp_path: Path) -> None:
    assert home_of("") == str(default_home())
    assert home_of(str(tmp_path)) == str(tmp_path)
