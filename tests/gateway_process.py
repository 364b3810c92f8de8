"""The real gateway as a child process, as a person would start it, on a port of its own choosing.

Nothing of the gateway is imported here but its way to make a key: what is tested is the program.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from llm_gateway.vault import mint_key
from rawhttp import RawClient, Reply, request

__all__ = ["TOKEN", "GatewayProcess", "configuration"]

TOKEN = "dashboard-token-for-tests-0123456789"
_READY_S = 20.0
# What the child may know of this machine: enough to run, nothing that would make providers appear.
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "PYTHONPATH")


def configuration(url: str, *, models: Sequence[str] = (), server: str = "", more: str = "") -> str:
    """Return a gateway.toml with one provider, `scripted`, at `url`."""
    listed = f"models = {json.dumps(list(models))}" if models else ""
    text = f"""
[server]
{server}

[[providers]]
name = "scripted"
base_url = "{url}"
dialects = ["chat"]
api_key_env = "SCRIPTED_API_KEY"
{listed}

{more}
"""
    tomllib.loads(text)
    return text


class GatewayProcess:
    """A gateway with a home of its own. Use as a context manager; `restart` keeps home and key.

    `program` starts it, in a surrounding of its own where a test needs one.
    """

    def __init__(
        self,
        home: Path,
        config: str,
        *,
        arguments: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        program: Sequence[str] = (sys.executable, "-m", "llm_gateway"),
    ) -> None:
        self.home = home
        self.key = mint_key()
        self.url = ""
        self.port = 0
        self.started_in = 0.0
        self._arguments = [*program, "up", "--port", "0", "--json", *arguments]
        self._environ = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
            "HOME": str(home / "user"),
            "LLM_GATEWAY_HOME": str(home / "gateway"),
            "LLM_GATEWAY_CONFIG": str(home / "gateway.toml"),
            "LLM_GATEWAY_BOOTSTRAP_KEY": self.key,
            "LLM_GATEWAY_DASHBOARD_TOKEN": TOKEN,
            "SCRIPTED_API_KEY": "sk-scripted-upstream-0123456789",
            "PYTHONUNBUFFERED": "1",
            # What else runs on the machine of a test is nothing to it.
            "LLM_GATEWAY_CLIENTS__DETECT": "false",
            **(environ or {}),
        }
        (home / "user").mkdir(parents=True, exist_ok=True)
        (home / "gateway.toml").write_text(config, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # its life

    def start(self) -> None:
        """Start the gateway and wait until it says that it is ready."""
        began = time.monotonic()
        with self._stderr_path.open("ab") as stderr:
            process = self._process = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=self._environ,
                cwd=self.home,
            )
        alarm = threading.Timer(_READY_S, process.kill)
        alarm.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if self._ready(line):
                    self.started_in = time.monotonic() - began
                    return
        finally:
            alarm.cancel()
        code = process.wait()
        process.stdout.close()
        raise AssertionError(f"the gateway did not start (exit {code}):\n{self.stderr()[-4000:]}")

    def stop(self) -> int:
        """End the gateway in order (SIGTERM); return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the gateway at once (SIGKILL)."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """End the gateway in order and start it again on the same home."""
        self.stop()
        self.start()

    # its inside, as far as it can be seen from here

    @property
    def pid(self) -> int:
        """Return the process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def database(self) -> Path:
        """Return the path of the ledger's database."""
        return self.home / "gateway" / "ledger" / "ledger.sqlite3"

    def stderr(self) -> str:
        """Return everything that the gateway has said on stderr, over all its starts."""
        return self._stderr_path.read_text(encoding="utf-8", errors="replace")

    def status_kib(self, field: str) -> int:
        """Return a size of /proc/PID/status, such as VmRSS, in KiB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)

    def kernel_bytes(self) -> int:
        """Return how many bytes wait in the kernel, in and out, on the process's TCP sockets."""
        inodes = set()
        for descriptor in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                inodes.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
            except FileNotFoundError:
                continue  # closed meanwhile
        waiting = 0
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and fields[3] != "0A":  # a listening socket counts connections there
                waiting += sum(int(queue, 16) for queue in fields[4].split(":"))
        return waiting

    # asking it

    def client(self, *, timeout: float = 10.0, receive_buffer: int = 0) -> RawClient:
        """Return a new connection."""
        return RawClient(self.port, timeout=timeout, receive_buffer=receive_buffer)

    def get(self, target: str, *, key: str | None = None) -> Reply:
        """Ask with the gateway key, or with another."""
        with self.client() as client:
            client.send(request("GET", target, key=self.key if key is None else key))
            return client.read_reply()

    def post(self, target: str, body: bytes, *, headers: Sequence[tuple[str, str]] = ()) -> Reply:
        """Send a body with the gateway key."""
        with self.client() as client:
            client.send(request("POST", target, body=body, key=self.key, headers=headers))
            return client.read_reply()

    def chat(self, model: str, *, stream: bool = False, **fields: object) -> Reply:
        """Send a small chat request."""
        return self.post("/v1/chat/completions", self.chat_body(model, stream=stream, **fields))

    def chat_request(self, model: str, *, stream: bool = False, **fields: object) -> bytes:
        """Return the bytes of a small chat request."""
        return request(
            "POST", "/v1/chat/completions", body=self.chat_body(model, stream=stream, **fields), key=self.key
        )

    @staticmethod
    def chat_body(model: str, *, stream: bool = False, **fields: object) -> bytes:
        """Return the body of a small chat request."""
        body = {"model": model, "messages": [{"role": "user", "content": "Guten Tag"}], **fields}
        return json.dumps({**body, "stream": True} if stream else body).encode()

    def dashboard(self, name: str) -> dict[str, object]:
        """Return what a dashboard endpoint says."""
        reply = self.get(f"/api/dashboard/{name}", key=TOKEN)
        assert reply.status == 200, reply
        return reply.json()

    def rows(self) -> list[dict[str, object]]:
        """Return the newest requests, up to 1000, as the dashboard shows them."""
        rows = self.dashboard("requests?limit=1000")["requests"]
        assert isinstance(rows, list)
        return rows

    def row(self, request_id: str | None) -> dict[str, object]:
        """Return one request as the dashboard shows it."""
        assert request_id, "the answer named no request id"
        found = [row for row in self.rows() if row["id"] == request_id]
        assert found, f"request {request_id} is not in the ledger"
        return found[0]

    # details

    @property
    def _stderr_path(self) -> Path:
        return self.home / "stderr.txt"

    def _ready(self, line: bytes) -> bool:
        """Take the line that says where the gateway listens; other lines are for people."""
        if not line.startswith(b"{"):
            return False
        said = json.loads(line)
        assert said["schema"] == "llm-gateway/up/v1", said
        self.url = said["url"]
        self.port = int(self.url.rpartition(":")[2])
        return True

    def _end(self, how: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            code = process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            if process.stdout is not None:
                process.stdout.close()
        return code
