"""What a provider of logins says is believed only when everything about it is right."""

import asyncio
import base64
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from fakes import FakeClock
from llm_gateway.config.oidc import OidcSettings
from llm_gateway.errors import ConfigError
from llm_gateway.server.identity import (
    Claims,
    Provider,
    Refused,
    allowed,
    fetch,
    is_listed,
    secret_of,
)
from llm_gateway.vault import Secret
from local_pages import pages

ISSUER = "https://login.example.org"
SETTINGS = OidcSettings(issuer=ISSUER, client_id="gate way", allowed=("@example.org", "subject-1"))
RSA = RSAKey.generate_key(2048, {"kid": "a"})
EC = ECKey.generate_key("P-256", {"kid": "b"})
NOW = 1_700_000_000
GOOD = {
    "iss": ISSUER,
    "sub": "subject-1",
    "aud": "gate way",
    "exp": NOW + 300,
    "iat": NOW,
    "nonce": "the nonce",
}


class Scripted:
    """A provider that says what a test wants."""

    def __init__(self, token: str = "", keys: KeySet | None = None, **described: object) -> None:
        self.token = token
        self.keys = keys or KeySet([RSA, EC])
        self.described: dict[str, object] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize?tenant=1",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            **described,
        }
        self.asked: list[tuple[str, dict[str, list[str]], Mapping[str, str]]] = []

    def __call__(self, url: str, body: bytes | None, fields: Mapping[str, str]) -> bytes:
        self.asked.append((url, parse_qs((body or b"").decode()), fields))
        told: object = {
            f"{ISSUER}/.well-known/openid-configuration": self.described,
            f"{ISSUER}/token": {"id_token": self.token, "access_token": "not wanted"},
            f"{ISSUER}/keys": self.keys.as_dict(private=False),
        }[url]
        return json.dumps(told).encode()

    def count(self, path: str) -> int:
        return len([url for url, _, _ in self.asked if url == f"{ISSUER}/{path}"])


def signed(
    key: RSAKey | ECKey | OctKey = RSA, alg: str = "RS256", changes: Mapping[str, object] | None = None
) -> str:
    header = {"alg": alg, "kid": key.kid or "a"}
    claims = {name: value for name, value in {**GOOD, **(changes or {})}.items() if value is not None}
    return jwt.encode(header, claims, key, algorithms=[alg])


def asked(
    said: Scripted, *, secret: str = "", clock: FakeClock | None = None, settings: OidcSettings = SETTINGS
) -> Claims:
    provider = Provider(settings, Secret(secret) if secret else None, clock or FakeClock(), said)
    return asyncio.run(provider.claims("the code", "the verifier", "http://here/back", "the nonce"))


def test_what_is_right_is_believed() -> None:
    said = Scripted(signed())
    assert asked(said).sub == "subject-1"
    url, form, fields = said.asked[1]
    assert url == f"{ISSUER}/token" and "Authorization" not in fields
    assert form == {
        "grant_type": ["authorization_code"],
        "code": ["the code"],
        "redirect_uri": ["http://here/back"],
        "code_verifier": ["the verifier"],
        "client_id": ["gate way"],
    }
    assert asked(Scripted(signed(EC, "ES256"))).sub == "subject-1"
    assert (
        asked(Scripted(signed(changes={"aud": ["other", "gate way"], "azp": "gate way"}))).sub == "subject-1"
    )


WRONG: dict[str, dict[str, object]] = {
    "is of another issuer": {"iss": "https://evil.test"},
    "is for another client": {"aud": "other"},
    "was asked for by another client": {"aud": ["other", "gate way"]},
    "is out of date": {"exp": NOW - 61},
    "is from the future": {"iat": NOW + 61},
    "belongs to another sign-in": {"nonce": "another"},
    "names nobody": {"sub": ""},
    "does not say what it has to": {"exp": None},
}


@pytest.mark.parametrize("why", WRONG)
def test_what_is_wrong_is_not(why: str) -> None:
    with pytest.raises(Refused, match=why):
        asked(Scripted(signed(changes=WRONG[why])))


def unsigned() -> str:
    parts = [json.dumps(each).encode() for each in ({"alg": "none"}, GOOD)]
    return ".".join([*(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts), ""])


def test_a_signature_of_nobody_or_somebody_else_is_not_believed() -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "a"})
    public = RSA.as_pem(private=False).decode()
    whole = signed()
    tokens = (
        unsigned(),
        signed(stranger),
        signed(OctKey.import_key("the-secret-of-this-client-which-is-long"), "HS256"),
        signed(OctKey.import_key(public.replace("-", "x")), "HS256"),
        whole[:-8] + "AAAAAAAA",
        "",
        "a.b.c",
    )
    for token in tokens:
        with pytest.raises(Refused, match="signature is not right"):
            asked(Scripted(token), secret="the-secret-of-this-client-which-is-long")


def test_keys_that_have_changed_are_looked_up_again_and_not_for_every_forger() -> None:
    clock = FakeClock()
    said = Scripted(signed())
    provider = Provider(SETTINGS, None, clock, said)

    def claims() -> Claims:
        return asyncio.run(provider.claims("c", "v", "http://here", "the nonce"))

    claims()
    fresh = RSAKey.generate_key(2048, {"kid": "c"})
    said.keys, said.token = KeySet([fresh]), signed(fresh)
    with pytest.raises(Refused):
        claims()
    clock.advance(31)
    clock.now = NOW * 1_000_000
    assert claims().sub == "subject-1"
    assert said.count("keys") == 2 and said.count(".well-known/openid-configuration") == 1


