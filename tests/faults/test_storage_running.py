"""Storage that fails under requests that run, and what is left of it after a kill, a repair, a restore."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from faults.asking import Asking
from faults.namespace import possible, small_disk
from faults.stage import GATEWAY, Stage, Start, Targets
from gateway_process import TOKEN, GatewayProcess
from rawhttp import RawClient, Reply
from scripted import Gate, Script, ScriptedUpstream, Send, chat
from scripted.wording import LAST_CHUNK, chunk, stream_head
from terminal import Terminal

_RECOVERS_S = 15.0
_STREAMS = 5


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",)) as upstream:
        yield upstream


@pytest.fixture
def targets(upstream: ScriptedUpstream) -> Targets:
    made = Targets()
    made.add("openai", upstream.url)
    made.add("ollama", upstream.url)  # a name that is known as a local engine's: nobody is billed for it
    return made


def gated() -> Script:
    """Begin a stream, wait at the gate, and end it well."""
    events = chat.events("m")
    begun = (Send(stream_head()), *(Send(chunk(event)) for event in events[:3]))
    return (*begun, Gate("end"), *(Send(chunk(event)) for event in events[3:]), Send(LAST_CHUNK))


def ids(replies: list[Reply]) -> list[str]:
    return [str(reply.header("x-llm-gateway-request-id")) for reply in replies if reply.status == 200]


def statuses(gateway: GatewayProcess) -> dict[str, str]:
    return {str(row["id"]): str(row["status"]) for row in gateway.rows()}


def until_answered(stage: Stage) -> Reply:
    """Ask what costs money until it is answered."""
    until = time.monotonic() + _RECOVERS_S
    while (reply := stage.ask("openai/m")).status != 200:
        assert time.monotonic() < until, reply
        time.sleep(0.1)
    return reply


@contextmanager
def no_larger_files(gateway: GatewayProcess) -> Iterator[None]:
    """Let no file of the process grow: what a quota does."""
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def terminal_of(gateway: GatewayProcess, capture: pytest.CaptureFixture[str]) -> Terminal:
    environ = {"LLM_GATEWAY_CONFIG": str(gateway.home / "gateway.toml")}
    return Terminal(gateway.home / "gateway", capture, environ)


class Disk:
    """A small disk on a folder, in a namespace that outlives the gateways in it. Use as a context manager."""

    def __init__(self, folder: Path, size: str) -> None:
        script = f"mount --make-rprivate / && {small_disk(folder, size)} && echo mounted && exec sleep 600"
        self._holder = subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"mounted\n"
        self.folder = Path(f"/proc/{self._holder.pid}/root{folder}")
        self.program = ("nsenter", "-t", str(self._holder.pid), "-m", "--", *GATEWAY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout is not None
        self._holder.stdout.close()

    def fill(self) -> None:
        """Take every byte that is left."""
        with (self.folder / "filler").open("ab", buffering=0) as out:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        out.write(b"x" * size)
                except OSError:
                    pass

    def make_room(self) -> None:
        """Give the bytes back."""
        (self.folder / "filler").unlink()


if possible():

    @pytest.mark.fault("P6")
    def test_on_a_full_disk_what_runs_is_settled_in_the_room_kept_back(
        tmp_path: Path, targets: Targets, upstream: ScriptedUpstream
    ) -> None:
        folder = tmp_path / "gateway" / "ledger"
        folder.mkdir(parents=True)
        with (
            Disk(folder, "8m") as disk,
            GatewayProcess(tmp_path, targets.configuration(), program=disk.program) as gateway,
        ):
            stage = Stage(gateway, targets)
            before = [stage.ask("openai/m") for _ in range(20)]
            assert (disk.folder / "reserve").stat().st_size > 500_000
            upstream.on("m", gated())
            clients = [_begin(gateway, model) for model in ("openai/m", "ollama/m") for _ in range(_STREAMS)]
            upstream.wait_gate("end", len(clients))
            upstream.on("m", chat.plain("m"))
            disk.fill()
            refused = _until_refused(stage)
            assert not (disk.folder / "reserve").exists(), "it was given up"
            free = [stage.ask("ollama/m") for _ in range(5)]
            upstream.open("end")
            streams = [_end(client) for client in clients]
            assert all(reply.body.endswith(b"data: [DONE]\n\n") for reply in streams)
            gateway.kill()  # what was only in memory goes, what was acknowledged stays
            gateway.start()  # on the disk that is still full
            rows = statuses(gateway)
            assert {rows[each] for each in ids([*before, *streams])} == {"ok"}, "settled while it was full"
            assert {reply.status for reply in free} == {200} and not refused.body.count(b"upstream")
            disk.make_room()
            after = [until_answered(stage), *(stage.ask("openai/m") for _ in range(5))]
            assert (disk.folder / "reserve").exists(), "it is kept back again"
            assert {statuses(gateway)[each] for each in ids(after)} == {"ok"}

else:
    sys.stderr.write("no mount namespaces here: the test that runs on a disk of 8 MiB is left out\n")


def _begin(gateway: GatewayProcess, model: str) -> RawClient:
    client = gateway.client(timeout=30)
    client.send(Asking("chat", model, True).request(gateway.key))
    return client


def _end(client: RawClient) -> Reply:
    with client:
        return client.read_reply()


def _until_refused(stage: Stage) -> Reply:
    until = time.monotonic() + _RECOVERS_S
    while (reply := stage.ask("openai/m")).status == 200:
        assert time.monotonic() < until, "the disk is full, and nobody noticed"
    assert (reply.status, reply.error()["code"]) == (503, "ledger_unavailable")
    assert reply.header("retry-after")
    return reply


@pytest.mark.fault("P10")
def test_a_database_damaged_under_a_gateway_costs_no_answer_and_no_row(
    start: Start, targets: Targets, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = start(targets)
    gateway = stage.gateway
    terminal = terminal_of(gateway, capsys)
    replies = [stage.ask("openai/m") for _ in range(30)]
    assert len(gateway.rows()) == 30
    copy = tmp_path / "copy"
    terminal.ok("db", "backup", str(copy))
    replies += [stage.ask("openai/m") for _ in range(5)]
    gateway.rows()
    for suffix in ("", "-wal"):
        file = gateway.database.with_name(gateway.database.name + suffix)
        with file.open("r+b") as out:
            out.write(os.urandom(file.stat().st_size))
    until = time.monotonic() + _RECOVERS_S
    while gateway.dashboard("health")["status"] == "ok":
        replies += [stage.ask("openai/m"), stage.ask("ollama/m", stream=True)]
        gateway.get("/api/dashboard/requests", key=TOKEN)  # who reads meets it
        assert time.monotonic() < until, "the database is damaged, and nobody noticed"
    replies += [stage.ask("openai/m") for _ in range(20)]
    assert {reply.status for reply in replies} == {200}, "the journal takes it"
    told = terminal("doctor")
    assert told.code == 1 and "the database is damaged" in told.out and "`llm-gateway db restore" in told.out
    told = terminal("status")
    assert told.code == 3 and "failing: the database is damaged" in told.out
    assert json.loads(terminal("status", "--json").out)["status"] == "degraded"
    gateway.kill()
    assert "db restore" in terminal("up").err, "it does not start on that"
    terminal.ok("db", "restore", str(copy))
    gateway.start()
    rows = {str(row["id"]): row["status"] for row in gateway.dashboard("requests?limit=200")["requests"]}  # type: ignore[attr-defined]
    assert {rows[each] for each in ids(replies)} == {"ok"}, "from the copy and the journal, all of them"


@pytest.mark.fault("P9")
def test_a_locked_database_is_told_with_what_helps(
    start: Start, targets: Targets, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = start(targets)
    gateway = stage.gateway
    gateway.rows()
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(gateway.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdin is not None and other.stdout is not None
    assert other.stdout.readline() == b"locked\n"
    replies = [stage.ask("openai/m") for _ in range(10)]
    until = time.monotonic() + _RECOVERS_S
    while gateway.dashboard("health")["status"] == "ok":
        assert time.monotonic() < until
    assert gateway.get("/readyz").status == 200, "requests are taken"
    told = terminal_of(gateway, capsys)("doctor")
    assert told.code == 1 and "another program holds the database" in told.out
    other.stdin.close()
    other.wait()
    other.stdout.close()
    assert {reply.status for reply in replies} == {200}
    while gateway.dashboard("health")["status"] != "ok":
        assert time.monotonic() < until + _RECOVERS_S
    assert {statuses(gateway)[each] for each in ids(replies)} == {"ok"}


@pytest.mark.fault("P18")
def test_what_is_administered_is_refused_while_it_cannot_be_put_on_record(
    start: Start, targets: Targets, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = start(targets)
    gateway = stage.gateway
    terminal = terminal_of(gateway, capsys)
    terminal.ok("keys", "create", "ada")
    before = terminal.json("keys", "list")
    with no_larger_files(gateway):
        for command in (("keys", "create", "eve"), ("keys", "revoke", "ada"), ("keys", "rotate", "ada")):
            done = terminal(*command)
            assert done.code == 1 and "was not done" in done.err and done.out == ""
        metrics = gateway.get("/metrics", key=TOKEN).body
        assert stage.ask("ollama/m").status == 200
        assert b"llm_gateway_ledger_failing" in metrics
    until_answered(stage)
    assert terminal.json("keys", "list") == before
    terminal.ok("keys", "revoke", "ada")
    entries = terminal.json("audit")["entries"]
    assert isinstance(entries, list)
    assert [entry["action"] for entry in entries] == ["key.create", "key.revoke"]
    assert terminal.ok("audit", "verify").err.startswith("2 lines are whole")


@pytest.mark.fault("P14")
def test_a_reload_that_cannot_be_put_on_record_is_not_done(
    start: Start, targets: Targets, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = start(targets)
    gateway = stage.gateway
    file = gateway.home / "gateway.toml"
    log = gateway.home / "gateway" / "audit.jsonl"
    log.mkdir()
    later = '\n[[providers]]\nname = "later"\nbase_url = "http://127.0.0.1:9"\n'
    file.write_text(file.read_text() + later)
    until = time.monotonic() + _RECOVERS_S
    while "'configuration.reload' was not done" not in gateway.stderr():
        assert time.monotonic() < until, gateway.stderr()
        time.sleep(0.05)
    log.rmdir()
    names = {each["name"] for each in gateway.dashboard("providers")["providers"]}  # type: ignore[attr-defined]
    assert "later" not in names
    file.write_text(file.read_text() + "\n# once more\n")
    while "later" not in json.dumps(gateway.dashboard("providers")):
        assert time.monotonic() < until + _RECOVERS_S
        time.sleep(0.1)
    terminal = terminal_of(gateway, capsys)
    assert "configuration.reload" in terminal.ok("audit").out
