"""A wire tap between a client and the gateway: passes every byte on, and keeps what the client sent.

Only loopback; one thread for each direction of each connection.
"""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

__all__ = ["Tap"]

_LINE = re.compile(rb"^(?:GET|POST|HEAD|PUT|DELETE|OPTIONS) [^ \r\n]+ HTTP/1\.1\r$", re.MULTILINE)
_REFUSAL = b"HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_STATUS = re.compile(rb"^HTTP/1\.1 (\d{3}) ", re.MULTILINE)


class Tap:
    """Listens on a port of its own, and connects on to `behind` once that is set. A context manager."""

    def __init__(self) -> None:
        self.behind = 0
        self._upgrades = True
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._accepting = threading.Thread(target=self._accept, name="tap", daemon=True)
        self._sockets: list[socket.socket] = []
        self._sent: list[bytearray] = []
        self._answered: list[bytearray] = []

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A close alone would leave `accept` waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for each in self._sockets:
            each.close()

    @property
    def name(self) -> str:
        """Return the host and port that stand for the gateway's."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def forget(self) -> None:
        """Forget what was passed on so far."""
        self._sent.clear()
        self._answered.clear()

    @property
    def sent(self) -> bytes:
        """Return every byte that the client sent, connection after connection."""
        return b"".join(self._sent)

    @property
    def asked(self) -> list[str]:
        """Return the client's request lines."""
        return [line.decode().strip() for line in _LINE.findall(self.sent)]

    @property
    def statuses(self) -> set[int]:
        """Return the statuses of the gateway's answers."""
        return {int(status) for answers in self._answered for status in _STATUS.findall(answers)}

    @contextmanager
    def without_upgrades(self) -> Iterator[None]:
        """Let no WebSocket pass meanwhile, as many a proxy on a client's way does."""
        self._upgrades = False
        try:
            yield
        finally:
            self._upgrades = True

    # details

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._sockets.append(client)
        if not self._upgrades and b"\nupgrade: websocket" in client.recv(65536, socket.MSG_PEEK).lower():
            client.sendall(_REFUSAL)
            client.shutdown(socket.SHUT_WR)
            return
        gateway = socket.create_connection(("127.0.0.1", self.behind))
        self._sockets.append(gateway)
        for source, target, kept in ((client, gateway, self._sent), (gateway, client, self._answered)):
            kept.append(bytearray())
            threading.Thread(target=_pump, args=(source, target, kept[-1]), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
    """Pass bytes on until one side is done."""
    try:
        while data := source.recv(65536):
            kept += data
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side left; its own end tells why
