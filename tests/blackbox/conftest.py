"""One gateway and one scripted upstream for the tests that do not need their own."""

from collections.abc import Iterator

import pytest

from gateway_process import GatewayProcess, configuration
from scripted import ScriptedUpstream

__all__ = ["gateway", "upstream"]


@pytest.fixture(scope="session")
def _upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def gateway(
    _upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """Start a gateway whose provider `scripted` is the scripted upstream.

    It tries nothing again and lets nothing cool down: what one test does to it must not change the next.
    """
    config = configuration(_upstream.url, more="[routing]\nretries = 0\nlongest_cool_down = 0\n")
    with GatewayProcess(tmp_path_factory.mktemp("gateway"), config) as gateway:
        yield gateway


@pytest.fixture
def upstream(_upstream: ScriptedUpstream) -> ScriptedUpstream:
    """Return the scripted upstream, with nothing remembered and nothing queued."""
    _upstream.forget()
    return _upstream
