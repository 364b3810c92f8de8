"""Subscriptions over the dashboard API: told of, drawn on, worth something, and moved off."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from bridge_stage import Stage as BridgeStage
from ledger_samples import intent, settlement
from llm_gateway.bridges.engine import Bounds
from llm_gateway.bridges.health import Health, Window
from llm_gateway.bridges.opening import Bridges
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.subscriptions import SubscriptionSettings
from llm_gateway.ledger.records import Money
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.pipeline.quota_keeping import QuotaKeeping
from llm_gateway.providers.catalog import BridgeRow, ProviderRow, load_catalog
from llm_gateway.providers.logins import PassedLogin
from llm_gateway.server.account_views import AccountView, SwitchView
from llm_gateway.server.subscriptions_api import SubscriptionsApi
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import Stage, on_stage
from server_stage import Door
from surface_stage import home_of, no_companions

ROW = ProviderRow("claude", "Claude bridge", "subscription", {}, bridge=BridgeRow("b", "its owner's alone"))
LOGIN = next(row for row in load_catalog() if row.name == "claude-login")
HOUR_US = 3_600_000_000


class Desk:
    """Somebody before a gateway with one bridge."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.bridged = BridgeStage(Bounds())
        self.bridged.bridge.state = Health("auth_required", "nobody is logged in")
        fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        fleet.add(ROW, (), presence="configured")
        fleet.add(ProviderRow("metered", "Metered", "hosted", {}), (), presence="configured")
        bridges = Bridges(
            {"claude": ROW}, {"claude": self.bridged.engine}, (), self.bridged.tasks, lambda: fleet
        )
        self.quotas = stage.gateway.quotas
        keeping = QuotaKeeping(self.quotas, home_of(stage), bridges, no_companions(stage, fleet))
        self.configured: tuple[SubscriptionSettings, ...] = ()
        api = SubscriptionsApi(stage.gateway, fleet, keeping, lambda: self.configured)
        self.door = Door(*api.routes())

    def told(self, caller: str, share: bytes, org: bytes = b"org-1") -> None:
        headers = [
            (b"anthropic-ratelimit-unified-5h-utilization", share),
            (b"anthropic-organization-id", org),
        ]
        self.quotas.told(PassedLogin(LOGIN, b""), Identity("key_1", caller), {}, headers)

    async def used(
        self, provider: str, key: str, *, called: str = "", hours_ago: int = 0, worth: int = 0, cost: int = 0
    ) -> None:
        """Let a request with a key have been answered, whose caller calls itself something, or nothing."""
        caller = called or key
        at_us = self.stage.clock.now_us() - hours_ago * HOUR_US
        begun = intent(
            self.stage.ledger.new_id(),
            client="claude-code",
            key_id=key,
            caller=caller,
            provider=provider,
            at_us=at_us,
        )
        await self.stage.ledger.begin(begun)
        money = Money(1, confidence="high", baseline_nano=worth, route_nano=worth) if worth else None
        ended = settlement(
            begun.id,
            provider=provider,
            usage=Usage(uncached=70, output=30),
            cost_nano=cost or None,
            money=money,
            response_id=begun.id,
        )
        await self.stage.ledger.settle(ended)

    async def shown(self) -> tuple[list[AccountView], list[SwitchView]]:
        told = await self.door.json("/api/dashboard/subscriptions")
        return (
            msgspec.convert(told["subscriptions"], list[AccountView]),
            msgspec.convert(told["switches"], list[SwitchView]),
        )


def seated(home: Path, scene: Callable[[Desk], Awaitable[None]]) -> None:
    async def play(stage: Stage) -> None:
        desk = Desk(stage)
        await scene(desk)
        await desk.bridged.engine.close()
        await desk.bridged.tasks.close()

    on_stage(home, play)


