"""What holds the account: full, failing, slow, locked, damaged, gone, older, newer."""

import hashlib
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest

from faults import inside as faulty
from faults.namespace import inside, possible, read_only, small_disk
from faults.stage import GATEWAY, Stage, Start, Targets, starting
from gateway_process import GatewayProcess
from llm_gateway.ledger.commit import LIMIT
from rawhttp import Reply
from scripted import ScriptedUpstream

_MIB = 1024 * 1024
_RECOVERS_S = 15.0


@pytest.fixture
def targets() -> Iterator[Targets]:
    with ScriptedUpstream(("m",)) as upstream:
        made = Targets()
        made.add("openai", upstream.url)
        made.add("ollama", upstream.url)  # a name that is known as a local engine's: nobody is billed for it
        yield made


def request_ids(replies: list[Reply]) -> set[str]:
    return {str(reply.header("x-llm-gateway-request-id")) for reply in replies if reply.status == 200}


def on_record(gateway: GatewayProcess) -> dict[str, str]:
    """Return how every turn ended, as the database of a stopped gateway says."""
    with closing(sqlite3.connect(f"file:{gateway.database}?mode=ro", uri=True)) as connection:
        assert list(connection.execute("PRAGMA integrity_check")) == [("ok",)]
        return dict(connection.execute("SELECT id, outcome FROM turns"))


def recovers(stage: Stage) -> Reply:
    """Ask until it is answered."""
    until = time.monotonic() + _RECOVERS_S
    while (reply := stage.ask("openai/m")).status != 200:
        assert time.monotonic() < until, reply
        time.sleep(0.1)
    return reply


# P6


@contextmanager
def full_disk(gateway: GatewayProcess) -> Iterator[None]:
    """Fill the small disk of the ledger, seen through the process that has it."""
    filler = Path(f"/proc/{gateway.pid}/root{gateway.database.parent}/filler")
    with filler.open("wb", buffering=0) as out:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                pass
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def no_larger_files(gateway: GatewayProcess) -> Iterator[None]:
    """Let no file of the process grow: what a quota does."""
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def _fails_and_recovers(stage: Stage, full: Callable[[GatewayProcess], object]) -> None:
    """Ask before, while nothing can be written, and after; hold what was answered against the account."""
    gateway = stage.gateway
    replies = [stage.ask("openai/m", stream=number % 2 == 0) for number in range(20)]
    assert gateway.rows()
    with full(gateway):  # type: ignore[attr-defined]  # a context manager
        refused = [stage.ask("openai/m") for _ in range(20)]
        free = [stage.ask("ollama/m") for _ in range(20)]
        assert {reply.status for reply in free} == {200}, "what costs nothing goes on"
        assert {reply.status for reply in refused} == {503}
        assert {reply.error()["code"] for reply in refused} == {"ledger_unavailable"}
        assert all(reply.header("retry-after") for reply in refused)
        assert gateway.get("/v1/models").status == 200, "reads go on"
        assert gateway.dashboard("requests")["requests"], "reads go on"
        assert gateway.get("/livez").status == 200
    replies += [*free, recovers(stage), *(stage.ask("openai/m") for _ in range(5))]
    gateway.restart()
    rows = {str(row["id"]): row["status"] for row in gateway.rows()}
    assert request_ids(replies) <= rows.keys(), "nothing answered is missing"
    assert "running" not in rows.values()


if possible():

    @pytest.mark.fault("P6")
    def test_a_full_disk_refuses_what_costs_money_and_recovers(tmp_path: Path, targets: Targets) -> None:
        ledger = tmp_path / "gateway" / "ledger"
        ledger.mkdir(parents=True)
        # Mounted once for all starts: a new one would begin empty.
        disk = tmp_path / "disk"
        disk.mkdir()
        program = inside(small_disk(ledger, "4m"), program=GATEWAY)
        with GatewayProcess(tmp_path, targets.configuration(), program=program) as gateway:
            stage = Stage(gateway, targets)
            replies = [stage.ask("openai/m") for _ in range(20)]
            assert gateway.rows()
            with full_disk(gateway):
                refused = [stage.ask("openai/m") for _ in range(20)]
                free = [stage.ask("ollama/m") for _ in range(20)]
                assert {reply.status for reply in free} == {200}, "what costs nothing goes on"
                codes = {(reply.status, reply.error()["code"]) for reply in refused if reply.status != 200}
                assert codes == {(503, "ledger_unavailable")}
                assert gateway.get("/v1/models").status == 200
                assert gateway.dashboard("requests")["requests"]
                replies += [*free, *(reply for reply in refused if reply.status == 200)]
            replies += [recovers(stage), *(stage.ask("openai/m") for _ in range(5))]
            rows = {str(row["id"]): row["status"] for row in gateway.rows()}
            assert request_ids(replies) <= rows.keys(), "nothing answered is missing"
            database = Path(f"/proc/{gateway.pid}/root{gateway.database}")
            copy = tmp_path / "copy.sqlite3"
            for name in ("", "-wal"):
                there = database.with_name(database.name + name)
                if there.exists():
                    copy.with_name(copy.name + name).write_bytes(there.read_bytes())
            with closing(sqlite3.connect(copy)) as connection:
                assert list(connection.execute("PRAGMA integrity_check")) == [("ok",)]


