"""The scripted upstream: a real HTTP server on loopback, in a thread of its own, without any library.

What it does with a request is the next script of the queue, else the script of the request's model,
else what a well-behaved server of that dialect answers. It remembers every byte and every connection.
"""

import asyncio
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from scripted import chat
from scripted.connection import Connection
from scripted.records import Connected, Received
from scripted.script import Script, Send
from scripted.wording import response

__all__ = ["Responder", "ScriptedUpstream"]

Responder = Callable[[Received, Sequence[str]], Script | None]
"""Answer a request of one dialect, or None; gets the names of the models, too."""


class ScriptedUpstream:
    """An upstream that does what the test tells it. Use as a context manager.

    All public methods are for the test's thread.
    """

    def __init__(
        self,
        models: Sequence[str] = ("scripted-model",),
        responders: Sequence[Responder] = (chat.respond,),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.models = list(models)
        self.requests: list[Received] = []
        self.connections: list[Connected] = []
        self.failures: list[BaseException] = []
        self._responders = responders
        self._tls = tls
        self._queue: deque[Script] = deque()
        self._by_model: dict[str, Script] = {}
        self._gates: dict[str, asyncio.Event] = {}
        self._at_gate: dict[str, int] = {}
        self._state = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._live: set[Connection] = set()
        self._thread = threading.Thread(target=self._run, name="scripted-upstream", daemon=True)
        self._ready = threading.Event()
        self.port = 0

    # the test's side

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the scripted upstream did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self.failures and error is None:
            raise AssertionError(f"the scripted upstream was sent what it cannot read: {self.failures[0]!r}")

    @property
    def url(self) -> str:
        """Return the base URL, without a version path; over TLS by name, which a certificate can hold."""
        return f"https://localhost:{self.port}" if self._tls else f"http://127.0.0.1:{self.port}"

    def queue(self, *scripts: Script) -> None:
        """Play these scripts for the next requests, in order; model lists do not use them up."""
        with self._state:
            self._queue.extend(scripts)

    def on(self, model: str, script: Script) -> str:
        """Play this script for every request for a model; return the model's name."""
        with self._state:
            self._by_model[model] = script
            if model not in self.models:
                self.models.append(model)
        return model

    def forget(self) -> None:
        """Forget what was asked so far, and what was queued."""
        with self._state:
            self.requests.clear()
            self._queue.clear()

    def open(self, gate: str) -> None:
        """Let scripts pass the gate of this name, now and later."""
        self._loop.call_soon_threadsafe(lambda: self._event(gate).set())

    def asked(self) -> list[Received]:
        """Return the requests that were for a model."""
        with self._state:
            return [request for request in self.requests if request.method == "POST"]

    def wait_asked(self, count: int = 1, timeout: float = 10.0) -> Received:
        """Wait until `count` requests for a model have come; return the last of them."""
        self._wait(lambda: len(self._posts()) >= count, timeout, f"{count} requests")
        return self.asked()[count - 1]

    def wait_gate(self, gate: str, count: int = 1, timeout: float = 10.0) -> None:
        """Wait until `count` scripts have come to the gate."""
        self._wait(lambda: self._at_gate.get(gate, 0) >= count, timeout, f"{count} scripts at gate {gate!r}")

    def wait_closed(self, connection: Connected, timeout: float = 10.0) -> float:
        """Wait until a connection is closed; return when that was."""
        self._wait(
            lambda: connection.closed_at is not None, timeout, f"the end of connection {connection.number}"
        )
        assert connection.closed_at is not None
        return connection.closed_at

    # the server's side

    def joined(self, connection: Connection) -> Connected:
        """Make the connection's record."""
        self._live.add(connection)
        with self._state:
            record = Connected(len(self.connections), time.monotonic())
            self.connections.append(record)
            self._state.notify_all()
            return record

    def script_for(self, request: Received) -> Script:
        """Record a request and say what to do with it."""
        with self._state:
            self.requests.append(request)
            self._state.notify_all()
            if request.method == "POST" and self._queue:
                return self._queue.popleft()
            script = self._by_model.get(request.model)
            names = tuple(self.models)
        if script is not None:
            return script
        for responder in self._responders:
            if (script := responder(request, names)) is not None:
                return script
        return (Send(response(404, chat.error(f"no such path: {request.target}", "invalid_request_error"))),)

    def gate(self, name: str) -> asyncio.Event:
        """Return the gate of this name, and take note that somebody stands at it."""
        with self._state:
            self._at_gate[name] = self._at_gate.get(name, 0) + 1
            self._state.notify_all()
        return self._event(name)

    def changed(self, change: Callable[[], None]) -> None:
        """Apply a change to a record where the test can wait for it."""
        with self._state:
            change()
            self._state.notify_all()

    def failed(self, failure: BaseException) -> None:
        """Take note of a request that could not be read."""
        self.failures.append(failure)

    # details

    def _posts(self) -> list[Received]:
        return [request for request in self.requests if request.method == "POST"]

    def _event(self, gate: str) -> asyncio.Event:
        return self._gates.setdefault(gate, asyncio.Event())

    def _wait(self, true: Callable[[], bool], timeout: float, what: str) -> None:
        with self._state:
            if not self._state.wait_for(true, timeout):
                raise AssertionError(f"waited {timeout:g} s in vain for {what} at the scripted upstream")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(lambda: Connection(self), "127.0.0.1", 0, backlog=1024, ssl=self._tls)
        )
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(self._end())

    async def _end(self) -> None:
        """Cut every connection and let its task finish."""
        for connection in self._live:
            connection.transport.abort()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
