"""Sign in with ChatGPT as values: what goes into the address and the forms, and what is read of answers."""

import base64
import hashlib
import json
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_gateway.bridges.chatgpt.oauth import (
    AGENT,
    FIRST_CLIENT,
    PLAN,
    RESOURCE,
    SCOPES,
    Attempt,
    NotOurs,
    Returned,
    authorize_url,
    begin,
    exchange_form,
    query_of,
    read_callback,
    read_grant,
    refresh_form,
    revoke_form,
)
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.vault import Secret

BACK = "http://127.0.0.1:1455/auth/callback"
HOST = "urn:uuid:11111111-2222-4333-8444-555555555555"
PAGE = "https://auth.openai.com/api/accounts/authorize"
NOW = 1_700_000_000_000_000


def attempt(client: str = "") -> Attempt:
    return Attempt("the-state", "the-nonce", Secret("the-verifier"), BACK, client)


def query(**fields: str) -> str:
    return urlencode({"state": "the-state", "code": "the-code", "client_id": "oaiapp_1", **fields})


def form(data: bytes) -> dict[str, str]:
    return dict(parse_qsl(data.decode(), strict_parsing=True))


# the page


def test_the_first_sign_in_registers_this_program_by_its_name() -> None:
    url = urlsplit(authorize_url(PAGE, attempt(), HOST, consent=False))
    assert url._replace(query="").geturl() == PAGE
    told = dict(parse_qsl(url.query, strict_parsing=True))
    assert told == {
        "client_id": "dynamic_agent_client",
        "agent_name_hint": "LLM Gateway",
        "ext_agent_host_id": HOST,
        "response_type": "code",
        "redirect_uri": BACK,
        "scope": "openid profile email offline_access resource.invoke chatgpt.tokens.use.direct",
        "resource": "https://api.openai.com/v1",
        "state": "the-state",
        "nonce": "the-nonce",
        "code_challenge": attempt().challenge,
        "code_challenge_method": "S256",
    }
    assert (FIRST_CLIENT, AGENT, PLAN in SCOPES, RESOURCE) == (
        "dynamic_agent_client",
        "LLM Gateway",
        True,
        "https://api.openai.com/v1",
    )


def test_a_later_sign_in_uses_the_registration_and_asks_for_consent_where_it_is_missing() -> None:
    told = parse_qs(urlsplit(authorize_url(PAGE, attempt("oaiapp_1"), HOST, consent=True)).query)
    assert told["client_id"] == ["oaiapp_1"]
    assert told["prompt"] == ["consent"]
    assert "agent_name_hint" not in told


def test_an_attempt_is_new_each_time_and_shows_its_verifier_to_nobody() -> None:
    first, second = begin(BACK, "oaiapp_1"), begin(BACK, "oaiapp_1")
    for name in ("state", "nonce", "verifier"):
        assert getattr(first, name) != getattr(second, name)
    verifier = first.verifier.reveal()
    assert 43 <= len(verifier) <= 128  # RFC 7636, 4.1
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    assert first.challenge == digest.decode().rstrip("=")
    assert verifier not in repr(first) + authorize_url(PAGE, first, HOST, consent=False)


# what the browser brings back


def test_the_code_is_read_and_whom_it_was_issued_to() -> None:
    returned = read_callback(attempt(), query())
    assert (returned.code.reveal(), returned.client) == ("the-code", "oaiapp_1")
    assert "the-code" not in repr(returned)
    known = read_callback(attempt("oaiapp_1"), urlencode({"state": "the-state", "code": "c"}))
    assert known.client == "oaiapp_1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "code=the-code&client_id=oaiapp_1",
        query(state="another"),
        query() + "&state=the-state",
        "state=the-state&code",
        query(state="ÿ"),
        "state=%ff&code=c",
        "&".join(f"f{number}=1" for number in range(40)),
        query(more="x" * 9000),
    ],
)
def test_the_answer_to_another_sign_in_is_not_ours(text: str) -> None:
    with pytest.raises(NotOurs):
        read_callback(attempt(), text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (urlencode({"state": "the-state", "error": "access_denied"}), "declined"),
        (
            urlencode({"state": "the-state", "error": "server_error", "error_description": "CANARY"}),
            "OpenAI's side",
        ),
        (urlencode({"state": "the-state", "code": "c"}), "no registration"),
        (query(client_id="dynamic_agent_client"), "no registration"),
        (query(client_id="oaiapp_\n"), "no registration"),
        (query(client_id="oaiapp_ü"), "no registration"),
        (query(code=""), "no code"),
        (query() + "&code=again", "twice"),
    ],
)
def test_an_answer_of_ours_without_a_code_ends_the_sign_in(text: str, why: str) -> None:
    with pytest.raises(BridgeFault, match=why) as raised:
        read_callback(attempt(), text)
    assert raised.value.kind == "auth_required"
    assert "CANARY" not in raised.value.message


