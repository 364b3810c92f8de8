"""Who can reach a gateway, on two machines with a cable between them: real processes, real addresses."""

import ipaddress
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from certificate import self_signed
from gateway_process import GatewayProcess
from llm_gateway.cli.output import REFUSED
from namespaces import SERVER, Listening, Machines
from rawhttp import request

PORT = 8790
LISTED = 'allow_from = ["10.77.0.0/24", "fd77::/64"]'
PROGRAM = (sys.executable, "-m", "llm_gateway")
NAMES = {"gateway.example": SERVER, "localhost": SERVER, "elsewhere.example": "10.77.0.3"}


class Case(NamedTuple):
    """A configuration that may start: where it has to listen, and where the desk then reaches it."""

    host: str
    listens: str
    reached_at: str = ""
    tls: bool = False
    listed: bool = False

    @property
    def exposed(self) -> bool:
        return self.tls or self.listed


CASES = [
    Case("0.0.0.0", "0.0.0.0", SERVER, tls=True, listed=True),
    Case("::", "::", "fd77::2", tls=True, listed=True),
    Case(SERVER, SERVER, SERVER, listed=True),
    Case(SERVER, SERVER, SERVER, tls=True),
    Case("gateway.example", SERVER, "gateway.example", listed=True),
    Case("::ffff:10.77.0.2", SERVER, SERVER, listed=True),
    Case("127.0.0.2", "127.0.0.2"),
    Case("localhost", "127.0.0.1"),
]


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with Machines(tmp_path_factory.mktemp("machines"), NAMES) as machines:
        yield machines


def gateway(machines: Machines, home: Path, server: str, port: int = PORT) -> GatewayProcess:
    home.mkdir(exist_ok=True)
    arguments = ("--port", str(port))
    program = (*machines.on_server, *PROGRAM)
    return GatewayProcess(home, f"[server]\n{server}\n", arguments=arguments, program=program)


def settings(case: Case, folder: Path) -> str:
    lines = [f'host = "{case.host}"', f"port = {PORT}", f'hosts = ["{SERVER}", "[fd77::2]"]']
    if case.exposed:
        lines.append("expose = true")
    if case.tls:
        certificate, key = self_signed(folder)
        lines += [f'tls_cert = "{certificate}"', f'tls_key = "{key}"']
    if case.listed:
        lines.append(LISTED)
    return "\n".join(lines)


