"""The status line for a terminal agent, quick: of the standard library only what loads in no time.

An agent runs it after each of its answers (code.claude.com, "Customize your status line": JSON on stdin, the
first lines of stdout are shown, nothing is shown where it exits with another code than 0). So it never fails:
what is wrong is the line. `asyncio` and `email`, which every other way to the gateway brings, are not loaded;
that is why the files of the home are read here and not by `vault.py`. The line itself is the gateway's.
"""

import importlib
import json
import os
import select
import socket
import stat
import sys
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlsplit

__all__ = ["DOWN", "Told", "ask", "glance", "home_of", "said_by_agent"]

DOWN = "gateway: not running (llm-gateway up)"

Told = dict[str, object]
"""What the gateway says, or `{"line": …}` alone where it says nothing."""

_PATH = "/api/dashboard/statusline"
_PATIENCE_S = 1.0
# An agent that keeps stdin open and says nothing is not waited for.
_STDIN_S = 0.2
_MOST_STDIN = 1024 * 1024
_MOST_ANSWER = 64 * 1024
_LONGEST_NAME = 200
_READING = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def glance(arguments: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Print the line and return True; False for arguments that take the whole command line."""
    home = environ.get("LLM_GATEWAY_HOME", "")
    if len(arguments) == 2 and arguments[0] == "--home":
        home = arguments[1]
    elif arguments:
        return False
    print(ask(home_of(home), said_by_agent())["line"])
    sys.stdout.flush()
    return True


def home_of(named: str) -> str:
    """Return the home's path."""
    if named:
        return os.path.expanduser(named)
    platformdirs = importlib.import_module("platformdirs")
    return str(platformdirs.user_data_dir("llm-gateway", appauthor=False))


def said_by_agent() -> dict[str, object]:
    """Return the JSON object that an agent writes to stdin; nothing where nobody does, or a person sits."""
    data = b""
    try:
        stdin = sys.stdin.fileno()
        if os.isatty(stdin):
            return {}
        while len(data) < _MOST_STDIN:
            if os.name == "posix" and not select.select([stdin], [], [], _STDIN_S)[0]:
                break
            part = os.read(stdin, 65536)
            if not part:
                break
            data += part
        said = json.loads(data)
    except (OSError, ValueError, AttributeError):
        return {}
    return said if isinstance(said, dict) else {}


def ask(home: str, said: Mapping[str, object]) -> Told:
    """Return what the gateway of a home says; whatever is in the way becomes the line."""
    running, token = _private(home, "running.json"), _private(home, "owner-token")
    if running is None or token is None:
        return {"line": DOWN}
    try:
        left = json.loads(running)
        url, pid = str(left["url"]), int(left["pid"])
        if os.name == "posix":  # elsewhere it would be a signal
            os.kill(pid, 0)
        status, body = _talk(url, token.decode("latin-1").strip(), _target(said))
    except ProcessLookupError:
        return {"line": DOWN}
    except TimeoutError:
        return {"line": "gateway: does not answer (llm-gateway doctor)"}
    except (OSError, ValueError, LookupError, TypeError):
        return {"line": DOWN}
    return _read(status, body)


def _read(status: int, body: bytes) -> Told:
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if status != 200 or not isinstance(told, dict) or not isinstance(told.get("line"), str):
        return {"line": f"gateway: answered {status} (llm-gateway doctor)"}
    told["line"] = "".join(c if c.isprintable() else "?" for c in str(told["line"]))
    return told


def _target(said: Mapping[str, object]) -> str:
    session = said.get("session_id")
    named = session[:_LONGEST_NAME] if isinstance(session, str) else ""
    return f"{_PATH}?session={quote(named, safe='')}" if named else _PATH


def _private(home: str, name: str) -> bytes | None:
    """Return a file that nobody else may read; None where there is none, or others may."""
    try:
        handle = os.open(os.path.join(home, name), _READING)
    except OSError:
        return None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            return None
        if os.name == "posix" and (found.st_mode & 0o077 or found.st_uid != os.geteuid()):
            return None
        return os.read(handle, 65536)
    finally:
        os.close(handle)


def _talk(url: str, token: str, target: str) -> tuple[int, bytes]:
    """Ask whoever has the port whether it lives, and then show it the token, on one connection."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    with socket.create_connection((host, port), timeout=_PATIENCE_S) as plain:
        connection = plain
        if parts.scheme == "https":
            # As in `local_http.py`: on this machine both sides go by the token in a private file.
            ssl = importlib.import_module("ssl")
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = context.wrap_socket(plain, server_hostname=host)
        head = f"Host: {parts.netloc}\r\nUser-Agent: llm-gateway-statusline\r\n"
        connection.sendall(f"GET /livez HTTP/1.1\r\n{head}\r\n".encode())
        status, _ = _answer(connection)
        if status != 200:
            return status, b""
        bearer = f"Authorization: Bearer {token}\r\n"
        connection.sendall(f"GET {target} HTTP/1.1\r\n{head}{bearer}\r\n".encode())
        return _answer(connection)


def _answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer of known length; ValueError for what is no answer of the gateway's."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection, data)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    named = dict(field.lower().split(": ", 1) for field in fields if ": " in field)
    length = int(named.get("content-length", "0"))
    while len(body) < length:
        body += _more(connection, body)
    return int(first.split(" ")[1]), body


def _more(connection: socket.socket, known: bytes) -> bytes:
    part = connection.recv(65536)
    if not part or len(known) > _MOST_ANSWER:
        raise ValueError("the answer broke off, or has no end")
    return part
