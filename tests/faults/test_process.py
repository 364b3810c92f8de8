"""The gateway's own process: told to stop, stopped, starved of memory and descriptors, kept from starting."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from faults.asking import Asking
from faults.namespace import inside, possible, read_only
from faults.stage import GATEWAY, Stage, Start, Targets
from gateway_process import GatewayProcess
from llm_gateway.config import Server
from rawhttp import RawClient, Reply, request
from scripted import Gate, Script, ScriptedUpstream, Send, chat
from scripted.wording import LAST_CHUNK, chunk, response, stream_head

_STREAMS = 20


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",)) as upstream:
        yield upstream


@pytest.fixture
def targets(upstream: ScriptedUpstream) -> Targets:
    targets = Targets()
    targets.add("up", upstream.url)
    return targets


def gated(gate: str) -> Script:
    """Begin a stream, wait at a gate, and end it well."""
    events = chat.events("m")
    begun = (Send(stream_head()), *(Send(chunk(event)) for event in events[:3]))
    return (*begun, Gate(gate), *(Send(chunk(event)) for event in events[3:]), Send(LAST_CHUNK))


def begin(stage: Stage, upstream: ScriptedUpstream, *, dialect: str = "chat") -> list[RawClient]:
    """Begin streams that stand at the gate; return their clients."""
    upstream.on("m", gated("end"))
    clients = [stage.gateway.client(timeout=30) for _ in range(_STREAMS)]
    for client in clients:
        client.send(Asking(dialect, "up/m", True).request(stage.gateway.key))
    upstream.wait_gate("end", _STREAMS)
    return clients


def ended(clients: list[RawClient], dialect: str = "chat") -> tuple[int, int]:
    """Return how many streams ended well, and how many with an error of their dialect."""
    good = bad = 0
    for client in clients:
        reply = client.read_reply()
        asking = Asking(dialect, "up/m", True)
        good += asking.ends_well(reply)
        bad += asking.error(reply) is not None
        client.sock.close()
    return good, bad


def statuses(stage: Stage) -> list[object]:
    """Return how every turn of the last run ended, as the next start finds them."""
    stage.gateway.start()
    return [row["status"] for row in stage.gateway.rows()]


class _Stopping(threading.Thread):
    def __init__(self, gateway: GatewayProcess) -> None:
        super().__init__(daemon=True)
        self.code = -1
        self._gateway = gateway
        self.start()

    def run(self) -> None:
        self.code = self._gateway.stop()


# P1, P2


@pytest.mark.fault("P1")
@pytest.mark.parametrize("dialect", ["chat", "messages"])
def test_streams_finish_when_the_gateway_is_told_to_stop(
    start: Start, targets: Targets, upstream: ScriptedUpstream, dialect: str
) -> None:
    stage = start(targets)
    clients = begin(stage, upstream, dialect=dialect)
    port = stage.gateway.port
    stopping = _Stopping(stage.gateway)
    _wait_refused(port)
    upstream.open("end")
    assert ended(clients, dialect) == (_STREAMS, 0)
    stopping.join(20)
    assert stopping.code == 0
    assert statuses(stage) == ["ok"] * _STREAMS


@pytest.mark.fault("P1")
@pytest.mark.parametrize("dialect", ["chat", "messages", "ollama"])
def test_streams_that_outlast_the_limit_end_with_an_error(
    start: Start, targets: Targets, upstream: ScriptedUpstream, dialect: str
) -> None:
    stage = start(targets, server="drain_timeout = 0.5")
    clients = begin(stage, upstream, dialect=dialect)
    stopping = _Stopping(stage.gateway)
    assert ended(clients, dialect) == (0, _STREAMS)
    stopping.join(20)
    assert stopping.code == 0
    assert statuses(stage) == ["error"] * _STREAMS


@pytest.mark.fault("P1")
def test_an_answer_while_it_stops_closes_its_connection_and_nobody_is_let_in(
    start: Start, targets: Targets, upstream: ScriptedUpstream
) -> None:
    stage = start(targets)
    gateway = stage.gateway
    upstream.on("m", (Gate("answer"), Send(response(200, chat.completion("m")))))
    with gateway.client(timeout=30) as resting, gateway.client(timeout=30) as asking:
        ready = request("GET", "/readyz")
        resting.send(ready)
        assert resting.read_reply().status == 200
        asking.send(Asking("chat", "up/m", False).request(gateway.key))
        upstream.wait_gate("answer")
        stopping = _Stopping(gateway)
        _wait_refused(gateway.port)
        assert resting.read_to_end() == (b"", "closed"), (
            "what rests is closed at once, and nobody finds it ready"
        )
        asking.send(ready)
        upstream.open("answer")
        reply = asking.read_reply()
        assert (reply.status, reply.header("connection"), reply.whole) == (200, "close", True)
        assert asking.read_to_end()[0] == b"", "nothing new is answered"
    stopping.join(20)
    assert stopping.code == 0
    assert statuses(stage) == ["ok"]


@pytest.mark.fault("P1")
def test_answers_have_half_a_minute_to_finish_unless_it_is_set() -> None:
    assert Server().drain_timeout == 30


@pytest.mark.fault("P2")
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_cuts_at_once_and_in_order(
    start: Start, targets: Targets, upstream: ScriptedUpstream, second: signal.Signals
) -> None:
    stage = start(targets)
    clients = begin(stage, upstream)
    pid, port = stage.gateway.pid, stage.gateway.port
    stopping = _Stopping(stage.gateway)
    _wait_refused(port)
    began = time.monotonic()
    os.kill(pid, second)
    assert ended(clients) == (0, _STREAMS)
    stopping.join(20)
    assert stopping.code == 0 and time.monotonic() - began < 10
    assert statuses(stage) == ["error"] * _STREAMS


def _wait_refused(port: int) -> None:
    """Wait until nobody listens any more."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                time.sleep(0.01)
        except OSError:
            return
    raise AssertionError("it still takes connections")


