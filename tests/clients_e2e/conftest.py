"""A gateway and a scripted model for each upstream dialect, for the clients that `make clients` installed."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from clients_e2e.rows import EVERY
from clients_e2e.running import RefusingProxy
from clients_e2e.stage import Stage, staged
from real_clients import Installation

__all__ = ["installation", "proxy", "stage", "stages"]


@pytest.fixture(scope="session", autouse=True)
def _ended_in_order() -> Iterator[None]:
    """Let whoever ends a run that takes too long end the clients, too: they have sessions of their own."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def installation(pytestconfig: pytest.Config) -> Installation:
    """Return the installed clients."""
    installation = Installation(pytestconfig.rootpath)
    assert installation.installed() == installation.digest(), (
        "the clients are not the pinned ones: make clients"
    )
    return installation


@pytest.fixture(scope="session")
def proxy() -> Iterator[RefusingProxy]:
    """Return a proxy that lets nothing out."""
    with RefusingProxy() as proxy:
        yield proxy


@pytest.fixture(scope="session")
def stages(
    tmp_path_factory: pytest.TempPathFactory, installation: Installation, proxy: RefusingProxy
) -> Iterator[Callable[[str], Stage]]:
    """Return a way to get the stage of an upstream's dialect; it is started when it is first wanted."""
    models = sorted({client.model for client in EVERY})
    started: dict[str, Stage] = {}
    with ExitStack() as ends:

        def stage(dialect: str) -> Stage:
            if dialect not in started:
                home = tmp_path_factory.mktemp(f"upstream-{dialect}")
                setting = staged(dialect, home, models, (installation.path, proxy))
                started[dialect] = ends.enter_context(setting)
            return started[dialect]

        yield stage


@pytest.fixture
def stage(request: pytest.FixtureRequest, stages: Callable[[str], Stage]) -> Stage:
    """Return the stage of the dialect that the test names."""
    return stages(str(request.param))
