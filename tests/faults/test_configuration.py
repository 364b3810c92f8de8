"""What comes from around a process: wrong files at a reload, clocks that jump, logs that nobody reads."""

import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from faults import inside as faulty
from faults.stage import Start, Targets
from gateway_process import TOKEN, GatewayProcess
from llm_gateway.cli.main import run
from rawhttp import Reply, request
from scripted import Gate, ScriptedUpstream, Send, chat
from scripted.wording import LAST_CHUNK, chunk, stream_head

_SOON_S = 10.0


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",)) as upstream:
        yield upstream


@pytest.fixture
def targets(upstream: ScriptedUpstream) -> Targets:
    targets = Targets()
    targets.add("up", upstream.url)
    targets.alias("named", "up/m")
    return targets


def told(gateway: GatewayProcess, count: int, words: str) -> int:
    """Wait until the log says something more often than `count` times; return how often."""
    until = time.monotonic() + _SOON_S
    while (now := gateway.stderr().count(words)) <= count:
        assert time.monotonic() < until, f"never said: {words}\n{gateway.stderr()[-1500:]}"
        time.sleep(0.01)
    return now


def put(file: Path, text: str) -> None:
    """Write a file as editors do: whole, or not at all. These gateways look more often than one can write."""
    new = file.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)


# P14

_REFUSED = "the last good one stays"

BAD_FILES: dict[str, str] = {
    "not TOML": "this is no configuration",
    "an open string": '[server]\nhost = "127.0.0.1',
    "an open table": "[server",
    "an open list": '[aliases]\na = ["up/m"',
    "cut in a provider": '[[providers]]\nname = "up"\nbase_u',
    "binary": "\x00\x01\x02\x03",
    "a table twice": "[server]\nport = 1\n[server]\nport = 2",
    "a key twice": "[server]\nport = 1\nport = 2",
    "an unknown section": "[sever]\nport = 1",
    "an unknown key": "[server]\nprot = 1",
    "an unknown key of a provider": '[[providers]]\nname = "a"\nbase_url = "http://127.0.0.1:1"\nurl = "x"',
    "a number for a string": "[server]\nhost = 1",
    "a string for a number": '[server]\nmax_headers = "128"',
    "a list for a number": "[server]\nmax_headers = [1]",
    "a table for a number": "[server.max_headers]\na = 1",
    "a number for a section": "server = 1",
    "a number below its bounds": "[server]\nmax_headers = -1",
    "a number beyond its bounds": "[server]\nmax_headers = 65536",
    "a deadline of nothing": "[upstream]\nconnect_timeout = 0",
    "a deadline below zero": "[upstream]\nidle_timeout = -5.0",
    "a deadline that is no number": "[upstream]\nidle_timeout = nan",
    "a deadline without end": "[upstream]\nidle_timeout = inf",
    "a header deadline too long": "[server]\nheader_timeout = 60.0",
    "a body limit too small": "[server]\nmax_body_bytes = 1",
    "a network that is none": '[server]\nallow_from = ["everybody"]',
    "an origin that is none": '[server]\norigins = ["*"]',
    "a certificate without a key": '[server]\ntls_cert = "a.pem"',
    "a host that is none": '[server]\nhost = "not a host"',
    "a level that is none": '[log]\nlevel = "loud"',
    "a durability that is none": '[ledger]\ndurability = "always"',
    "a provider without a name": '[[providers]]\nbase_url = "http://127.0.0.1:1"',
    "a provider twice": '[[providers]]\nname = "a"\nbase_url = "http://a"\n' * 2,
    "a provider called demo": '[[providers]]\nname = "demo"\nbase_url = "http://127.0.0.1:1"',
    "a name with blanks": '[[providers]]\nname = "my provider"\nbase_url = "http://127.0.0.1:1"',
    "a URL that is none": '[[providers]]\nname = "a"\nbase_url = "htp://127.0.0.1:1"',
    "a URL with a password": '[[providers]]\nname = "a"\nbase_url = "http://me:pw@127.0.0.1:1"',
    "a dialect that is none": '[[providers]]\nname = "a"\nbase_url = "http://a"\ndialects = ["french"]',
    "a key in the file": '[[providers]]\nname = "a"\nbase_url = "http://a"\napi_key_env = "sk-abcdef123456"',
    "a key from two places": '[[providers]]\nname = "openai"\napi_key_env = "A"\napi_key_file = "b"',
    "a model without a name": '[[providers]]\nname = "a"\nbase_url = "http://a"\nmodels = [""]',
    "an alias of nothing": "[aliases]\na = []",
    "an alias with a slash": '[aliases]\n"a/b" = ["up/m"]',
    "an alias of no target": '[aliases]\na = ["m"]',
    "a price of nothing": '[prices.reference]\na = "b"',
    "a hundred times as large": "[aliases]\n" + "".join(f'a{number} = ["m"]\n' for number in range(20_000)),
}


