"""What is told of quotas outlives a restart: heard of bridges here and elsewhere, kept, and gone on from."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bridge_stage import Stage as BridgeStage
from llm_gateway.bridges.engine import Bounds
from llm_gateway.bridges.health import Health, Window
from llm_gateway.bridges.opening import Bridges
from llm_gateway.companion.opening import Companions
from llm_gateway.companion.remote import RemoteEngine
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.companions import CompanionRow
from llm_gateway.ledger.quota_samples import KEPT_US, draws, history
from llm_gateway.ledger.writer import Job
from llm_gateway.pipeline.quota_keeping import QuotaKeeping
from llm_gateway.pipeline.quotas import Quotas
from llm_gateway.providers.catalog import BridgeRow, ProviderRow
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import Stage, on_stage
from surface_stage import home_of, no_companions

ROW = ProviderRow("b", "B", "subscription", {}, bridge=BridgeRow("b", "its owner's alone"))
HALF = Health("ok", account="max", windows=(Window("5 hours", 0.5),))


class Keeper:
    """A gateway with one bridge, and with what companions bring."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.bridged = BridgeStage(Bounds())
        fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        engines = {"b": self.bridged.engine}
        self.bridges = Bridges({"b": ROW}, engines, (), self.bridged.tasks, lambda: fleet)
        self.companions: Companions = no_companions(stage, fleet)
        self.keeping = self.anew()

    def anew(self) -> QuotaKeeping:
        """Return who keeps what is told after a restart."""
        quotas = Quotas(self.stage.clock, b"p" * 32)
        return QuotaKeeping(quotas, home_of(self.stage), self.bridges, self.companions)


def kept(home: Path, scene: Callable[[Keeper], Awaitable[None]]) -> None:
    async def play(stage: Stage) -> None:
        keeper = Keeper(stage)
        await scene(keeper)
        await keeper.bridged.engine.close()
        await keeper.bridged.tasks.close()

    on_stage(home, play)


def test_a_bridge_is_heard_when_it_was_looked_at_and_kept(tmp_path: Path) -> None:
    async def scene(keeper: Keeper) -> None:
        keeper.bridged.bridge.state = HALF
        assert keeper.keeping.hear() == [], "nobody has looked yet"
        (found,) = await keeper.keeping.look()
        assert (found.row, found.health.state, found.machine) == (ROW, "ok", "")
        await keeper.keeping.keep()
        (sample,) = await keeper.stage.ledger.read(history, 0)
        assert (sample.pool, sample.name, sample.used) == ("bridge:b", "5 hours", 0.5)
        (draw,) = await keeper.stage.ledger.read(draws)
        assert (draw.provider, draw.route, draw.plan, draw.status) == ("b", "bridge", "max", "ok")

    kept(tmp_path, scene)


def test_after_a_restart_the_last_word_is_known_with_its_age(tmp_path: Path) -> None:
    async def scene(keeper: Keeper) -> None:
        keeper.bridged.bridge.state = HALF
        await keeper.keeping.look()
        await keeper.keeping.keep()
        told = keeper.stage.clock.now_us()
        keeper.stage.clock.advance(3600)
        after = keeper.anew()
        assert after.quotas.all() == []
        await after.resume()
        (quota,) = after.quotas.all()
        assert (quota.provider, quota.at_us, quota.windows[0].share) == ("b", told, 0.5)

    kept(tmp_path, scene)


def test_a_bridge_on_another_machine_is_heard_with_its_machine_and_person(tmp_path: Path) -> None:
    async def scene(keeper: Keeper) -> None:
        row = CompanionRow("id", "mac", "ada", ("codex",), b"", 0)
        engine = RemoteEngine(row, "codex", lambda kind: keeper.bridged.engine.abilities or pytest.fail(kind))
        keeper.companions.hub.engines["codex@mac"] = engine  # type: ignore[index]
        (found,) = keeper.keeping.hear()
        assert (found.row.name, found.machine, found.person) == ("codex@mac", "mac", "ada")
        assert found.health.state == "unreachable" and keeper.keeping.quotas.all() == []

    kept(tmp_path, scene)


def test_what_is_old_is_forgotten_once_a_day(tmp_path: Path) -> None:
    async def scene(keeper: Keeper) -> None:
        keeper.bridged.bridge.state = HALF
        await keeper.keeping.look()
        await keeper.keeping.keep()
        keeper.stage.clock.advance(KEPT_US / 1e6 + 2 * 86_400)
        await keeper.keeping.keep()
        assert await keeper.stage.ledger.read(history, 0) == []
        assert await keeper.stage.ledger.read(draws) == []
        assert keeper.keeping.quotas.all() == []

    kept(tmp_path, scene)


def test_a_ledger_that_takes_nothing_ends_nothing(tmp_path: Path) -> None:
    async def scene(keeper: Keeper) -> None:
        keeper.bridged.bridge.state = HALF
        await keeper.keeping.look()
        for error in (LedgerUnavailable("no"), sqlite3.OperationalError("locked")):

            async def refuse(job: object, error: Exception = error) -> None:
                raise error

            keeper.stage.ledger.write = refuse  # type: ignore[method-assign, assignment]
            await keeper.keeping.keep()
        del keeper.stage.ledger.write
        assert await keeper.stage.ledger.read(history, 0) == []
        keeper.stage.clock.advance(60)
        keeper.bridged.clock.advance(60)
        await keeper.keeping.look()
        await keeper.keeping.keep()
        (sample,) = await keeper.stage.ledger.read(history, 0)
        assert sample.last_us - sample.at_us == 60_000_000, "nothing of it is lost"

    kept(tmp_path, scene)


def test_it_is_done_again_and_again(tmp_path: Path) -> None:
    async def scene(keeper: Keeper) -> None:
        keeper.bridged.bridge.state = HALF
        running = keeper.bridged.tasks.start("keep", keeper.keeping.run(every=0.01))
        await keeper.bridges.attending.look_at_all()
        written, write = asyncio.Event(), keeper.stage.ledger.write

        async def told(job: Job[object]) -> object:
            done = await write(job)
            written.set()
            return done

        keeper.stage.ledger.write = told  # type: ignore[method-assign, assignment]
        async with asyncio.timeout(5):
            while not await keeper.stage.ledger.read(history, 0):
                written.clear()
                await written.wait()
        running.cancel()

    kept(tmp_path, scene)
