"""What is explained is what happens: a thousand random requests, each explained, asked, and looked up.

The fleet changes its state all the time, and its providers have limits, one of each kind; requests are of two
dialects, with and without tools and images, short and long, of some conversations and of none.
"""

import copy
import json
import random
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from llm_gateway.config.routing import RoutingSettings
from llm_gateway.dialects.contract import Dialect
from llm_gateway.dialects.contract import Path as CallPath
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.ledger import queries
from llm_gateway.ledger.money import NANO
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.stated_prices import flat
from llm_gateway.pipeline.handle import handle
from llm_gateway.pipeline.limits import Bounds, Scope
from llm_gateway.pipeline.needs import needs_of
from llm_gateway.pipeline.plan import Nature, Plan, Step
from llm_gateway.pipeline.routing import Routing
from llm_gateway.pipeline.spending import Held
from llm_gateway.providers.alias import Alias, AliasTarget
from llm_gateway.providers.names import Directory, Target
from llm_gateway.server.explain import Explained, Explaining
from llm_gateway.upstream.client import Line
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import Stage, closed_port, endpoint, on_stage
from scripted import chat, messages
from server_stage import DASHBOARD, Door
from standings import Block, Fares

SEED, REQUESTS = 4, 1000
NAMES = tuple("abcdef")
REFUSALS = {"no_target", "cooling_down", "limit_reached"}
OPERATIONS = {"chat": "chat/completions", "messages": "messages"}


def target(name: str, weight: int = 0, **terms: object) -> AliasTarget:
    made = {"target": f"{name}/m", "weight": weight, **terms}
    return msgspec.convert({**made, "target": {"provider": name, "model": "m"}}, AliasTarget)


ALIASES = {
    "order": Alias(tuple(target(name) for name in NAMES)),
    "local": Alias(
        (target("a", tools=False), target("b"), target("c", images=False), target("d", dialects=("chat",))),
        "local",
        sticky=True,
    ),
    "cheapest": Alias(
        (target("f"), target("a", max_price="3"), target("b"), target("e")), "cheapest", sticky=True
    ),
    "fastest": Alias(tuple(target(name) for name in NAMES), "fastest"),
    "weighted": Alias((target("a", 3), target("b", 1), target("c"), target("e", 1), target("f", 1))),
    "drawn": Alias((target("c", 1, max_input_tokens=300), target("d", 1), target("e", 1)), sticky=True),
    "none": Alias((target("a", tools=False), target("b", images=False))),
}


PRICE = flat("1000", "1000")
BOUNDS: dict[Scope, Bounds] = {
    ("provider", "a"): Bounds(requests_per_minute=1),
    ("provider", "b"): Bounds(tokens_per_minute=3000),
    ("provider", "d"): Bounds(parallel=1),
    ("provider", "f"): Bounds(per_day=10 * NANO),
}
BUSY = Step("d", "m", "chat", None, None, asks_usage=False, counts=True, headers=b"")


class Known:
    """What is known of the six, put down beforehand."""

    def nature(self, provider: str) -> Nature:
        natures: dict[str, Nature] = {"a": "hosted", "b": "local", "c": "subscription"}
        return natures.get(provider, "hosted")

    def window(self, provider: str, model: str) -> int:
        return {"a": 2000, "d": 5000}.get(provider, 0)

    def price(self, provider: str, model: str) -> Decimal | None:
        return {"a": Decimal(2), "b": Decimal(0), "e": Decimal("0.5")}.get(provider)


