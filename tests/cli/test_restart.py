"""A restart: the same process and the same sockets, another program; or a refusal that stops nothing."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from gateway_process import GatewayProcess
from llm_gateway.cli.local_api import Running
from llm_gateway.vault import mint_key
from rawhttp import RawClient, request
from scripted import ScriptedUpstream
from terminal import Started, Terminal, program

LIVE = request("GET", "/livez")
_SOON_S = 20.0
# Starts a program as a service manager does: its first argument is a socket's descriptor.
_ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="llm-gateway.socket")
os.execv(sys.executable, [sys.executable, "-m", "llm_gateway", *sys.argv[2:]])
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[GatewayProcess]:
    """Return a gateway of the test's own."""
    with GatewayProcess(tmp_path, "") as gateway:
        yield gateway


@pytest.fixture
def at(own: GatewayProcess, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Return a terminal on its home."""
    return Terminal(own.home / "gateway", capsys, {"LLM_GATEWAY_CONFIG": str(own.home / "gateway.toml")})


def run_of(home: Path) -> str:
    running = Running.read(home)
    return running.run if running is not None else ""


def until(done: Callable[[], bool]) -> None:
    """Wait until it is so."""
    end = time.monotonic() + _SOON_S
    while not done():
        assert time.monotonic() < end, "it never was"
        time.sleep(0.01)


# what it does


def kept_open(pid: int) -> int:
    """Return how many descriptors a process holds all the time; now and then it reads files."""
    counts = []
    for _ in range(20):
        counts.append(len(os.listdir(f"/proc/{pid}/fd")))
        time.sleep(0.05)
    return min(counts)


def test_the_process_stays_and_its_clients_do(own: GatewayProcess, at: Terminal) -> None:
    with own.client() as client:
        client.send(LIVE)
        assert client.read_reply().status == 200
        runs = {run_of(at.home)}
        told = at.json("restart")
        assert told == {
            "schema": "llm-gateway/restart/v1",
            "url": own.url,
            "pid": own.pid,
            "home": str(at.home),
        }
        runs.add(run_of(at.home))
        opened = kept_open(own.pid)
        assert at.ok("restart").err == f"restarted: {own.url} (pid {own.pid})\n"
        runs.add(run_of(at.home))
        assert len(runs) == 3
        client.send(LIVE)
        assert client.read_reply().status == 200
        assert kept_open(own.pid) == opened, "and none is left behind"
    assert own.stop() == 0
    assert "Traceback" not in own.stderr()


def test_a_gateway_in_the_background(tmp_path: Path) -> None:
    home = tmp_path / "home"
    key = mint_key()
    environ = {"LLM_GATEWAY_BOOTSTRAP_KEY": key}
    done = program(home, "up", "--port", "0", "--detach", "--json", environ=environ)
    told = json.loads(done.out)
    try:
        again = program(home, "restart")
        assert again.code == 0, again.err
        assert f"restarted: {told['url']} (pid {told['pid']})" in again.err
        with RawClient(int(told["url"].rpartition(":")[2])) as client:
            client.send(request("GET", "/v1/models", key=key))
            assert client.read_reply().status == 200
        assert (home / "gateway.log").read_text().count("LLM Gateway is ready") == 2
    finally:
        assert program(home, "down").code == 0


def test_what_only_a_start_can_change(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [sock.getsockname()[1] for sock in (one, two)]
    file = home / "gateway.toml"
    file.write_text(f"[server]\nport = {ports[0]}\n")
    with Started(home, "up", "--json") as started:
        started.object()
        with RawClient(ports[0]) as client:
            client.send(LIVE)
            client.read_reply()
            file.write_text(f"[server]\nport = {ports[1]}\n")
            done = program(home, "restart")
            assert done.code == 0 and f"http://127.0.0.1:{ports[1]} " in done.err
            assert client.read_to_end()[1] in ("closed", "reset"), "a client of another address"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", ports[0]))
        started.send(signal.SIGTERM)
        done = started.end()
        assert (done.code, done.out) == (0, ""), "it is said once on stdout that it is ready"


def test_asked_again_and_again_it_goes_on(own: GatewayProcess, at: Terminal) -> None:
    """A signal that comes while there is no program to take it waits for one."""
    before = run_of(at.home)
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        os.kill(own.pid, signal.SIGUSR2)
        os.kill(own.pid, signal.SIGHUP)
        time.sleep(0.01)
    until(lambda: run_of(at.home) not in ("", before) and own.get("/livez").status == 200)
    at.ok("restart")
    assert own.stop() == 0


# what it refuses


def test_no_gateway_runs(stopped: Terminal) -> None:
    done = stopped("restart")
    assert done.code == 5 and "no gateway runs" in done.err and "`llm-gateway up`" in done.err


def test_a_file_that_is_wrong_stops_nothing(own: GatewayProcess, at: Terminal) -> None:
    run, file = run_of(at.home), own.home / "gateway.toml"
    file.write_text("[server]\nprot = 1\n")
    done = at("restart")
    assert done.code == 1 and "server.prot" in done.err
    os.kill(own.pid, signal.SIGUSR2)
    until(lambda: "the restart is refused" in own.stderr())
    assert "server.prot: there is no such setting" in own.stderr()
    file.write_text("")
    assert own.get("/livez").status == 200 and run_of(at.home) == run
    at.ok("restart")


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ('[[providers]]\nname = "openai"\napi_key_env = "NO_SUCH_KEY"\n', "NO_SUCH_KEY is not set"),
        ('[server]\ntls_cert = "none.pem"\ntls_key = "none.pem"\n', "are no pair"),
        ('[server]\nhost = "0.0.0.0"\n', "server.expose = true"),
        ('[local]\nmodel_path = "none.gguf"\n', "there is no such file"),
    ],
    ids=["a key", "a certificate", "an exposure", "a model"],
)
def test_what_would_not_start_stops_nothing(own: GatewayProcess, at: Terminal, config: str, why: str) -> None:
    run = run_of(at.home)
    (own.home / "gateway.toml").write_text(config)
    done = at("restart")
    assert done.code == 1 and why in done.err and "goes on as it is" in done.err
    assert own.get("/livez").status == 200 and run_of(at.home) == run
    again = at("restart")
    assert again.code == 1 and why in again.err


def test_a_program_that_is_broken_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What an upgrade that went wrong leaves behind."""
    package = tmp_path / "installed" / "llm_gateway"
    source = Path(__file__).resolve().parents[2] / "src" / "llm_gateway"
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    with GatewayProcess(tmp_path, "", environ={"PYTHONPATH": str(package.parent)}) as gateway:
        terminal = Terminal(
            gateway.home / "gateway", capsys, {"LLM_GATEWAY_CONFIG": str(tmp_path / "gateway.toml")}
        )
        (package / "app.py").write_text("import nothing_of_that_name\n")
        done = terminal("restart")
        assert done.code == 1 and "nothing_of_that_name" in done.err
        assert gateway.get("/livez").status == 200
        shutil.copy(source / "app.py", package / "app.py")
        terminal.ok("restart")


def test_a_gateway_of_an_older_version_is_left_alone(own: GatewayProcess, at: Terminal) -> None:
    (at.home / "running.json").write_text(json.dumps({"url": own.url, "pid": own.pid}))
    done = at("restart")
    assert done.code == 1 and "`llm-gateway down`" in done.err
    assert own.alive


def test_a_start_that_fails_all_the_same_is_said(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with socket.create_server(("127.0.0.1", 0)) as taken, Started(home, "up", "--port", "0", "--json") as up:
        up.object()
        up.send(signal.SIGTERM)
        up.end()
        (home / "gateway.toml").write_text("[server]\nport = 0\n")
        with Started(home, "up", "--json") as started:
            started.object()
            (home / "gateway.toml").write_text(f"[server]\nport = {taken.getsockname()[1]}\n")
            done = program(home, "restart")
            assert done.code == 1 and "has ended; its log may say why" in done.err
            ended = started.end()
            assert ended.code == 1 and "cannot be listened on" in ended.err


# while answers run


Streaming = tuple[GatewayProcess, ScriptedUpstream, RawClient]


def test_a_running_stream_ends_and_others_wait(streaming: Streaming) -> None:
    gateway, upstream, client = streaming
    with gateway.client() as waiting:
        waiting.send(LIVE)
        waiting.read_reply()
        run = run_of(gateway.home / "gateway")
        os.kill(gateway.pid, signal.SIGUSR2)
        until(lambda: "restarting: " in gateway.stderr())
        with gateway.client() as comes:
            for each in (waiting, comes):
                each.send(LIVE)
            time.sleep(0.3)
            assert run_of(gateway.home / "gateway") == run, "it waits for the stream"
            upstream.open("rest")
            reply = client.read_reply()
            assert reply.whole and reply.events()[-1] == b"[DONE]"
            for each in (waiting, comes, client):
                if each is client:
                    each.send(LIVE)
                assert each.read_reply().status == 200
    assert run_of(gateway.home / "gateway") != run
    assert gateway.row(reply.header("x-llm-gateway-request-id"))["status"] == "ok"


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_meanwhile_it_stops(streaming: Streaming, name: signal.Signals) -> None:
    gateway, upstream, client = streaming
    with gateway.client() as waiting:
        waiting.send(LIVE)
        waiting.read_reply()
        os.kill(gateway.pid, signal.SIGUSR2)
        until(lambda: "restarting: " in gateway.stderr())
        os.kill(gateway.pid, name)
        assert waiting.read_to_end()[1] == "closed"
    upstream.open("rest")
    assert client.read_reply().events()[-1] == b"[DONE]"
    until(lambda: not gateway.alive)
    assert gateway.stop() == 0
    assert gateway.stderr().count("LLM Gateway is ready") == 1
    assert not (gateway.home / "gateway" / "running.json").exists()


def test_the_second_of_them_does_not_wait(streaming: Streaming) -> None:
    gateway, _, client = streaming
    os.kill(gateway.pid, signal.SIGUSR2)
    until(lambda: "restarting: " in gateway.stderr())
    os.kill(gateway.pid, signal.SIGTERM)
    until(lambda: "stopping: " in gateway.stderr())
    os.kill(gateway.pid, signal.SIGTERM)
    assert client.read_to_end()[1] in ("closed", "reset")
    until(lambda: not gateway.alive)


# a service manager's sockets


class Activated:
    """A gateway on a socket that somebody else has opened. Use as a context manager."""

    def __init__(self, home: Path, sock: socket.socket, *arguments: str) -> None:
        kept = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
        environ = {name: os.environ[name] for name in kept if name in os.environ}
        self.home = home
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ACTIVATE, str(sock.fileno()), "up", "--json", *arguments],
            pass_fds=[sock.fileno()],
            env={**environ, "HOME": str(home.parent), "LLM_GATEWAY_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def url(self) -> object:
        """Return where it says that it listens."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline() or "{}").get("url")


def test_a_socket_that_was_given_is_listened_on_after_a_restart_too(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        early = RawClient(port)  # before there is any gateway
        early.send(LIVE)
        with Activated(tmp_path / "home", sock, "--port", "1") as gateway, early:
            assert gateway.url() == f"http://127.0.0.1:{port}"
            assert early.read_reply().status == 200
            for _ in range(2):
                done = program(gateway.home, "restart")
                assert done.code == 0 and f"http://127.0.0.1:{port} " in done.err, done.err
                early.send(LIVE)
                assert early.read_reply().status == 200
            gateway.process.send_signal(signal.SIGTERM)
            assert gateway.process.wait(20) == 0
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.accept()  # it is its owner's, and still listens


def test_a_socket_that_was_given_is_judged_by_its_own_address(tmp_path: Path) -> None:
    with (
        socket.create_server(("0.0.0.0", 0)) as sock,
        Activated(tmp_path / "home", sock, "--host", "127.0.0.1") as gateway,
    ):
        _, said = gateway.process.communicate(timeout=20)
        assert gateway.process.returncode == 6
        assert "listening on 0.0.0.0" in said and "server.expose = true" in said


def test_the_check_of_a_restart_judges_the_socket_too(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock, Activated(tmp_path / "home", sock) as gateway:
        assert gateway.url()
        (gateway.home / "gateway.toml").write_text('[server]\nhost = "0.0.0.0"\n')
        assert program(gateway.home, "restart").code == 0, "that address is not used"


# a trial


def test_up_says_whether_it_could_start(stopped: Terminal) -> None:
    assert stopped.ok("up", "--check").err == "it can start so\n"
    assert not stopped.home.exists(), "and does nothing"
    refused = stopped("up", "--check", "--host", "0.0.0.0")
    assert refused.code == 6 and "server.expose = true" in refused.err