@pytest.mark.fault("P14")
def test_there_are_enough_bad_files() -> None:
    assert len(BAD_FILES) >= 40


@pytest.mark.fault("P14")
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_check_of_a_bad_file_fails_and_says_why(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(BAD_FILES[name], encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        raise SystemExit(run(["--config", str(file), "config", "check"], {"HOME": str(tmp_path)}))
    assert stopped.value.code not in (0, None)
    said = capsys.readouterr()
    assert "gateway.toml" in said.err + said.out and "Traceback" not in said.err
    assert "pw@" not in said.err + said.out and "sk-abcdef" not in said.err + said.out


@pytest.mark.fault("P14")
def test_a_bad_file_at_a_reload_changes_nothing(start: Start, targets: Targets) -> None:
    stage = start(targets, program=faulty.PROGRAM, environ=faulty.environ(look_again=0.01))
    gateway, file = stage.gateway, stage.gateway.home / "gateway.toml"
    good = file.read_text(encoding="utf-8")
    refused = 0
    for name, text in BAD_FILES.items():
        put(file, text)
        refused = told(gateway, refused, _REFUSED)
        assert stage.ask("named").status == 200, name
    loop = gateway.home / "loop.toml"
    loop.symlink_to(loop)
    file.unlink()
    file.symlink_to(loop)
    assert stage.ask("named").status == 200
    file.unlink()
    reloaded = gateway.stderr().count("configuration reloaded")
    put(file, good.replace('"named"', '"renamed"'))
    told(gateway, reloaded, "configuration reloaded")
    assert stage.ask("renamed").status == 200 and stage.ask("named").status == 404
    assert "Traceback" not in gateway.stderr()


@pytest.mark.fault("P14")
def test_a_secret_that_is_missing_at_a_reload_changes_nothing(start: Start, targets: Targets) -> None:
    stage = start(targets, program=faulty.PROGRAM, environ=faulty.environ(look_again=0.01))
    file = stage.gateway.home / "gateway.toml"
    text = file.read_text(encoding="utf-8")
    put(file, text.replace("SCRIPTED_API_KEY", "NO_SUCH_VARIABLE"))
    told(stage.gateway, 0, _REFUSED)
    assert "NO_SUCH_VARIABLE" in stage.gateway.stderr()
    assert stage.ask("named").status == 200


# P15


@pytest.mark.fault("P15")
def test_no_reload_under_load_fails_a_request(start: Start, targets: Targets, full: bool) -> None:
    stage = start(targets, program=faulty.PROGRAM, environ=faulty.environ(look_again=0.01))
    gateway, file = stage.gateway, stage.gateway.home / "gateway.toml"
    text = file.read_text(encoding="utf-8")
    over = threading.Event()

    def ask(stream: bool) -> list[Reply]:
        replies = []
        while not over.is_set():
            replies.append(stage.ask("named", stream=stream))
            time.sleep(0.002)
        return replies

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, number % 2 == 0) for number in range(4)]
        reloaded = refused = 0
        bad = itertools.cycle(BAD_FILES.values())
        try:
            for number in range(100 if full else 25):
                aliases = "".join(f'"alias-{each}" = ["up/m"]\n' for each in range(number % 7))
                put(file, f"{text}{aliases}")
                reloaded = told(gateway, reloaded, "configuration reloaded")
                put(file, next(bad))
                refused = told(gateway, refused, _REFUSED)
        finally:
            over.set()
        replies = [reply for future in asking for reply in future.result()]
    assert len(replies) > 100
    assert {reply.status for reply in replies} == {200}


# P13


