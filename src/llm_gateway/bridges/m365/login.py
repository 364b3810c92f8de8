"""A person's login, kept from start to start: begun by a device code, renewed when it is due, taken back.

At rest there is one sealed file. The access token in it spares a start the network for as long as it lasts.
"""

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.m365.identity import Grant, Identity
from llm_gateway.bridges.m365.refusals import LOGIN
from llm_gateway.bridges.sealed import SealBroken, SealedFile
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.errors import ConfigError
from llm_gateway.vault import Secret
from llm_gateway.wire.ready import ready

__all__ = ["Login"]

_MARGIN_US = 120 * 1_000_000  # a turn that begins now shall not outlive its token's check
_SLOWER = 5  # RFC 8628, 3.5


@ready
class _Kept(msgspec.Struct, frozen=True):
    """What the file holds. `app` is whose tokens they are: another app's are of no use."""

    app: str
    access: str
    expires_us: int
    scopes: tuple[str, ...]
    refresh: str


class Login:
    """The login of one app. All verbs may be called at a time; it is renewed once for all who wait."""

    def __init__(self, app: str, identity: Identity, file: SealedFile, around: Surroundings) -> None:
        self._app = app
        self._identity = identity
        self._file = file
        self._clock = around.clock
        self._tasks = around.tasks
        self._grant: Grant | None = None
        self._mark = (-1, -1, -1)
        self._over: BridgeFault | None = None
        self._renewing: asyncio.Task[Grant | BridgeFault] | None = None

    async def grant(self, refused: Secret | None = None) -> Grant:
        """Return what is valid for a while yet, and is not what was `refused`; BridgeFault says why not."""
        self._look()
        if self._over is not None:
            raise self._over
        grant = self._grant
        if grant is None:
            raise _nobody()
        if grant.access != refused and grant.expires_us - self._clock.now_us() > _MARGIN_US:
            return grant
        if self._renewing is None or self._renewing.done():
            self._renewing = self._tasks.start("renewing the login to Microsoft 365", self._renew(grant))
        # Whoever waits may leave; the new tokens are kept all the same.
        renewed = await asyncio.shield(self._renewing)
        if isinstance(renewed, BridgeFault):
            raise renewed
        return renewed

    async def begin(self) -> AsyncGenerator[LoginStep, None]:
        """Log in: yield where to enter which code, wait, and yield that it is done."""
        device = await self._identity.device()
        every, until = float(device.every), self._clock.monotonic() + device.lasts
        yield LoginStep(
            "code",
            f"Open {device.url} in any browser, enter the code {device.user_code}, and log in with the work "
            "account that has Copilot.",
            url=device.url,
            code=device.user_code,
        )
        while True:
            await asyncio.sleep(every)
            asked = await self._identity.ask(device)
            if isinstance(asked, Grant):
                break
            if asked == "slow_down":
                every += _SLOWER
            if self._clock.monotonic() >= until:
                raise BridgeFault(
                    "auth_required", "the code was not entered in time; begin again", action=LOGIN
                )
        self._keep(asked)
        yield LoginStep("done", "Logged in to Microsoft 365.")

    def end(self) -> None:
        """Forget the login, here and on disk."""
        self._file.clear()
        self._grant, self._over, self._mark = None, None, self._file.mark

    async def close(self) -> None:
        """Wait for a renewal that runs, so that its tokens are kept."""
        if self._renewing is not None:
            await asyncio.shield(self._renewing)

    # details

    def _look(self) -> None:
        """Read the file when somebody has written it: a `login` in another process, for instance."""
        mark = self._file.mark
        if mark == self._mark:
            return
        self._mark, self._over, self._grant = mark, None, None
        try:
            data = self._file.read()
            kept = None if data is None else msgspec.json.decode(data, type=_Kept)
        except (SealBroken, msgspec.DecodeError, UnicodeDecodeError):
            raise self._unusable("it was sealed under another master key, or was altered") from None
        except ConfigError as error:
            raise self._unusable(str(error)) from None
        if kept is not None and kept.app == self._app:
            refresh = Secret(kept.refresh) if kept.refresh else None
            self._grant = Grant(Secret(kept.access), kept.expires_us, kept.scopes, refresh)

    def _unusable(self, why: str) -> BridgeFault:
        self._over = BridgeFault(
            "auth_required",
            f"the login to Microsoft 365 that is kept here cannot be used: {why}",
            action=LOGIN,
        )
        return self._over

    async def _renew(self, grant: Grant) -> Grant | BridgeFault:
        """Renew and keep. What is wrong is returned: nobody may be waiting any more."""
        try:
            if grant.refresh is None:
                raise BridgeFault(
                    "auth_required", "the login to Microsoft 365 has ended; log in again", action=LOGIN
                )
            renewed = await self._identity.renew(grant.refresh)
        except BridgeFault as fault:
            if fault.state == "auth_required":
                self._over = fault  # it does not get better by asking again
            return fault
        if self._grant is not grant:  # logged out meanwhile, or in anew
            return self._grant or _nobody()
        try:
            self._keep(renewed)
        except BridgeFault:
            self._grant = renewed  # good for as long as this process runs
        return renewed

    def _keep(self, grant: Grant) -> None:
        kept = _Kept(
            self._app,
            grant.access.reveal(),
            grant.expires_us,
            grant.scopes,
            "" if grant.refresh is None else grant.refresh.reveal(),
        )
        try:
            self._file.write(msgspec.json.encode(kept))
        except ConfigError as error:
            raise BridgeFault("bridge_failed", f"the login cannot be kept: {error}") from None
        self._grant, self._over, self._mark = grant, None, self._file.mark


def _nobody() -> BridgeFault:
    return BridgeFault(
        "auth_required",
        "nobody is logged in to Microsoft 365 here; `llm-gateway login m365-copilot` does it",
        action=LOGIN,
    )
