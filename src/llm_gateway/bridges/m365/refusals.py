"""What Microsoft's refusals mean for a bridge: of its identity platform by code, of its services by status.

Only codes are passed on. Microsoft's sentences name accounts, tenants and traces.
"""

import re
from urllib.parse import quote, urlencode

import msgspec

from llm_gateway.bridges.asking import Reply
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action
from llm_gateway.bridges.m365.places import Place
from llm_gateway.upstream.verdict import judge
from llm_gateway.wire.ready import ready

__all__ = [
    "LOGIN",
    "NEEDS",
    "Origin",
    "Refused",
    "login_refused",
    "read_refused",
    "service_refused",
]

NEEDS = "Set MICROSOFT_CLIENT_ID or M365_COPILOT_ACCESS_TOKEN."
"""What is said where neither is there to log in with."""

LOGIN = Action("Log in to Microsoft 365 again.", command="llm-gateway login m365-copilot")

_CODE = re.compile(r"AADSTS\d{4,9}")
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_LICENCE = re.compile(r"licen[cs]e|not entitled|billing", re.IGNORECASE)

# learn.microsoft.com, "Microsoft Entra authentication and authorization error codes".
_CONSENT = {"AADSTS65001", "AADSTS90094", "AADSTS90099", "AADSTS900941", "AADSTS65005"}
_NOT_ENABLED = {"AADSTS500011", "AADSTS650052", "AADSTS650057"}
_NOT_ALLOWED = {"AADSTS50105", "AADSTS53000", "AADSTS53001", "AADSTS53003", "AADSTS530035"}
_APP = {"AADSTS700016", "AADSTS7000218", "AADSTS70002", "AADSTS90002", "AADSTS90014", "AADSTS900144"}


class Origin(msgspec.Struct, frozen=True):
    """Whose login is refused: the service that it is for, the directory, and the app."""

    place: Place
    tenant: str
    client_id: str


@ready
class Refused(msgspec.Struct, frozen=True):
    """An answer of the identity platform's that is no token (RFC 6749, 5.2, and Microsoft's own fields)."""

    error: str = ""
    error_description: str = ""
    suberror: str = ""

    @property
    def code(self) -> str:
        """Return the AADSTS code, else the standard's word."""
        found = _CODE.search(self.error_description)
        return found[0] if found else _word(self.error)


