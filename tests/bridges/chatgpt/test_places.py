"""Where OpenAI answers, as documented, and where a token may be sent at all."""

import pytest

from llm_gateway.bridges.chatgpt.places import API_URL, LOGIN_URL, places_of
from llm_gateway.errors import ConfigError


def test_openai_is_asked_where_it_says() -> None:
    places = places_of({})
    assert places.api.url == "https://api.openai.com/v1"
    assert places.api.target("responses") == b"/v1/responses"
    assert places.accounts.target("oauth/token") == b"/api/accounts/oauth/token"
    assert places.authorize == "https://auth.openai.com/api/accounts/authorize"
    assert places.issuer == "https://auth.openai.com"
    assert places.site.target(".well-known/jwks.json") == b"/.well-known/jwks.json"


def test_the_environment_names_other_places() -> None:
    places = places_of({API_URL: "http://127.0.0.1:9/v1/", LOGIN_URL: "https://proxy.example:8443/in/"})
    assert (places.api.url, places.api.auth) == ("http://127.0.0.1:9/v1", "none")
    assert places.authorize == "https://proxy.example:8443/in/authorize"
    assert places.issuer == "https://proxy.example:8443"


@pytest.mark.parametrize("name", [API_URL, LOGIN_URL])
@pytest.mark.parametrize(
    "url",
    [
        "http://api.openai.com/v1",
        "http://127.0.0.1.example/v1",
        "ftp://127.0.0.1/v1",
        "https://user@api.openai.com/v1",
        "https://api.openai.com/v1?key=1",
        "https://api.openai.com/v1#there",
        "https://api.openai.com:no/v1",
        "https://[::1/v1",
        "https://exämple.com/v1",
        "https://api.openai.com/v 1",
        "api.openai.com",
        "https://",
    ],
)
def test_what_is_no_address_for_a_token_is_refused(name: str, url: str) -> None:
    with pytest.raises(ConfigError, match=name):
        places_of({name: url})