@pytest.mark.fault("P6")
def test_files_that_cannot_grow_refuse_what_costs_money_and_recover(start: Start, targets: Targets) -> None:
    _fails_and_recovers(start(targets), no_larger_files)


# P7


@pytest.mark.fault("P7")
def test_a_write_that_fails_at_any_byte_leaves_no_half_record(
    start: Start, targets: Targets, full: bool
) -> None:
    """The journal may grow by `k` bytes more, for every k up to two entries and beyond."""
    stage = start(targets)
    gateway = stage.gateway
    replies = [stage.ask("openai/m")]
    for k in range(0, 1400, 3 if full else 41):
        size = max(path.stat().st_size for path in (gateway.database.parent / "journal").glob("*.journal"))
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (size + k, resource.RLIM_INFINITY))
        replies.append(stage.ask("openai/m", stream=k % 2 == 0))
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        replies.append(recovers(stage))
    assert {reply.status for reply in replies} == {200, 503}
    gateway.kill()
    gateway.start()
    assert "damaged" not in gateway.stderr()
    gateway.stop()
    rows = on_record(gateway)
    assert request_ids(replies) <= rows.keys()
    # An end that could not be written before the kill is said to be interrupted, never lost.
    assert {rows[each] for each in request_ids(replies)} <= {"ok", "interrupted"}


# P8


@pytest.mark.fault("P8")
def test_a_slow_sync_is_waited_for_together(start: Start, targets: Targets) -> None:
    stage = start(
        targets,
        more='[ledger]\ndurability = "power"',
        program=faulty.PROGRAM,
        environ=faulty.environ(slow_sync=0.3),
    )
    with ThreadPoolExecutor(60) as pool:
        began = time.monotonic()
        waiting = [pool.submit(stage.ask, "openai/m") for _ in range(60)]
        assert stage.gateway.get("/livez").status == 200
        assert time.monotonic() - began < 5, "a sync holds nobody else up"
        replies = [future.result() for future in waiting]
        assert time.monotonic() - began < 15, "each waits for the others' syncs"
    assert {reply.status for reply in replies} == {200}
    stage.gateway.kill()
    stage.gateway.start()
    stage.gateway.stop()
    assert request_ids(replies) <= on_record(stage.gateway).keys()


@pytest.mark.fault("P8")
def test_a_sync_of_seconds_is_waited_for_no_longer_than_the_limit(
    start: Start, targets: Targets, tmp_path: Path
) -> None:
    takes = tmp_path / "takes"
    takes.write_text("0")
    stage = start(
        targets,
        more='[ledger]\ndurability = "power"',
        program=faulty.PROGRAM,
        environ=faulty.environ(sync_takes=str(takes)),
    )

    def timed(model: str) -> tuple[Reply, float]:
        began = time.monotonic()
        return stage.ask(model), time.monotonic() - began

    before = [stage.ask("openai/m") for _ in range(5)]
    takes.write_text(str(LIMIT + 3))
    with ThreadPoolExecutor(40) as pool:
        paid = [pool.submit(timed, "openai/m") for _ in range(20)]
        free = [pool.submit(timed, "ollama/m") for _ in range(20)]
        while not all(each.done() for each in (*paid, *free)):
            _, took = timed_get(stage, "/livez")
            assert took < 1, "a sync holds nobody else up"
            time.sleep(0.1)
    for reply, took in (each.result() for each in paid):
        assert (reply.status, reply.error()["code"]) == (503, "ledger_unavailable")
        assert int(reply.header("retry-after") or 0) > 0 and took < LIMIT + 2
    for reply, took in (each.result() for each in free):
        assert reply.status == 200 and took < LIMIT + 2
    reply, took = timed("openai/m")
    assert reply.status == 503 and took < 1, "while it is known to be slow, nobody waits for it"
    assert timed_get(stage, "/readyz")[0] == 503
    takes.write_text("0")
    after = [recovers(stage), *(stage.ask("openai/m") for _ in range(5))]
    stage.gateway.kill()
    stage.gateway.start()
    stage.gateway.stop()
    rows = on_record(stage.gateway)
    assert request_ids([*before, *(each.result()[0] for each in free), *after]) <= rows.keys()


