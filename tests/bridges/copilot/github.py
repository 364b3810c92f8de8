"""GitHub as the Copilot CLI sees it, on loopback: a login by device, an account, its models and a model.

The CLI is led here by a proxy that it is told of, and believes it is there by a certificate that it is told
to trust. Whatever else it asks for is refused. Shapes are those that version 1.0.102 asks for and reads.
"""

import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from faults.certificates import Authority
from scripted import Received, Script, ScriptedUpstream, Send, chat
from scripted.wording import response

__all__ = ["BLIND", "MODEL", "TOKEN", "USER_CODE", "GitHub", "github"]

MODEL = "scripted-model"
BLIND = "blind-model"
TOKEN = "gho_scripted"
USER_CODE = "ABCD-1234"

_HOSTS = ("api.github.com", "api.githubcopilot.com", "github.com")

_QUOTA = {
    "entitlement": 300,
    "remaining": 75,
    "percent_remaining": 25.0,
    "unlimited": False,
    "overage_count": 0,
    "overage_permitted": False,
    "quota_id": "premium_interactions",
    "quota_remaining": 75,
    "timestamp_utc": "2026-12-01T00:00:00Z",
    "has_quota": True,
}
_USER = {
    "login": "octocat",
    "access_type_sku": "copilot_individual",
    "copilot_plan": "individual",
    "chat_enabled": True,
    "endpoints": {"api": "https://api.githubcopilot.com"},
    "quota_reset_date": "2026-12-01",
    "quota_snapshots": {"premium_interactions": _QUOTA},
}


def _model(name: str, *, vision: bool) -> Mapping[str, object]:
    limits = {"max_context_window_tokens": 128_000, "max_prompt_tokens": 100_000, "max_output_tokens": 16_000}
    supports = {"streaming": True, "tool_calls": True, "vision": vision, "structured_outputs": True}
    return {
        "id": name,
        "name": name.capitalize(),
        "object": "model",
        "vendor": "Scripted",
        "model_picker_enabled": True,
        "policy": {"state": "enabled", "terms": ""},
        "billing": {"is_premium": True, "multiplier": 1},
        "capabilities": {
            "family": name,
            "type": "chat",
            "tokenizer": "o200k_base",
            "limits": limits,
            "supports": {**supports, "reasoning_effort": ["low", "medium", "high"]},
        },
        "supported_endpoints": ["/chat/completions"],
    }


class GitHub:
    """What answers, and the environment of a CLI that asks it. `token` None: nobody is logged in."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder)
        contexts = {host: authority.server(host) for host in _HOSTS}
        door = contexts[_HOSTS[0]]
        door.sni_callback = lambda sock, name, _: _choose(sock, contexts, name)
        self.upstream = ScriptedUpstream((MODEL,), (self._respond, chat.respond), tls=door)
        self._trusted = str(authority.file)
        self._proxy = _Proxy()
        self.confirmed = True
        """Whether the person has entered the code."""

    def environ(self, *, token: str | None = TOKEN) -> dict[str, str]:
        """Return the variables that lead the CLI here."""
        way = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), self._proxy.url)
        login = {} if token is None else {"COPILOT_GITHUB_TOKEN": token}
        return {**way, "SSL_CERT_FILE": self._trusted, **login}

    def asked(self, count: int = 1) -> list[dict[str, object]]:
        """Return what the model was asked, when it was so often."""
        self.upstream.wait_asked(count)
        return [request.json() for request in self.upstream.asked()]

    @contextmanager
    def running(self) -> Iterator["GitHub"]:
        """Answer until the end of the block."""
        with self.upstream, self._proxy.before(self.upstream):
            yield self

    def _respond(self, request: Received, names: Sequence[str]) -> Script | None:
        match request.method, request.target.partition("?")[0]:
            case "GET", "/copilot_internal/user":
                return _told(_USER)
            case "GET", "/models":
                return _told({"data": [_model(MODEL, vision=True), _model(BLIND, vision=False)]})
            case "GET", "/user":
                return _told({"login": "octocat", "id": 1})
            case "POST", "/login/device/code":
                where = "https://github.com/login/device"
                code = {"device_code": "scripted", "user_code": USER_CODE, "verification_uri": where}
                return _told({**code, "expires_in": 900, "interval": 1})
            case "POST", "/login/oauth/access_token":
                if not self.confirmed:
                    return _told({"error": "access_denied"})
                return _told({"access_token": TOKEN, "token_type": "bearer", "scope": "read:user"})
            case _:
                return None


@contextmanager
def github(folder: Path) -> Iterator[GitHub]:
    """Have GitHub on loopback, with its certificates in a folder."""
    with GitHub(folder).running() as running:
        yield running


def _told(body: object) -> Script:
    return (Send(response(200, json.dumps(body).encode())),)


def _choose(
    sock: ssl.SSLSocket | ssl.SSLObject, contexts: Mapping[str, ssl.SSLContext], name: str | None
) -> None:
    sock.context = contexts.get(name or "", sock.context)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.port_behind = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Do nothing: a client that hangs up early is no failure."""


class _Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        line = self.rfile.readline(4096).decode("latin-1").split()
        while self.rfile.readline(4096).strip():
            pass
        if len(line) < 2 or line[0] != "CONNECT" or line[1].partition(":")[0] not in _HOSTS:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self.server.port_behind)) as behind:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pour, args=(behind, self.connection), daemon=True)
            back.start()
            _pour(self.connection, behind)
            back.join()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed


class _Proxy:
    """A proxy that leads to what stands behind it, whichever of GitHub's hosts was meant."""

    def __init__(self) -> None:
        self._server = _Server()
        self._thread = threading.Thread(target=self._server.serve_forever, name="github", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def before(self, upstream: ScriptedUpstream) -> Iterator[None]:
        self._server.port_behind = upstream.port
        self._thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