# P4


@pytest.mark.fault("P4")
def test_a_standstill_is_no_timeout(
    start: Start, targets: Targets, upstream: ScriptedUpstream, full: bool
) -> None:
    seconds = 60 if full else 4
    server = "header_timeout = 2.0\nbody_timeout = 2.0"
    stage = start(targets, server=server, upstream="first_byte_timeout = 2.0\nidle_timeout = 2.0")
    clients = begin(stage, upstream)
    half = stage.gateway.client(timeout=30)
    whole = stage.gateway.chat_request("up/whole")
    half.send(whole[:-30])
    os.kill(stage.gateway.pid, signal.SIGSTOP)
    try:
        upstream.open("end")
        half.send(whole[-30:])
        time.sleep(seconds)
    finally:
        os.kill(stage.gateway.pid, signal.SIGCONT)
    assert ended(clients) == (_STREAMS, 0)
    assert half.read_reply().status == 200
    half.sock.close()
    assert stage.ask("up/whole").status == 200
    assert {row["status"] for row in stage.gateway.rows()} == {"ok"}


# P5


@pytest.mark.fault("P5")
def test_without_memory_it_sheds_and_nothing_answered_is_missing(
    start: Start, targets: Targets, upstream: ScriptedUpstream
) -> None:
    """Bodies that are more than there is room for: some are refused, and what was answered is on record."""
    stage = start(targets)
    gateway = stage.gateway
    room = gateway.status_kib("VmSize") * 1024 + 200 * 1024 * 1024
    resource.prlimit(gateway.pid, resource.RLIMIT_AS, (room, resource.RLIM_INFINITY))
    body = gateway.chat_body("up/m", padding="x" * 40_000_000)
    large = request("POST", "/v1/chat/completions", body=body, key=gateway.key)

    def ask() -> Reply | None:
        try:
            with gateway.client(timeout=30) as client:
                client.send(large)
                return client.read_reply()
        except (OSError, AssertionError):
            return None

    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(lambda _: ask(), range(24)))
    answered = [reply for reply in replies if reply is not None and reply.status == 200]
    shed = [reply for reply in replies if reply is None or reply.status >= 500]
    assert shed, "there was room for all; the test proves nothing"
    if gateway.alive:
        resource.prlimit(gateway.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        assert stage.ask("up/m").status == 200, "it goes on"
    gateway.kill()
    gateway.start()
    rows = {row["id"]: row["status"] for row in gateway.rows()}
    for reply in answered:
        assert rows[str(reply.header("x-llm-gateway-request-id"))] in ("ok", "interrupted")
    assert "running" not in rows.values()


# P17


def _refusal(*command: str, home: Path, **environ: str) -> tuple[int, str]:
    """Start a gateway that will not start; return its exit code and what it says."""
    home.mkdir(exist_ok=True)
    kept = {
        name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ
    }
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**kept, "HOME": str(home), "LLM_GATEWAY_HOME": str(home / "gateway"), **environ},
    )
    return done.returncode, done.stderr


