"""The playground: one prompt to up to four models side by side, each answered through the pipeline.

The page knows models and what they cost; what is asked comes in the body of a request, is in no address, and
is kept nowhere. How a model is asked is `answering.py`.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from llm_gateway.engines.demo.engine import DemoEngine
from llm_gateway.errors import UnknownModel
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.arithmetic import turn_and_cards
from llm_gateway.ledger.money import dollars
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.server.money_views import money_view
from llm_gateway.server.pages.answering import Answered, Question, Said, answer
from llm_gateway.server.pages.page import Asked, Page
from llm_gateway.server.routes import Route
from llm_gateway.server.shelf import Shelf
from llm_gateway.upstream.fleet import Fleet
from llm_gateway.wire.ready import ready

__all__ = ["Choice", "Ending", "Paid", "Playground", "PlaygroundView", "Prompt"]

_MOST = 4
_LONGEST_NAME = 256
_LINES = (
    b"content-type: application/x-ndjson\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n"
    b"x-accel-buffering: no\r\n"
)
# Those of this machine first, what costs money last.
_ORDER = {"local": 0, "alias": 1, "subscription": 2, "hosted": 3, "demo": 4}

Paid = Literal["free", "subscription", "metered", "mixed", "unknown"]
_TOLD: dict[Paid, str] = {
    "free": "answers on this machine or on your network, and costs nothing",
    "subscription": "is paid by a subscription, and uses its quota up",
    "metered": "costs money: its provider bills each token",
    "mixed": "may cost money: some of its targets are billed by the token",
    "unknown": "is no name that is known here",
}


class Choice(msgspec.Struct, frozen=True):
    """A model that can be asked: what kind of provider it is of, and who pays. `note` says it in words."""

    name: str
    kind: str
    paid: Paid
    note: str


class PlaygroundView(msgspec.Struct, frozen=True):
    """What the page shows: what can be asked, and what was chosen, as many as there are columns."""

    choices: list[Choice]
    chosen: list[Choice]
    most: int = _MOST


@ready
class Prompt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one model is asked. None leaves it to the model."""

    model: Annotated[str, Meta(min_length=1, max_length=_LONGEST_NAME)]
    prompt: Annotated[str, Meta(min_length=1)]
    system: str = ""
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None


class Ending(msgspec.Struct, frozen=True):
    """What came of it. `worth_usd` is the API-equivalent where nobody is billed; times are in milliseconds.

    `error` is "" where all went well; `request_id` is the row's, "" where there is none.
    """

    status: int
    error: str
    request_id: str
    provider: str = ""
    model: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    estimated: bool = False
    cost_usd: float | None = None
    worth_usd: float | None = None
    ttft_ms: float | None = None
    total_ms: float | None = None


class Playground:
    """Make the page, and pass answers on to it."""

    def __init__(self, gateway: Gateway, fleet: Fleet, shelf: Shelf) -> None:
        self._gateway = gateway
        self._fleet = fleet
        self._shelf = shelf

    def pages(self) -> tuple[Page, ...]:
        """Return the page."""
        return (Page("/playground", "playground", self.make, "Playground: one prompt, up to four models"),)

    def routes(self) -> tuple[Route, ...]:
        """Return the route of answers."""
        summary = "Ask a model from the playground; the answer comes in pieces, a JSON object a line"
        return (Route("POST", "/playground/answers", self.answer, summary, "dashboard"),)

    async def make(self, asked: Asked) -> PlaygroundView:
        """Return what can be asked; `models` in the query, with commas between, are chosen already."""
        await self._shelf.look()
        choices = sorted(self._choices(), key=lambda each: (_ORDER.get(each.kind, 9), each.name))
        known = {each.name: each for each in choices}
        names = list(filter(None, (each.strip() for each in asked.query.get("models", "").split(","))))
        chosen = [known.get(name) or self._other(name[:_LONGEST_NAME]) for name in names[:_MOST]]
        return PlaygroundView(choices, chosen or choices[:1])

    async def answer(self, exchange: Exchange, _: str) -> None:
        """Pass on each piece as it comes, then what came of it. Who leaves ends it."""
        prompt = await Asked(exchange, "", "").told(Prompt)
        said = [Said("system", prompt.system)] if prompt.system.strip() else []
        options: dict[str, bool | int | float | str] = {}
        if prompt.temperature is not None:
            options["temperature"] = prompt.temperature
        if prompt.max_tokens is not None:
            options["max_tokens"] = prompt.max_tokens
        question = Question(prompt.model, [*said, Said("user", prompt.prompt)], options=options)

        def heard(text: str, thinking: bool) -> None:
            if not exchange.done:
                exchange.write(_line({"thinking" if thinking else "text": text}))

        exchange.begin(200, _LINES)
        answered = await answer(self._gateway, question, heard, exchange)
        if not exchange.done:
            exchange.end(_line({"end": await self._ending(answered)}))

    async def _ending(self, answered: Answered) -> Ending:
        row = answered.request
        if row is None:
            return Ending(answered.status, answered.error, "")
        return Ending(
            status=answered.status,
            error=answered.error,
            request_id=row.id,
            provider=row.provider,
            model=row.model,
            tokens_in=row.tokens_in,
            tokens_out=row.tokens_out,
            estimated=row.estimated,
            cost_usd=row.cost_usd,
            worth_usd=None if row.cost_usd else await self._worth(row.id),
            ttft_ms=row.ttft_ms,
            total_ms=row.latency_ms,
        )

    async def _worth(self, turn_id: str) -> float | None:
        turn, cards = await self._gateway.ledger.read(turn_and_cards, turn_id)
        money = money_view(turn.settlement, cards) if turn is not None and turn.settlement else None
        nano = money.lines.baseline if money is not None else None
        return float(dollars(nano)) if nano is not None else None

    def _choices(self) -> Iterator[Choice]:
        for listed in self._shelf.listed():
            provider, slash, _ = listed.name.partition("/")
            member = self._fleet.members.get(provider) if slash else None
            kind: str = member.row.kind if member is not None else "alias"
            # Of the two that are built in one answers, and the other shows how that looks.
            kind = "demo" if provider == DemoEngine.name else "local" if kind == "builtin" else kind
            yield _choice(listed.name, kind, self._paid(listed.name))

    def _other(self, name: str) -> Choice:
        """Return a name that is not on the list: a bare one, or nothing that is known."""
        return _choice(name, "other", self._paid(name))

    def _paid(self, name: str) -> Paid:
        try:
            targets = self._gateway.router.resolve(name)
        except UnknownModel:
            return "unknown"
        members = [self._fleet.members.get(target.provider) for target in targets]
        kinds = {member.row.kind for member in members if member is not None}
        if "hosted" in kinds:
            return "metered" if kinds == {"hosted"} else "mixed"
        return "subscription" if "subscription" in kinds else "free" if kinds else "unknown"


def _choice(name: str, kind: str, paid: Paid) -> Choice:
    return Choice(name, kind, paid, _TOLD[paid])


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"
