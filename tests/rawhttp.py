"""A client made of one socket: sends exactly the bytes it is given and reads what comes, however wrong.

For tests only: no pooling, no following, no retries, nothing checked before it is sent.
"""

import json
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

__all__ = ["Ended", "RawClient", "Reply", "parse_replies", "request"]

Ended = str
"""How a read ended: "closed", "reset" or "open" (nothing came until the time was over)."""


@dataclass(frozen=True)
class Reply:
    """One answer. `whole` says whether its body had its proper end."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    whole: bool

    def header(self, name: str) -> str | None:
        """Return the first value of a header field."""
        return next((value for field, value in self.headers if field == name), None)

    def json(self) -> dict[str, object]:
        """Return the body, which must be a JSON object."""
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    def error(self) -> dict[str, object]:
        """Return the error of an answer in OpenAI's error shape, having checked that shape."""
        error = self.json()["error"]
        assert isinstance(error, dict)
        assert isinstance(error["message"], str) and error["message"]
        assert isinstance(error["type"], str) and error["type"]
        assert {"param", "code"} <= error.keys()
        return error

    def events(self) -> list[bytes]:
        """Return the data of each event of a stream that is made of plain `data:` events."""
        return [event.removeprefix(b"data: ") for event in self.body.split(b"\n\n") if event]


def request(
    method: str,
    target: str,
    *,
    body: bytes = b"",
    key: str = "",
    headers: Iterable[tuple[str, str]] = (),
    host: str = "127.0.0.1",
) -> bytes:
    """Return a well-formed request; a body gets its length and is said to be JSON."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    if key:
        lines.append(f"Authorization: Bearer {key}")
    given = {name.lower() for name, _ in headers}
    if body or method == "POST":
        lines += [] if "content-type" in given else ["Content-Type: application/json"]
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class RawClient:
    """One connection to `port` on loopback. Use as a context manager."""

    def __init__(self, port: int, *, timeout: float = 10.0, receive_buffer: int = 0) -> None:
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self._timeout = timeout

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        """Send bytes; a peer that has closed already is no error, what it said is still to be read."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def send_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send pieces, each in a packet of its own."""
        for piece in pieces:
            self.send(piece)

    def take_more(self, receive_buffer: int) -> None:
        """Let the kernel take more at a time from now on."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)

    def stop_sending(self) -> None:
        """Close the sending side only."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def read_until(self, mark: bytes) -> bytes:
        """Read until `mark` has come; return everything received so far."""
        while mark not in self.received:
            data = self.sock.recv(65536)
            if not data:
                raise AssertionError(f"closed before {mark!r}: {self.received[-300:]!r}")
            self.received += data
        return self.received

    def head(self) -> Reply:
        """Return the first answer as far as it has been received, which must include its head."""
        reply, _ = _parse_one(self.received)
        assert reply is not None, self.received[:300]
        return reply

    def read_reply(self) -> Reply:
        """Read one final answer, interim ones passed over, and take it from what was received."""
        while True:
            reply, used = _parse_one(self.received)
            if reply is not None and reply.whole:
                self.received = self.received[used:]
                if reply.status >= 200:
                    return reply
                continue
            data = self.sock.recv(262144)
            if not data:
                raise AssertionError(f"closed in the middle of an answer: {self.received[-300:]!r}")
            self.received += data

    def read_long_stream(self) -> Reply:
        """Read one chunked answer up to the bytes that can only be its end; for many megabytes."""
        pieces = [self.received]
        tail = self.received[-5:]
        while tail != b"0\r\n\r\n":
            pieces.append(self.sock.recv(1 << 20))
            if not pieces[-1]:
                raise AssertionError("closed in the middle of a stream")
            tail = (tail + pieces[-1][-5:])[-5:]
        self.received = b"".join(pieces)
        return self.read_reply()

    def read_to_end(self, timeout: float | None = None) -> tuple[bytes, Ended]:
        """Read until the peer closes or `timeout` seconds are over."""
        until = time.monotonic() + (self._timeout if timeout is None else timeout)
        try:
            while (left := until - time.monotonic()) > 0:
                self.sock.settimeout(left)
                data = self.sock.recv(262144)
                if not data:
                    return self.received, "closed"
                self.received += data
        except ConnectionResetError:
            return self.received, "reset"
        except TimeoutError:
            pass
        return self.received, "open"


def parse_replies(data: bytes) -> list[Reply]:
    """Return the answers in what was received; the last one may be cut (`whole` is False)."""
    replies: list[Reply] = []
    while data:
        reply, used = _parse_one(data)
        if reply is None:
            break
        replies.append(reply)
        data = data[used:]
    return replies


def _parse_one(data: bytes) -> tuple[Reply | None, int]:
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None, 0
    lines = data[:end].decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ", 2)[1])
    headers = tuple(
        (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])
    )
    fields = dict(headers)
    start = end + 4
    if status < 200 or status in (204, 304):
        return Reply(status, headers, b"", True), start
    if fields.get("transfer-encoding") == "chunked":
        body, used, whole = _parse_chunks(data, start)
        return Reply(status, headers, body, whole), used
    length = int(fields.get("content-length", "0"))
    body = data[start : start + length]
    return Reply(status, headers, body, len(body) == length), start + len(body)


def _parse_chunks(data: bytes, start: int) -> tuple[bytes, int, bool]:
    body: list[bytes] = []
    while (end := data.find(b"\r\n", start)) >= 0:
        size = int(data[start:end], 16)
        if not size:
            whole = data[end + 2 : end + 4] == b"\r\n"
            return b"".join(body), end + 4 if whole else len(data), whole
        piece = data[end + 2 : end + 2 + size]
        body.append(piece)
        start = end + 4 + size
    return b"".join(body), len(data), False
