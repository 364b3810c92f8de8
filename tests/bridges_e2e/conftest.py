"""What the tests of bridges with real programs start from: the programs, a scripted provider, no way out."""

import signal
from collections.abc import Iterator

import pytest

from bridges_e2e.stage import provider
from clients_e2e.running import RefusingProxy
from real_clients import Installation
from scripted import ScriptedUpstream

__all__ = ["installation", "proxy", "scripted"]


@pytest.fixture(scope="session", autouse=True)
def _ended_in_order() -> Iterator[None]:
    """Let whoever ends a run that takes too long end the programs, too: they have sessions of their own."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def installation(pytestconfig: pytest.Config) -> Installation:
    """Return the installed programs."""
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


@pytest.fixture
def scripted() -> Iterator[ScriptedUpstream]:
    """Return a provider that speaks every language and does what it is told."""
    with provider() as upstream:
        yield upstream
