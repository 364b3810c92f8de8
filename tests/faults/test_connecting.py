"""Upstreams that cannot be connected to: nobody listens, no name, no answer, no TLS that could be trusted."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from faults.certificates import Authority
from faults.name_server import ADDRESS, NameServer
from faults.namespace import bound, inside, possible
from faults.proxy import FaultProxy
from faults.stage import Stage, Start, Targets
from rawhttp import Reply
from scripted import ScriptedUpstream

_REFUSED_S = 0.05
# Nobody is asked again: the waits would add up.
_ONCE = "[routing]\nretries = 0"


@pytest.fixture
def alive() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",)) as upstream:
        yield upstream


@pytest.fixture
def closed() -> str:
    """Return a URL where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def silent() -> Iterator[str]:
    """Return a URL where connections are accepted, and nothing more."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(200)
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


def refused(reply: Reply, kind: str) -> str:
    """Return the message of an error of the gateway's own about its upstream."""
    assert reply.error()["code"] == kind, reply
    assert reply.status == (504 if kind == "upstream_timeout" else 502)
    return str(reply.error()["message"])


def timed(ask: Callable[[], Reply]) -> tuple[Reply, float]:
    began = time.monotonic()
    return ask(), time.monotonic() - began


# U1


@pytest.mark.fault("U1")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_refused_connection_is_502_alone_and_the_next_target_with_one(
    start: Start, alive: ScriptedUpstream, closed: str, stream: bool
) -> None:
    targets = Targets()
    dead, good = targets.add("dead", closed), targets.add("good", alive.url)
    targets.alias("both", dead, good)
    stage = start(targets)
    assert "refused" in refused(stage.ask(dead, stream=stream), "upstream_unreachable")
    asked = [timed(lambda: stage.ask("both", stream=stream)) for _ in range(5)]
    assert {(reply.status, reply.header("x-llm-gateway-provider")) for reply, _ in asked} == {(200, "good")}
    assert min(seconds for _, seconds in asked) < _REFUSED_S, "a refusal is no reason to wait"
    assert {stage.row(reply)["status"] for reply, _ in asked} == {"ok"}


# U2


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer({"quick.test": "127.0.0.1", "slow.test": ""}) as server:
        yield server


def with_names(start: Start, targets: Targets, folder: Path, upstream: str) -> Stage:
    """Start a gateway that asks our name server and nobody else."""
    servers, order = folder / "resolv.conf", folder / "nsswitch.conf"
    servers.write_text(f"nameserver {ADDRESS}\n", encoding="ascii")
    order.write_text("hosts: files dns\n", encoding="ascii")
    mounts = [bound(servers, Path("/etc/resolv.conf").resolve())]
    if Path("/etc/nsswitch.conf").exists():
        mounts.append(bound(order, Path("/etc/nsswitch.conf")))
    return start(targets, program=inside(*mounts), upstream=upstream, more=_ONCE)


def test_a_name_that_does_not_resolve_at_all(start: Start, alive: ScriptedUpstream) -> None:
    """Without a name server of our own, whatever this machine's one says of a name that cannot exist."""
    targets = Targets()
    lost, good = targets.add("lost", "http://nobody.invalid:1"), targets.add("good", alive.url)
    targets.alias("both", lost, good)
    stage = start(targets, upstream="connect_timeout = 1.0", more=_ONCE)
    assert refused(stage.ask(lost), "upstream_unreachable")
    assert stage.ask("both").header("x-llm-gateway-provider") == "good"


