"""The doctor beside a gateway that runs: looked once for all who ask, and nobody waits longer than wanted."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from llm_gateway.clients.watching import Watching
from llm_gateway.config import Loaded, Settings
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.server.client_views import ClientsView
from llm_gateway.server.dashboard_api import DashboardApi
from llm_gateway.server.diagnosis import Diagnosed, Diagnosis
from llm_gateway.server.views import ProvidersView
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import Stage, on_stage


class Desk:
    """A diagnosis over a stage, and how often the configuration was asked for."""

    def __init__(self, stage: Stage, home: Path, kind: type[DashboardApi] = DashboardApi) -> None:
        self.stage = stage
        self.looks = 0
        self._loaded = Loaded(Settings(), {}, home, home / "gateway.toml")
        fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        watching = Watching(stage.ledger, stage.clock, "", None)
        dashboard = kind(stage.gateway, fleet, watching, lambda: "line 3 is wrong")
        self.diagnosis = Diagnosis(dashboard, self._configured, lambda: "http://x", stage.clock, stage.tasks)

    def _configured(self) -> tuple[Loaded, Mapping[str, str]]:
        self.looks += 1
        return self._loaded, {}


class Silent(DashboardApi):
    """One whose ledger says nothing."""

    async def providers_view(self) -> ProvidersView:
        raise LedgerUnavailable("the ledger says nothing")

    async def clients_view(self, *, older_than: float = 0.0) -> ClientsView:
        raise LedgerUnavailable("the ledger says nothing")


def seated(
    home: Path, scene: Callable[[Desk], Awaitable[None]], kind: type[DashboardApi] = DashboardApi
) -> None:
    async def play(stage: Stage) -> None:
        await scene(Desk(stage, home, kind))

    on_stage(home, play)


def names(found: Diagnosed | None) -> dict[str, str]:
    assert found is not None
    return {each.check: each.severity for each in found.checks}


def test_it_is_looked_once_until_that_is_old(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        found = await desk.diagnosis.look()
        told = names(found)
        assert told["gateway"] == told["ledger"] == told["audit log"] == "ok" and told["reload"] == "error"
        assert found is not None and found.count("error") == 1
        assert await desk.diagnosis.look() is found and desk.looks == 1
        desk.stage.clock.advance(31)
        assert await desk.diagnosis.look() is not found and desk.looks == 2
        await desk.diagnosis.look(older_than=0.0)
        assert desk.looks == 3

    seated(tmp_path, scene)


def test_who_cannot_wait_gets_nothing_and_the_look_goes_on(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        assert await desk.diagnosis.look(patience=0.0) is None
        assert names(await desk.diagnosis.look())["gateway"] == "ok"
        assert desk.looks == 1

    seated(tmp_path, scene)


def test_what_the_ledger_does_not_tell_is_a_finding(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        told = names(await desk.diagnosis.look())
        assert told["clients"] == told["providers"] == "error"

    seated(tmp_path, scene, Silent)
