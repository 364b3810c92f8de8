"""The page of the usage: what was paid, what it is worth, who used what, and the account of what was avoided.

All of it is read at once from sums by hour, day and month. At which prices the lines were reckoned is known
by the turns alone, so it is told when somebody asks for it.
"""

from collections.abc import Iterable
from urllib.parse import urlencode

import msgspec

from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger.card_uses import card_uses
from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.reader import QueryTooSlow
from llm_gateway.ledger.store import Rows
from llm_gateway.ledger.sums import Sums
from llm_gateway.ledger.usage import Asked as Sought
from llm_gateway.ledger.usage import Dimension, Row, usage
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.server.account_names import AccountNames
from llm_gateway.server.advice import COLUMNS as ADVISED_BY
from llm_gateway.server.advice import advice
from llm_gateway.server.pages.page import Asked, Page
from llm_gateway.server.pages.usage_account import Account, account
from llm_gateway.server.pages.usage_chart import Chart, chart, columns, measured, told
from llm_gateway.server.pages.usage_choice import BY, Choice, choice_of, starts
from llm_gateway.server.pages.usage_memory import UsageMemory
from llm_gateway.server.subscriptions_api import SubscriptionsApi
from llm_gateway.server.usage_query import Question
from llm_gateway.server.usage_views import (
    FiguresView,
    UsageRowView,
    UsageView,
    figures,
    row_view,
    usage_answer,
)
from llm_gateway.server.views import iso

__all__ = ["Paid", "Share", "Usage", "UsagePage"]

_DAY_US = 86_400_000_000
_NO_PLAN = "no subscription"
_MOST_SHARES = 50
_PAID = ("requests", *columns("tokens"), *columns("worth"), "retried_nano")
# To add up how long things took is the dearest: by the period only where there are few of them.
_MOST_SPREADS = {"hour": 24, "day": 31, "week": 5, "month": 13, "all": 1}


class Paid(msgspec.Struct, frozen=True):
    """What was paid: for answers (`cost_usd`) and for attempts that did not become one (`retried_usd`).

    `worth_usd` is what answers cost, with what those are worth by API prices that nobody billed.
    """

    day: str
    paid_usd: float
    cost_usd: float
    retried_usd: float
    worth_usd: float
    equivalent_usd: float
    requests: int
    tokens: int


class Share(msgspec.Struct, frozen=True):
    """What one of those had that the page breaks down by; `name` is None where it cannot be chosen alone."""

    told: str
    name: str | None
    figures: FiguresView
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None


class UsagePage(msgspec.Struct, frozen=True):
    """What the page shows. `usage` is as `/api/dashboard/usage` tells it, by period; `total` all of it.

    `time` says which time it is, `shown` by which period. `shares` are the first of whom most was had,
    `others` how many come behind. `exact` asks that path for the same, broken down as here.
    """

    choice: Choice
    time: str
    shown: str
    paid: Paid
    today: Paid
    yesterday: Paid
    usage: UsageView
    total: UsageRowView | None
    shares: list[Share]
    others: int
    chart: Chart | None
    account: Account
    exact: str
    notes: list[str]


class Usage:
    """Make the page."""

    def __init__(self, gateway: Gateway, subscriptions: SubscriptionsApi) -> None:
        self._gateway = gateway
        self._subscriptions = subscriptions
        self._memory = UsageMemory(gateway.clock)

    def pages(self) -> tuple[Page, ...]:
        """Return the page."""
        return (Page("/usage", "usage", self.make, "Usage and savings: what was paid, and for what"),)

    async def make(self, asked: Asked) -> UsagePage:
        """Return what the page shows."""
        choice = choice_of(asked.query)
        prices = bool(asked.query.get("prices"))
        now_us, names = self._gateway.clock.now_us(), self._subscriptions.names()
        reading = _Reading(choice, now_us, names, self._memory, prices=prices)
        try:
            return await self._gateway.ledger.read(reading.page)
        except QueryTooSlow as error:
            raise MalformedRequest(f"{error}", param="since") from None