class Play:
    """The gateway, its explanations and its ledger."""

    def __init__(self, stage: Stage, chances: random.Random) -> None:
        self.stage = stage
        self.chances = chances
        self.down = closed_port()
        self.turns = 0
        self.refused = 0
        self.refusals: set[str] = set()
        self.seen: set[str] = set()
        names = {alias: each.names for alias, each in ALIASES.items()}
        self.lines = {(name, self.dialect(name)): self.line(name) for name in NAMES}
        directory = Directory(dict.fromkeys(NAMES, ("m",)), names)
        stage.router.replace(directory, self.lines, {}, ALIASES, Known())
        stage.spending.use(PriceBook({"f/m": PRICE}, {}), {"f"}, BOUNDS)
        self.busy: Held | None = None
        self.fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        self.door = self.explaining(stage.routing)

    def explaining(self, routing: Routing) -> Door:
        return Door(*Explaining(self.stage.router, routing, self.fleet).routes())

    def then(self) -> Door:
        """Return a door that explains without conversations, and knows of the limits what is counted now."""
        spending = copy.deepcopy(self.stage.spending)
        return self.explaining(Routing(self.stage.standings, self.stage.clock, RoutingSettings(), spending))

    def dialect(self, name: str) -> str:
        return "messages" if name in "cf" else "chat"

    def line(self, name: str) -> Line:
        port = self.down if name == "e" else self.stage.scripted.port
        return Line(msgspec.structs.replace(endpoint(name, port), dialect=self.dialect(name)))

    def change(self) -> None:
        """Let somebody fare otherwise, and time pass."""
        now = self.stage.clock.monotonic()
        block = self.chances.choice(
            (None, None, Block("open", now + 5), Block("cooling", now + self.chances.randrange(1, 60)))
        )
        ttft = self.chances.choice((None, self.chances.random()))
        self.stage.standings.put(self.chances.choice(NAMES), Fares(block, ttft))
        self.stage.clock.advance(self.chances.choice((0.1, 1, 400)))
        self.occupy()

    def occupy(self) -> None:
        """Let another request of d's begin, or end."""
        spending = self.stage.spending
        if self.busy is not None:
            spending.settle(self.busy, None, None)
            self.busy = None
        elif self.chances.choice((False, True)):
            call = DIALECTS["chat"].read_call(b'{"model":"d/m"}', CallPath("chat/completions"))
            self.busy = spending.hold("other", "", call, Plan("d/m", (BUSY,)))
            assert self.busy is not None
            spending.enter(self.busy, BUSY)

    async def explained(self, door: Door, **query: object) -> Explained:
        told = {name: value for name, value in query.items() if value}
        reply = await door.ask(f"/api/dashboard/explain?{urlencode(told)}", token=DASHBOARD)
        assert reply.status == 200, reply
        return msgspec.json.decode(reply.body, type=Explained)

    async def once(self) -> None:
        """Explain a request, ask it, and compare what the ledger says of it."""
        pick = self.chances.choice
        alias, name, session = pick(tuple(ALIASES)), pick(tuple(OPERATIONS)), pick(("", "s1", "s2", "s3"))
        body = self.body(alias)
        dialect = DIALECTS[name]
        path = CallPath(OPERATIONS[name])
        needs = needs_of({"tools", "images", "size"}, dialect.read_call(body, path), [], "")
        asked = {"model": alias, "dialect": name, "session": session, "tools": int(needs.tools)}
        asked |= {"images": int(needs.images), "input_tokens": needs.input_tokens}
        asked |= {"output_tokens": needs.output_tokens}
        before, then = await self.explained(self.door, **asked), self.then()
        headers = [(b"session-id", session.encode())] if session else []
        turn_id = await self.ask(dialect, path, body, headers)
        if before.sticky and not session:
            return  # it has a conversation all the same, by how it opens: of which nobody told
        if not before.sticky:
            before = await self.explained(then, **asked, request=turn_id)
        await self.compare(before, turn_id)

    def body(self, alias: str) -> bytes:
        pick = self.chances.choice
        content: list[object] = [{"type": "text", "text": "word " * pick((1, 300, 2000, 6000))}]
        if pick((False, False, True)):
            content.append({"type": "image_url", "image_url": {"url": "https://pictures.test/1.png"}})
        fields: dict[str, object] = {"messages": [{"role": "user", "content": content}], "max_tokens": 500}
        if pick((False, True)):
            fields["tools"] = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
        return json.dumps({"model": alias, **fields}).encode()

    async def ask(
        self, dialect: Dialect, path: CallPath, body: bytes, headers: list[tuple[bytes, bytes]]
    ) -> str:
        incoming = self.stage.incoming(body, *headers)
        await handle(incoming, self.stage.gateway, dialect, path)
        turn_id = incoming.field(b"x-llm-gateway-request-id")
        assert turn_id is not None
        return turn_id.decode()

    async def compare(self, explained: Explained, turn_id: str) -> None:
        turn = await self.stage.ledger.read(queries.turn, turn_id)
        assert turn is not None and turn.settlement is not None
        attempts = turn.settlement.attempts
        order = sorted((each.order, each.provider) for each in explained.targets if each.order is not None)
        names = [provider for _, provider in order]
        if explained.refused:
            assert (names, attempts) == ([], ())
            assert turn.settlement.error_kind in REFUSALS
            self.refusals.add(turn.settlement.error_kind)
            self.refused += 1
        elif attempts:
            asked = list(dict.fromkeys(each.provider for each in attempts))  # some more than once
            assert asked == names[: len(asked)], (explained, attempts)
            first = next(each for each in explained.targets if each.order == 1)
            assert first.why.endswith(attempts[0].why), (first, attempts)
            self.seen.update(each.why for each in explained.targets)
        self.turns += 1


def test_a_thousand_requests_are_explained_as_they_are_asked(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        play = Play(stage, random.Random(SEED))
        for _ in range(REQUESTS):
            play.change()
            await play.once()
        assert play.turns > 0.8 * REQUESTS and play.refused > 10, "most were compared, some refused"
        assert play.refusals == REFUSALS
        every = " ".join(play.seen)
        for reason in (
            "conversation last",
            "circuit is open",
            "cools down",
            "weight 3 of 4",
            "is local",
            "window",
            "1 requests per minute",
            "3000 tokens per minute",
            "1 requests at a time",
            "$10.0000 per day",
            "has room again in",
            "never has that much room",
        ):
            assert reason in every, "the scenes have everything in them that decides"

    on_stage(tmp_path, scene, responders=(chat.respond, messages.respond))


def test_targets_are_named(tmp_path: Path) -> None:
    assert target("a", 3, max_price="3") == AliasTarget(Target("a", "m"), 3, max_price=Decimal(3))
