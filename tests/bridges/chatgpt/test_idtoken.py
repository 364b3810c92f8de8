"""ID tokens: those that prove who signed in, and all the others."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from bridges.chatgpt.fake_accounts import a_key, jwks, signed
from llm_gateway.bridges.chatgpt.idtoken import Expected, IdTokenRefused, subject_of

NOW = 1_700_000_000
EXPECTED = Expected("https://auth.openai.com", "oaiapp_1", "the-nonce", NOW)
HEADER = {"alg": "RS256", "kid": "key-1"}


def claims(**others: object) -> dict[str, object]:
    usual = {
        "iss": "https://auth.openai.com",
        "aud": "oaiapp_1",
        "sub": "user-1",
        "nonce": "the-nonce",
        "iat": NOW,
        "exp": NOW + 3600,
        "email": "ada@example.org",
    }
    return {name: value for name, value in {**usual, **others}.items() if value is not None}


def refused(token: str, keys: bytes = b"") -> str:
    with pytest.raises(IdTokenRefused) as raised:
        subject_of(token, keys or jwks(), EXPECTED)
    return str(raised.value)


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"aud": ["oaiapp_1"]},
        {"azp": "oaiapp_1"},
        {"aud": ["oaiapp_1", "another"], "azp": "oaiapp_1"},
        {"exp": NOW - 60},  # clocks differ
        {"iat": NOW + 60, "nbf": NOW + 60},
    ],
)
def test_a_token_proves_who_signed_in(others: dict[str, object]) -> None:
    assert subject_of(signed(claims(**others)), jwks(), EXPECTED) == "user-1"


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ({"iss": "https://auth.openai.com.example"}, "somebody else"),
        ({"aud": "another"}, "another client"),
        ({"aud": []}, "another client"),
        ({"aud": ["another"]}, "another client"),
        ({"aud": ["oaiapp_1", "another"]}, "another client"),
        ({"azp": "another"}, "another client"),
        ({"nonce": "another"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"exp": NOW - 300}, "expired.*clock"),
        ({"exp": None}, "cannot be read"),
        ({"iat": NOW + 300}, "future.*clock"),
        ({"nbf": NOW + 300}, "future.*clock"),
        ({"sub": ""}, "whose"),
        ({"sub": 7}, "cannot be read"),
    ],
)
def test_a_token_that_says_something_else_proves_nothing(others: dict[str, object], why: str) -> None:
    with pytest.raises(IdTokenRefused, match=why) as raised:
        subject_of(signed(claims(**others)), jwks(), EXPECTED)
    assert "ada@" not in str(raised.value)


@pytest.mark.parametrize(
    "header",
    [
        {**HEADER, "alg": "none"},
        {**HEADER, "alg": "HS256"},
        {**HEADER, "alg": "RS512"},
        {**HEADER, "crit": ["exp"]},
    ],
)
def test_only_the_agreed_signature_counts(header: dict[str, object]) -> None:
    assert refused(signed(claims(), header)) == "it is signed in another way than was agreed"


def test_a_signature_by_another_key_is_wrong() -> None:
    assert refused(signed(claims(), key=a_key(2))) == "its signature is wrong"


def test_a_signature_over_other_claims_is_wrong() -> None:
    head, _, signature = signed(claims()).split(".")
    other = base64.urlsafe_b64encode(json.dumps(claims(sub="user-2")).encode()).decode().rstrip("=")
    assert refused(f"{head}.{other}.{signature}") == "its signature is wrong"
    assert refused(f"{head}.{other}.") == "its signature is wrong"


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c.d", "ä.b.c", "x" * 40_000])
def test_what_is_no_token_is_told_so(token: str) -> None:
    assert refused(token) == "it is no signed token"


@pytest.mark.parametrize("token", ["!.b.c", "e30.b.c", "W10.b.c", "eyJhbGciOiJSUzI1NiJ9.e30.!"])
def test_what_cannot_be_read_is_told_so(token: str) -> None:
    assert refused(token) == "it cannot be read"


def test_a_key_is_found_by_its_name() -> None:
    token = signed(claims(), {**HEADER, "kid": "key-2"}, a_key(2))
    assert subject_of(token, jwks(a_key(), a_key(2)), EXPECTED) == "user-1"
    assert "not among" in refused(signed(claims(), {**HEADER, "kid": "key-3"}))
    assert subject_of(signed(claims(), {"alg": "RS256"}), jwks(), EXPECTED) == "user-1"
    assert "not among" in refused(signed(claims(), {"alg": "RS256"}), jwks(a_key(), a_key(2)))


@pytest.mark.parametrize(
    "others", [{"kty": "EC"}, {"use": "enc"}, {"alg": "RS512"}, {"n": "!"}, {"e": ""}, {"n": "AQAB"}]
)
def test_a_key_for_something_else_is_no_key(others: dict[str, str]) -> None:
    (key,) = json.loads(jwks())["keys"]
    told = refused(signed(claims()), json.dumps({"keys": [{**key, **others}]}).encode())
    assert "key" in told


@pytest.mark.parametrize("keys", [b"{}", b"[]", b"\xff", b'{"keys":7}'])
def test_keys_that_cannot_be_read_are_told_of(keys: bytes) -> None:
    assert refused(signed(claims()), keys) == "the issuer's keys cannot be read"


def test_a_short_key_is_not_trusted() -> None:
    short = generate_private_key(65537, 1024)
    assert refused(signed(claims(), key=short), jwks(short)) == "its key is too short"
