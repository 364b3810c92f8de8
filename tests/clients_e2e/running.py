"""Run a real client once: a HOME of its own, nothing inherited, a proxy that refuses whatever leaves.

What a client leaves behind is ended by its own id: its process group, and whatever else has its HOME.
"""

import os
import signal
import socketserver
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Self

import psutil

from clients_e2e.rows import Client

__all__ = ["Outcome", "RefusingProxy", "run"]

# Less than a test may take.
_LONGEST_S = 100.0


class _Refusal(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        line = self.rfile.readline(4096).decode("latin-1").strip()
        assert isinstance(self.server, _Server)
        self.server.refused.append(line)
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusal)
        self.refused: list[str] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Do nothing: a client that hangs up early is no failure."""


class RefusingProxy:
    """An HTTP proxy on loopback that refuses all, and notes what was asked. A context manager."""

    def __init__(self) -> None:
        self._server = _Server()
        self._thread = threading.Thread(target=self._server.serve_forever, name="refusing-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Return the proxy's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def refused(self) -> list[str]:
        """Return the first lines of what was refused."""
        return self._server.refused


@dataclass(frozen=True)
class Outcome:
    """What a client left behind."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    def __str__(self) -> str:
        """Return it as a test shows it."""
        return (
            f"exit {self.code} after {self.seconds:.1f} s\n--- stdout\n{self.stdout[-3000:]}\n"
            f"--- stderr\n{self.stderr[-3000:]}"
        )


def run(
    client: Client,
    home: Path,
    words: Mapping[str, str],
    *,
    path: str,
    proxy: str,
    longest: float = _LONGEST_S,
) -> Outcome:
    """Set a client up in an empty HOME and run it to its end."""
    project = home / "project"
    project.mkdir(parents=True, exist_ok=True)
    told = {**words, "model": client.model, "project": str(project)}
    for name, content in client.files.items():
        file = home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(Template(content).substitute(told), encoding="utf-8")
    environ = {
        "HOME": str(home),
        "PATH": path,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), proxy),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
        **{name: Template(value).substitute(told) for name, value in client.environ.items()},
    }
    subprocess.run(["git", "init", "--quiet", str(project)], env=environ, check=True, timeout=_LONGEST_S)
    command = [Template(word).substitute(told) for word in client.command]
    return _ended(command, environ, project, longest)


def _ended(command: list[str], environ: dict[str, str], cwd: Path, longest: float) -> Outcome:
    began = time.monotonic()
    # Files, not pipes: a background process that a client leaves behind would hold a pipe open.
    with (cwd.parent / "stdout").open("w+b") as out, (cwd.parent / "stderr").open("w+b") as err:
        process = subprocess.Popen(
            command,
            env=environ,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            code = process.wait(longest)
        except subprocess.TimeoutExpired:
            code = -signal.SIGKILL
        finally:
            _end_group(process)
            _end_strays(environ["HOME"])
        seconds = time.monotonic() - began
        out.seek(0)
        err.seek(0)
        return Outcome(
            code, out.read().decode(errors="replace"), err.read().decode(errors="replace"), seconds
        )


def _end_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nothing was left
    process.wait()


def _end_strays(home: str) -> None:
    """End what a client started in the background; it may have a session of its own, but has its HOME."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOME") == home:
                process.kill()
        except psutil.Error:
            continue  # gone meanwhile, or another user's
