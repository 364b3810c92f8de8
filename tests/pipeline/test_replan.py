"""A router plans by the fleet, the engines and the aliases that there are."""

from pathlib import Path

import pytest

from bridge_stage import Stage as BridgeStage
from bridge_stage import played
from llm_gateway.config import Loaded, Settings
from llm_gateway.engines.demo.engine import DemoEngine
from llm_gateway.errors import UnknownModel
from llm_gateway.ledger.price_taking import taken, written
from llm_gateway.pipeline.plan import Router, Step
from llm_gateway.pipeline.replan import replan
from llm_gateway.pipeline.spending import Spending
from llm_gateway.providers.catalog import BridgeRow, ProviderRow, Speaks
from llm_gateway.providers.discovery import ModelEntry
from llm_gateway.upstream.fleet import Fleet


def test_a_bare_name_is_a_bridges_last_of_all(tmp_path: Path) -> None:
    async def scene(stage: BridgeStage) -> None:
        clock, router = stage.clock, Router()
        fleet = Fleet(stage.around.upstream, clock, lambda: None)
        demo = DemoEngine(clock)
        fleet.add(
            ProviderRow("demo", "D", "builtin", {"chat": Speaks()}), (), presence="built in", models=("echo",)
        )
        bridge = ProviderRow("b", "B", "subscription", {"bridge": Speaks()}, bridge=BridgeRow("b", ""))
        fleet.add(bridge, (), presence="bridge")
        fleet.told("b", "ok", "", (ModelEntry("echo"), ModelEntry("own")))
        settings = Settings(aliases={"mine": ("b/own", "demo/echo")})
        loaded = Loaded(settings, {}, tmp_path, tmp_path / "gateway.toml")

        def plan_by(bridges: dict[str, BridgeStage]) -> None:
            engines = {name: each.engine for name, each in bridges.items()}
            replan(router, loaded, fleet, ({"demo": demo}, engines), Spending(clock), clock)

        plan_by({"b": stage})
        assert [step.provider for step in router.plan("echo", "chat").steps] == ["demo"]
        assert [step.provider for step in router.plan("own", "chat").steps] == ["b"]
        assert [step.provider for step in router.plan("mine", "chat").steps] == ["b", "demo"]
        stage.engine.people = frozenset(("ada",))
        plan_by({"b": stage})
        with pytest.raises(UnknownModel):
            router.plan("own", "chat")
        assert [step.provider for step in router.plan("b/own", "chat").steps] == ["b"]
        fleet.leave("b")
        plan_by({})
        with pytest.raises(UnknownModel):
            router.plan("own", "chat")

    played(scene)


def test_a_home_with_a_table_of_prices_goes_by_it(tmp_path: Path) -> None:
    async def scene(stage: BridgeStage) -> None:
        clock, spending = stage.clock, Spending(stage.clock)
        fleet = Fleet(stage.around.upstream, clock, lambda: None)
        fleet.add(ProviderRow("paid", "P", "hosted", {}, prices="p"), (), presence="configured")
        loaded = Loaded(Settings(), {}, tmp_path, tmp_path / "gateway.toml")
        step = Step("paid", "m", "chat", None, None, False, True, b"")

        def source() -> str:
            replan(Router(), loaded, fleet, ({}, {}), spending, clock)
            tariff = spending.basis(step, clock.now_us()).tariff
            assert tariff is not None
            return tariff.card.source

        assert source() == "assumed"
        published = b'[{"id":"p","api_pattern":"x","models":[{"id":"m","match":{"equals":"m"},"prices":%b}]}]'
        (tmp_path / "prices.json").write_bytes(written("own", "1", taken(published % b'{"input_mtok":1}')))
        assert source() == "own"

    played(scene)
