"""A gateway on one machine and a companion on another: real processes, TLS, and a cable between them.

The desk takes no connection from anybody. What its companion offers is an agent of the tests' own
(`scripted_agent.py`) as `far`; the gateway has the same agent itself, as `near`. Clients are on the server.
"""

import json
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway_process import TOKEN, GatewayProcess
from namespaces import DESK, SERVER, Machines
from speaking import Answer, Speaker

__all__ = ["DOOR", "PORT", "Desktop", "Place", "agent", "until"]

PORT, DOOR = 8790, 8787
PROGRAM = (sys.executable, "-m", "llm_gateway")
_PATIENCE_S = 20.0
_SCRIPT = Path(__file__).with_name("scripted_agent.py")
_CLIENTS = 64


def until(true: Callable[[], object], what: str, seconds: float = _PATIENCE_S) -> float:
    """Wait until something is so, and return how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:g} seconds"
        time.sleep(0.02)
    return time.monotonic() - began


def agent(name: str, record: Path) -> str:
    """Return the table of a bridge to an agent that keeps a record."""
    command = json.dumps([sys.executable, "-S", "-E", str(_SCRIPT), str(record)])
    return (
        f'[[bridges]]\nname = "{name}"\ncommand = {command}\nenabled = true\nparallel = 64\n'
        'models = ["model"]\n'
    )


class Desktop:
    """A machine with a companion, which is a process of its own."""

    def __init__(self, machines: Machines, home: Path, certificate: Path) -> None:
        self.home = home
        self.record = home / "prompts"
        self._machines = machines
        self._certificate = certificate
        self._process: subprocess.Popen[bytes] | None = None
        (home / "user").mkdir(parents=True)
        caps = f"[companion]\ndoor = {DOOR}\nturns_per_minute = 100000\nturns_per_day = 100000\n"
        (home / "gateway.toml").write_text(caps + agent("far", self.record))
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(home / "user"),
            "LLM_GATEWAY_HOME": str(home / "gateway"),
            "LLM_GATEWAY_CONFIG": str(home / "gateway.toml"),
            "LLM_GATEWAY_CLIENTS__DETECT": "false",
        }

    def join(self, token: str) -> None:
        """Start its companion for the first time, as `enroll` says."""
        self.start("--gateway", f"https://{SERVER}:{PORT}", "--ca", str(self._certificate), "--join", token)

    def start(self, *arguments: str) -> None:
        """Start its companion, and wait until it is connected."""
        known = self.said().count("connected as")
        with (self.home / "stderr").open("ab") as said:
            self._process = subprocess.Popen(
                [*self._machines.on_desk, *PROGRAM, "companion", *arguments],
                env=self._environ,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stderr=said,
            )
        until(lambda: self.said().count("connected as") > known or self.ended is not None, "it connects")
        assert self.ended is None, self.said()

    def said(self) -> str:
        """Return all that it has said."""
        file = self.home / "stderr"
        return file.read_text() if file.exists() else ""

    def asked(self) -> list[str]:
        """Return the agent's record."""
        return self.record.read_text().splitlines() if self.record.exists() else []

    @property
    def ended(self) -> int | None:
        """Return its exit code, None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def stop(self) -> int:
        """End it in order, and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(_PATIENCE_S)

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Place:
    """Both machines. Use as a context manager; the desk has joined then."""

    def __init__(self, folder: Path) -> None:
        (folder / "server").mkdir(parents=True)
        certificate, key = _certified(folder)
        self.machines = Machines(folder)
        self.home = folder / "server"
        self.near_record = folder / "near"
        self._trust = ssl.create_default_context(cafile=str(certificate))
        self._trust.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 has it by itself
        config = self._config = f"""
[server]
host = "{SERVER}"
port = {PORT}
expose = true
tls_cert = "{certificate}"
tls_key = "{key}"
allow_from = ["{DESK}/32"]

[routing]
retries = 0
longest_cool_down = 0

{agent("near", self.near_record)}
"""
        self.desk = Desktop(self.machines, folder / "desk", certificate)
        (self.home / "gateway.toml").write_text(config)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            machines = stack.enter_context(self.machines)
            machines.shut(machines.on_desk)
            self.clients = stack.enter_context(machines.inside(machines.on_server, _CLIENTS))
            self.neighbours = stack.enter_context(machines.inside(machines.on_desk, 4))
            self.command("bridges", "expose", "--yes")
            program = (*machines.on_server, *PROGRAM)
            arguments = ("--port", str(PORT))
            gateway = GatewayProcess(self.home, self._config, arguments=arguments, program=program)
            self.gateway = stack.enter_context(gateway)
            stack.callback(self.desk.kill)
            self.join()
            self._held = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def command(self, *words: str) -> str:
        """Run a command on the server as its owner would, and return what it says on stdout."""
        where = ["--home", str(self.home / "gateway"), "--config", str(self.home / "gateway.toml")]
        done = subprocess.run(
            [*self.machines.on_server, *PROGRAM, *where, *words], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def join(self) -> None:
        """Have the desk join, and wait until its bridge answers."""
        self.desk.join(self.command("enroll", "desk").strip())
        self.until_state("ok")

    def speaker(self) -> Speaker:
        """Return a client on the server; it is for `clients` to use."""
        return Speaker(SERVER, PORT, self.gateway.key, self._trust)

    def neighbour(self) -> Speaker:
        """Return a client on the desk, that asks at the door there; it is for `neighbours` to use."""
        return Speaker("127.0.0.1", DOOR, self.gateway.key)

    def ask(self, dialect: str, model: str, words: str, *, stream: bool = False) -> "Future[Answer]":
        """Have a client of its own ask."""

        def asked() -> Answer:
            with self.speaker() as speaker:
                return speaker.ask(dialect, model, words, stream=stream)

        return self.clients.submit(asked)

    def dashboard(self, name: str) -> Mapping[str, object]:
        """Return what a dashboard endpoint says."""

        def got() -> Mapping[str, object]:
            with self.speaker() as speaker:
                return speaker.get(f"/api/dashboard/{name}", TOKEN)

        return self.clients.submit(got).result(10)

    def bridge(self) -> Mapping[str, object]:
        """Return how the desk's bridge is, {} where there is none of this name."""
        found = self.dashboard("bridges")["bridges"]
        assert isinstance(found, list)
        return next((each for each in found if each["name"] == "far"), {})

    def until_state(self, state: str, seconds: float = _PATIENCE_S) -> float:
        """Wait until the desk's bridge is so, and return how long that took."""
        return until(lambda: self.bridge().get("state") == state, f"far is {state}", seconds)

    def row(self, answer: Answer) -> Mapping[str, object]:
        """Return the ledger's row of an answer."""
        found = self.dashboard("requests?limit=1000")["requests"]
        assert isinstance(found, list)
        return next(each for each in found if each["id"] == answer.request_id)


def _certified(folder: Path) -> tuple[Path, Path]:
    """Return the files of a certificate and its key, made as the page says."""
    page = (Path(__file__).parents[1] / "docs" / "companion.md").read_text("utf-8")
    (recipe,) = re.findall(r"^```sh\n(openssl .*?)^```", page, re.MULTILINE | re.DOTALL)
    assert "192.168.1.20" in recipe
    recipe = recipe.replace("192.168.1.20", SERVER)
    subprocess.run(["sh", "-ec", recipe], check=True, cwd=folder, capture_output=True)
    return folder / "gateway.pem", folder / "gateway.key"
