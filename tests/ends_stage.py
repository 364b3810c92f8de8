"""Streams that are cut at one event: by their client, by their upstream, by both, by the gateway's end.

The gateway is whole, with its listener, in this process; the upstream is the scripted one. `Ends` plays one
cut at a time and returns what came of it. What should have come of it is `tests/ends_told.py`'s to say.
"""

import asyncio
import io
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from ends_told import PROVIDERS, Stream
from ends_watch import PATIENCE_S, Fed, Watching
from fakes import FakeClock
from llm_gateway.canonical.usage import Usage
from llm_gateway.config import Server
from llm_gateway.config.routing import RoutingSettings
from llm_gateway.http.limits import Limits
from llm_gateway.http.listener import Listener
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.records import Intent, Settlement
from llm_gateway.ledger.records import Turn as LedgerTurn
from llm_gateway.ledger.stated_prices import flat
from llm_gateway.ledger.store import Row, Rows
from llm_gateway.pipeline.limits import Bounds, Scope
from llm_gateway.server.access import Access
from llm_gateway.server.dialect_routes import dialect_at, dialect_routes
from llm_gateway.server.edge import Edge
from llm_gateway.server.guard import Guard
from llm_gateway.server.kept_responses import KeptResponses
from llm_gateway.server.responses_socket import responses_sockets
from llm_gateway.server.routes import Routes
from llm_gateway.telemetry.log import Log
from llm_gateway.upstream.client import Line
from pipeline_stage import Stage, endpoint, on_stage
from scripted import Close, Gate, Hang, Reset, Script, Send, wording
from scripted.records import Connected
from speaking_ends import Client

__all__ = ["PRICE", "Cut", "Ends", "on_ends", "paid"]

PRICE = flat("1", "10", "0.1", "2")
"""What every provider's model costs, in dollars for a million tokens."""

_KEY: Scope = ("key", "ada")
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Cut:
    """What came of one cut: how the turn ended, what its client had, and how long its upstream was kept."""

    settlement: Settlement
    request_bytes: int
    heard: bytes = b""
    kept_s: float = 0.0
    complete: bool = False
    """Whether the end that the dialect prescribes had passed."""
    reused: bool = False
    """Whether its upstream's connection had brought answers before."""


