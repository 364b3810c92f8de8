"""Microsoft's identity platform, as far as a device code needs it: three forms and their answers.

learn.microsoft.com, "OAuth 2.0 device authorization grant" and "authorization code grant" (refresh), version
2.0 endpoints; RFC 8628. Microsoft's own library (MSAL) is not used: it blocks, opens connections past the
gateway's way out, asks the network in its constructor, and keeps account names with the tokens. All that it
would do here is send these three forms, and a test compares them with those that it sends.
"""

from typing import Literal
from urllib.parse import quote, urlencode

import msgspec

from llm_gateway.bridges.asking import Asking, Reply
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.m365.refusals import LOGIN, Origin, login_refused, read_refused
from llm_gateway.clock import Clock
from llm_gateway.vault import Secret
from llm_gateway.wire.ready import ready

__all__ = ["Device", "Grant", "Identity"]

_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Grant(msgspec.Struct, frozen=True):
    """What a login gives: an access token, when it ends, what it allows, and what renews it."""

    access: Secret
    expires_us: int
    scopes: tuple[str, ...]
    refresh: Secret | None


class Device(msgspec.Struct, frozen=True):
    """A login that waits for a person: where to go, what to enter there, how often to ask, for how long."""

    url: str
    user_code: str
    secret: Secret
    every: int
    lasts: int


@ready
class _Device(msgspec.Struct, frozen=True):
    device_code: str
    user_code: str
    verification_uri: str
    expires_in: int = 900
    interval: int = 5


@ready
class _Granted(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int = 3600
    scope: str = ""
    refresh_token: str = ""


_device = msgspec.json.Decoder(_Device, strict=False)
_granted = msgspec.json.Decoder(_Granted, strict=False)


class Identity:
    """The identity platform for one app, of one directory, for one service."""

    def __init__(self, asking: Asking, origin: Origin, clock: Clock) -> None:
        self._asking = asking
        self._origin = origin
        self._clock = clock
        self._path = f"{quote(origin.tenant, safe='')}/oauth2/v2.0"

    async def device(self) -> Device:
        """Begin a login; BridgeFault says why not."""
        scope = self._origin.place.scope
        reply = await self._form("devicecode", {"client_id": self._origin.client_id, "scope": scope})
        if reply.status != 200:
            raise self._refused(reply)
        try:
            made = _device.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _odd() from None
        return Device(
            made.verification_uri, made.user_code, Secret(made.device_code), made.interval, made.expires_in
        )

    async def ask(self, device: Device) -> Grant | Literal["pending", "slow_down"]:
        """Ask whether the person has logged in; BridgeFault when that will not be any more."""
        form = {
            "client_id": self._origin.client_id,
            "grant_type": _DEVICE_GRANT,
            "device_code": device.secret.reveal(),
        }
        reply = await self._form("token", form)
        if reply.status == 200:
            return self._grant(reply, None)
        match read_refused(reply.body).error:
            case "authorization_pending":
                return "pending"
            case "slow_down":
                return "slow_down"
            case "expired_token" | "code_expired":
                raise BridgeFault(
                    "auth_required", "the code was not entered in time; begin again", action=LOGIN
                )
            case "authorization_declined":
                raise BridgeFault(
                    "auth_required", "the login was declined; begin again and accept it", action=LOGIN
                )
            case _:
                raise self._refused(reply)

    async def renew(self, refresh: Secret) -> Grant:
        """Return a new access token; BridgeFault says why there is none."""
        form = {
            "client_id": self._origin.client_id,
            "grant_type": "refresh_token",
            "refresh_token": refresh.reveal(),
            "scope": self._origin.place.scope,
        }
        reply = await self._form("token", form)
        if reply.status != 200:
            raise self._refused(reply)
        return self._grant(reply, refresh)

    async def _form(self, operation: str, fields: dict[str, str]) -> Reply:
        return await self._asking.form(f"{self._path}/{operation}", urlencode(fields).encode("ascii"))

    def _refused(self, reply: Reply) -> BridgeFault:
        now = self._clock.now_us() / 1_000_000
        return login_refused(reply, self._origin, now)

    def _grant(self, reply: Reply, before: Secret | None) -> Grant:
        """Read a grant; one that does not renew what renews it leaves that as it was."""
        try:
            granted = _granted.decode(reply.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _odd() from None
        if not all("!" <= letter <= "~" for letter in granted.access_token):
            raise _odd()  # it goes into a header
        return Grant(
            Secret(granted.access_token),
            self._clock.now_us() + granted.expires_in * 1_000_000,
            tuple(granted.scope.split()),
            Secret(granted.refresh_token) if granted.refresh_token else before,
        )


def _odd() -> BridgeFault:
    return BridgeFault(
        "bridge_failed",
        "Microsoft's identity platform answered in a form that is not known here; is there an update?",
    )
