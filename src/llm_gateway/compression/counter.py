"""The counting program, seen from the gateway: started by the first body to count, ended when it is idle.

The gateway itself neither loads a tokenizer nor decodes a body again. Nobody waits for a count but the task
that asks for it.
"""

import asyncio
import importlib.util
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from llm_gateway.compression.frames import (
    LENGTH,
    Count,
    Order,
    Shorter,
    framed,
    read_answer,
    read_differences,
)
from llm_gateway.environment import keyless

__all__ = ["Counter", "CounterUnavailable"]

T = TypeVar("T")

_ANSWER_S = 120.0
_STOP_S = 2.0
_PROGRAM = (sys.executable, "-P", "-m", "llm_gateway.compression.program")


class CounterUnavailable(Exception):
    """The counting program does not start, or it ended over a body."""


class Counter:
    """Counts bodies, one at a time. `environ` is the gateway's own; little of it is passed on."""

    def __init__(
        self,
        environ: Mapping[str, str],
        answer_s: float = _ANSWER_S,
        program: Sequence[str] = _PROGRAM,
    ) -> None:
        self._program = program
        self._environ = keyless(environ)
        self._answer_s = answer_s
        self._one = asyncio.Lock()
        self._process: Process | None = None
        self._closed = False

    @property
    def tokenizes(self) -> bool:
        """Whether a tokenizer is installed, so that tokens are counted and not just bytes of text."""
        return importlib.util.find_spec("tiktoken") is not None

    @property
    def pid(self) -> int | None:
        """The id of the process while it is there."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def count(self, dialect: str, body: bytes) -> Count | None:
        """Return how much is in a body, None for one that cannot be read; CounterUnavailable says why not."""
        return await self._one_by_one(Order(dialect, body), read_answer)

    async def differences(self, pairs: Sequence[tuple[bytes, bytes]]) -> tuple[int, ...] | None:
        """Return how many tokens each text has more than what it was sent as; both are JSON strings.

        None where that cannot be said; CounterUnavailable says why not.
        """
        found = await self._one_by_one(Shorter(tuple(pairs)), read_differences)
        return found if found is None or len(found) == len(pairs) else None

    async def rest(self) -> None:
        """End the process until the next body comes."""
        async with self._one:
            await self._end()

    async def close(self) -> None:
        """End the process, and start no other."""
        self._closed = True
        await self.rest()

    async def _one_by_one(self, order: Order | Shorter, read: Callable[[bytes], T]) -> T:
        async with self._one:
            try:
                return await self._ask(order, read)
            except BaseException:
                await self._end()  # what it says next would be about this order
                raise

    async def _ask(self, order: Order | Shorter, read: Callable[[bytes], T]) -> T:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            async with asyncio.timeout(self._answer_s):
                process.stdin.write(framed(order))
                await process.stdin.drain()
                head = await process.stdout.readexactly(LENGTH.size)
                return read(await process.stdout.readexactly(*LENGTH.unpack(head)))
        except TimeoutError:
            raise CounterUnavailable(f"a body took longer to count than {self._answer_s:g} seconds") from None
        except (ConnectionError, EOFError, msgspec.DecodeError) as error:
            raise CounterUnavailable(f"the counting program ended over a body: {error}") from error

    async def _start(self) -> Process:
        if self._closed:
            raise CounterUnavailable("the gateway is closing")
        try:
            return await asyncio.create_subprocess_exec(
                *self._program, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=self._environ
            )
        except OSError as error:
            raise CounterUnavailable(f"the counting program does not start: {error.strerror}") from error

    async def _end(self) -> None:
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await _ended(process)
        except TimeoutError:
            _kill(process)
            await _ended(process)
        self._process = None  # not before: who is cancelled here leaves the rest to `close`


async def _ended(process: Process) -> None:
    """Wait until a process is gone and its pipe is read out, or asyncio would never close that."""
    assert process.stdout is not None
    await process.stdout.read()
    await process.wait()


def _kill(process: Process) -> None:
    try:
        process.kill()
    except ProcessLookupError:
        pass
