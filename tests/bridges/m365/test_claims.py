"""What a token says of itself, and that nothing is made of one that says nothing."""

import base64
import json

import pytest

from bridges.m365.fake_vendor import jwt
from llm_gateway.bridges.m365.claims import Claims, claims_of


def encoded(payload: object) -> str:
    return "e30." + base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=") + ".s"


def test_a_token_says_when_it_ends_whom_it_is_for_and_what_it_allows() -> None:
    assert claims_of(jwt(1_700_000_000, ("Mail.Read", "Chat.Read"))) == Claims(
        1_700_000_000_000_000, "https://graph.microsoft.com", ("Mail.Read", "Chat.Read")
    )
    assert claims_of(encoded({"exp": "17", "aud": ["a", "b\n"]})) == Claims(17_000_000, "a b", ())


@pytest.mark.parametrize(
    "token",
    [
        *("", "opaque", "a.b", "a.b.c.d", "a.!!.c", "a.e30=.c", "a.\u00e9.c", encoded([])),
        *(encoded(payload) for payload in ({"exp": "x"}, {"aud": 1}, {"exp": 1e300}, {"exp": -1})),
    ],
)
def test_a_token_that_cannot_be_read_says_nothing(token: str) -> None:
    assert claims_of(token) == Claims()
