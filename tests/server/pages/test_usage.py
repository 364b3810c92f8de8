"""The page of the usage: what the ledger has, as HTML and as JSON, whatever anybody is called."""

import html
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from ledger_samples import intent, settlement
from llm_gateway.bridges.opening import Bridges
from llm_gateway.canonical.usage import Usage as Tokens
from llm_gateway.ledger.reader import QueryTooSlow
from llm_gateway.ledger.records import Money
from llm_gateway.ledger.store import Store
from llm_gateway.ledger.writer import apply_records
from llm_gateway.pipeline.quota_keeping import QuotaKeeping
from llm_gateway.server.pages.page import Frame
from llm_gateway.server.pages.usage import Usage, UsagePage
from llm_gateway.server.subscriptions_api import SubscriptionsApi
from llm_gateway.server.usage_api import UsageApi
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import Stage, on_stage
from rawhttp import Reply
from server_stage import DASHBOARD, Door
from surface_stage import fail, home_of, no_companions
from turn_factory import generated
from usage_stage import DAY_US

BROWSER = (b"accept", b"text/html")
HOSTILE = ("<script>alert(1)</script>\"'&", "\u202egnirts", "x" * 300, "a&by=b#c", "javascript:alert(1)")


class Seat:
    """The page before a gateway with a ledger."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        bridges = Bridges({}, {}, (), Tasks(fail), lambda: fleet)
        keeping = QuotaKeeping(stage.gateway.quotas, home_of(stage), bridges, no_companions(stage, fleet))
        page = Usage(stage.gateway, SubscriptionsApi(stage.gateway, fleet, keeping, lambda: ()))
        frame = Frame(stage.clock, lambda exchange: "", lambda: "ok")
        routes = [frame.route(each) for each in page.pages()]
        self.door = Door(*routes, *UsageApi(stage.gateway).routes(), metrics=stage.metrics)

    async def fill(self, count: int) -> None:
        made = generated(count, start_us=self.stage.clock.now_us() - 9 * DAY_US, apart_us=8 * DAY_US // count)
        records = [record for each in made for record in each]

        def put(store: Store) -> None:
            apply_records(store, records, store.position(), lambda what, error: None)

        await self.stage.ledger.write(put)

    async def used(self, name: str, *, days_ago: float = 0, cost: int = 0, worth: int = 0) -> None:
        at_us = self.stage.clock.now_us() - int(days_ago * DAY_US)
        begun = intent(
            self.stage.ledger.new_id(), client=name, key_id=name, caller=name, provider=name, at_us=at_us
        )
        await self.stage.ledger.begin(begun)
        money = Money(1, confidence="high", baseline_nano=worth, route_nano=worth) if worth else None
        end = settlement(
            begun.id,
            provider=name,
            model=name,
            usage=Tokens(70, output=30),
            cost_nano=cost or None,
            money=money,
        )
        await self.stage.ledger.settle(end)

    async def ask(self, target: str, *headers: tuple[bytes, bytes]) -> Reply:
        return await self.door.ask(target, *(headers or (BROWSER,)), token=DASHBOARD)

    async def text(self, target: str) -> str:
        reply = await self.ask(target)
        assert reply.status == 200, reply
        return reply.body.decode()

    async def view(self, target: str) -> UsagePage:
        reply = await self.ask(target, (b"accept", b"application/json"))
        assert reply.status == 200, reply
        return msgspec.json.decode(reply.body, type=UsagePage)


def seated(home: Path, scene: Callable[[Seat], Awaitable[None]]) -> None:
    on_stage(home, lambda stage: scene(Seat(stage)))


def test_with_nothing_it_says_what_to_do(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        text = await seat.text("/usage")
        assert "Nothing was used in this time" in text and "llm-gateway smoke demo/echo" in text
        assert "What was avoided, line by line" in text and "data-chart" not in text
        for query in (
            "period=all",
            "source=seen",
            "source=all",
            "by=subscription&period=monthly",
            "period=weekly",
        ):
            await seat.text(f"/usage?{query}")

    seated(tmp_path, scene)


def test_what_yesterday_cost_is_a_number_of_its_own(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        await seat.used("a", days_ago=1, cost=2_500_000_000)
        await seat.used("b", days_ago=1, worth=1_000_000_000)
        await seat.used("a", cost=250_000_000)
        view = await seat.view("/usage")
        assert (view.yesterday.paid_usd, view.yesterday.worth_usd, view.yesterday.requests) == (2.5, 3.5, 2)
        assert (view.today.paid_usd, view.paid.paid_usd, view.paid.worth_usd) == (0.25, 2.75, 3.75)
        text = await seat.text("/usage")
        assert re.search(r"<h2>Yesterday</h2>\s*<p class=\"value\">\$2.50</p>", text)
        assert "<strong>paid $2.75</strong>, worth <strong>$3.75</strong> at API prices" in text
        assert "2023-10-16 to 2023-11-14, UTC" in text
        alone = await seat.view("/usage?client=b&from=2023-11-13&to=2023-11-13&period=hourly")
        assert (alone.paid.paid_usd, alone.paid.worth_usd, alone.shown) == (0.0, 1.0, "hourly")
        assert alone.time == "2023-11-13"
        assert [share.told for share in alone.shares] == ["b"] and len(
            alone.chart.rows if alone.chart else []
        ) == 24

    seated(tmp_path, scene)


@pytest.mark.parametrize("by", ["client", "model", "provider", "key", "caller", "machine", "subscription"])
def test_everything_adds_up_whatever_it_is_broken_down_by(tmp_path: Path, by: str) -> None:
    async def scene(seat: Seat) -> None:
        await seat.fill(300)
        view = await seat.view(f"/usage?by={by}&measure=cost")
        total = view.usage.total
        assert sum(share.figures.cost_nano for share in view.shares) == total.cost_nano > 0
        assert sum(share.figures.requests for share in view.shares) == total.requests
        assert sum(row.figures.cost_nano for row in view.usage.rows) == total.cost_nano
        assert view.chart is not None
        assert sum(sum(row[2]) for row in view.chart.rows) == pytest.approx(total.cost_usd, abs=1e-3)
        lines = sum(each.line.amount.nano for each in view.account.lines)
        assert view.account.baseline.nano - lines == view.account.cost_counted.nano
        assert view.account.cost.nano == total.cost_nano
        exact = await seat.door.json(view.exact)
        assert exact["total"] == msgspec.to_builtins(total)

    seated(tmp_path, scene)


@pytest.mark.parametrize("period", ["hourly", "daily", "weekly", "monthly", "all"])
@pytest.mark.parametrize("time", ["", "&since=3d", "&from=2023-11-07&to=2023-11-09"])
def test_all_figures_are_of_the_same_time(tmp_path: Path, period: str, time: str) -> None:
    async def scene(seat: Seat) -> None:
        await seat.fill(120)
        for ago in (0, 40, 100):
            await seat.used("a", days_ago=ago, cost=1_000_000_000)
        view = await seat.view(f"/usage?period={period}{time}&measure=cost")
        total = view.usage.total.cost_nano
        assert sum(row.figures.cost_nano for row in view.usage.rows) == total > 0
        assert sum(share.figures.cost_nano for share in view.shares) == view.account.cost.nano == total
        assert view.total is not None and view.total.figures.cost_nano == total
        assert view.paid.cost_usd == pytest.approx(total / 1e9)
        if view.chart is not None:
            assert sum(sum(row[2]) for row in view.chart.rows) == pytest.approx(total / 1e9, abs=1e-3)

    seated(tmp_path, scene)


def test_prices_are_told_when_they_are_asked_for(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        await seat.fill(200)
        assert "6f6f6f6f" not in await seat.text("/usage")
        part = await seat.ask("/usage?prices=yes&part=prices", (b"hx-request", b"true"))
        text = part.body.decode()
        assert (
            "genai-prices" in text and "0.2.3" in text and "6f6f6f6f6f6f6f6f" in text and "<html" not in text
        )
        view = await seat.view("/usage?prices=yes")
        assert view.account.priced and any(each.line.prices for each in view.account.lines)

    seated(tmp_path, scene)


@pytest.mark.parametrize("name", HOSTILE)
def test_nobodys_name_is_more_than_a_text(tmp_path: Path, name: str) -> None:
    async def scene(seat: Seat) -> None:
        await seat.used(name, cost=1_000_000, days_ago=1)
        for by in ("client", "model", "provider", "key", "caller", "subscription"):
            text = await seat.text(f"/usage?by={by}")
            assert "<script>alert" not in text and 'href="javascript' not in text
            if by != "subscription":
                assert name in html.unescape(text)
        (link,) = re.findall(r'<th scope="row" class="who"><a href="([^"]+)"', await seat.text("/usage")) or (
            "",
        )
        if link:
            assert [each.told for each in (await seat.view(html.unescape(link))).shares] == [name]
            assert name in html.unescape(await seat.text(html.unescape(link)))
        else:
            assert len(name) > 200, "only what cannot be asked for has no link"

    seated(tmp_path, scene)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("by=colour", "by='colour' is none of client"),
        ("since=x", "since='x' is no time such as"),
        ("from=2023-11-10&to=2023-11-01", "since is not before until"),
        ("clinet=<b>", "there is no parameter 'clinet' here"),
    ],
)
def test_what_is_not_understood_is_a_page_that_says_so(tmp_path: Path, query: str, told: str) -> None:
    async def scene(seat: Seat) -> None:
        reply = await seat.ask(f"/usage?{query}")
        assert reply.status == 400 and told in html.unescape(reply.body.decode()) and b"<h1>" in reply.body
        script = await seat.ask(f"/usage?{query}", (b"accept", b"application/json"))
        assert script.status == 400 and "error" in script.json()

    seated(tmp_path, scene)


def test_many_rows_are_shown_when_they_are_asked_for(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        await seat.fill(400)
        few, many = (
            await seat.text("/usage?period=hourly&since=8d"),
            await seat.text("/usage?period=hourly&since=8d&rows=all"),
        )
        assert "rows=all" in few and "rows=all" not in many and many.count("<tr>") > few.count("<tr>")

    seated(tmp_path, scene)


def test_a_time_that_takes_too_long_is_refused_with_what_helps(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        async def slow(*_: object, **__: object) -> None:
            raise QueryTooSlow("the query took more than 10 s; ask for a shorter time")

        seat.stage.gateway.ledger.read = slow  # type: ignore[method-assign, assignment]
        reply = await seat.ask("/usage")
        assert reply.status == 400 and b"ask for a shorter time" in reply.body

    seated(tmp_path, scene)