@ready
class _Trouble(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


@ready
class _Envelope(msgspec.Struct, frozen=True):
    error: _Trouble


def read_refused(body: bytes) -> Refused:
    """Read a refusal of the identity platform's; an empty one when it is none."""
    try:
        return msgspec.json.decode(body, type=Refused)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Refused()


def login_refused(reply: Reply, origin: Origin, now: float) -> BridgeFault:
    """Return what an answer of the identity platform's means that is no token."""
    status, refused = reply.status, read_refused(reply.body)
    code, place = refused.code, origin.place
    if status == 429 or (status >= 500 and status not in (502, 504)):
        return _later(f"Microsoft's identity platform ({code or status})", reply, now)
    if status in (502, 504):
        return BridgeFault(
            "upstream_timeout", f"Microsoft's identity platform did not answer in time ({status})"
        )
    if code in _NOT_ENABLED or code in _CONSENT or refused.suberror == "consent_required":
        return _consent(code, origin)
    if code in _NOT_ALLOWED:
        return BridgeFault(
            "not_entitled",
            f"the organisation does not allow this login ({code}): its administrator decides who may use the "
            "app, from which devices, and whether by a device code",
        )
    if code in _APP or refused.error in ("invalid_client", "unauthorized_client", "invalid_request"):
        return BridgeFault(
            "auth_required",
            f"Microsoft does not know this app, or not as one to log in with ({code}): check "
            'MICROSOFT_CLIENT_ID and `tenant`, and switch on "Allow public client flows" in its registration',
            action=Action("Check the registration of the app that MICROSOFT_CLIENT_ID names."),
        )
    if refused.error == "access_denied" or code == "AADSTS65004":
        return BridgeFault("auth_required", "the login was declined; begin again and accept it", action=LOGIN)
    if refused.error in ("invalid_grant", "interaction_required", "login_required") or status in (400, 401):
        return BridgeFault(
            "auth_required",
            f"the login to {place.label} has ended ({code or status}); log in again",
            action=LOGIN,
        )
    return BridgeFault(
        "bridge_failed", f"Microsoft's identity platform answered {status} ({code or 'no reason'})"
    )


def service_refused(reply: Reply, origin: Origin, granted: tuple[str, ...], now: float) -> BridgeFault:
    """Return what a service's answer means that is no conversation; `granted` is what the login allows."""
    status, place, trouble = reply.status, origin.place, _trouble(reply.body)
    code = _word(trouble.code) or str(status)
    if (found := _CODE.search(trouble.message)) is not None and found[0] in _CONSENT | _NOT_ENABLED:
        return _consent(found[0], origin)
    if status == 401:
        return BridgeFault(
            "auth_required",
            f"{place.label} does not accept the login any more ({code}); log in again",
            action=LOGIN,
        )
    if status in (402, 403) or (status < 500 and status != 429 and _LICENCE.search(trouble.message + code)):
        return _not_entitled(code, place, granted)
    if status in (502, 504, 408):
        return BridgeFault(
            "upstream_timeout",
            f"{place.label} did not answer in time ({status}); it does no long tasks: ask for less at once",
        )
    if status == 429 or status >= 500:
        return _later(f"{place.label} ({code})", reply, now)
    if status == 404:
        other = "workiq" if place.backend == "graph" else "graph"
        return BridgeFault(
            "bridge_failed",
            f"{place.label} is not there for this account (404): is it switched on for the organisation? "
            f'`backend = "{other}"` asks Microsoft\'s other service',
        )
    return BridgeFault("refused", f"{place.label} does not take this request ({code})", param="messages")


def _not_entitled(code: str, place: Place, granted: tuple[str, ...]) -> BridgeFault:
    if missing := place.missing(granted):
        names = ", ".join(missing)
        return BridgeFault(
            "not_entitled",
            f"{place.label} refuses this login ({code}): it lacks {names}; add them to the app's delegated "
            "permissions, let an administrator consent, and log in again",
            action=Action(f"Have these permissions granted: {names}.", command=LOGIN.command),
        )
    return BridgeFault(
        "not_entitled",
        f"{place.label} refuses this account ({code}): it needs {place.entitled}, which takes up to half an "
        "hour to count once it is given",
        action=Action(f"Have an administrator give the account {place.entitled}."),
    )


def _consent(code: str, origin: Origin) -> BridgeFault:
    """Return that an administrator has to agree first, with the page where that is done."""
    query = urlencode({"client_id": origin.client_id})
    url = f"https://login.microsoftonline.com/{quote(origin.tenant, safe='')}/adminconsent?{query}"
    return BridgeFault(
        "consent_required",
        f"the organisation has not agreed to this app yet ({code}): an administrator has to "
        f"{origin.place.allowed}",
        action=Action(
            f"Ask an administrator of the organisation to {origin.place.allowed}.",
            url=url if origin.client_id else "",
        ),
    )


def _later(who: str, reply: Reply, now: float) -> BridgeFault:
    """Return that it is worth trying again later; `rate_limited` where that is said to be why."""
    wait = judge(429, reply.headers, reply.body, now).retry_after
    if reply.status != 429:
        return BridgeFault("bridge_failed", f"{who} has trouble of its own; try again", retry_after=wait)
    told = f"{who} takes no more for now; " + (
        f"ask again in {wait:.0f} seconds" if wait else "ask again in a minute"
    )
    resets_us = round((now + wait) * 1_000_000) if wait else 0
    return BridgeFault("rate_limited", told, retry_after=wait, resets_us=resets_us)


def _trouble(body: bytes) -> _Trouble:
    """Read an error in Graph's form (learn.microsoft.com, "Microsoft Graph error responses")."""
    try:
        return msgspec.json.decode(body, type=_Envelope).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Trouble()


def _word(text: str) -> str:
    """Return a code if it is one: what it is made of cannot carry a sentence."""
    return text if _WORD.fullmatch(text) else ""
