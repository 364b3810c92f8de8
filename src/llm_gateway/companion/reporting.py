"""What a companion's machine tells its gateway of the applications there: which are found, what they report.

The companion reads what is new and sends it; the gateway keeps it under the machine's name. How far a log was
read is kept on the machine, after the gateway has said that it has it: told twice does no harm, the marks of
sightings are the same. Nothing that was said in a conversation is in it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.coverage import Known
from llm_gateway.clients.logs import Batch, Whose, read_logs
from llm_gateway.clients.watching import Looking
from llm_gateway.clock import Clock
from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger.coverage import Detected, put_detected
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.sightings import LogPosition, Sighting
from llm_gateway.ledger.store import Store
from llm_gateway.vault import read_private, write_private
from llm_gateway.wire.ready import ready

__all__ = ["Report", "Reporter", "Reports"]

_AT_ONCE = 2000
_LONGEST = 64
_AHEAD = 3_600_000_000  # clocks differ


@ready
class Report(msgspec.Struct, frozen=True):
    """What is found of each application, by its id, and answers that applications told of."""

    found: dict[str, Known] = {}
    sightings: tuple[Sighting, ...] = ()


@ready
class _Positions(msgspec.Struct, frozen=True):
    read: tuple[LogPosition, ...] = ()


class Reports:
    """The gateway's side. `receive` keeps sightings as those that come by telemetry are kept."""

    def __init__(
        self, receive: Callable[[Sequence[Sighting]], Awaitable[None]], ledger: Ledger, clock: Clock
    ) -> None:
        self._receive = receive
        self._ledger = ledger
        self._clock = clock

    async def take(self, machine: str, body: bytes) -> None:
        """Keep a report under the name of the machine that it comes from, whatever it says itself."""
        try:
            report = msgspec.json.decode(body, type=Report)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedRequest(f"this is no report of a companion: {error}") from None
        now = self._clock.now_us()
        statements = [
            put_detected(Detected(machine, client, now, msgspec.json.encode(known).decode()))
            for client, known in report.found.items()
            if client in catalog()  # what is made up fills the coverage of all
        ]

        def write(store: Store) -> None:
            store.write(statements)

        if statements:
            await self._ledger.write(write)
        await self._receive([_of(machine, each, now) for each in report.sightings])


def _of(machine: str, told: Sighting, now: int) -> Sighting:
    """Return a sighting under the machine's name, and of a time that can be."""
    at_us = max(0, min(told.at_us, now + _AHEAD))
    return msgspec.structs.replace(told, machine=machine, client=told.client[:_LONGEST], at_us=at_us)


class Reporter:
    """The companion's side. `folder` is the companion's own; `send` returns when the gateway has a report."""

    def __init__(self, looking: Callable[[], Looking], folder: Path, clock: Clock, machine: str) -> None:
        self._make_looking = looking
        self._looking: Looking | None = None
        self._file = folder / "log-positions.json"
        self._clock = clock
        self._machine = machine

    async def report(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Look once at everything, and send what is found and new; what `send` raises ends it."""
        if self._looking is None:
            self._looking = await asyncio.to_thread(self._make_looking)
        found = await asyncio.to_thread(self._looking.known)
        await send(msgspec.json.encode(Report(dict(found))))
        positions = await asyncio.to_thread(self._positions)
        for client, places in await asyncio.to_thread(self._looking.logs):
            whose = Whose(client, self._machine, self._clock.now_us())
            known = {path: each for (whose_, path), each in positions.items() if whose_ == client}
            batches = read_logs(whose, places, known)
            while (batch := await asyncio.to_thread(_next, batches)) is not None:
                for start in range(0, len(batch.sightings), _AT_ONCE):
                    part = tuple(batch.sightings[start : start + _AT_ONCE])
                    await send(msgspec.json.encode(Report({}, part)))
                if batch.position is not None:
                    positions[client, batch.position.path] = batch.position
                    await asyncio.to_thread(self._keep, tuple(positions.values()))

    def _positions(self) -> dict[tuple[str, str], LogPosition]:
        data = read_private(self._file)
        try:
            kept = msgspec.json.decode(data, type=_Positions) if data else _Positions()
        except (msgspec.DecodeError, UnicodeDecodeError):
            kept = _Positions()  # everything is told once more
        return {(each.client, each.path): each for each in kept.read}

    def _keep(self, positions: tuple[LogPosition, ...]) -> None:
        write_private(self._file, msgspec.json.encode(_Positions(positions)))


def _next(batches: Iterator[Batch]) -> Batch | None:
    return next(batches, None)
