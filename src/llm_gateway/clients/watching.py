"""Look after the applications of this machine: what is there, what they write down, and what that was.

A look finds the applications, reads what is new in their logs, and recognises the answers that came through
here. Sightings that are received by telemetry join the same stock. What is found and read is kept in the
ledger; what it means is `coverage.py`.
"""

import asyncio
import importlib
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from llm_gateway.clients.coverage import DAYS, Known
from llm_gateway.clients.joining import NEAR_US, join_up
from llm_gateway.clients.logs import Batch, Whose, read_logs
from llm_gateway.clients.machine import machine_name
from llm_gateway.clock import Clock
from llm_gateway.config import Loaded
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.coverage import Detected, detected, put_detected
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.sightings import (
    Sighting,
    answered,
    join,
    log_positions,
    put,
    put_position,
    since,
    within,
)
from llm_gateway.ledger.store import Statement, Store
from llm_gateway.ledger.trouble import trouble

__all__ = ["Looking", "Watching", "watching"]

_DAY_US = 86_400 * 1_000_000
# What was found is written down again after so long where nothing has changed.
_KEPT_US = 60 * 1_000_000
# A turn may still be told of a while after it ended; what was not recognised by then passed by.
_SETTLES_US = 10 * 60 * 1_000_000
# A conversation's answers are recognised together: those before the new ones take part.
_MARGIN_US = 60 * 60 * 1_000_000


class Looking(Protocol):
    """Whoever knows this machine. Both calls read the disk, and belong in a thread."""

    def known(self) -> Mapping[str, Known]:
        """Return what is found of each application that is there, by its id."""
        ...

    def logs(self) -> Sequence[tuple[str, Sequence[tuple[str, Path]]]]:
        """Return the applications that write logs, with the readers and the patterns of paths of each."""
        ...


