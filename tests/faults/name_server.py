"""A name server for tests: it knows what it is told, says that a name is unknown, or says nothing.

UDP and questions for addresses only (RFC 1035); just enough for the C library's resolver.
"""

import socket
import struct
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

__all__ = ["ADDRESS", "NameServer"]

ADDRESS = "127.0.0.91"
_A = 1
_NO_SUCH_NAME = 3


class NameServer:
    """Answer on port 53 of a loopback address. A name maps to an address, to "" (silence) or to nothing."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.asked: list[str] = []
        self._names = names
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve, name="name-server", daemon=True)

    def __enter__(self) -> Self:
        self._socket.bind((ADDRESS, 53))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stop = struct.pack(">HHHHHH", 0, 0, 0, 0, 0, 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(stop, (ADDRESS, 53))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, peer = self._socket.recvfrom(512)
            if len(question) <= 12:
                return
            name, kind, end = _question(question)
            self.asked.append(name)
            known = self._names.get(name)
            if known == "":
                continue
            self._socket.sendto(_answer(question[:end], kind, known), peer)


def _question(packet: bytes) -> tuple[str, int, int]:
    labels = []
    at = 12
    while size := packet[at]:
        labels.append(packet[at + 1 : at + 1 + size].decode("ascii"))
        at += 1 + size
    (kind,) = struct.unpack_from(">H", packet, at + 1)
    return ".".join(labels), kind, at + 5


def _answer(question: bytes, kind: int, address: str | None) -> bytes:
    records = b""
    if address and kind == _A:
        records = struct.pack(">HHHIH", 0xC00C, _A, 1, 60, 4) + socket.inet_aton(address)
    code = 0 if address else _NO_SUCH_NAME
    head = struct.pack(">HHHHHH", 0, 0x8180 | code, 1, int(bool(records)), 0, 0)
    return question[:2] + head[2:] + question[12:] + records
