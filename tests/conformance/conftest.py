"""What every suite runs against: one gateway, and behind it the model that behaves, in each dialect."""

import json
from collections.abc import Iterator

import pytest

from behaving.upstream import MODELS, responders
from conformance import Suites
from conformance_scores import Scores
from gateway_process import GatewayProcess, configuration
from scripted import ScriptedUpstream
from upstream_answers import UPSTREAMS

__all__ = ["gateway", "scores", "suites"]


@pytest.fixture(scope="session")
def scores() -> Scores:
    """Return what all suites add to."""
    return Scores()


@pytest.fixture(scope="session")
def suites(pytestconfig: pytest.Config) -> Suites:
    """Return the installed suites."""
    suites = Suites(pytestconfig.rootpath)
    assert suites.installed() == suites.digest(), "what is installed is not what is pinned: make conformance"
    return suites


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Start a gateway with a provider for each dialect."""
    with ScriptedUpstream(MODELS, responders()) as upstream:
        rows = [
            f'[[providers]]\nname = "up-{name}"\nbase_url = "{upstream.url}"\ndialects = ["{name}"]\n'
            f'api_key_env = "SCRIPTED_API_KEY"\nmodels = {json.dumps([*MODELS, f"only-at-{name}"])}\n'
            for name in UPSTREAMS
        ]
        config = configuration(upstream.url, more="\n".join(rows))
        with GatewayProcess(tmp_path_factory.mktemp("conformance"), config) as gateway:
            yield gateway
        assert not [request for request in upstream.asked() if gateway.key.encode() in request.raw]
