"""A link from another machine, by TLS: there while that is allowed, and cut off when it is not any more.

Two machines with a cable between them; the gateway's listens to the desk's network, the desk's to nobody.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridges.claude.claude_stage import Played
from faults.certificates import Authority
from gateway_process import GatewayProcess
from namespaces import SERVER, Machines

_PORT = 8791
_NAME = "gateway.example"
_PROGRAM = (sys.executable, "-m", "llm_gateway")
# The rest of the ways is in `blackbox/test_exposure.py`, for connections of any kind.
_HOW = ("withdrawn", "file") if os.environ.get("LLM_GATEWAY_TEST_FAULTS", "") == "full" else ("withdrawn",)
_LISTED = 'allow_from = ["10.77.0.0/24"]'


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    if why := Machines.impossible():
        pytest.skip(f"no two machines can be made here: {why}")
    with Machines(tmp_path_factory.mktemp("machines"), {_NAME: SERVER}) as machines:
        yield machines


@pytest.fixture
def gateway(machines: Machines, tmp_path: Path) -> Iterator[tuple[GatewayProcess, str]]:
    """Return a gateway on the server that the desk's network may reach, by TLS, and an invitation."""
    authority = Authority(tmp_path)
    authority.server(_NAME)
    (certificate,) = tmp_path.glob(f"{_NAME}-*.pem")
    server = (
        f'host = "{SERVER}"\nport = {_PORT}\nexpose = true\n{_LISTED}\nhosts = ["{_NAME}"]\n'
        f'tls_cert = "{certificate}"\ntls_key = "{certificate}"\n'
    )
    home = tmp_path / "server"
    home.mkdir()
    program = (*machines.on_server, *_PROGRAM)
    process = GatewayProcess(home, f"[server]\n{server}", arguments=("--port", str(_PORT)), program=program)
    command(home, "bridges", "expose", "--yes", "--hours", "1")
    token = command(home, "enroll", "desk").split()[0]
    with process:
        yield process, token


def command(home: Path, *words: str) -> str:
    """Run a command on the gateway's home, as its owner would there."""
    where = ["--home", str(home / "gateway"), "--config", str(home / "gateway.toml")]
    done = subprocess.run(
        [*_PROGRAM, *where, *words], check=False, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def companion(machines: Machines, folder: Path, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """Run a companion on the desk, with a vendor's program."""
    (folder / "vendor").mkdir(parents=True, exist_ok=True)
    home = folder / "home"
    if not home.exists():
        home.mkdir()
        program = Played(folder / "vendor").program
        (home / "gateway.toml").write_text(f'[[bridges]]\nname = "claude"\nprogram = "{program}"\n')
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LLM_GATEWAY_CLIENTS__DETECT": "false"}
    running = subprocess.Popen(
        [*machines.on_desk, *_PROGRAM, "--home", str(home), "companion", *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=environ,
    )  # fmt: skip
    try:
        yield running
    finally:
        running.kill()
        running.wait()
        assert running.stderr is not None
        running.stderr.close()


def until(running: "subprocess.Popen[str]", words: str) -> float:
    """Read what a companion says until it says this; return how long that took."""
    began = time.monotonic()
    assert running.stderr is not None
    for line in running.stderr:
        if words in line:
            return time.monotonic() - began
    raise AssertionError(f"it ended without saying {words!r}")


@pytest.mark.control("T7")
@pytest.mark.control("T17")
@pytest.mark.parametrize("how", _HOW)
def test_a_link_from_elsewhere_ends_with_the_exposure(
    machines: Machines, gateway: tuple[GatewayProcess, str], how: str, tmp_path: Path
) -> None:
    process, token = gateway
    trust, url = ("--ca", str(tmp_path / "authority.pem")), f"https://{_NAME}:{_PORT}"
    with companion(machines, tmp_path / "stranger", "--gateway", url, "--join", token) as stranger:
        until(stranger, "tls_failed")
    with companion(machines, tmp_path / "desk", "--gateway", url, "--join", token, *trust) as desk:
        until(desk, "connected as desk")
        assert listening(machines) == [], "the desk listens to nobody"
        if how == "withdrawn":
            command(process.home, "bridges", "expose", "--withdraw")
        else:
            config = (process.home / "gateway.toml").read_text()
            narrower = config.replace(_LISTED, 'allow_from = ["10.77.9.0/24"]')
            assert narrower != config
            (process.home / "gateway.toml").write_text(narrower)
        assert until(desk, "not connected") < 6
        assert desk.poll() is None, "it tries again"
    assert '"action":"exposure.close"' in (process.home / "gateway" / "audit.jsonl").read_text()


def listening(machines: Machines) -> list[str]:
    """Return the sockets on the desk that take connections."""
    done = subprocess.run(
        [*machines.on_desk, "cat", "/proc/net/tcp", "/proc/net/tcp6"],
        check=True,
        capture_output=True,
        text=True,
    )
    return [line for line in done.stdout.splitlines() if line.split()[3] == "0A"]