def test_a_registration_does_not_change_by_the_way() -> None:
    with pytest.raises(BridgeFault, match="another registration"):
        read_callback(attempt("oaiapp_1"), query(client_id="oaiapp_2"))


@given(st.text(max_size=200))
def test_no_text_is_taken_for_an_answer_that_does_not_hold_the_state(text: str) -> None:
    if "the-state" not in text:
        with pytest.raises(NotOurs):
            read_callback(attempt(), text)


def test_a_pasted_address_is_ours_when_it_is_the_one_to_come_back_to() -> None:
    assert query_of(attempt(), f"  {BACK}?state=1&code=2#there \n") == "state=1&code=2"
    for pasted in (
        "",
        "the-code",
        BACK,
        f"{BACK}?",
        "http://127.0.0.1:1456/auth/callback?state=1",
        "https" + BACK[4:] + "?a=1",
    ):
        with pytest.raises(NotOurs):
            query_of(attempt(), pasted)


# forms


def test_forms_say_what_the_service_asks_for_and_nothing_else() -> None:
    returned = Returned(Secret("the-code"), "oaiapp_1")
    assert form(exchange_form(attempt(), returned)) == {
        "grant_type": "authorization_code",
        "client_id": "oaiapp_1",
        "code": "the-code",
        "code_verifier": "the-verifier",
        "redirect_uri": BACK,
        "resource": RESOURCE,
    }
    assert form(refresh_form("oaiapp_1", Secret("r&r"))) == {
        "grant_type": "refresh_token",
        "client_id": "oaiapp_1",
        "refresh_token": "r&r",
        "resource": RESOURCE,
    }
    assert form(revoke_form("oaiapp_1", Secret("r"))) == {
        "client_id": "oaiapp_1",
        "token": "r",
        "token_type_hint": "refresh_token",
    }


# tokens


def granted(**fields: object) -> bytes:
    usual = {
        "access_token": "a",
        "refresh_token": "r",
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "x y",
    }
    return json.dumps({**usual, **fields}).encode()


def test_tokens_are_read_with_their_times_by_this_clock() -> None:
    grant = read_grant(granted(id_token="i", earliest_refresh_at=1_700_003_240), NOW, NOW)
    assert [grant.access.reveal(), grant.scopes] == ["a", ("x", "y")]
    assert grant.refresh == Secret("r") and grant.identity == Secret("i")
    assert grant.expires_us == NOW + 3600 * 1_000_000
    assert grant.earliest_us == NOW + 3241 * 1_000_000  # a second later, for what was rounded
    assert "'a'" not in repr(grant)


def test_when_a_renewal_is_allowed_is_told_by_the_servers_clock() -> None:
    """A clock here that is an hour ahead would else renew an hour too early, and lose the refresh token."""
    server = NOW - 3600 * 1_000_000
    grant = read_grant(granted(earliest_refresh_at=server // 1_000_000 + 3240), NOW, server)
    assert grant.earliest_us == NOW + 3241 * 1_000_000


@pytest.mark.parametrize(
    "told", ["2023-11-14T23:07:20Z", "2023-11-14T23:07:20+00:00", "2023-11-14T23:07:20", 1_700_003_240.0]
)
def test_an_instant_comes_in_several_forms(told: object) -> None:
    assert read_grant(granted(earliest_refresh_at=told), NOW, NOW).earliest_us == NOW + 3241 * 1_000_000


@pytest.mark.parametrize("told", ["soon", "0000-00-00", 1e300, 1_800_000_000])
def test_an_instant_that_cannot_be_meant_loses_no_tokens(told: object) -> None:
    grant = read_grant(granted(earliest_refresh_at=told), NOW, NOW)
    assert grant.earliest_us == grant.expires_us


def test_what_is_not_said_is_not_made_up() -> None:
    grant = read_grant(
        granted(refresh_token="", scope=None, earliest_refresh_at=None, token_type="bearer"), NOW, NOW
    )
    assert (grant.refresh, grant.identity, grant.scopes, grant.earliest_us) == (None, None, None, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"access_token":"a"}',
        b"\xff",
        b"[" * 2000,
        granted(token_type="mac"),
        granted(expires_in=0),
        granted(expires_in=10**12),
        granted(expires_in="soon"),
        granted(access_token=""),
        granted(access_token="a\r\nx: y"),
        granted(access_token="ä"),
        granted(refresh_token="r\n"),
    ],
)
def test_what_is_no_grant_is_refused(body: bytes) -> None:
    with pytest.raises(BridgeFault, match="not known here"):
        read_grant(body, NOW, NOW)
