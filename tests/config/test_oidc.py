"""The settings of a provider of logins: what is wrong with them is said by name."""

import msgspec
import pytest

from llm_gateway.config.oidc import OidcSettings, wrong_oidc

GOOD = OidcSettings(issuer="https://login.example.org/x", client_id="gateway", allowed=("@example.org",))


def test_good_ones_and_none_at_all() -> None:
    assert list(wrong_oidc(OidcSettings())) == []
    assert list(wrong_oidc(GOOD)) == []
    local = msgspec.structs.replace(GOOD, issuer="http://127.0.0.1:9400", url="https://gw.example.org")
    assert list(wrong_oidc(local)) == []


@pytest.mark.parametrize(
    ("changes", "name", "why"),
    [
        ({"issuer": ""}, "issuer", "there is no issuer"),
        ({"issuer": "http://login.example.org"}, "issuer", "is not an https URL"),
        ({"issuer": "login.example.org"}, "issuer", "is not a URL"),
        ({"issuer": "https://a:b@login.example.org"}, "issuer", "holds a user"),
        ({"url": "http://gw.example.org"}, "url", "is not an https URL"),
        ({"client_id": ""}, "client_id", "there is none"),
        ({"client_secret_env": "A", "client_secret_file": "b"}, "client_secret_file", "keep one"),
        ({"scopes": ("email",)}, "scopes", "openid is not among them"),
        ({"allowed": ()}, "allowed", "nobody is let in"),
        ({"allowed": ("@",)}, "allowed", "is nobody"),
        ({"allowed": (" ada",)}, "allowed", "is nobody"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, object], name: str, why: str) -> None:
    ((found, told),) = wrong_oidc(msgspec.structs.replace(GOOD, **changes))
    assert found == name and why in told
