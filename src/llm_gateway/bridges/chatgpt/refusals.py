"""What OpenAI's refusals mean for the bridge, by their codes.

developers.openai.com, siwc/token-sharing-open-source/errors-and-recovery. Only codes, and names of fields
that the API has, are passed on: the vendor's sentences may repeat what was asked.
"""

import re
from collections.abc import Mapping

import msgspec

from llm_gateway.bridges.asking import Reply
from llm_gateway.bridges.faults import BridgeFault, FaultKind
from llm_gateway.bridges.health import Action
from llm_gateway.upstream.verdict import judge

__all__ = [
    "LOGIN",
    "MANAGE_USAGE",
    "MOVED",
    "api_refused",
    "consent_missing",
    "declined",
    "ended",
    "failed",
    "is_spent",
    "is_stale",
    "limit_reached",
    "login_refused",
    "login_word",
    "nobody",
]

MANAGE_USAGE = "https://chatgpt.com/settings/usage"
"""Where a person sees, caps and allows what apps use of their plan."""

MOVED = "moved"
"""The word for a sign-in that goes on elsewhere."""

LOGIN = Action("Sign in with ChatGPT.", command="llm-gateway login chatgpt")

_MANAGE = Action("See and set how much of the ChatGPT plan this app may use.", url=MANAGE_USAGE)
_PLAN = Action(
    "Sign in with an account and a workspace that have ChatGPT Plus or Pro.", command=LOGIN.command
)

_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PLACE = re.compile(r"([a-z_]{1,40})[A-Za-z0-9_.\[\]]{0,80}")
_CALLED_A_FIELD = re.compile(r"(?:[`'\"]|(?:parameters?|fields?|arguments?)[:\s]+[`'\"]?)([a-z_]{1,40})")
_WORDS = re.compile(r"[a-z_]+")

# The fields of a request that may be told by name; anything else could be a word of what was asked.
_FIELDS = frozenset(
    (
        *("background", "conversation", "include", "input", "instructions", "max_output_tokens"),
        *("max_tool_calls", "metadata", "model", "moderation", "multi_agent", "parallel_tool_calls"),
        *("previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_retention", "reasoning"),
        *("safety_identifier", "service_tier", "store", "stream", "temperature", "text", "tool_choice"),
        *("tools", "top_logprobs", "top_p", "truncation", "user"),
    )
)
# Those that are no words of a sentence.
_UNLIKE_WORDS = frozenset(name for name in _FIELDS if "_" in name) | {"temperature", "truncation", "metadata"}

# Refusals of the token endpoint after which a refresh token is of no use any more. All others keep it.
_SPENT = frozenset(
    (
        *("invalid_grant", "invalid_refresh_token", "token_expired", "refresh_token_expired"),
        *("refresh_token_invalidated", "refresh_token_reused"),
    )
)

_ENDINGS = {
    MOVED: "it was moved to another machine",
    "refresh_token_reused": "a copy of it was renewed, or the answer to a renewal was lost",
    "refresh_token_expired": "it was not used for 30 days",
    "refresh_token_invalidated": "it was taken back",
}
# What a code means that always means the same.
_TOLD: Mapping[str, tuple[FaultKind, str, Action | None, str]] = {
    "user_not_eligible": (
        "not_entitled",
        "apps cannot use this account's plan (user_not_eligible): it has to be ChatGPT Plus or Pro",
        _PLAN,
        "",
    ),
    "route_not_supported": (
        "not_entitled",
        "OpenAI does not offer the plan of this account to apps by this way (route_not_supported)",
        _PLAN,
        "",
    ),
    "invalid_user": (
        "auth_required",
        "OpenAI does not know whose sign-in this is any more (invalid_user); sign in again",
        LOGIN,
        "",
    ),
    "context_length_exceeded": (
        "refused",
        "the conversation is too long for this model (context_length_exceeded); shorten it",
        None,
        "input",
    ),
    "model_not_found": (
        "refused",
        "this plan has no such model; `llm-gateway models` lists what it has",
        None,
        "model",
    ),
    "rate_limit_exceeded": (
        "bridge_busy",
        "OpenAI takes no more requests for now; try again in a moment",
        None,
        "",
    ),
}
_SHARING = "subscription_sharing_"
_SHORTLY = 30.0


