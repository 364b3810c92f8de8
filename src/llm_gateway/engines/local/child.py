"""One model process, seen from the gateway: started when it is first needed, and again if it ended."""

import asyncio
import secrets
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from typing import BinaryIO

import msgspec

from llm_gateway.engines.local.model import LocalModel
from llm_gateway.engines.local.orders import Orders, Ready
from llm_gateway.environment import keyless
from llm_gateway.errors import UpstreamTimeout, UpstreamUnreachable
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.vault import Secret

__all__ = ["Child"]

_START_S = 60.0
_STOP_S = 2.0


class Child:
    """The process of one model. `endpoint` may be asked by many at once: it starts once."""

    def __init__(self, provider: str, model: LocalModel, environ: Mapping[str, str]) -> None:
        self._provider = provider
        self._model = model
        self._environ = keyless(environ)
        self._starting = asyncio.Lock()
        self._process: Process | None = None
        self._endpoint: Endpoint | None = None
        self._closed = False

    async def endpoint(self) -> Endpoint:
        """Return where the model answers; UpstreamUnreachable or UpstreamTimeout when it does not start."""
        async with self._starting:
            if self._closed:
                raise UpstreamUnreachable(f"{self._name} is shutting down")
            if self._endpoint is None or not self.running:
                self._endpoint = await self._start()
            return self._endpoint

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int | None:
        """The id of the process while it is there."""
        return self._process.pid if self._process is not None and self.running else None

    async def close(self) -> None:
        """End the process, and start no other."""
        self._closed = True
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            _kill(process)
            await process.wait()

    @property
    def _name(self) -> str:
        return f"{self._provider}/{self._model.name}"

    async def _start(self) -> Endpoint:
        key = secrets.token_urlsafe(32)
        with tempfile.TemporaryFile() as log:
            process = self._process = await self._spawn(log)
            try:
                ready = await self._greet(process, key, log)
            except BaseException:
                _kill(process)
                raise
        return Endpoint(
            provider=self._provider,
            dialect="chat",
            scheme="http",
            host="127.0.0.1",
            port=ready.port,
            base_path="/v1",
            secret=Secret(key),
        )

    async def _spawn(self, log: BinaryIO) -> Process:
        program = (sys.executable, "-P", "-m", "llm_gateway.engines.local.process")
        try:
            return await asyncio.create_subprocess_exec(
                *program, stdin=PIPE, stdout=PIPE, stderr=log, env=self._environ
            )
        except OSError as error:
            raise UpstreamUnreachable(f"{self._name} did not start: {error.strerror}") from error

    async def _greet(self, process: Process, key: str, log: BinaryIO) -> Ready:
        """Give the process its orders and return its answer."""
        assert process.stdin is not None and process.stdout is not None
        model = self._model
        orders = Orders(
            weights=str(model.weights),
            alias=model.name,
            key=key,
            threads=model.threads,
            context=model.context,
            slots=model.slots,
            rest_s=model.rest_s,
        )
        try:
            async with asyncio.timeout(_START_S):
                process.stdin.write(msgspec.json.encode(orders) + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
        except TimeoutError:
            raise UpstreamTimeout(f"{self._name} was not ready within {_START_S:g} seconds") from None
        except ConnectionError:
            line = b""
        if line:
            return msgspec.json.decode(line, type=Ready)
        code = await process.wait()
        raise UpstreamUnreachable(
            f"{self._name} did not start: {_reason(log) or f'its process ended ({code})'}"
        )


def _kill(process: Process) -> None:
    try:
        process.kill()
    except ProcessLookupError:
        pass


def _reason(log: BinaryIO) -> str:
    """Return the first error of llama.cpp's log, else the last line of whatever was said."""
    log.seek(0)
    lines = log.read(64 * 1024).decode("utf-8", "replace").splitlines()
    errors = [line.partition(" E ")[2].strip() for line in lines if " E " in line]
    return errors[0] if errors else next((line.strip() for line in reversed(lines) if line.strip()), "")
