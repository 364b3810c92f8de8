"""Sign in with ChatGPT as values: the page to open, what the browser brings back, the forms, what they give.

developers.openai.com, siwc/token-sharing-open-source, "Registration and sign-in" and "Accounts and
sessions"; RFC 6749, 7636 (PKCE), 8252 (loopback), 8707 (resource), 7009 (revocation). Nothing is sent or
kept here.
"""

import base64
import hashlib
import hmac
import math
import secrets
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlencode

import msgspec

from llm_gateway.bridges.chatgpt.refusals import LOGIN, declined
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.vault import Secret
from llm_gateway.wire.ready import ready

__all__ = [
    "AGENT",
    "FIRST_CLIENT",
    "PLAN",
    "RESOURCE",
    "SCOPES",
    "Attempt",
    "Grant",
    "NotOurs",
    "Returned",
    "authorize_url",
    "begin",
    "exchange_form",
    "query_of",
    "read_callback",
    "read_grant",
    "refresh_form",
    "revoke_form",
]

AGENT = "LLM Gateway"
"""The name under which this program registers itself with a person's account."""

FIRST_CLIENT = "dynamic_agent_client"
"""Who asks when nobody is registered yet; never kept, and never used for a token."""

PLAN = "chatgpt.tokens.use.direct"
"""The scope that stands for the consent to use the plan."""

RESOURCE = "https://api.openai.com/v1"
SCOPES = ("openid", "profile", "email", "offline_access", "resource.invoke", PLAN)

_MOST_QUERY = 8 * 1024
_LONGEST_LIFE = 90 * 86_400
_SECOND = 1_000_000
_DAY_US = 86_400 * _SECOND


class NotOurs(Exception):
    """What came is not the answer to this attempt; the attempt goes on."""


class Attempt(msgspec.Struct, frozen=True):
    """One sign-in. `client` is the registered one, "" the first time; `state` tells whose an answer is."""

    state: str
    nonce: str
    verifier: Secret
    redirect: str
    client: str = ""

    @property
    def challenge(self) -> str:
        """Return what is told of the verifier before it is shown (RFC 7636, S256)."""
        return _base64url(hashlib.sha256(self.verifier.reveal().encode("ascii")).digest())


class Returned(msgspec.Struct, frozen=True):
    """What the browser brought back: a code for tokens, and the client that it was issued to."""

    code: Secret
    client: str


class Grant(msgspec.Struct, frozen=True):
    """What the token endpoint gives. `refresh` and `scopes` are None where it says nothing of them.

    Times are in microseconds of this machine's clock. Before `earliest_us` a renewal costs the refresh token.
    """

    access: Secret
    refresh: Secret | None
    identity: Secret | None
    expires_us: int
    earliest_us: int
    scopes: tuple[str, ...] | None


@ready
class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    token_type: str
    expires_in: int = 3600
    refresh_token: str = ""
    id_token: str = ""
    scope: str | None = None
    earliest_refresh_at: float | str | None = None


_granted = msgspec.json.Decoder(_Granted, strict=False)