class _Trouble(msgspec.Struct, frozen=True):
    """What an error says: its code, and the field it is about."""

    code: str = ""
    param: str = ""


def nobody() -> BridgeFault:
    """Return that there is no login."""
    return BridgeFault(
        "auth_required",
        "nobody is signed in with ChatGPT here; `llm-gateway login chatgpt` does it",
        action=LOGIN,
    )


def ended(word: str) -> BridgeFault:
    """Return that a sign-in has ended, and why; `word` is the vendor's, or MOVED."""
    why = _ENDINGS.get(word, "OpenAI does not renew it any more")
    return BridgeFault(
        "auth_required", f"the sign-in with ChatGPT has ended: {why} ({word}); sign in again", action=LOGIN
    )


def consent_missing() -> BridgeFault:
    """Return that somebody is signed in, but did not allow the use of the plan."""
    return BridgeFault(
        "auth_required",
        "the sign-in with ChatGPT lacks the consent to use the plan; sign in again and allow it",
        action=Action("Sign in again and allow the use of the ChatGPT plan.", command=LOGIN.command),
    )


def is_stale(reply: Reply) -> bool:
    """Whether a 401 of the API's means that the access token is too old, and not its owner's account."""
    return _trouble(reply.body).code in ("", "invalid_token", "token_expired", "expired_token")


def login_word(body: bytes) -> str:
    """Return the code of a refusal of the sign-in service's; "" when it has none."""
    return _trouble(body).code


def is_spent(word: str) -> bool:
    """Whether a refusal of this code means that the refresh token is of no use any more."""
    return word in _SPENT


def login_refused(reply: Reply) -> BridgeFault:
    """Return what an answer of the sign-in service's means that is no token."""
    word = login_word(reply.body)
    told = word or str(reply.status)
    if reply.status == 429 or reply.status >= 500:
        return BridgeFault(
            "bridge_failed",
            f"OpenAI's sign-in service has trouble of its own ({told}); try again in a minute",
            retry_after=_SHORTLY,
        )
    if word == "access_denied":
        return declined()
    return BridgeFault(
        "auth_required", f"OpenAI's sign-in service does not take this sign-in ({told})", action=LOGIN
    )


def declined() -> BridgeFault:
    """Return that the person said no."""
    return BridgeFault("auth_required", "the sign-in was declined; begin again and allow it", action=LOGIN)


def api_refused(reply: Reply, now: float) -> BridgeFault:
    """Return what an answer of the API's means that is no response; `now` is in seconds since 1970."""
    trouble = _trouble(reply.body)
    code, status = trouble.code, reply.status
    known = _known(code, trouble.param)
    if known is not None:
        if known.kind == "rate_limited":
            return limit_reached(judge(429, reply.headers, b"", now).retry_after, now)
        return known
    told = code or str(status)
    if status == 401:
        return BridgeFault(
            "auth_required",
            f"OpenAI does not accept the sign-in any more ({told}); sign in again",
            action=LOGIN,
        )
    if status == 403:
        return BridgeFault(
            "not_entitled",
            f"OpenAI does not let this account use its plan from here ({told}): a policy of the region, the "
            "account or the workspace is against it",
        )
    if status == 429:
        wait = judge(429, reply.headers, b"", now).retry_after
        told = f"in {wait:.0f} seconds" if wait else "in a moment"
        return BridgeFault(
            "bridge_busy", f"OpenAI takes no more requests for now; try again {told}", retry_after=wait
        )
    if status in (408, 504):
        return BridgeFault("upstream_timeout", f"OpenAI did not answer in time ({told}); ask again")
    if status >= 500:
        return _unavailable(told)
    return _refused(told, trouble.param)