class Ends:
    """A gateway with a provider for each dialect, named like it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.scripted = stage.scripted
        self.port = 0
        self.cuts = 0
        self.feed: AsyncIterator[LedgerTurn]
        self._ended: dict[str, Settlement] = {}
        self._dispatcher = Watching(
            stage.upstream, stage.fares, stage.clock, RoutingSettings(retries=0), lambda: 0.0, stage.tasks
        )
        self.gateway = msgspec.structs.replace(stage.gateway, dispatcher=self._dispatcher)
        stage.lines.clear()
        for name, path in PROVIDERS.items():
            made = endpoint(name, stage.scripted.port)
            stage.lines[name, name] = Line(msgspec.structs.replace(made, dialect=name, base_path=path))
        stage.plan_by({})
        self._edge = Edge(
            Routes(dialect_routes(self.gateway)),
            Guard(Server()),
            Access(b"", b""),
            dialect_at,
            (Log(FakeClock(), "error", io.StringIO()), stage.metrics),
            responses_sockets(self.gateway, KeptResponses(self.gateway)),
        )
        self.listener = Listener(self._edge.serve, self._edge.refusal, Limits())

    def use(self, settings: RoutingSettings) -> None:
        """Go by these settings from now on."""
        self._dispatcher.use(settings)

    # the ways to cut

    async def leave(self, client: Client, stream: Stream, at: int, *, hard: bool) -> Cut:
        """Let the client leave when so much of the stream has passed; 0 is before the head.

        It resets its connection where it leaves `hard`, else it closes it: that might be its one side alone.
        """
        script, size = _until(stream, at)
        whole = at == stream.cuts[-1]
        asked = await self._ask(client, stream, script if whole else (*script, Hang()))
        complete = await asked.reached(at, size)
        if whole:
            await asked.settled()
        left = asyncio.get_running_loop().time()
        asked.leave(hard=hard)
        settlement = await asked.settled()
        closed = await asked.closed(whole)
        kept_s = max(closed - left, 0.0)
        return Cut(settlement, asked.request_bytes, kept_s=kept_s, complete=complete or whole)

    async def break_off(self, client: Client, stream: Stream, at: int, *, hard: bool) -> Cut:
        """Let the upstream break off when it has sent so much: it resets its connection, or closes it."""
        script, _ = _until(stream, at)
        whole = at == stream.cuts[-1]
        ending: Script = () if whole else (Reset() if hard else Close(),)
        asked = await self._ask(client, stream, (*script, *ending))
        heard = await asked.heard()
        end, reused = await asked.settled(), asked.reused
        return Cut(end, asked.request_bytes, heard, complete=asked.complete, reused=reused)

    async def both(self, client: Client, stream: Stream, at: int) -> Cut:
        """Let the upstream break off and the client leave, at one time."""
        script, size = _until(stream, at)
        gate = f"both-{self.cuts}"
        asked = await self._ask(client, stream, (*script, Gate(gate), Close()))
        complete = await asked.reached(at, size)
        self.scripted.open(gate)
        asked.leave(hard=True)
        end, reused = await asked.settled(), asked.reused
        return Cut(end, asked.request_bytes, complete=complete, reused=reused)

    async def gone_on_with(self, client: Client, stream: Stream, at: int, *, ends: bool = True) -> Cut:
        """Let the client leave, and the upstream end what it has begun, or with `ends` False fall silent.

        What the turn holds, it holds until its end.
        """
        script, size = _until(stream, at)
        gate = f"finish-{self.cuts}"
        rest: Script = (Hang(),)
        if ends:
            begun = () if at else (Send(stream.head),)
            left = (Send(wording.chunk(piece)) for piece in stream.pieces[max(at - 1, 0) :])
            rest = (Gate(gate), *begun, *left, Send(wording.LAST_CHUNK))
        asked = await self._ask(client, stream, (*script, *rest))
        complete = await asked.reached(at, size)
        left_at = asyncio.get_running_loop().time()
        asked.leave(hard=at % 2 == 0)
        await asked.left()
        held = {each.limit: each.used for each in self.stage.spending.standing()}
        assert complete or held["parallel"] == 1
        self.scripted.open(gate)
        end = await asked.settled()
        kept_s = asyncio.get_running_loop().time() - left_at
        return Cut(end, asked.request_bytes, kept_s=kept_s, complete=complete)

    async def stop(self, client: Client, streams: Sequence[Stream]) -> list[tuple[Stream, int, Cut]]:
        """Let the gateway stop, with no time to drain, while each stream stands at each of its cuts."""
        running: list[tuple[Stream, int, _Asked, bool]] = []
        for stream in streams:
            for at in stream.cuts[:-1]:
                script, size = _until(stream, at)
                asked = await self._ask(client, stream, (*script, Hang()))
                running.append((stream, at, asked, await asked.reached(at, size)))
        heard = asyncio.gather(*[asked.heard() for _, _, asked, _ in running])
        await self.listener.close(0.0)
        texts = await heard
        return [
            (stream, at, Cut(await asked.settled(), asked.request_bytes, text, 0.0, complete))
            for (stream, at, asked, complete), text in zip(running, texts, strict=True)
        ]

    async def begun(self) -> Intent:
        """Return the next turn that begins."""
        async with asyncio.timeout(PATIENCE_S):
            async for turn in self.feed:
                if turn.settlement is None:
                    return turn.intent
                self._ended[turn.intent.id] = turn.settlement
        raise AssertionError("the ledger is closed")

    async def ended(self, turn_id: str) -> Settlement:
        """Return how a turn ended."""
        async with asyncio.timeout(PATIENCE_S):
            while turn_id not in self._ended:
                turn = await anext(self.feed)
                assert turn.settlement is not None
                self._ended[turn.intent.id] = turn.settlement
        return self._ended[turn_id]

    # details

    async def _ask(self, client: Client, stream: Stream, script: Script) -> "_Asked":
        self.cuts += 1
        self._dispatcher.latest = fed = Fed()
        self.scripted.forget()
        self.scripted.queue(script)
        asked = _Asked(self, client, fed)
        await asked.send(f"{stream.provider}/m")
        return asked


class _Asked:
    """One request, its connection, and what is known of its turn."""

    def __init__(self, ends: Ends, client: Client, fed: Fed) -> None:
        self._ends = ends
        self._client = client
        self._fed = fed
        self.request_bytes = 0

    async def send(self, model: str) -> None:
        ends, client = self._ends, self._client
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", ends.port)
        opening, request = client.asking(model, ends.stage.key)
        if opening:
            self._writer.write(opening)
            await self._reader.readuntil(b"\r\n\r\n")
        self._writer.write(request)
        async with asyncio.timeout(PATIENCE_S):
            while not ends.scripted.asked():  # noqa: ASYNC110
                await asyncio.sleep(0.0005)
        self._connection: Connected = ends.scripted.asked()[0].connection
        intent = await ends.begun()
        self.id, self.request_bytes = intent.id, intent.request_bytes

    async def reached(self, at: int, size: int) -> bool:
        """Wait until the gateway has passed on so much; return whether the answer's end was in it."""
        if not at:
            return False
        complete = (await self._fed.until(size)).complete
        await asyncio.sleep(0)
        return complete

    async def left(self) -> None:
        """Wait until the gateway knows that the client has left."""
        await self._fed.left()

    @property
    def reused(self) -> bool:
        """Whether the upstream's connection had brought answers before."""
        return self._connection.requests > 1

    @property
    def complete(self) -> bool:
        """Whether the end that the dialect prescribes was seen."""
        return self._fed.turn is not None and self._fed.turn.seen.complete

    def leave(self, *, hard: bool) -> None:
        sock: socket.socket = self._writer.get_extra_info("socket")
        if hard:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._writer.transport.abort()

    async def heard(self) -> bytes:
        """Return all that the client hears, to the end of its answer or its connection."""
        heard = b""
        async with asyncio.timeout(PATIENCE_S):
            while not self._client.has_all(heard):
                try:
                    data = await self._reader.read(65536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    break
                heard += data
        self._writer.transport.abort()
        return heard

    async def settled(self) -> Settlement:
        return await self._ends.ended(self.id)

    async def closed(self, whole: bool) -> float:
        """Return when the upstream's connection was closed, 0 for one that is kept because all has come."""
        if whole:
            return 0.0
        async with asyncio.timeout(PATIENCE_S):
            while self._connection.closed_at is None:  # noqa: ASYNC110
                await asyncio.sleep(0.0005)
        assert self._connection.ended_by == "peer"
        return self._connection.closed_at


def _until(stream: Stream, at: int) -> tuple[Script, int]:
    """Return what the upstream sends up to a piece, and how many bytes of a body that is."""
    if not at:
        return (), 0
    pieces = stream.pieces[: at - 1]
    sends = [Send(stream.head), *(Send(wording.chunk(piece)) for piece in pieces)]
    if at > len(stream.pieces) + 1:
        sends.append(Send(wording.LAST_CHUNK))
    return tuple(sends), sum(map(len, pieces))


def paid(used: Usage) -> int:
    """Return what a usage costs, in nanodollars."""
    return used.uncached * 1000 + used.cache_read * 100 + used.cache_write * 2000 + used.output * 10_000


def on_ends(home: Path, scene: Callable[[Ends], Awaitable[None]], *, at_once: int = 1) -> None:
    """Play a scene; afterwards no turn is open, nothing is held, and every turn is on record once.

    The key may have so many requests `at_once`: what one does not give back the next one does not get.
    """

    async def play(stage: Stage) -> None:
        stage.spending.use(
            PriceBook({f"{name}/m": PRICE for name in PROVIDERS}, {}),
            PROVIDERS,
            {_KEY: Bounds(parallel=at_once, per_day=10**15, tokens_per_minute=10**12)},
        )
        ends = Ends(stage)
        ends.port = await ends.listener.listen("127.0.0.1", 0)
        try:
            async with stage.ledger.subscribe() as subscription:
                ends.feed = aiter(subscription)
                await scene(ends)
        finally:
            await ends.listener.close(0.2)
        await _hold_together(ends)

    on_stage(home, play)


async def _hold_together(ends: Ends) -> None:
    """Compare what everybody who counts has counted: journal, database, limits and metrics."""
    stage = ends.stage
    assert not stage.ledger.open_turns
    settled = stage.settlements()
    assert sorted(Counter(each.id for each in settled).values()) == [1] * ends.cuts
    ((rows, running, cost),) = await stage.ledger.read(_sums)
    assert (rows, running) == (ends.cuts, 0)
    assert cost == sum(each.cost_nano or 0 for each in settled)
    tried = sum(attempt.cost_nano or 0 for each in settled for attempt in each.attempts)
    used = {each.limit: each.used for each in stage.spending.standing()}
    assert used["parallel"] == 0
    assert used["usd_per_day"] == cost + tried, "nothing is held any more"
    families = text_string_to_metric_families(stage.metrics.render().decode())
    counted = [
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == "llm_gateway_requests_total"
    ]
    assert sum(counted) == ends.cuts


def _sums(rows: Rows) -> list[Row]:
    return rows.rows(
        "SELECT count(*), coalesce(sum(outcome IS NULL), 0), coalesce(sum(cost_nano), 0) FROM turns"
    )