@pytest.mark.fault("P13")
@pytest.mark.parametrize("jump", [-86_400, 86_400, -3_600, -1], ids=["day back", "day on", "DST", "leap"])
def test_a_clock_that_jumps_in_a_stream_spoils_neither_durations_nor_order(
    start: Start, targets: Targets, upstream: ScriptedUpstream, tmp_path: Path, jump: int
) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0", encoding="ascii")
    stage = start(targets, program=faulty.PROGRAM, environ=faulty.environ(clock=str(clock)))
    gateway = stage.gateway
    events = [Send(chunk(event)) for event in chat.events("m")]
    upstream.queue((Send(stream_head()), *events[:3], Gate("jump"), *events[3:], Send(LAST_CHUNK)))
    with gateway.client() as client:
        client.send(gateway.chat_request("up/m", stream=True))
        upstream.wait_gate("jump")
        ids = [str(stage.ask("up/m").header("x-llm-gateway-request-id")) for _ in range(3)]
        clock.write_text(str(jump), encoding="ascii")
        ids += [str(stage.ask("up/m").header("x-llm-gateway-request-id")) for _ in range(3)]
        upstream.open("jump")
        client.read_until(b"[DONE]")
    assert ids == sorted(ids), "ids are in the order of the requests"
    rows = gateway.rows()
    assert {row["status"] for row in rows} == {"ok"}
    for row in rows:
        latency = row["latency_ms"]
        assert isinstance(latency, int | float) and 0 <= latency < 30_000
    metrics = gateway.get("/metrics", key=TOKEN)
    assert metrics.status == 200
    gateway.restart()
    assert stage.ask("up/m").status == 200


# P18


@pytest.fixture
def blocked_log(tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """Return a way to start a gateway whose stderr is a pipe that nobody reads."""
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    yield ("sh", "-c", f'exec "$@" 2> "{pipe}"', "sh", *faulty.PROGRAM)
    os.close(reader)


@pytest.mark.fault("P18")
def test_a_log_that_nobody_reads_holds_up_no_answer(
    start: Start, targets: Targets, blocked_log: tuple[str, ...]
) -> None:
    stage = start(targets, program=blocked_log, environ=faulty.environ(look_again=0.01))
    file = stage.gateway.home / "gateway.toml"
    good = file.read_text(encoding="utf-8")
    until = time.monotonic() + 2
    number = 0
    while time.monotonic() < until:  # each reload writes a line of several hundred bytes
        number += 1
        put(file, f"[sever]\n{'x' * 400} = {number}")
        assert stage.ask("named").status == 200
        time.sleep(0.02)
    put(file, good)
    assert stage.ask("named", stream=True).status == 200
    assert stage.gateway.stop() == 0, "and it ends when it is told to"


@pytest.mark.fault("P18")
def test_a_log_on_a_full_disk_holds_up_no_answer(start: Start, targets: Targets) -> None:
    program = ("sh", "-c", 'exec "$@" 2> /dev/full', "sh", *faulty.PROGRAM)
    stage = start(targets, program=program, environ=faulty.environ(look_again=0.01))
    file = stage.gateway.home / "gateway.toml"
    for number in range(20):
        put(file, f"[sever]\na = {number}")
        assert stage.ask("named").status == 200
        time.sleep(0.03)
    assert stage.gateway.stop() == 0


# P20


@pytest.mark.fault("P20")
def test_an_event_loop_that_is_held_up_goes_on_and_takes_nothing_for_a_timeout(
    start: Start, targets: Targets
) -> None:
    stage = start(
        targets,
        upstream="first_byte_timeout = 1.0\nidle_timeout = 1.0",
        program=faulty.PROGRAM,
        environ=faulty.environ(blocks=3.0),
    )
    with ThreadPoolExecutor(10) as pool:
        os.kill(stage.gateway.pid, signal.SIGUSR1)
        asking = [pool.submit(stage.ask, "up/m", stream=number % 2 == 0) for number in range(10)]
        assert {future.result().status for future in asking} == {200}
    assert stage.gateway.get("/livez").status == 200
    assert stage.gateway.stderr().count("the event loop is held up") == 1
    assert "blocks" in stage.gateway.stderr() or "lambda" in stage.gateway.stderr(), "and by what"


@pytest.mark.fault("P20")
def test_liveness_fails_while_the_event_loop_is_held_up(start: Start, targets: Targets) -> None:
    stage = start(targets, program=faulty.PROGRAM, environ=faulty.environ(blocks=3.0))
    os.kill(stage.gateway.pid, signal.SIGUSR1)
    time.sleep(0.2)
    with stage.gateway.client() as client:
        client.send(request("GET", "/livez"))
        assert client.read_to_end(1.0) == (b"", "open")
    assert stage.gateway.get("/livez").status == 200