def begin(redirect: str, client: str) -> Attempt:
    """Return a new attempt; `redirect` is where the browser is to come back to."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(state, nonce, Secret(verifier), redirect, client)


def authorize_url(page: str, attempt: Attempt, host: str, *, consent: bool) -> str:
    """Return the address to open; `consent` asks for it although the person is signed in.

    `host` is the id of this installation.
    """
    first = {"client_id": FIRST_CLIENT, "agent_name_hint": AGENT}
    query = {
        **({"client_id": attempt.client} if attempt.client else first),
        "ext_agent_host_id": host,
        "response_type": "code",
        "redirect_uri": attempt.redirect,
        "scope": " ".join(SCOPES),
        "resource": RESOURCE,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": attempt.challenge,
        "code_challenge_method": "S256",
        **({"prompt": "consent"} if consent else {}),
    }
    return f"{page}?{urlencode(query)}"


def query_of(attempt: Attempt, pasted: str) -> str:
    """Return the query of a pasted address; NotOurs when it is not where this attempt comes back to."""
    address, _, rest = pasted.strip().partition("?")
    if address != attempt.redirect or not rest:
        raise NotOurs
    return rest.partition("#")[0]


def read_callback(attempt: Attempt, query: str) -> Returned:
    """Read what the browser brought back.

    NotOurs for the answer to another attempt; BridgeFault when it says that there will be no tokens.
    """
    if len(query) > _MOST_QUERY:
        raise NotOurs
    try:
        fields = parse_qs(
            query, keep_blank_values=True, strict_parsing=True, max_num_fields=32, errors="strict"
        )
    except ValueError:
        raise NotOurs from None
    states = fields.get("state", [])
    if len(states) != 1 or not hmac.compare_digest(states[0].encode(), attempt.state.encode()):
        raise NotOurs
    if any(len(values) != 1 for values in fields.values()):
        raise _odd("it says something twice")
    told = {name: values[0] for name, values in fields.items()}
    if "error" in told:
        if told["error"] == "access_denied":
            raise declined()
        raise _odd("there was an error at OpenAI's side")
    client = told.get("client_id", attempt.client)
    if not client or client == FIRST_CLIENT or not client.isascii() or not client.isprintable():
        raise _odd("it names no registration")
    if attempt.client and client != attempt.client:
        raise _odd("it is for another registration than the one that is kept here")
    if not told.get("code"):
        raise _odd("it holds no code")
    return Returned(Secret(told["code"]), client)


def exchange_form(attempt: Attempt, returned: Returned) -> bytes:
    """Return the form that turns a code into tokens."""
    return _form(
        grant_type="authorization_code",
        client_id=returned.client,
        code=returned.code.reveal(),
        code_verifier=attempt.verifier.reveal(),
        redirect_uri=attempt.redirect,
        resource=RESOURCE,
    )


def refresh_form(client: str, refresh: Secret) -> bytes:
    """Return the form that renews tokens. The refresh token in it is spent by it."""
    return _form(
        grant_type="refresh_token", client_id=client, refresh_token=refresh.reveal(), resource=RESOURCE
    )


def revoke_form(client: str, refresh: Secret) -> bytes:
    """Return the form that takes tokens back."""
    return _form(client_id=client, token=refresh.reveal(), token_type_hint="refresh_token")  # noqa: S106 - a kind


def read_grant(body: bytes, now_us: int, server_us: int) -> Grant:
    """Read tokens; `server_us` is the time by the server's clock at `now_us` by this machine's.

    BridgeFault when they are none.
    """
    try:
        granted = _granted.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unknown() from None
    tokens = (granted.access_token, granted.refresh_token, granted.id_token)
    if granted.token_type.lower() != "bearer" or not 0 < granted.expires_in <= _LONGEST_LIFE:
        raise _unknown()
    if not granted.access_token or not all(text.isascii() and text.isprintable() for text in tokens):
        raise _unknown()
    expires_us = now_us + granted.expires_in * _SECOND
    return Grant(
        Secret(granted.access_token),
        Secret(granted.refresh_token) if granted.refresh_token else None,
        Secret(granted.id_token) if granted.id_token else None,
        expires_us,
        _earliest(granted.earliest_refresh_at, now_us - server_us, expires_us),
        None if granted.scope is None else tuple(granted.scope.split()),
    )


def _earliest(told: float | str | None, ahead_us: int, expires_us: int) -> int:
    """Return when a renewal is allowed, by this clock, which is ahead of the server's; 0 for always.

    What cannot be read, or be meant, is taken for the end of the tokens: they must not be lost for it.
    """
    if told is None or told == "":
        return 0
    try:
        seconds = _seconds(told) if isinstance(told, str) else told
        at_us = math.ceil(seconds) * _SECOND + ahead_us + _SECOND  # rounding must not make it earlier
    except (ValueError, OverflowError):
        return expires_us
    return at_us if at_us <= expires_us + _DAY_US else expires_us


def _seconds(told: str) -> float:
    """Return an instant in words, in seconds since 1970."""
    at = datetime.fromisoformat(told)
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def _form(**fields: str) -> bytes:
    return urlencode(fields).encode("ascii")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _odd(why: str) -> BridgeFault:
    return BridgeFault(
        "auth_required",
        f"the sign-in did not work: of what the browser brought back, {why}; begin again",
        action=LOGIN,
    )


def _unknown() -> BridgeFault:
    return BridgeFault(
        "bridge_failed",
        "OpenAI's sign-in service answered in a form that is not known here; is there an update?",
    )