class Watching:
    """The applications of one machine, as far as the gateway knows them. `machine` is its name.

    `looking` makes whoever knows the machine, in a thread, when it is first looked at; None looks at nothing.
    """

    def __init__(
        self, ledger: Ledger, clock: Clock, machine: str, looking: Callable[[], Looking] | None
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._make_looking = looking
        self._looking: Looking | None = None
        self._one_at_a_time = asyncio.Lock()
        self._found_at = -math.inf
        self._kept: dict[str, str] = {}
        self._kept_us = 0
        self._new_from_us = (
            clock.now_us() - DAYS * _DAY_US
        )  # what was kept before this start is looked at once
        self.machine = machine
        self.problems: dict[str, tuple[str, ...]] = {}
        """What could not be read of an application's logs, in words, by its id."""

    async def receive(self, sightings: Sequence[Sighting]) -> None:
        """Keep what telemetry told; LedgerUnavailable when that cannot be now."""
        named = [
            each if each.machine else msgspec.structs.replace(each, machine=self.machine)
            for each in sightings
        ]
        if named:
            await self._write(put(named))
            self._note(named)

    async def look(self) -> None:
        """Look once at everything there is. LedgerUnavailable leaves the rest to the next look."""
        async with self._one_at_a_time:
            await self._find()
            if self._looking is not None:
                await self._read(self._looking)
            await self._recognise()

    async def look_around(self, *, older_than: float) -> None:
        """Find the applications anew, and no more than that, unless that was done so many seconds ago."""
        if self._clock.monotonic() - self._found_at >= older_than:
            async with self._one_at_a_time:
                await self._find()

    async def run(self, every: float) -> None:
        """Look again and again, with so many seconds in between."""
        while True:
            try:
                await self.look()
            except LedgerUnavailable:
                pass  # the ledger says so itself; logs are read from where the last reading was kept
            await asyncio.sleep(every)

    async def recognise(self) -> None:
        """Recognise turns in what was received since the last look."""
        async with self._one_at_a_time:
            await self._recognise()

    async def recognise_within(self, from_us: int, until_us: int) -> None:
        """Recognise turns in what was told of a time, however long ago it was."""
        async with self._one_at_a_time:
            kept = await self._ledger.read(within, from_us - _MARGIN_US, until_us + _MARGIN_US)
            if kept:
                around = _MARGIN_US + NEAR_US
                turns = await self._ledger.read(answered, from_us - around, until_us + around)
                joined = await asyncio.to_thread(join_up, kept, turns)
                await self._write([join(each.seq, each.turn_id, each.twin) for each in joined])

    async def known(self) -> dict[str, dict[str, Known]]:
        """Return what was last found, by machine and application."""
        found: dict[str, dict[str, Known]] = {}
        for each in await self._ledger.read(detected):
            kept = msgspec.json.decode(each.found, type=Known)
            found.setdefault(each.machine, {})[each.client] = kept
        return found

    # details

    async def _find(self) -> None:
        if self._make_looking is None:
            return
        if self._looking is None:
            self._looking = await asyncio.to_thread(self._make_looking)
        now = self._clock.now_us()
        known = await asyncio.to_thread(self._looking.known)
        self._found_at = self._clock.monotonic()
        told = {client: msgspec.json.encode(each).decode() for client, each in known.items()}
        if told == self._kept and now - self._kept_us < _KEPT_US:
            return  # whoever looks on has it looked for every second: that is no reason to write each time
        await self._write(
            [put_detected(Detected(self.machine, client, now, found)) for client, found in told.items()]
        )
        self._kept, self._kept_us = told, now

    async def _read(self, looking: Looking) -> None:
        for client, places in await asyncio.to_thread(looking.logs):
            positions = await self._ledger.read(log_positions, self.machine, client)
            whose = Whose(client, self.machine, self._clock.now_us())
            batches = read_logs(whose, places, positions)
            problems: dict[str, None] = {}
            while (batch := await asyncio.to_thread(_next, batches)) is not None:
                await self._keep(batch)
                problems.update(dict.fromkeys(batch.problems))
            self.problems[client] = tuple(problems)

    async def _keep(self, batch: Batch) -> None:
        """Keep what a piece of a log said, with how far it was read: both or neither."""
        statements = put(batch.sightings)
        if batch.position is not None:
            statements.append(put_position(batch.position, self._clock.now_us()))
        if statements:
            await self._write(statements)
            self._note(batch.sightings)

    def _note(self, sightings: Sequence[Sighting]) -> None:
        oldest = self._clock.now_us() - DAYS * _DAY_US
        for each in sightings:
            if oldest <= each.at_us < self._new_from_us:
                self._new_from_us = each.at_us

    async def _recognise(self) -> None:
        """Say which turns and twins the new sightings are, and those that were too new the last time."""
        now, from_us = self._clock.now_us(), self._new_from_us - _MARGIN_US
        kept = await self._ledger.read(since, from_us)
        if kept:
            turns = await self._ledger.read(answered, from_us - NEAR_US, now)
            joined = await asyncio.to_thread(join_up, kept, turns)
            await self._write([join(each.seq, each.turn_id, each.twin) for each in joined])
        self._new_from_us = now - _SETTLES_US

    async def _write(self, statements: list[Statement]) -> None:
        def write(store: Store) -> None:
            store.write(statements)

        if statements:
            try:
                await self._ledger.write(write)
            except sqlite3.Error as error:
                told = trouble(error)
                why = f"what clients used cannot be written down: {told.what}. {told.way_out}"
                raise LedgerUnavailable(why) from error


def watching(
    loaded: Loaded, environ: Mapping[str, str], url: Callable[[], str], ledger: Ledger, clock: Clock
) -> Watching:
    """Return who looks after the applications of the machine that this program runs on, as configured."""
    wanted = loaded.settings.clients

    def looking() -> Looking:
        # What knows applications and their files takes as long to load as half of the gateway: it is for
        # after the start.
        module = importlib.import_module("llm_gateway.clients.looking")
        made: Looking = module.machine_look(loaded, environ, url)
        return made

    return Watching(ledger, clock, machine_name(wanted.machine), looking if wanted.detect else None)


def _next(batches: Iterator[Batch]) -> Batch | None:
    return next(batches, None)
