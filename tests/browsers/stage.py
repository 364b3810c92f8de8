"""A web page that is up to no good, a tap in front of the gateway, and browsers that load the page.

The gateway listens on 127.0.0.2, the tap on 127.0.0.1 at the same port: what a browser sends is one of the
gateway's own names, and every byte of it, and of the answer, can be looked at.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

__all__ = ["Attack", "chromium", "firefox"]

_PAGE = (Path(__file__).parent / "page.html").read_bytes()
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
_REQUEST = re.compile(rb"^([A-Z]+) (\S+) HTTP/1\.1\r\n")
_STATUS = re.compile(rb"^HTTP/1\.1 (\d{3}) ")
_PATIENCE_S = 30.0

Command = Callable[[Path, str], Sequence[str]]
"""How a browser is started with a profile of its own on a page."""


class Attack:
    """Serves the page on a port of its own and, under the victim's, passes on what is not for the page.

    `answers` says what each way in got: method and status, once for each request of it.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[str, int]]] = {}
        self.read: list[str] = []
        """The ways of which the page could read an answer, or open a socket."""
        self._own = socket.create_server(("127.0.0.1", 0))
        self._tap = socket.create_server(("127.0.0.1", 0))
        self._said = threading.Semaphore(0)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        for listening in (self._own, self._tap):
            threading.Thread(target=self._accept, args=(listening,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listening in (self._own, self._tap):
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()

    @property
    def port(self) -> int:
        """Return the port on which the gateway is to listen, on 127.0.0.2."""
        return int(self._tap.getsockname()[1])

    def run(self, browser: Command, folder: Path) -> None:
        """Have a browser load the page from its own port, then from the victim's."""
        self.answers, self.read = {}, []
        for number, port in enumerate((self._own.getsockname()[1], self.port)):
            profile = folder / f"profile-{number}"
            profile.mkdir(parents=True)
            url = f"http://evil.test:{port}/page?victim={self.port}"
            errors = profile / "stderr.txt"
            with errors.open("wb") as stderr:
                process = subprocess.Popen(
                    browser(profile, url),
                    stdin=subprocess.DEVNULL,
                    stdout=stderr,
                    stderr=stderr,
                    env={**os.environ, "HOME": str(profile)},
                    start_new_session=True,
                )
            try:
                if not self._said.acquire(timeout=_PATIENCE_S):
                    raise AssertionError(
                        f"the page said nothing:\n{errors.read_text('utf-8', 'replace')[-2000:]}"
                    )
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            shutil.rmtree(profile, ignore_errors=True)

    # details

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Answer requests one after another; each is read whole, so that its answer is known for its own."""
        with client:
            data = b""
            while (asked := _read_message(client, data)) is not None:
                message, data = asked
                found = _REQUEST.match(message)
                if found is None:
                    return
                target = urlsplit(found[2].decode())
                if target.path in ("/page", "/said", "/favicon.ico"):
                    self._tell(client, target.path, target.query)
                    return
                answer = _ask(self.port, message)
                status = _STATUS.match(answer)
                with self._lock:
                    told = (found[1].decode(), int(status[1]) if status else 0)
                    self.answers.setdefault(target.query, []).append(told)
                client.sendall(answer)

    def _tell(self, client: socket.socket, path: str, query: str) -> None:
        body = _PAGE if path == "/page" else b""
        client.sendall(_HEAD % len(body) + body)
        if path == "/said":
            with self._lock:
                self.read += [name for names in parse_qs(query).get("read", []) for name in names.split(",")]
            self._said.release()


def chromium(profile: Path, url: str) -> Sequence[str]:
    """Return how Chromium is started: with no protection of its own for local addresses."""
    return [
        "chromium",
        "--headless=new",
        "--no-sandbox",  # it refuses to run as root with it
        "--no-first-run",
        "--no-proxy-server",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-features=LocalNetworkAccessChecks",
        "--host-resolver-rules=MAP evil.test 127.0.0.1",
        f"--user-data-dir={profile}",
        url,
    ]


def firefox(profile: Path, url: str) -> Sequence[str]:
    """Return how Firefox is started, with the same name led to this machine."""
    preferences: dict[str, object] = {
        "network.dns.localDomains": "evil.test",
        "network.proxy.type": 0,
        "network.lna.enabled": False,
        "network.lna.blocking": False,
        "dom.security.https_first": False,
        "dom.security.https_only_mode": False,
        "app.normandy.enabled": False,
        "app.update.enabled": False,
        "datareporting.policy.dataSubmissionEnabled": False,
        "browser.shell.checkDefaultBrowser": False,
        "browser.aboutwelcome.enabled": False,
        "extensions.systemAddon.update.enabled": False,
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
    }
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
    (profile / "user.js").write_text("".join(lines), encoding="utf-8")
    return ["firefox-esr", "--headless", "--no-remote", "--profile", str(profile), url]


def _read_message(peer: socket.socket, data: bytes) -> tuple[bytes, bytes] | None:
    """Return one message with a length or none, and what came behind it; None at the end."""
    while b"\r\n\r\n" not in data:
        if not (more := _receive(peer)):
            return None
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    length = re.search(rb"^content-length: *(\d+)", head, re.IGNORECASE | re.MULTILINE)
    size = int(length[1]) if length else 0
    while len(rest) < size:
        if not (more := _receive(peer)):
            return None
        rest += more
    return head + b"\r\n\r\n" + rest[:size], rest[size:]


def _receive(peer: socket.socket) -> bytes:
    try:
        return peer.recv(65536)
    except OSError:
        return b""


def _ask(port: int, message: bytes) -> bytes:
    """Return the gateway's answer; a connection of its own for each."""
    with socket.create_connection(("127.0.0.2", port), timeout=10) as gateway:
        gateway.sendall(message)
        answered = _read_message(gateway, b"")
    return answered[0] if answered else b""