@pytest.mark.fault("P17")
def test_a_port_in_use_is_said_and_ends_with_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = _refusal(*GATEWAY, "up", "--port", str(port), home=tmp_path / "home")
    assert code == 1
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use" in said
    assert "Traceback" not in said


if possible():

    @pytest.mark.fault("P17")
    def test_a_read_only_home_is_said_and_ends_with_1(tmp_path: Path) -> None:
        home = tmp_path / "home"
        (home / "gateway").mkdir(parents=True)
        command = inside(read_only(home / "gateway"), program=GATEWAY)
        code, said = _refusal(*command, "up", "--port", "0", home=home)
        assert code == 1
        assert str(home / "gateway") in said and "read-only" in said.lower()
        assert "Traceback" not in said


if os.geteuid() == 0 and shutil.which("setpriv"):

    @pytest.mark.fault("P17")
    def test_a_port_without_the_right_to_it_is_said_and_ends_with_1(tmp_path: Path) -> None:
        without = ("setpriv", "--inh-caps=-all", "--bounding-set=-net_bind_service", *GATEWAY)
        code, said = _refusal(*without, "up", "--port", "87", home=tmp_path / "home")
        assert code == 1
        assert "127.0.0.1:87 cannot be listened on: Permission denied" in said and "Traceback" not in said

    @pytest.mark.fault("P17")
    def test_a_home_that_cannot_be_written_is_said_and_ends_with_1(tmp_path: Path) -> None:
        home = tmp_path / "home"
        (home / "gateway").mkdir(parents=True)
        (home / "gateway").chmod(0o500)
        without = ("setpriv", "--inh-caps=-all", "--bounding-set=-dac_override", *GATEWAY)
        code, said = _refusal(*without, "up", "--port", "0", home=home)
        assert code == 1
        assert str(home / "gateway") in said and "denied" in said and "Traceback" not in said


# P19


@pytest.mark.fault("P19")
def test_without_descriptors_streams_live_and_it_recovers(
    start: Start, targets: Targets, upstream: ScriptedUpstream
) -> None:
    stage = start(targets)
    gateway = stage.gateway
    clients = begin(stage, upstream)
    used = len(os.listdir(f"/proc/{gateway.pid}/fd"))
    soft, hard = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (used + 3, hard))
    waiting = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(40)]
    cpu = _cpu(gateway.pid)
    time.sleep(1.5)
    assert _cpu(gateway.pid) - cpu < 0.75, "it does not spin while it cannot accept"
    upstream.open("end")
    assert ended(clients) == (_STREAMS, 0)
    for sock in waiting:
        sock.close()
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (soft, hard))
    until = time.monotonic() + 10
    while True:
        try:
            assert stage.ask("up/other").status == 200
            break
        except (OSError, AssertionError):
            assert time.monotonic() < until, gateway.stderr()[-2000:]
            time.sleep(0.2)
    assert {row["status"] for row in gateway.rows()} <= {"ok", "error"}


def _cpu(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
