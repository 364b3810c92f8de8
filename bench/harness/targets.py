"""What is measured: a gateway or proxy before the mock upstream; started, asked, loaded and ended here."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import machine
from harness.bodies import write_bodies
from harness.build import fill, need

__all__ = ["Lab", "Load", "NotReady", "Spec", "Target", "end_load", "gateway", "nginx", "read_targets"]

_PATH = "/v1/chat/completions"
_MESSAGES_PATH = "/v1/messages"
_MODEL = "mock-model"
# No measurement is this long: a generator that is still there does not end by itself.
_LONGEST_LOAD_S = 300


class NotReady(Exception):
    """A target did not answer in time; the message says what it said instead."""


@dataclass(frozen=True)
class Lab:
    """Where the measuring happens: folder, load generator, mock upstream, processors."""

    folder: Path
    load: Path
    mock: subprocess.Popen[bytes]
    mock_port: int
    upstream_port: int
    """The mock itself, or the TLS in front of it."""
    scheme: str
    key: str
    gateway_cpu: int
    load_cpu: int

    def check(self) -> None:
        """Raise NotReady when the mock upstream has ended: what is measured after that is nothing."""
        if (code := self.mock.poll()) is not None:
            raise NotReady(f"the mock upstream was ended from outside or crashed (exit code {code})")

    def placeholders(self, port: int) -> dict[str, object]:
        """Return what configurations and commands may name in braces."""
        return {
            "tmp": self.folder,
            "conf": self.folder,
            "mock": self.mock_port,
            "upstream_port": self.upstream_port,
            "scheme": self.scheme,
            "port": port,
            "key": self.key,
        }


@dataclass(frozen=True)
class Spec:
    """How a target is started and asked. Without a command it runs already, as `pid` or unseen."""

    name: str
    port: int
    command: Sequence[str] = ()
    headers: Sequence[str] = ()
    model: str = _MODEL
    path: str = _PATH
    environ: Mapping[str, str] = field(default_factory=dict)
    whole_environ: bool = False
    """`environ` is all that the process gets."""
    ready_seconds: float = 30.0
    pid: int | None = None


@dataclass(frozen=True)
class Load:
    """What the load generator counted; times in microseconds, -1 where nothing was measured."""

    ok: int
    rps: float
    errors: int
    bad_status: int
    conn_errors: int
    inflight_end: int
    p50: float
    p90: float
    p99: float
    p999: float
    max: float
    scheduled: int
    no_idle_conn: int
    wrong_streams: int
    ttft_p50: float
    ttft_p99: float
    chunks: int
    chunk_p50: float
    chunk_p99: float
    first_error: str

    @property
    def bad(self) -> int:
        """Return how many requests did not get their answer."""
        return self.errors + self.bad_status + self.conn_errors + self.wrong_streams


class Target:
    """One target and its process."""

    def __init__(self, spec: Spec, lab: Lab) -> None:
        self.spec = spec
        self.cold_seconds: list[float] = []
        self._lab = lab
        self._bodies = write_bodies(lab.folder, spec.model)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        """Return the target's name."""
        return self.spec.name

    @property
    def pid(self) -> int | None:
        """Return the process to be watched, if any."""
        return self._process.pid if self._process else self.spec.pid

    def start(self) -> None:
        """Start and wait for the first answer; NotReady when none comes."""
        log = self._lab.folder / f"{self.name}.log"
        began = time.monotonic()
        if self.spec.command:
            inherited = {} if self.spec.whole_environ else dict(os.environ)
            self._process = machine.start(
                self.spec.command,
                cpu=self._lab.gateway_cpu,
                log=log,
                environ=inherited | dict(self.spec.environ),
            )
        said = ""
        while time.monotonic() - began < self.spec.ready_seconds:
            if self._process is not None and self._process.poll() is not None:
                break
            try:
                status, said = self.ask()
            except (OSError, http.client.HTTPException) as error:
                said = str(error)
            else:
                if status == 200:
                    self.cold_seconds.append(time.monotonic() - began)
                    return
            time.sleep(0.002)
        self.stop()
        tail = log.read_text(errors="replace")[-1500:] if log.exists() else ""
        raise NotReady(f"{self.name} gave no answer: {said[:300]}\n{tail}")

    def stop(self) -> None:
        """End what was started."""
        if self._process is not None:
            machine.end(self._process)
            self._process = None

    def ask(self) -> tuple[int, str]:
        """Send one request; return the answer's status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.spec.port, timeout=5)
        try:
            headers = dict(line.split(": ", 1) for line in self.spec.headers)
            body = self._bodies["1k"].read_bytes()
            connection.request("POST", self.spec.path, body, headers | {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def begin_load(
        self, mode: str, body: str, *, connections: int, seconds: float, rate: float = 0, warmup: float = 0
    ) -> subprocess.Popen[bytes]:
        """Start the load generator on this target."""
        numbers = (connections, seconds, rate, warmup)
        path = _MESSAGES_PATH if body.startswith("messages-") else self.spec.path
        command = [str(self._lab.load), mode, "127.0.0.1", str(self.spec.port), path]
        command += [str(self._bodies[body]), *(str(number) for number in numbers), *self.spec.headers]
        return machine.start(command, cpu=self._lab.load_cpu)


def end_load(generator: subprocess.Popen[bytes]) -> Load:
    """Wait for the load generator; return what it counted."""
    out, _ = generator.communicate(timeout=_LONGEST_LOAD_S)
    return Load(**json.loads(out))


def nginx(lab: Lab) -> Spec:
    """Return the yardstick: nginx as a plain reverse proxy."""
    program = need("nginx", "as the yardstick (on Debian: apt install nginx-light)")
    port = machine.free_port()
    conf = fill("nginx.conf", lab.folder, lab.placeholders(port))
    return Spec(name="nginx", port=port, command=(program, "-c", str(conf)))


def gateway(lab: Lab, certificate: Path | None = None) -> Spec:
    """Return this gateway as it ships: keys on, ledger on and durable, the mock as its provider."""
    port = machine.free_port()
    home = lab.folder / "gateway-home"
    home.mkdir(exist_ok=True)
    conf = lab.folder / "gateway.toml"
    conf.write_text(
        f'[server]\nhost = "127.0.0.1"\nport = {port}\n\n'
        f'[[providers]]\nname = "mock"\nbase_url = "{lab.scheme}://127.0.0.1:{lab.upstream_port}"\n'
        f'dialects = ["chat"]\nmodels = ["{_MODEL}"]\n',
        encoding="utf-8",
    )
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LLM_GATEWAY_HOME": str(home),
        "LLM_GATEWAY_CONFIG": str(conf),
        "LLM_GATEWAY_BOOTSTRAP_KEY": lab.key,
    }
    if certificate is not None:
        environ["SSL_CERT_FILE"] = str(certificate)
    return Spec(
        name="gateway",
        port=port,
        command=(sys.executable, "-m", "llm_gateway", "up", "--port", str(port)),
        headers=(f"Authorization: Bearer {lab.key}",),
        model=f"mock/{_MODEL}",
        environ=environ,
        whole_environ=True,
    )


def read_targets(path: Path, lab: Lab) -> list[Spec]:
    """Return the targets of a file: a JSON list of objects with the fields of Spec.

    `{port}` is a free port unless the object names one; see `Lab.placeholders` for the rest.
    """
    specs = []
    for entry in json.loads(path.read_text(encoding="utf-8")):
        port = entry.setdefault("port", machine.free_port())
        values = lab.placeholders(port)
        for name in ("haproxy.cfg", "litellm.yaml"):
            fill(name, lab.folder, values)
        text = json.dumps({"headers": [f"Authorization: Bearer {lab.key}"], **entry})
        for key, value in values.items():
            text = text.replace("{" + key + "}", str(value))
        specs.append(Spec(**json.loads(text)))
    return specs