@pytest.mark.parametrize(
    ("methods", "basic"),
    [(["client_secret_basic"], True), (["client_secret_post"], False), (["private_key_jwt"], True)],
)
def test_the_clients_secret_is_shown_as_the_provider_wants_it(methods: list[str], basic: bool) -> None:
    said = Scripted(signed(), token_endpoint_auth_methods_supported=methods)
    asked(said, secret="s3 cret")
    _, form, fields = said.asked[1]
    if basic:
        assert base64.b64decode(fields["Authorization"].removeprefix("Basic ")) == b"gate+way:s3+cret"
        assert "client_secret" not in form
    else:
        assert form["client_secret"] == ["s3 cret"] and "Authorization" not in fields


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": "http://login.example.org/token"},
        {"jwks_uri": "http://login.example.org/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": 7},
    ],
)
def test_a_description_of_somebody_else_or_without_tls_is_not_used(described: dict[str, object]) -> None:
    said = Scripted(signed())
    said.described |= described
    with pytest.raises(Refused):
        asked(said)
    assert said.count("token") == 0


def test_a_provider_that_does_not_answer_holds_few_threads_and_is_left_alone_for_a_moment() -> None:
    clock, asked_for, let_go = FakeClock(), list[str](), threading.Event()

    def hangs(url: str, body: bytes | None, fields: Mapping[str, str]) -> bytes:
        asked_for.append(url)
        let_go.wait(10)
        raise OSError(0, "it hangs")

    async def scene() -> None:
        provider = Provider(SETTINGS, None, clock, hangs)
        many = [asyncio.ensure_future(provider.address({})) for _ in range(100)]
        await asyncio.sleep(0.05)
        assert len(asked_for) <= 2 and sum(each.done() for each in many) >= 60
        let_go.set()
        told = await asyncio.gather(*many, return_exceptions=True)
        assert all(isinstance(each, Refused) for each in told)
        before = len(asked_for)
        with pytest.raises(Refused, match="it hangs"):
            await provider.address({})
        assert len(asked_for) == before
        clock.advance(5.1)
        with pytest.raises(Refused, match="it hangs"):
            await provider.address({})
        assert len(asked_for) == before + 1

    asyncio.run(scene())


def test_where_to_sign_in_keeps_the_providers_own_query() -> None:
    provider = Provider(SETTINGS, None, FakeClock(), Scripted())
    address = asyncio.run(provider.address({"state": "a b"}))
    assert address == (
        f"{ISSUER}/authorize?tenant=1&response_type=code&client_id=gate+way&scope=openid+email&state=a+b"
    )


def test_who_is_let_in() -> None:
    def who(**told: object) -> str:
        return allowed(SETTINGS, msgspec.convert({**GOOD, "sub": "other", **told}, Claims))

    assert who(email="Ada@Example.Org", email_verified=True) == "ada@example.org"
    assert who(sub="subject-1") == "subject-1"
    assert who(sub="subject-1", email="x@evil.test", email_verified=True) == "subject-1"
    for told in (
        {"email": "ada@example.org"},
        {"email": "ada@example.org", "email_verified": False},
        {"email": "ada@example.org", "email_verified": "true"},
        {"email": "ada@example.org.evil.test", "email_verified": True},
        {"email": "ada@evil.test@xexample.org", "email_verified": True},
        {"email": "example.org", "email_verified": True},
        {"sub": "@example.org"},
        {"sub": "SUBJECT-1"},
    ):
        assert who(**told) == "", told
    assert is_listed(SETTINGS, "ada@example.org") and is_listed(SETTINGS, "subject-1")
    named = msgspec.structs.replace(SETTINGS, allowed=("ada@example.org",))
    nobody = msgspec.convert({**GOOD, "sub": "ada@example.org"}, Claims)
    assert allowed(named, nobody) == "", "a subject is of its holder's choosing, and no verified address"
    assert not is_listed(OidcSettings(), "") and not is_listed(SETTINGS, "ada")


def test_where_the_clients_secret_is_from(tmp_path: Path) -> None:
    named = msgspec.structs.replace(SETTINGS, client_secret_env="ITS")
    assert secret_of(SETTINGS, {}) is None
    assert secret_of(named, {"ITS": " s\n"}) == Secret("s")
    with pytest.raises(ConfigError, match="ITS is not set"):
        secret_of(named, {})
    path = tmp_path / "secret"
    kept = msgspec.structs.replace(SETTINGS, client_secret_file=str(path))
    with pytest.raises(ConfigError, match="missing or empty"):
        secret_of(kept, {})
    path.write_text("t\n")
    path.chmod(0o600)
    assert secret_of(kept, {}) == Secret("t")


def test_nothing_is_followed_elsewhere_or_read_without_end() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        return {"/good": (200, b"{}"), "/away": (302, b""), "/long": (200, b"x" * 600_000)}[handler.path]

    with pages(answer) as base:
        assert fetch(f"{base}/good", None, {}) == b"{}"
        for path in ("/away", "/long"):
            with pytest.raises(OSError, match="it answered"):
                fetch(base + path, b"a=b" if path == "/away" else None, {})
    for url in ("file:///etc/passwd", "ftp://a/b", "http://", "nothing"):
        with pytest.raises(OSError, match="not an address"):
            fetch(url, None, {})