class _Reading:
    """All that is asked of the ledger for one page."""

    def __init__(
        self, choice: Choice, now_us: int, names: AccountNames, memory: UsageMemory, *, prices: bool
    ) -> None:
        self._choice = choice
        self._memory = memory
        self._now_us = now_us
        self._names = names
        self._prices = prices
        self._period = choice.suited(now_us)
        self._by = BY[choice.by]
        question = choice.question(now_us, self._period)
        self._begins = starts(question)
        few = len(self._begins) <= _MOST_SPREADS[question.asked.period]
        self._question = msgspec.structs.replace(
            question, asked=msgspec.structs.replace(question.asked, spreads=few)
        )

    def page(self, rows: Rows) -> UsagePage:
        choice, question = self._choice, self._question
        whole_asked, broken = self._whole(()), self._whole(self._by)
        parts = self._memory.usage(rows, broken.asked)
        routed = _sum(row for row in parts if choice.source != "seen" and not _is_seen(broken, row))
        total = self._memory.usage(rows, whole_asked.asked)
        where = question.whole(source="routed").where
        uses = card_uses(rows, question.asked.since_us, question.until_us, where) if self._prices else None
        models = question.whole("client", "provider", "model", source="routed")
        hints = advice(usage(rows, msgspec.structs.replace(models, columns=ADVISED_BY)))
        yesterday, today = self._days(rows)
        shares = self._shares(broken, parts)
        return UsagePage(
            choice,
            _time(question),
            self._period,
            _paid("", routed),
            today,
            yesterday,
            usage_answer(rows, question, self._memory.usage),
            row_view(whole_asked, total[-1]) if len(total) == 1 else None,
            shares[:_MOST_SHARES],
            max(0, len(shares) - _MOST_SHARES),
            self._chart(rows, _sum(parts)),
            account(routed, hints, uses),
            self._exact(),
            self._notes(),
        )

    def _whole(self, by: tuple[Dimension, ...]) -> Question:
        """Return the same time in one piece; what is usual for a period is another time than for all."""
        asked = self._choice.question(self._now_us, "all", by)
        same = {"since_us": self._question.asked.since_us, "until_us": self._question.until_us}
        return msgspec.structs.replace(asked, asked=msgspec.structs.replace(asked.asked, **same))

    def _days(self, rows: Rows) -> tuple[Paid, Paid]:
        """Return yesterday and today, of what is looked at."""
        today_us = self._now_us // _DAY_US * _DAY_US
        where = self._question.whole(source="routed").where
        begins = (today_us - _DAY_US, today_us)
        sought = Sought(begins[0], today_us + _DAY_US, "day", (), where, spreads=False, columns=_PAID)
        found = {row.start_us: row.sums for row in usage(rows, sought)}
        yesterday, today = (_paid(iso(begin)[:10], found.get(begin, Sums())) for begin in begins)
        return yesterday, today

    def _chart(self, rows: Rows, whole: Sums) -> Chart | None:
        if self._period == "all":
            return None
        question = self._choice.question(self._now_us, self._period, self._by)
        usual = "worth" if self._choice.by == "subscription" and whole.route_nano else ""
        measure = measured(self._choice.measure or usual, whole)
        found = self._memory.usage(
            rows, msgspec.structs.replace(question.asked, spreads=False, columns=columns(measure))
        )
        named = ((row.start_us, self._told(question, row), row.sums) for row in found)
        return chart(measure, self._period, self._begins, named)

    def _shares(self, question: Question, found: list[Row]) -> list[Share]:
        """Return the shares, the dearest first."""
        rows: dict[str, list[Row]] = {}
        for row in found:
            rows.setdefault(self._told(question, row), []).append(row)
        summed = {name: _sum(of) for name, of in rows.items()}
        order = sorted(
            summed, key=lambda name: (-summed[name].cost_nano, -summed[name].route_nano, -summed[name].total)
        )
        return [self._share(question, name, rows[name], summed[name]) for name in order]

    def _share(self, question: Question, name: str, rows: list[Row], sums: Sums) -> Share:
        alone = len(self._by) == 1
        view = row_view(question, rows[0])
        share = Share(
            name,
            view.names[self._by[0]] if alone else None,
            figures(sums),
        )
        if len(rows) > 1:  # nobody can add up how long half of the answers took
            return share
        return msgspec.structs.replace(
            share, latency_p50_ms=view.latency_p50_ms, latency_p95_ms=view.latency_p95_ms
        )

    def _told(self, question: Question, row: Row) -> str:
        names, by = row.names, question.asked.by
        if len(self._by) > 1:
            known = dict(zip(by, names, strict=True))
            account = self._names.of(known["provider"], known["key"])
            source = known.get("source", "routed")
            return told((account or _NO_PLAN, source), ("key", "source"))
        return told(names, by)

    def _exact(self) -> str:
        words = self._choice.words(self._now_us) | {"period": self._period, "by": ",".join(self._by)}
        asked = self._question.asked
        words |= {"since": iso(asked.since_us), "until": iso(self._question.until_us)}
        return "/api/dashboard/usage?" + urlencode(words)

    def _notes(self) -> list[str]:
        if self._period == self._choice.period:
            return []
        chosen = self._choice.period.capitalize()
        return [f"{chosen} would be too many bars to tell apart over this time: it is shown {self._period}"]


def _time(question: Question) -> str:
    """Return a time as people name it: days, with hours where these are not whole."""
    first, last = iso(question.asked.since_us), iso(question.until_us - 1)
    whole = question.asked.since_us % _DAY_US == 0
    begin = first[:10] if whole else f"{first[:10]} {first[11:16]}"
    return begin if whole and first[:10] == last[:10] else f"{begin} to {last[:10]}"


def _is_seen(question: Question, row: Row) -> bool:
    return dict(zip(question.asked.by, row.names, strict=True)).get("source") == "seen"


def _sum(rows: Iterable[Row]) -> Sums:
    return sum((row.sums for row in rows), start=Sums())


def _paid(day: str, sums: Sums) -> Paid:
    return Paid(
        day,
        float(dollars(sums.cost_nano + sums.retried_nano)),
        float(dollars(sums.cost_nano)),
        float(dollars(sums.retried_nano)),
        float(dollars(sums.cost_nano + sums.route_nano)),
        float(dollars(sums.route_nano)),
        sums.requests,
        sums.total,
    )
