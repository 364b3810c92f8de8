"""The whole table of a gateway's paths, with real parts behind it."""

import io
from collections.abc import Sequence
from pathlib import Path

from llm_gateway.bridges.opening import Bridges
from llm_gateway.clients.watching import Watching
from llm_gateway.companion.opening import Companions, Home
from llm_gateway.config import Loaded, Server, Settings
from llm_gateway.content.content import Content
from llm_gateway.content.safe import Where
from llm_gateway.ledger.sightings import Sighting
from llm_gateway.pipeline.key_admin import KeyAdmin
from llm_gateway.pipeline.quota_keeping import QuotaKeeping
from llm_gateway.server.access import Access
from llm_gateway.server.bridges_api import BridgesApi
from llm_gateway.server.companion_routes import CompanionsApi
from llm_gateway.server.kept_responses import KeptResponses
from llm_gateway.server.parts import Parts
from llm_gateway.server.routes import Routes
from llm_gateway.server.sessions import Sessions
from llm_gateway.server.sign_in import SignIn
from llm_gateway.server.surface import surface
from llm_gateway.tasks import Tasks
from llm_gateway.telemetry.log import Log
from llm_gateway.upstream.fleet import Fleet
from pipeline_stage import PEPPER, Stage, on_stage

__all__ = ["home_of", "no_companions", "on_surface", "parts_of"]


def on_surface(home: Path) -> Routes:
    """Return the table of a gateway that has no providers and no bridges."""

    async def scene(stage: Stage) -> Routes:
        return surface(parts_of(stage, home))

    return on_stage(home, scene)


def parts_of(stage: Stage, home: Path) -> Parts:
    """Return the parts of a gateway that has no providers and no bridges."""
    fleet = Fleet(stage.upstream, stage.clock, lambda: None)
    bridges = Bridges({}, {}, (), Tasks(fail), lambda: fleet)
    companions = no_companions(stage, fleet)
    content = Content(Where(home), stage.clock, fail)
    return Parts(
        stage.gateway,
        fleet,
        Watching(stage.ledger, stage.clock, "", None),
        KeyAdmin(stage.ledger, stage.keys, PEPPER, stage.clock, None),
        content,
        KeptResponses(stage.gateway, content, ""),
        BridgesApi(bridges, stage.ledger, companions),
        CompanionsApi(companions.registry, companions.hub),
        Server(),
        Tasks(fail),
        QuotaKeeping(stage.gateway.quotas, home_of(stage), bridges, companions),
        lambda: (),
        lambda: (Loaded(Settings(), {}, home, home / "gateway.toml"), {}),
        lambda: "http://127.0.0.1:8787",
        lambda: "",
        SignIn(
            Sessions(stage.ledger, stage.clock, secure=False),
            Access(b"owner", b""),
            lambda: "http://x",
        ),
        lambda: False,
    )


def no_companions(stage: Stage, fleet: Fleet) -> Companions:
    """Return the companions of a gateway that has none."""
    bridges = Bridges({}, {}, (), Tasks(fail), lambda: fleet)
    return Companions(home_of(stage), bridges, nobody, lambda: fleet, lambda: None)


def home_of(stage: Stage) -> Home:
    """Return what companions come to."""
    log = Log(stage.clock, "error", io.StringIO())
    return Home(stage.ledger, PEPPER, stage.clock, Tasks(fail), log)


async def nobody(sightings: Sequence[Sighting]) -> None:
    """No companion reports here."""
    raise AssertionError(sightings)


def fail(name: str, failure: BaseException) -> None:
    """Nothing runs in the background here."""
    raise AssertionError(name) from failure
