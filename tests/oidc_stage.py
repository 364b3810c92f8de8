"""A real provider of logins in a process of its own, and a browser's way through it and back."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

__all__ = ["ISSUER_WAIT_S", "agrees", "provider"]

ISSUER_WAIT_S = 20.0
_ADA = {"sub": "ada", "email": "Ada@Example.org", "email_verified": True}
_EVE = {"sub": "eve", "email": "eve@example.org", "email_verified": False}
_BOB = {"sub": "bob", "email": "bob@other.test", "email_verified": True}


@contextmanager
def provider(people: Sequence[dict[str, object]] = (_ADA, _EVE, _BOB)) -> Iterator[str]:
    """Run a provider that knows these people, and return how it calls itself."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    known = [word for each in people for word in ("--user-claims", msgspec.json.encode(each).decode())]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *known]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + ISSUER_WAIT_S
        while not _answers(port):
            assert time.monotonic() < deadline and process.poll() is None, "the provider does not start"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def agrees(address: str, sub: str, action: str = "authorize") -> str:
    """Sign in at the provider as its form does, and return where it sends the browser back to."""
    parts = urlsplit(address)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=ISSUER_WAIT_S)
    body = urlencode({"sub": sub, "action": action})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", f"{parts.path}?{parts.query}", body, kind)
    reply = connection.getresponse()
    reply.read()
    connection.close()
    back = reply.headers["location"]
    assert reply.status in (302, 303) and parse_qs(urlsplit(back).query), (reply.status, back)
    return back


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/.well-known/openid-configuration")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
