"""Which token a turn is asked with: the one that was given, for as long as it lasts, else the login's."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import Action
from llm_gateway.bridges.m365.claims import claims_of
from llm_gateway.bridges.m365.login import Login
from llm_gateway.bridges.m365.refusals import NEEDS
from llm_gateway.clock import Clock
from llm_gateway.errors import ConfigError
from llm_gateway.vault import Secret, read_private

__all__ = ["CLIENT_ID", "TOKEN", "Access", "Token"]

CLIENT_ID = "MICROSOFT_CLIENT_ID"
TOKEN = "M365_COPILOT_ACCESS_TOKEN"  # noqa: S105 - the name of a variable


class Token(msgspec.Struct, frozen=True):
    """What a turn is asked with. `scopes` is empty where nothing is known; `until` is for people."""

    secret: Secret
    scopes: tuple[str, ...] = ()
    until: str = ""


class Access:
    """The ways to a token. `login` is None without an app to log in with; `wrong` closes all of them."""

    def __init__(
        self, environ: Mapping[str, str], login: Login | None, clock: Clock, wrong: str = ""
    ) -> None:
        self._environ = environ
        self._login = login
        self._clock = clock
        self._wrong = wrong
        self._refused: Secret | None = None

    async def token(self, refused: Secret | None = None) -> Token:
        """Return a token that is good as far as it says, and is not what was `refused`.

        BridgeFault says why there is none.
        """
        self._check()
        given = self._given()
        if given is not None and given == refused:
            self._refused = given
        claims = claims_of("" if given is None else given.reveal())
        good = not claims.expires_us or claims.expires_us > self._clock.now_us()
        if given is not None and given != self._refused and good:
            return Token(given, claims.scopes, _instant(claims.expires_us))
        if self._login is not None:
            grant = await self._login.grant(refused)
            return Token(grant.access, grant.scopes)
        if given is not None and good:
            raise BridgeFault(
                "auth_required",
                f"Microsoft does not accept {TOKEN}: it was withdrawn, or is a token for another service "
                f"({claims.audience or 'it does not say for which'}); set a new one, or {CLIENT_ID}",
                action=Action(NEEDS),
            )
        raise BridgeFault("auth_required", NEEDS, action=Action(NEEDS))

    async def begin(self) -> AsyncGenerator[LoginStep, None]:
        """Log in by a device code; BridgeFault without an app to log in with."""
        self._check()
        if self._login is None:
            raise BridgeFault(
                "auth_required",
                f"{NEEDS} The first is the id of an app that your organisation has registered with "
                "Microsoft Entra, with public client flows allowed.",
                action=Action(NEEDS),
            )
        async with aclosing(self._login.begin()) as steps:
            async for step in steps:
                yield step

    def end(self) -> None:
        """Forget the login; BridgeFault when there is none but the environment's token."""
        if self._login is not None:
            self._login.end()
        elif self._given() is not None:
            raise BridgeFault("refused", f"the login is {TOKEN}, which the gateway does not keep: unset it")

    async def close(self) -> None:
        """Wait for what must not be lost."""
        if self._login is not None:
            await self._login.close()

    def _check(self) -> None:
        if self._wrong:
            raise BridgeFault("bridge_failed", self._wrong)

    def _given(self) -> Secret | None:
        """Return the token that the environment holds or names a file for; it is read anew each time."""
        text = self._environ.get(TOKEN, "")
        if not text and (path := self._environ.get(f"{TOKEN}_FILE", "")):
            try:
                text = (read_private(Path(path)) or b"").decode("latin-1")
            except ConfigError as error:
                raise BridgeFault("auth_required", f"{TOKEN}_FILE: {error}", action=Action(NEEDS)) from None
        text = text.strip().removeprefix("Bearer ")
        if not all("!" <= letter <= "~" for letter in text):
            raise BridgeFault(
                "auth_required",
                f"{TOKEN} holds a space or a character that no token has",
                action=Action(NEEDS),
            )
        return Secret(text) if text else None


def _instant(us: int) -> str:
    """Return an instant in words, or nothing for none."""
    if not us:
        return ""
    try:
        return f"{datetime.fromtimestamp(us / 1_000_000, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return ""
