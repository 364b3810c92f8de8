"""What stands in the configuration is what is counted with."""

import asyncio
from pathlib import Path

from fakes import FakeClock
from ledger_samples import intent
from llm_gateway.canonical.usage import Usage
from llm_gateway.config.settings import Limit, ModelPrice, Prices, Settings
from llm_gateway.ledger.accounting import Basis
from llm_gateway.ledger.key_limits import KeyLimits
from llm_gateway.ledger.keys import KeyRow
from llm_gateway.ledger.money import NANO
from llm_gateway.ledger.prices import PriceBook
from llm_gateway.ledger.queries import turn
from llm_gateway.ledger.recompute import recompute
from llm_gateway.ledger.sqlite import SqliteStore
from llm_gateway.ledger.stated_prices import flat
from llm_gateway.ledger.store import Store
from llm_gateway.pipeline.limits import Bounds
from llm_gateway.pipeline.plan import Step
from llm_gateway.pipeline.spending import Spending
from llm_gateway.pipeline.terms import bounds_of, bounds_of_keys, go_by, reckon_interrupted
from llm_gateway.providers.catalog import ProviderRow
from llm_gateway.upstream.fleet import Fleet
from llm_gateway.upstream.opening import open_upstream
from pipeline_stage import Stage, on_stage


def test_limits_become_bounds_of_their_scopes() -> None:
    found = bounds_of(
        (
            Limit("global", parallel=8),
            Limit("key", "laptop", usd_per_day=0.1, models=("openai/*",), warn_at=0.5),
        )
    )
    assert found == {
        ("global", ""): Bounds(parallel=8),
        ("key", "laptop"): Bounds(per_day=NANO // 10, models=("openai/*",), warn_at=0.5),
    }


def test_limits_of_keys_become_bounds_of_their_names() -> None:
    def key(name: str, limits: KeyLimits) -> KeyRow:
        return KeyRow("", name, b"", "", 0, limits=limits.stored)

    found = bounds_of_keys(
        [
            key("laptop", KeyLimits(parallel=8, usd_per_day=0.1)),
            key("desk", KeyLimits()),
            key("laptop", KeyLimits(parallel=9, models=("fast",))),
        ]
    )
    assert found == {("key", "laptop"): Bounds(parallel=8, per_day=NANO // 10, models=("fast",))}


def test_prices_and_references_of_the_configuration_are_gone_by() -> None:
    async def scene() -> None:
        settings = Settings(
            prices=Prices(
                models=(ModelPrice("paid/m", input=0.1, output=0.4),), reference={"local/*": "paid/m"}
            )
        )
        spending, clock = Spending(FakeClock()), FakeClock()
        fleet = Fleet(open_upstream(settings.upstream), clock, lambda: None)
        fleet.add(ProviderRow("paid", "P", "hosted", {}), (), presence="configured")
        fleet.add(ProviderRow("mine", "M", "subscription", {}, prices="anthropic"), (), presence="bridge")
        book = go_by(spending, settings, fleet)
        tariff = book.tariff("paid", "m", clock.now_us())
        assert tariff is not None and tariff.cost(Usage(1)) == 100, "a tenth of a dollar is exact"

        def basis(provider: str, model: str) -> Basis:
            return spending.basis(Step(provider, model, "chat", None, None, False, True, b""), clock.now_us())

        assert basis("paid", "m").tariff is tariff
        assert basis("local", "x").reference is tariff and basis("local", "x").chosen
        worth = basis("mine", "claude-opus-4-5").reference
        assert worth is not None and worth.card.provider == "anthropic", "whatever the bridge is called"

    asyncio.run(scene())


def interrupted(store: Store) -> None:
    """Do what the next start does with turns that a kill left running."""
    assert isinstance(store, SqliteStore)
    store.interrupt()


def test_what_a_kill_interrupted_costs_what_it_probably_used_or_what_was_held_for_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        stage.spending.use(PriceBook({"first/m": flat("1", "10")}, {}), {"first"}, {})
        for name, provider, held in (("a", "first", 0), ("b", "first", 7), ("c", "local", 0)):
            await stage.ledger.begin(intent(name, provider=provider, model="m", held_nano=held))
        await stage.ledger.write(interrupted)
        for _ in range(2):
            await reckon_interrupted(stage.spending, stage.ledger)
            ends = [(await stage.ledger.read(turn, name)) for name in "abc"]
            told = [each.settlement for each in ends if each is not None and each.settlement is not None]
            assert [each.cost_nano for each in told] == [256 * 1000, 7, None]
            assert [each.usage for each in told] == [Usage(256, estimated=True)] * 3
        found = await stage.ledger.read(recompute)
        assert (found.reproduced, found.interrupted, found.differing) == (1, 2, 0)

    on_stage(tmp_path, scene, closes_ledger=True)