def command(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command on the home of a gateway, as its owner would at a terminal."""
    where = ["--home", str(home / "gateway"), "--config", str(home / "gateway.toml")]
    return subprocess.run([*PROGRAM, *where, *words], check=False, capture_output=True, text=True, timeout=30)


def hello(host: str) -> bytes:
    name = f"[{host}]" if ":" in host else host
    return request("GET", "/livez", host=f"{name}:{PORT}", headers=[("Connection", "close")])


@pytest.mark.control("T2")
@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.host}{' TLS' * case.tls}{' list' * case.listed}"
)
def test_what_may_start_listens_where_it_says_and_nowhere_else(
    machines: Machines, case: Case, tmp_path: Path
) -> None:
    process = gateway(machines, tmp_path / "home", settings(case, tmp_path))
    if case.exposed:
        confirmed = command(tmp_path / "home", "bridges", "expose", "--yes")
        assert confirmed.returncode == 0, confirmed.stderr
    with process:
        protocol = "tcp6" if ":" in case.listens else "tcp"
        assert machines.listening() == [Listening(protocol, case.listens, PORT)]
        if case.reached_at:
            there, words = case.reached_at, hello(case.reached_at)
            answer = machines.ask(machines.on_desk, there, PORT, words, tls=case.tls)
            assert answer.startswith(b"HTTP/1.1 200 "), answer
            if case.tls:
                assert machines.ask(machines.on_desk, there, PORT, words) == b"", "nobody speaks plainly here"
        for host in (SERVER, "fd77::2"):
            if host != case.reached_at and case.reached_at != "gateway.example":
                assert machines.ask(machines.on_desk, host, PORT, hello(host), tls=case.tls) == b""
    assert machines.listening() == []


@pytest.mark.control("T2")
@pytest.mark.parametrize(
    "server",
    [
        'host = "0.0.0.0"',
        f'host = "0.0.0.0"\nexpose = true\n{LISTED}',
        f'host = "{SERVER}"\nexpose = true\n{LISTED}',
        'host = "gateway.example"\nexpose = true',
    ],
)
def test_what_lacks_something_does_not_start(machines: Machines, server: str, tmp_path: Path) -> None:
    process = gateway(machines, tmp_path, server)
    with pytest.raises(AssertionError, match=rf"did not start \(exit {REFUSED}\)"):
        process.start()
    assert machines.listening() == []


@pytest.mark.control("T1")
@pytest.mark.parametrize(
    "server",
    [
        "",
        'host = "localhost"',
        'host = "::1"',
        "expose = true",
        f"expose = true\n{LISTED}",
        "[clients]\ndetect = true\n[log]\nlevel = 'debug'",
        "websockets = false",
    ],
)
def test_by_default_nobody_but_this_machine_can_connect(
    machines: Machines, server: str, tmp_path: Path
) -> None:
    with gateway(machines, tmp_path, server, port=0):
        found = machines.listening()
        assert len(found) == 1 and ipaddress.ip_address(found[0].address).is_loopback, found
        assert machines.ask(machines.on_desk, SERVER, found[0].port, hello(SERVER)) == b""


def test_only_listed_networks_get_an_answer(machines: Machines, tmp_path: Path) -> None:
    server = f'host = "{SERVER}"\nport = {PORT}\nexpose = true\nallow_from = ["10.77.9.0/24"]'
    process = gateway(machines, tmp_path, server)
    assert command(tmp_path, "bridges", "expose", "--yes").returncode == 0
    with process:
        assert machines.ask(machines.on_desk, SERVER, PORT, hello(SERVER)) == b""
        assert machines.ask(machines.on_server, SERVER, PORT, hello(SERVER)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.control("T17")
@pytest.mark.parametrize("how", ["time", "withdrawn", "file"])
def test_an_exposure_that_is_over_is_closed_and_this_machine_goes_on(
    machines: Machines, how: str, tmp_path: Path
) -> None:
    server = f'host = "{SERVER}"\nport = {PORT}\nexpose = true\n{LISTED}'
    process = gateway(machines, tmp_path, server)
    hours = "0.0008" if how == "time" else "1"
    assert command(tmp_path, "bridges", "expose", "--yes", "--hours", hours).returncode == 0
    with process:
        if how != "time":
            assert machines.ask(machines.on_desk, SERVER, PORT, hello(SERVER)).startswith(b"HTTP/1.1 200 ")
        if how == "withdrawn":
            assert command(tmp_path, "bridges", "expose", "--withdraw").returncode == 0
        elif how == "file":
            (tmp_path / "gateway.toml").write_text(f"[server]\nport = {PORT}\n")
        until = time.monotonic() + 6
        while machines.listening() != [Listening("tcp", "127.0.0.1", PORT)]:
            assert time.monotonic() < until, machines.listening()
            time.sleep(0.05)
        assert machines.ask(machines.on_desk, SERVER, PORT, hello(SERVER)) == b""
        here = machines.ask(machines.on_server, "127.0.0.1", PORT, hello("127.0.0.1"))
        assert here.startswith(b"HTTP/1.1 200 ")
        assert f'"url":"http://127.0.0.1:{PORT}"' in (tmp_path / "gateway" / "running.json").read_text()
    told = (tmp_path / "gateway" / "audit.jsonl").read_text()
    assert '"action":"exposure.close"' in told and f'"target":"{SERVER}:{PORT}"' in told


def test_a_confirmation_that_has_ended_does_not_start(machines: Machines, tmp_path: Path) -> None:
    server = f'host = "{SERVER}"\nport = {PORT}\nexpose = true\n{LISTED}'
    process = gateway(machines, tmp_path, server)
    assert command(tmp_path, "bridges", "expose", "--yes", "--hours", "0.00001").returncode == 0
    time.sleep(0.05)
    with pytest.raises(AssertionError, match="what you confirmed ended at"):
        process.start()