def test_it_is_for_who_has_the_dashboards_token(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        for token in ("", desk.stage.key):
            assert (await desk.door.ask("/api/dashboard/subscriptions", token=token)).status == 401

    seated(tmp_path, scene)


def test_a_bridge_is_one_when_somebody_is_logged_in(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        assert await desk.shown() == ([], [])
        windows = (Window("5 hours", 0.5, desk.stage.clock.now_us() + HOUR_US, "allowed"),)
        desk.bridged.bridge.state = Health("ok", verified="login_seen", account="max", windows=windows)
        desk.bridged.clock.advance(60)
        ((view,), _) = await desk.shown()
        assert (view.name, view.plan, view.state, view.configured) == ("claude", "max", "ok", False)
        assert [(each.name, each.used, each.status) for each in view.windows] == [("5 hours", 0.5, "allowed")]

    seated(tmp_path, scene)


def test_two_callers_of_one_account_are_one_and_what_both_drew_is_its_worth(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.configured = (SubscriptionSettings("my-max", ("claude-login",), "Max 20x", 200.0, owner="ada"),)
        desk.told("ada", b"0.1")
        desk.told("laptop", b"0.2")
        desk.stage.clock.advance(1)
        desk.told("bob", b"0.9", b"org-2")
        await desk.used("claude-login", "ada", worth=30_000_000_000)
        await desk.used("claude-login", "laptop", worth=10_000_000_000)
        await desk.used("claude-login", "bob", worth=5_000_000_000)
        await desk.used("metered", "ada", cost=1)
        (latest, other), _ = await desk.shown()
        assert [draw.caller for draw in latest.draws] == ["bob"], (
            "two accounts: the one that was told of last"
        )
        assert (latest.name, other.configured) == ("my-max", False)
        desk.configured = (
            SubscriptionSettings(
                "my-max", ("claude-login",), "Max 20x", 200.0, owner="ada", callers=("ada",)
            ),
        )
        (mine, bobs), _ = await desk.shown()
        assert (mine.name, sorted(draw.caller for draw in mine.draws)) == ("my-max", ["ada", "laptop"])
        assert [(each.name, each.used) for each in mine.windows] == [("5 hours", 0.2)]
        assert (mine.worth.value_usd_month, mine.worth.tokens_month, mine.worth_per_paid) == (40.0, 200, 0.2)
        assert [(each.caller, each.share) for each in mine.worth.clients] == [("ada", 0.75), ("laptop", 0.25)]
        assert (bobs.configured, bobs.worth.value_usd_month, bobs.worth_per_paid) == (False, 5.0, None)

    seated(tmp_path, scene)


def test_traffic_that_moved_to_a_metered_key_is_told(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        for hours in (9, 8, 8, 7, 7, 7):
            await desk.used("claude-login", "ada", hours_ago=hours)
        for hours in (5, 4, 4, 3):
            await desk.used("metered", "ada", hours_ago=hours, cost=2_000_000_000)
        await desk.used("first", "ada", hours_ago=1)
        _, (switch,) = await desk.shown()
        assert (switch.client, switch.plan, switch.billed) == ("claude-code", "claude-login", "metered")
        assert (switch.requests, switch.cost_usd) == (4, 8.0)
        await desk.used("metered", "ada", cost=1_000_000_000)
        assert (await desk.shown())[1] == [switch], "it is looked for once a minute"
        desk.stage.clock.advance(60)
        assert [each.requests for each in (await desk.shown())[1]] == [5]

    seated(tmp_path, scene)


def test_what_a_caller_calls_itself_takes_nothing_from_the_worth_of_its_login(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.told("ada", b"0.1")
        await desk.used("claude-login", "ada", worth=30_000_000_000)
        await desk.used("claude-login", "ada", called="night job (self-declared)", worth=10_000_000_000)
        ((view,), _) = await desk.shown()
        assert (view.worth.value_nano_month, view.worth.requests) == (40_000_000_000, 2)
        assert {each.caller for each in view.worth.clients} == {"ada"}

    seated(tmp_path, scene)
