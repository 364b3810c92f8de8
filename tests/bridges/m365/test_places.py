"""Where Microsoft answers, and that tokens are sent nowhere else in the clear."""

import pytest

from bridges.m365.fake_vendor import GRAPH, WORKIQ
from llm_gateway.bridges.m365.places import Backend, login_endpoint, place_of
from llm_gateway.errors import ConfigError


@pytest.mark.parametrize(
    ("backend", "url", "permissions", "scope"),
    [
        ("graph", "https://graph.microsoft.com", GRAPH, "https://graph.microsoft.com/Sites.Read.All"),
        (
            "workiq",
            "https://workiq.svc.cloud.microsoft",
            WORKIQ,
            "api://workiq.svc.cloud.microsoft/WorkIQAgent.Ask",
        ),
    ],
)
def test_each_service_has_its_address_and_its_permissions(
    backend: Backend, url: str, permissions: tuple[str, ...], scope: str
) -> None:
    place = place_of(backend, {})
    assert (place.endpoint.url, place.permissions) == (url, permissions)
    scopes = place.scope.split()
    assert (scopes[0], scopes[-1], len(scopes)) == (scope, "offline_access", len(permissions) + 1)
    assert login_endpoint({}).url == "https://login.microsoftonline.com"


def test_what_is_missing_is_told_however_it_is_written() -> None:
    place = place_of("graph", {})
    held = tuple(f"https://graph.microsoft.com/{name.upper()}" for name in GRAPH[2:])
    assert place.missing(held) == ("Sites.Read.All", "Mail.Read")
    assert place.missing(()) == ()


@pytest.mark.parametrize(
    "url", ["https://proxy.example:8443/m365/", "http://127.0.0.1:8080", "http://[::1]:1"]
)
def test_an_address_of_ones_own_may_be_named(url: str) -> None:
    assert place_of("graph", {"M365_COPILOT_SERVICE_URL": url}).endpoint.url == url.rstrip("/")
    assert login_endpoint({"M365_COPILOT_LOGIN_URL": url}).url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    ["http://proxy.example", "graph.microsoft.com", "https://", "https://a:b@c", "https://a/?x=1", "https://a:x",
     "ftp://127.0.0.1", "https://\u00e9"],
)  # fmt: skip
def test_an_address_that_is_none_or_not_private_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="M365_COPILOT_SERVICE_URL"):
        place_of("workiq", {"M365_COPILOT_SERVICE_URL": url})
