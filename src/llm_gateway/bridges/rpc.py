"""One end of JSON-RPC over a child's stdio, a message a line as a rule. Not what any method means.

JSON-RPC 2.0 (jsonrpc.org/specification), without its batches. Agents that speak the Agent Client Protocol
want its `jsonrpc` member; Codex leaves it out (openai/codex, codex-rs/app-server/README.md).
"""

import asyncio
from typing import Protocol, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.wire.ready import decoder, ready

__all__ = [
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "METHOD_NOT_FOUND",
    "Asked",
    "Carries",
    "Hears",
    "Rpc",
    "RpcRefused",
]

INVALID_PARAMS = -32602
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603

_MOST_WAITING = 1024
_MOST_RUBBISH = 100  # lines that are no message: some programs print a word or two before they begin
_NOTHING = Raw(b"{}")

T = TypeVar("T")


@ready
class _Refusal(msgspec.Struct, frozen=True):
    code: int
    message: str = ""
    data: Raw | UnsetType = UNSET


@ready
class _Heard(msgspec.Struct, frozen=True):
    """Any message of the other side."""

    id: int | str | None = None
    method: str = ""
    params: Raw = _NOTHING
    result: Raw | UnsetType = UNSET
    error: _Refusal | UnsetType = UNSET


_heard: msgspec.json.Decoder[_Heard] = msgspec.json.Decoder(_Heard)


class RpcRefused(Exception):
    """The other side answered a request with an error. Its words are for us: never for a log or a client."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"{method} was refused with {code}")
        self.method = method
        self.code = code
        self.message = message


class Asked(msgspec.Struct, frozen=True):
    """A request of the other side, which waits for `Rpc.answer` or `Rpc.decline`."""

    id: int | str
    method: str
    params: Raw


class Carries(Protocol):
    """What carries messages to the other side and back: a `Child` itself, or who frames them for one."""

    async def line(self) -> bytes:
        """Return the next message, b"" at the end; BridgeFault for one without end."""
        ...

    async def write(self, data: bytes) -> None:
        """Write one message and its line's end; BridgeFault when the other side has ended."""
        ...


class Hears(Protocol):
    """Whoever is told what the other side says by itself, in its order. It must not wait."""

    def notified(self, method: str, params: Raw) -> None:
        """Take a notification."""
        ...

    def asked(self, asked: Asked) -> None:
        """Take a request; it is to be answered or declined."""
        ...

    def ended(self, fault: BridgeFault) -> None:
        """Learn that nothing more will come, and why."""
        ...


class Rpc:
    """Requests and notifications both ways; `run` is the body of the task that owns it.

    `program` is what messages call the other side; `marked` is whether it wants the `jsonrpc` member.
    """

    def __init__(self, carrier: Carries, hears: Hears, program: str, *, marked: bool) -> None:
        self._carrier = carrier
        self._hears = hears
        self._program = program
        self._mark = {"jsonrpc": "2.0"} if marked else {}
        self._waiting: dict[int, asyncio.Future[_Heard | BridgeFault]] = {}
        self._last = 0
        self._fault: BridgeFault | None = None

    @property
    def fault(self) -> BridgeFault | None:
        """Why nothing more will come; None as long as something may."""
        return self._fault

    async def ask(self, method: str, params: object, kind: type[T], *, within: float | None = 10.0) -> T:
        """Ask, and return the answer in its form.

        RpcRefused for an error; BridgeFault when the program ended, says nothing within so many seconds, or
        answers in another form.
        """
        if self._fault is not None:
            raise self._fault.with_traceback(None)  # it is one for many
        if len(self._waiting) >= _MOST_WAITING:
            raise BridgeFault(
                "bridge_busy", f"{self._program} has {_MOST_WAITING} requests to answer already"
            )
        self._last += 1
        number = self._last
        waiter: asyncio.Future[_Heard | BridgeFault] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiter
        try:
            async with asyncio.timeout(within):
                await self._write({"id": number, "method": method, "params": params})
                heard = await waiter
        except TimeoutError:
            raise BridgeFault(
                "upstream_timeout", f"{self._program} did not answer `{method}` within {within:g} seconds"
            ) from None
        finally:
            del self._waiting[number]
            waiter.cancel()
        if isinstance(heard, BridgeFault):
            raise heard.with_traceback(None)
        return self._result(method, heard, kind)

    async def tell(self, method: str, params: object = None) -> None:
        """Notify; BridgeFault when the program has ended."""
        message: dict[str, object] = {"method": method}
        await self._write(message if params is None else {**message, "params": params})

    async def answer(self, asked: Asked, result: object) -> None:
        """Answer a request of the other side."""
        await self._write({"id": asked.id, "result": result})

    async def decline(self, asked: Asked, code: int, message: str) -> None:
        """Answer a request of the other side with an error."""
        await self._write({"id": asked.id, "error": {"code": code, "message": message}})

    async def run(self) -> None:
        """Read what the other side says, to its end."""
        fault = BridgeFault("bridge_failed", f"{self._program} was stopped; ask again")
        try:
            rubbish = 0
            while line := await self._carrier.line():
                rubbish += not self._take(line)
                if rubbish > _MOST_RUBBISH:
                    raise BridgeFault(
                        "version_mismatch",
                        f"{self._program} does not speak the protocol that this gateway knows; "
                        "update whichever of them is older",
                    )
            fault = BridgeFault(
                "bridge_failed", f"{self._program} ended by itself; ask again to start it anew"
            )
        except BridgeFault as error:
            fault = error
        finally:
            self._fault = fault
            for waiter in tuple(self._waiting.values()):
                if not waiter.done():
                    waiter.set_result(fault)
            self._hears.ended(fault)

    def _take(self, line: bytes) -> bool:
        """Take a line; False for one that is no message."""
        try:
            heard = _heard.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return not line.strip()
        if heard.method and heard.id is None:
            self._hears.notified(heard.method, heard.params)
        elif heard.method and heard.id is not None:
            self._hears.asked(Asked(heard.id, heard.method, heard.params))
        elif isinstance(heard.id, int) and (waiter := self._waiting.get(heard.id)) and not waiter.done():
            waiter.set_result(heard)
        return True  # an answer that nobody waits for any more is one, too

    def _result(self, method: str, heard: _Heard, kind: type[T]) -> T:
        if isinstance(heard.error, _Refusal):
            raise RpcRefused(method, heard.error.code, heard.error.message)
        try:
            result = _NOTHING if isinstance(heard.result, UnsetType) else heard.result
            return decoder(kind).decode(result)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BridgeFault(
                "version_mismatch",
                f"{self._program} answered `{method}` in a form that this gateway does not know "
                f"({_place(error)}); update whichever of them is older",
            ) from None

    async def _write(self, message: dict[str, object]) -> None:
        if self._fault is not None:
            raise self._fault.with_traceback(None)  # it is one for many
        await self._carrier.write(msgspec.json.encode({**self._mark, **message}) + b"\n")


def _place(error: Exception) -> str:
    """Return where a form differs, without a value of it: msgspec's messages name types and members only."""
    return str(error) if isinstance(error, msgspec.ValidationError) else "it is not JSON"
