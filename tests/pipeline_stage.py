"""The pipeline with real parts around it: a ledger in a home, connections, and a scripted upstream."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from fakes import FakeClock, FakeIncoming
from ledger_samples import Failures
from llm_gateway.config.routing import RoutingSettings
from llm_gateway.config.settings import CacheSettings
from llm_gateway.content.content import Content
from llm_gateway.content.safe import Where
from llm_gateway.dialects.chat import CHAT
from llm_gateway.dialects.contract import Call
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.engines.contract import Engine
from llm_gateway.engines.demo.engine import DemoEngine
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.ledger.folder import Folder
from llm_gateway.ledger.journal import read_segment, segments
from llm_gateway.ledger.ledger import Durability, Ledger
from llm_gateway.ledger.queries import page
from llm_gateway.ledger.records import Record, Settlement, Turn, decode
from llm_gateway.pipeline.authenticate import Credential, Identity, KeyRing
from llm_gateway.pipeline.dispatch import Dispatcher
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.pipeline.passage import Passages
from llm_gateway.pipeline.plan import Router
from llm_gateway.pipeline.quotas import Quotas
from llm_gateway.pipeline.replay import Replays
from llm_gateway.pipeline.routing import Routing
from llm_gateway.pipeline.sender import Sender
from llm_gateway.pipeline.spending import Spending
from llm_gateway.pipeline.turn import Caller
from llm_gateway.providers.alias import Alias
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.providers.names import Directory, read_target
from llm_gateway.tasks import Tasks
from llm_gateway.telemetry.metrics import Metrics
from llm_gateway.upstream import standing as upstream_standing
from llm_gateway.upstream.client import Line, Upstream
from llm_gateway.vault import Secret, key_digest, mint_key
from scripted import Responder, ScriptedUpstream, chat
from standings import Standings

__all__ = ["ASKED", "PEPPER", "Stage", "call", "closed_port", "endpoint", "on_stage", "passages", "request"]

T = TypeVar("T")

PEPPER = b"p" * 32
ASKED = [{"role": "user", "content": "Guten Tag"}]
_MAX_BODY = 1 << 20


def request(**fields: object) -> bytes:
    """Return the body of a small chat request, to first/m unless told otherwise."""
    return json.dumps({"model": "first/m", "messages": ASKED, **fields}).encode()


def call(**fields: object) -> Call:
    """Return a small chat request as it is read."""
    return CHAT.read_call(request(**fields), CallPath("chat/completions"))


def passages(asked: Call, forwarded: bytes = b"", *, strict: bool = False) -> Passages:
    """Return the ways of a call of a client that speaks `chat`."""
    caller = Caller(Identity("key_1", "ada"), "codex-cli")
    credential = Credential(caller.identity, b"")
    return Passages(CHAT, asked, Sender(caller, credential, 0, forwarded, b"", strict=strict), "turn_1", 1)


def endpoint(provider: str, port: int, *, secret: str = "sk-upstream-secret") -> Endpoint:
    """Return an endpoint on loopback that speaks `chat`."""
    return Endpoint(provider, "chat", "http", "127.0.0.1", port, "/v1", secret=Secret(secret))


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Stage:
    """What a scene plays with: providers `first` and `second` are scripted, `down` is closed, `demo` ours."""

    def __init__(self, home: Path, ledger: Ledger, clock: FakeClock, scripted: ScriptedUpstream) -> None:
        self.clock = clock
        self.ledger = ledger
        self.scripted = scripted
        self.pool = Pool(connect_timeout=5.0)
        self.upstream = Upstream(self.pool, Patience(5.0, 5.0))
        self.metrics = Metrics()
        self.router = Router()
        self.lines = {
            (name, "chat"): Line(endpoint(name, port))
            for name, port in (
                ("first", scripted.port),
                ("second", scripted.port),
                ("down", closed_port()),
            )
        }
        self.engines: dict[str, Engine] = {"demo": DemoEngine(clock, pause=0.0)}
        self.key = mint_key()
        self.keys = KeyRing(PEPPER, clock)
        self._accepted: dict[str, Credential] = {}
        self.let_in(self.key, Identity("key_1", "ada"))
        self.spending = Spending(clock)
        self.standings = Standings()
        self.routing = Routing(self.standings, clock, RoutingSettings(), self.spending)
        self.tasks = Tasks(lambda what, error: None)
        self.fares = upstream_standing.Standings(clock, lambda: 0.5)
        self.dispatcher = Dispatcher(
            self.upstream, self.fares, clock, RoutingSettings(retries=0), lambda: 0.0, self.tasks
        )
        self.replays = Replays(self.dispatcher, clock, CacheSettings())
        self.gateway = Gateway(
            self.keys,
            self.router,
            self.routing,
            ledger,
            self.upstream,
            self.dispatcher,
            self.metrics,
            clock,
            self.spending,
            _MAX_BODY,
            self.replays,
            Quotas(clock),
        )
        self._folder = Folder(home).journal
        self.plan_by({})

    def plan_by(
        self, aliases: Mapping[str, tuple[str, ...]], terms: Mapping[str, Alias] | None = None
    ) -> None:
        """Plan by these aliases from now on; `terms` are those with conditions."""
        names = {name for name, _ in self.lines} | self.engines.keys()
        targets = {alias: tuple(read_target(text) for text in told) for alias, told in aliases.items()}
        targets |= {name: alias.names for name, alias in (terms or {}).items()}
        directory = Directory(dict.fromkeys(names, ("m",)), targets)
        self.router.replace(directory, self.lines, self.engines, terms)

    def keep(self, home: Path, days: int) -> Content:
        """Let the key keep its content for so many days; whoever asks for it closes it."""
        self.let_in(self.key, Identity("key_1", "ada", days))
        return Content(Where(home), self.clock, Failures())

    def let_in(self, key: str, identity: Identity) -> None:
        """Accept a key, beside those that are accepted."""
        self._accepted[identity.key_id] = Credential(identity, key_digest(PEPPER, key))
        self.keys.replace(self._accepted.values())

    def incoming(self, body: bytes, *headers: tuple[bytes, bytes]) -> FakeIncoming:
        """Return a request with the key, whose client notes at each piece how many turns are settled."""
        bearer = (b"authorization", b"Bearer " + self.key.encode())
        return FakeIncoming(body, [bearer, *headers], watch=lambda: len(self.settlements()))

    def records(self) -> list[Record]:
        """Return what the journal holds now, as it would be read after the death of this process."""
        found = [read_segment(each, -1).entries for each in segments(self._folder)]
        return [decode(payload) for entries in found for _, payload in entries]

    def settlements(self) -> list[Settlement]:
        """Return the ends of turns that the journal holds now."""
        return [record for record in self.records() if isinstance(record, Settlement)]

    async def turn(self) -> Turn:
        """Return the one turn of this scene, as it is read from the database."""
        (turn,) = await self.ledger.read(page)
        return turn

    async def settlement(self) -> Settlement:
        """Return the end of the one turn of this scene."""
        turn = await self.turn()
        assert turn.settlement is not None, "it still runs"
        return turn.settlement


def on_stage(
    home: Path,
    scene: Callable[[Stage], Awaitable[T]],
    *,
    durability: Durability = "process",
    closes_ledger: bool = False,
    reports: bool = False,
    responders: Sequence[Responder] = (chat.respond,),
) -> T:
    """Play a scene; no request may be left open by it, and nothing may go wrong behind it.

    A scene that closes the ledger, to see what happens without one, says so, and so does one that `reports`
    failures. `responders` are what the
    scripted upstream answers with.
    """

    async def play(scripted: ScriptedUpstream) -> T:
        clock = FakeClock()
        failures = Failures()
        ledger = await Ledger.open(home, clock, durability=durability, on_failure=failures)
        stage = Stage(home, ledger, clock, scripted)
        try:
            result = await scene(stage)
            assert stage.metrics.inflight == 0
            assert closes_ledger or reports or failures == []
        finally:
            stage.upstream.close()
            if not closes_ledger:
                await ledger.close()
            await asyncio.sleep(0)
        return result

    with ScriptedUpstream(["m"], responders) as scripted:
        return asyncio.run(play(scripted))
