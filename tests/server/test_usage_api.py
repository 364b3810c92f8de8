"""Usage over HTTP: for the dashboard's token alone, exact, and refused in words where not understood."""

import csv
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from llm_gateway.ledger.extracts import PAGE
from llm_gateway.ledger.money import NANO
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.reader import QueryTooSlow
from llm_gateway.ledger.store import Store
from llm_gateway.ledger.writer import apply_records
from llm_gateway.pipeline.limits import Bounds
from llm_gateway.server.savings_views import SavingsView
from llm_gateway.server.usage_api import UsageApi
from llm_gateway.server.usage_query import question
from llm_gateway.server.usage_views import UsageView
from pipeline_stage import Stage, on_stage
from rawhttp import Reply
from server_stage import DASHBOARD, OWNER, Door
from turn_factory import generated
from usage_stage import DAY_US

NAMES = ("usage", "savings", "forecast", "export", "statusline")


class Seat:
    """The API before a gateway whose ledger has some turns of the last days."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.door = Door(*UsageApi(stage.gateway).routes(), metrics=stage.metrics)

    async def fill(self, count: int) -> None:
        records = [
            record
            for each in generated(
                count, start_us=self.stage.clock.now_us() - 9 * DAY_US, apart_us=8 * DAY_US // count
            )
            for record in each
        ]

        def put(store: Store) -> None:
            apply_records(store, records, store.position(), lambda what, error: None)

        await self.stage.ledger.write(put)

    async def get(self, target: str) -> dict[str, object]:
        return await self.door.json(f"/api/dashboard/{target}")

    async def ask(self, target: str) -> Reply:
        return await self.door.ask(f"/api/dashboard/{target}", token=DASHBOARD)


def seated(home: Path, scene: Callable[[Seat], Awaitable[None]]) -> None:
    on_stage(home, lambda stage: scene(Seat(stage)))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_for_the_dashboards_token(tmp_path: Path, name: str) -> None:
    async def scene(seat: Seat) -> None:
        target = f"/api/dashboard/{name}"
        assert (await seat.door.ask(target)).status == 401
        assert (await seat.door.ask(target, token=seat.stage.key)).status == 401
        assert (await seat.door.ask(target, token=OWNER)).status == 200
        assert (await seat.door.ask(target, token=DASHBOARD, method="POST")).status == 405

    seated(tmp_path, scene)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("usage?period=yearly", "period='yearly' is none of hourly"),
        ("usage?by=colour", "by='colour' is none of source"),
        ("usage?since=x", "since='x' is no time such as"),
        ("usage?clinet=x", "there is no parameter 'clinet' here"),
        ("savings?until=x", "until='x' is no time such as"),
        ("forecast?since=1h", "there is no parameter 'since' here"),
        ("statusline?model=x", "there is no parameter 'model' here"),
        ("export?format=xlsx", "format is none of csv, json, ndjson"),
        ("export?what=keys", "what is none of turns, usage, sightings"),
        ("export?since=x", "since='x' is no time such as"),
        ("export?by=client", "there is no parameter 'by' here"),
    ],
)
def test_what_is_not_understood_is_a_400_that_says_what_would_be(
    tmp_path: Path, target: str, told: str
) -> None:
    async def scene(seat: Seat) -> None:
        reply = await seat.ask(target)
        assert reply.status == 400 and told.encode() in reply.body.replace(b"\\u0027", b"'"), reply

    seated(tmp_path, scene)


def test_usage_and_savings_are_what_the_ledger_has(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        await seat.fill(300)
        usage = msgspec.convert(await seat.get("usage?by=client,model"), UsageView)
        assert usage.by == ["client", "model"] and usage.period == "daily" and len(usage.rows) > 50
        assert sum(row.figures.cost_nano for row in usage.rows) == usage.total.cost_nano > 0
        savings = msgspec.convert(await seat.get("savings?by=client"), SavingsView)
        assert savings.cost.nano == usage.total.cost_nano
        lines = sum(line.amount.nano for line in savings.lines)
        assert savings.baseline.nano - lines == savings.cost_counted.nano
        asked = question({}, seat.stage.clock.now_us())
        assert usage.since.startswith("2023-10-16") and asked.period == "daily"

    seated(tmp_path, scene)


def test_a_line_for_a_status_bar(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        await seat.fill(50)
        told = await seat.get("statusline?session=x")
        assert str(told["line"]).startswith("gateway | today ") and told["state"] == "ok"

    seated(tmp_path, scene)


def test_a_forecast_has_every_limit_of_money(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        await seat.fill(50)
        assert await seat.get("forecast") == {"forecast": []}
        bounds = {("global", ""): Bounds(per_day=5 * NANO, per_month=9 * NANO, parallel=3)}
        seat.stage.spending.use(PriceBook({}, {}), (), bounds)  # type: ignore[arg-type]  # a scope is a pair
        told = (await seat.get("forecast"))["forecast"]
        assert isinstance(told, list)
        assert {each["limit"] for each in told} == {"usd_per_day", "usd_per_month"}
        assert told[0]["history_days"] >= 7

    seated(tmp_path, scene)


def test_everything_is_handed_out_page_by_page(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        await seat.fill(PAGE + 20)
        whole = await seat.ask("export?format=csv")
        assert whole.header("content-type") == "text/csv; charset=utf-8; header=present"
        assert whole.header("content-disposition") == 'attachment; filename="llm-gateway-turns.csv"'
        assert whole.header("cache-control") == "no-store"
        rows = list(csv.DictReader(io.StringIO(whole.body.decode(), newline="")))
        assert len(rows) == PAGE + 20 == len({row["id"] for row in rows})
        lines = [json.loads(line) for line in (await seat.ask("export")).body.splitlines()]
        assert [line["id"] for line in lines] == [row["id"] for row in rows]
        assert {line["schema"] for line in lines} == {"llm-gateway/export-turns/v1"}
        days = (await seat.ask("export?what=usage&format=json&since=3d&until=1d")).json()
        assert days["schema"] == "llm-gateway/export-usage/v1" and days["rows"]
        assert (await seat.ask("export?what=sightings&format=json")).json()["rows"] == []

    seated(tmp_path, scene)


def test_a_time_that_takes_too_long_is_refused_with_what_helps(tmp_path: Path) -> None:
    async def scene(seat: Seat) -> None:
        async def slow(*_: object, **__: object) -> None:
            raise QueryTooSlow("the query took more than 10 s; ask for a shorter time")

        seat.stage.gateway.ledger.read = slow  # type: ignore[method-assign, assignment]
        for name in ("usage", "savings", "export"):
            reply = await seat.ask(name)
            assert reply.status == 400 and b"ask for a shorter time" in reply.body

    seated(tmp_path, scene)