def failed(code: str) -> BridgeFault:
    """Return what it means that an answer failed after it had begun; `code` is the vendor's word for it."""
    word = code if _WORD.fullmatch(code) else ""
    known = _known(word, "")
    if known is not None:
        return known
    return BridgeFault("bridge_failed", f"OpenAI's answer failed ({word or 'no reason given'}); ask again")


def _known(code: str, param: str) -> BridgeFault | None:
    """Return what a code means wherever it is met; None for one that says less than the status."""
    match code.removeprefix(_SHARING):
        case "usage_limit_exceeded" | "insufficient_quota":
            return limit_reached(None, 0.0)
        case "usage_unavailable" | "user_unavailable":
            return _unavailable(code)
        case "unsupported_capability":
            return _refused(code, param)
        case "invalid_prompt":
            return _refused(code, "input")
        case "chatpass_v2_scope_not_authorized":
            return consent_missing()
        case word if word.startswith("chatpass_v2_"):
            return BridgeFault(
                "auth_required", f"OpenAI does not accept this sign-in ({code}); sign in again", action=LOGIN
            )
        case word:
            told = _TOLD.get(word)
            return None if told is None else BridgeFault(told[0], told[1], action=told[2], param=told[3])


def limit_reached(wait: float | None, now: float) -> BridgeFault:
    """Return that the plan's limit is reached, or that for this app: the API does not say which.

    `wait` is in how many seconds that ends, where that is known; `now` is in seconds since 1970.
    """
    return BridgeFault(
        "rate_limited",
        "the limit of the ChatGPT plan, or the one that you set for this app, is reached "
        f"(usage_limit_exceeded); {MANAGE_USAGE} shows which, and asking again does not help until then",
        action=_MANAGE,
        retry_after=wait or _SHORTLY,
        resets_us=round((now + wait) * 1_000_000) if wait else 0,
    )


def _unavailable(told: str) -> BridgeFault:
    return BridgeFault(
        "bridge_failed",
        f"OpenAI cannot answer for the ChatGPT plan now ({told}); try again in a minute",
        retry_after=_SHORTLY,
    )


def _refused(told: str, param: str) -> BridgeFault:
    kind: FaultKind = "refused"
    if param:
        return BridgeFault(
            kind, f"a ChatGPT plan does not take this request: `{param}` ({told}); leave it out", param=param
        )
    return BridgeFault(
        kind, f"a ChatGPT plan does not take this request ({told}); ask more simply, or another provider"
    )


def _trouble(body: bytes) -> _Trouble:
    """Read an error in the API's form, or in the short one of what stands before it."""
    try:
        told: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Trouble()
    match told:
        case {"error": {"code": str() as code, **rest}} | {"error": {"type": str() as code, **rest}}:
            return _Trouble(_word(code), _field(rest.get("param")) or _named(rest.get("message")))
        case {"error": str() as code}:
            return _Trouble(_word(code))
        case {"detail": {"error_code": str() as code, **rest}}:
            return _Trouble(_word(code), _field(rest.get("param")))
        case {"detail": [{"loc": [*places]}, *_]}:
            named = [place for place in places if isinstance(place, str) and place != "body"]
            return _Trouble("", _field(named[0]) if named else "")
        case {"detail": str() as sentence}:
            return _Trouble("", _named(sentence))
        case {"code": str() as code}:
            return _Trouble(_word(code))
        case _:
            return _Trouble()


def _word(text: str) -> str:
    """Return a code if it is one: what it is made of cannot carry a sentence."""
    return text if _WORD.fullmatch(text) else ""


def _field(place: object) -> str:
    """Return the place of a field if it is in one that the API has."""
    found = _PLACE.fullmatch(place) if isinstance(place, str) else None
    return found[0] if found is not None and found[1] in _FIELDS else ""


def _named(sentence: object) -> str:
    """Return the field that a sentence names."""
    if not isinstance(sentence, str):
        return ""
    called = next((name for name in _CALLED_A_FIELD.findall(sentence) if name in _FIELDS), "")
    return called or next((word for word in _WORDS.findall(sentence) if word in _UNLIKE_WORDS), "")
