"""An upstream that answers before it has read the request's body, as proxies in front of APIs do."""

import socket
import threading
from types import TracebackType
from typing import Self

__all__ = ["EarlyAnswer"]


class EarlyAnswer:
    """Answer each header section at once, read a little on, and close. Use as a context manager."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="early-answer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    @property
    def url(self) -> str:
        """Return the base URL, without a version path."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with peer:
                self._refuse(peer)

    def _refuse(self, peer: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            data = peer.recv(4096)
            if not data:
                return
            received += data
        peer.sendall(self._answer)
        peer.shutdown(socket.SHUT_WR)
        peer.settimeout(1.0)
        try:
            while peer.recv(1 << 20):  # closing now would reset the connection, and the answer with it
                pass
        except OSError:
            pass