if possible():

    @pytest.mark.fault("U2")
    def test_a_name_that_is_not_known_or_not_answered(
        start: Start, alive: ScriptedUpstream, names: NameServer, tmp_path: Path
    ) -> None:
        targets = Targets()
        good = targets.add("good", f"http://quick.test:{alive.port}")
        lost, slow = targets.add("lost", "http://nobody.test:1"), targets.add("slow", "http://slow.test:1")
        targets.alias("past-lost", lost, good)
        targets.alias("past-slow", slow, good)
        stage = with_names(start, targets, tmp_path, "connect_timeout = 0.7")
        assert "resolve" in refused(stage.ask(lost), "upstream_unreachable")
        assert refused(stage.ask(slow), "upstream_unreachable")
        for alias in ("past-lost", "past-slow"):
            assert stage.ask(alias).header("x-llm-gateway-provider") == "good"

    @pytest.mark.fault("U2")
    def test_a_name_is_waited_for_five_seconds_and_not_longer(
        start: Start, alive: ScriptedUpstream, names: NameServer, tmp_path: Path
    ) -> None:
        targets = Targets()
        slow = targets.add("slow", "http://slow.test:1")
        stage = with_names(start, targets, tmp_path, "connect_timeout = 20.0")
        reply, seconds = timed(lambda: stage.ask(slow))
        assert "within 5 seconds" in refused(reply, "upstream_unreachable")
        assert 4.5 < seconds < 6.5

    @pytest.mark.fault("U2")
    def test_a_slow_name_holds_up_nobody_else(
        start: Start, alive: ScriptedUpstream, names: NameServer, tmp_path: Path
    ) -> None:
        targets = Targets()
        good = targets.add("good", f"http://quick.test:{alive.port}")
        slow = targets.add("slow", "http://slow.test:1")
        stage = with_names(start, targets, tmp_path, "connect_timeout = 2.0")
        with ThreadPoolExecutor(35) as pool:
            waiting = [pool.submit(stage.ask, slow) for _ in range(30)]
            time.sleep(0.3)
            others = [pool.submit(stage.ask, good) for _ in range(5)]  # more than there are connections
            assert {future.result().status for future in others} == {200}, "another name is looked up"
            assert stage.gateway.get("/livez").status == 200, "the loop is not held up"
            assert not any(future.done() for future in waiting)
            assert {future.result().status for future in waiting} == {502}


# U3


@pytest.mark.fault("U3")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_an_upstream_that_never_answers(
    start: Start, alive: ScriptedUpstream, silent: str, stream: bool
) -> None:
    targets = Targets()
    mute, good = targets.add("mute", silent), targets.add("good", alive.url)
    targets.alias("both", mute, good)
    stage = start(targets, upstream="first_byte_timeout = 0.5", more=_ONCE)
    with ThreadPoolExecutor(2) as pool:
        alone, both = (pool.submit(stage.ask, model, stream=stream) for model in (mute, "both"))
    refused(alone.result(), "upstream_timeout")
    row = stage.row(alone.result())
    assert (row["status"], row["http_status"], row["error"]) == ("error", 504, "upstream_timeout")
    assert both.result().header("x-llm-gateway-provider") == "good"
    assert stage.attempts(both.result())[0] == ("mute", "upstream_timeout")


# U21


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.fault("U21")
@pytest.mark.parametrize(
    ("wrong", "cause"),
    [("expired", "expired"), ("name", "localhost"), ("own", "self-signed"), ("plain", "no connection")],
)
def test_a_certificate_that_cannot_be_trusted_is_502_with_its_cause(
    start: Start, alive: ScriptedUpstream, authority: Authority, wrong: str, cause: str
) -> None:
    host = "elsewhere.example" if wrong == "name" else "localhost"
    context = authority.server(host, expired=wrong == "expired", own=wrong == "own")
    with ExitStack() as stack:
        distrusted = stack.enter_context(ScriptedUpstream(("m",), tls=None if wrong == "plain" else context))
        proxy = stack.enter_context(FaultProxy(distrusted.port))
        targets = Targets()
        bad = targets.add("bad", f"https://localhost:{proxy.port}")
        targets.alias("both", bad, targets.add("good", alive.url))
        stage = start(
            targets,
            upstream="connect_timeout = 0.5",
            more=_ONCE,
            environ={"SSL_CERT_FILE": str(authority.file)},
        )
        message = refused(stage.ask(bad), "upstream_unreachable")
        assert cause in message
        assert stage.ask("both").header("x-llm-gateway-provider") == "good"
        assert proxy.openings and all(opening[:2] == b"\x16\x03" for opening in proxy.openings)
        distrusted.failures.clear()  # what the plain one was sent is no HTTP
        assert distrusted.requests == []


@pytest.mark.fault("U21")
def test_a_certificate_in_order_is_trusted(start: Start, authority: Authority) -> None:
    with ScriptedUpstream(("m",), tls=authority.server()) as upstream:
        targets = Targets()
        good = targets.add("good", upstream.url)
        stage = start(targets, environ={"SSL_CERT_FILE": str(authority.file)})
        assert stage.ask(good, stream=True).status == 200


@pytest.mark.fault("U21")
def test_a_handshake_that_stalls_is_502(
    start: Start, alive: ScriptedUpstream, authority: Authority, silent: str
) -> None:
    targets = Targets()
    stalled = targets.add("stalled", silent.replace("http://127.0.0.1", "https://localhost"))
    targets.alias("both", stalled, targets.add("good", alive.url))
    stage = start(
        targets,
        upstream="connect_timeout = 0.5",
        more=_ONCE,
        environ={"SSL_CERT_FILE": str(authority.file)},
    )
    assert "no connection" in refused(stage.ask(stalled), "upstream_unreachable")
    assert stage.ask("both").header("x-llm-gateway-provider") == "good"
