"""A gateway and a scripted model for each upstream dialect, for the clients that `make clients` installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clients_e2e.rows import CLIENTS
from clients_e2e.running import RefusingProxy
from clients_e2e.speech import SPEECHES
from clients_e2e.stage import Stage, staged
from real_clients import Installation

__all__ = ["installation", "proxy", "stage"]


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


@pytest.fixture(scope="session", params=list(SPEECHES))
def stage(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    installation: Installation,
    proxy: RefusingProxy,
) -> Iterator[Stage]:
    """Start a gateway in front of a scripted model that speaks one dialect."""
    dialect = str(request.param)
    home: Path = tmp_path_factory.mktemp(f"upstream-{dialect}")
    models = sorted({client.model for client in CLIENTS})
    with staged(dialect, home, models, (installation.path, proxy.url)) as stage:
        yield stage