def timed_get(stage: Stage, path: str) -> tuple[int, float]:
    """Return the status of a page and how long it took."""
    began = time.monotonic()
    return stage.gateway.get(path).status, time.monotonic() - began


# P9


@pytest.mark.fault("P9")
def test_a_database_that_somebody_locks_holds_up_no_answer(start: Start, targets: Targets) -> None:
    stage = start(targets)
    gateway = stage.gateway
    replies = [stage.ask("openai/m")]
    gateway.rows()
    with closing(sqlite3.connect(gateway.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        until = time.monotonic() + 2
        while time.monotonic() < until:
            replies.append(stage.ask("openai/m", stream=len(replies) % 2 == 0))
            time.sleep(0.01)
        other.execute("ROLLBACK")
    assert {reply.status for reply in replies} == {200}
    gateway.stop()
    rows = on_record(gateway)
    assert {rows[each] for each in request_ids(replies)} == {"ok"}


@pytest.mark.fault("P9")
def test_a_second_gateway_on_one_home_does_not_start(start: Start, targets: Targets) -> None:
    stage = start(targets)
    (stage.gateway.home / "gateway" / "running.json").unlink()
    code, said = starting(stage.gateway)
    assert code == 1 and "open in another process" in said and f"pid {stage.gateway.pid}" in said
    assert stage.ask("openai/m").status == 200


# P10


def _first_bytes(file: Path, random: Random) -> None:
    file.write_bytes(random.randbytes(100) + file.read_bytes()[100:])


def _pages(file: Path, random: Random) -> None:
    data = bytearray(file.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    for page in range(1, len(data) // size):  # the beginning of each: what says of which kind it is
        data[page * size : page * size + 12] = random.randbytes(12)
    file.write_bytes(data)


def _half(file: Path, random: Random) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _emptied(file: Path, random: Random) -> None:
    file.write_bytes(b"")


def _gone(file: Path, random: Random) -> None:
    file.unlink()


DAMAGE: dict[str, Callable[[Path, Random], None]] = {
    "first bytes": _first_bytes,
    "pages": _pages,
    "half of it": _half,
    "empty": _emptied,
    "gone": _gone,
}


@pytest.mark.fault("P10")
@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_database_is_not_started_on_and_not_touched(
    start: Start, targets: Targets, name: str, random: Random
) -> None:
    stage = start(targets)
    gateway = stage.gateway
    for _ in range(2):  # the journal of a first start could bring everything back
        for _ in range(30):
            assert stage.ask("openai/m").status == 200
        gateway.restart()
    stage.ask("openai/m")
    gateway.kill()
    for each in gateway.database.parent.glob(gateway.database.name + "-*"):
        each.unlink()
    DAMAGE[name](gateway.database, random)
    before = _digests(gateway.database.parent)
    code, said = starting(gateway)
    assert code == 1
    assert str(gateway.database) in said and "db backup" in said, said
    assert _digests(gateway.database.parent) == before, "nothing was made anew"


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock" and path.suffix in (".sqlite3", ".journal")
    }


@pytest.mark.fault("P10")
def test_a_write_ahead_log_that_is_gone_loses_nothing(start: Start, targets: Targets) -> None:
    stage = start(targets)
    gateway = stage.gateway
    replies = [stage.ask("openai/m") for _ in range(50)]
    gateway.rows()  # all of it is in the log now
    gateway.kill()
    for each in gateway.database.parent.glob(gateway.database.name + "-*"):
        each.unlink()
    gateway.start()
    gateway.stop()
    rows = on_record(gateway)
    assert request_ids(replies) <= rows.keys()


if possible():

    @pytest.mark.fault("P10")
    def test_a_read_only_ledger_is_said(start: Start, targets: Targets) -> None:
        stage = start(targets)
        gateway = stage.gateway
        stage.ask("openai/m")
        gateway.stop()
        program = inside(read_only(gateway.database.parent), program=GATEWAY)
        code, said = starting(gateway, *program)
        assert code == 1 and "read-only" in said.lower() and str(gateway.database.parent) in said
