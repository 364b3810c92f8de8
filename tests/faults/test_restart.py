"""Restarts under load, as clients see them who never ask a second time."""

import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from faults.asking import Asking
from faults.stage import Stage, Start, Targets
from llm_gateway.cli.main import run
from rawhttp import RawClient
from scripted import Gate, Pause, Script, ScriptedUpstream, Send, chat
from scripted.wording import LAST_CHUNK, chunk, stream_head

_KEPT, _NEW = 8, 4
_STREAM_S = 0.6
_PATIENCE_S = 30.0

RESTARTS = (50, 50) if os.environ.get("LLM_GATEWAY_TEST_FAULTS") == "full" else (20,)


def slow() -> Script:
    """Stream for over half a second."""
    events = chat.events("slow")
    pieces = [step for event in events for step in (Pause(_STREAM_S / len(events)), Send(chunk(event)))]
    return (Send(stream_head()), *pieces, Send(LAST_CHUNK))


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",)) as upstream:
        upstream.on("slow", slow())
        yield upstream


@pytest.fixture
def targets(upstream: ScriptedUpstream) -> Targets:
    targets = Targets()
    targets.add("up", upstream.url)
    targets.alias("slow", "up/slow")
    return targets


def restart(stage: Stage) -> None:
    """Restart the gateway as its owner does."""
    gateway = stage.gateway
    environ = {
        "LLM_GATEWAY_HOME": str(gateway.home / "gateway"),
        "LLM_GATEWAY_CONFIG": str(gateway.home / "gateway.toml"),
    }
    assert run(["restart"], environ) == 0, gateway.stderr()[-2000:]


class Load:
    """Clients that ask until it is over. The first answer that is not good and whole ends it, and fails."""

    def __init__(self, stage: Stage) -> None:
        self.over = threading.Event()
        self.ids: list[str] = []
        self.longest = 0.0
        self._stage = stage

    def keep(self, number: int) -> None:
        """Ask on one connection: half of the clients for streams, half for short answers."""
        stream = number % 2 == 0
        with self._stage.gateway.client(timeout=_PATIENCE_S) as client:
            while not self.over.is_set():
                self._ask(client, "slow" if stream else "up/m", stream=stream)

    def come(self) -> None:
        """Ask, each time on another connection."""
        while not self.over.is_set():
            with self._stage.gateway.client(timeout=_PATIENCE_S) as client:
                self._ask(client, "up/m", stream=False)

    def _ask(self, client: RawClient, model: str, *, stream: bool) -> None:
        asking = Asking("chat", model, stream)
        began = time.monotonic()
        try:
            client.sock.sendall(asking.request(self._stage.gateway.key))
            reply = client.read_reply()
            assert asking.ends_well(reply), reply
            assert reply.header("connection") is None, "nobody is told to leave"
        except BaseException:
            self.over.set()
            raise
        self.longest = max(self.longest, time.monotonic() - began)
        self.ids.append(str(reply.header("x-llm-gateway-request-id")))
        time.sleep(0.005)


@pytest.mark.fault("P15")
@pytest.mark.parametrize("restarts", RESTARTS)
def test_no_restart_under_load_fails_a_request(
    start: Start, targets: Targets, report: Callable[[str], None], restarts: int
) -> None:
    stage = start(targets)
    gateway, load = stage.gateway, Load(stage)
    with ThreadPoolExecutor(_KEPT + _NEW) as pool:
        clients = [pool.submit(load.keep, number) for number in range(_KEPT)]
        clients += [pool.submit(load.come) for _ in range(_NEW)]
        try:
            for _ in range(restarts):
                restart(stage)
                if load.over.is_set():
                    break
        finally:
            load.over.set()
        for client in clients:
            client.result()
    waited = f"none waited longer than {load.longest:.2f} s"
    report(f"{restarts} restarts under load: {len(load.ids)} requests answered, 0 failed, {waited}")
    assert gateway.stderr().count("LLM Gateway is ready") == restarts + 1
    assert len(load.ids) > 10 * restarts, "or there was no load"
    assert load.longest < _PATIENCE_S / 2
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.stderr()
    with closing(sqlite3.connect(f"file:{gateway.database}?mode=ro", uri=True)) as ledger:
        rows = ledger.execute("SELECT id, outcome FROM turns").fetchall()
    assert Counter(row[0] for row in rows) == Counter(load.ids), "each request is there, and once"
    assert {row[1] for row in rows} == {"ok"}, "and settled"


@pytest.mark.fault("P15")
@pytest.mark.parametrize("dialect", ["chat", "messages"])
def test_a_stream_that_outlasts_the_limit_ends_with_an_error_and_others_go_on(
    start: Start, targets: Targets, upstream: ScriptedUpstream, dialect: str
) -> None:
    events = chat.events("held")
    upstream.on("held", (Send(stream_head()), *(Send(chunk(event)) for event in events[:3]), Gate("end")))
    stage = start(targets, server="drain_timeout = 0.5")
    long, short = Asking(dialect, "up/held", True), Asking("chat", "up/m", False)
    with stage.gateway.client() as held, stage.gateway.client() as resting:
        resting.send(short.request(stage.gateway.key))
        resting.read_reply()
        held.send(long.request(stage.gateway.key))
        upstream.wait_gate("end")
        restart(stage)
        reply = held.read_reply()
        assert long.error(reply) and not long.ends_well(reply)
        resting.send(short.request(stage.gateway.key))
        assert short.ends_well(resting.read_reply())
    row = stage.row(reply)
    assert (row["status"], row["error"]) == ("error", "draining")
    upstream.open("end")
