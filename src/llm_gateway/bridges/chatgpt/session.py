"""The tokens that turns are asked with: renewed when that is due and allowed, once for all who wait.

developers.openai.com, siwc/token-sharing-open-source, "Accounts and sessions": a refresh token works once,
and is spent for nothing before `earliest_refresh_at`. So a renewal is alone among all processes, begins with
what is on disk then, is asked for only when its tokens can be kept, and these are kept before they are used.
"""

import asyncio

import msgspec

from llm_gateway.bridges.chatgpt.accounts import Accounts, Spent
from llm_gateway.bridges.chatgpt.keeping import Registration, Store, Tokens
from llm_gateway.bridges.chatgpt.oauth import PLAN
from llm_gateway.bridges.chatgpt.refusals import LOGIN, consent_missing, ended, nobody
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.clock import Clock
from llm_gateway.tasks import Tasks
from llm_gateway.vault import Secret

__all__ = ["Session"]

# An access token lasts an hour and may be renewed in its last six minutes: this leaves room for clocks that
# differ on one side, and for a renewal that takes its time on the other.
_MARGIN_US = 240 * 1_000_000
_REST = 15.0  # seconds after a renewal that failed, while the tokens are good all the same


class Session:
    """The sign-in of this installation. All verbs may be called at a time."""

    def __init__(self, store: Store, accounts: Accounts, clock: Clock, tasks: Tasks) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock
        self._tasks = tasks
        self._known: Registration | None = None
        self._mark = (-1, -1, -1)
        self._rests_until = 0.0
        self._renewing: asyncio.Task[Tokens | BridgeFault] | None = None

    async def tokens(self, refused: Secret | None = None) -> Tokens:
        """Return tokens that are good as far as is known here, and not what was `refused`.

        BridgeFault says why there are none.
        """
        tokens = self._present()
        now_us = self._clock.now_us()
        good = tokens.access != refused and now_us < tokens.expires_us
        if good:
            due_us = max(tokens.expires_us - _MARGIN_US, tokens.earliest_us)
            if now_us >= due_us and self._clock.monotonic() >= self._rests_until:
                self._renewal(tokens)  # nobody has to wait for it: these are good for a while yet
            return tokens
        if now_us < tokens.earliest_us:
            raise _too_early((tokens.earliest_us - now_us) / 1_000_000)
        # Whoever waits may leave; the new tokens are kept all the same.
        renewed = await asyncio.shield(self._renewal(tokens))
        if isinstance(renewed, BridgeFault):
            raise renewed
        return renewed

    async def close(self) -> None:
        """Wait for a renewal that runs, so that its tokens are kept."""
        if self._renewing is not None:
            await asyncio.shield(self._renewing)

    # details

    def _renewal(self, due: Tokens) -> "asyncio.Task[Tokens | BridgeFault]":
        """Return the renewal that runs, or one that begins now."""
        if self._renewing is None or self._renewing.done():
            self._renewing = self._tasks.start("renewing the sign-in with ChatGPT", self._renew(due))
        return self._renewing

    def _present(self) -> Tokens:
        registration = self._look()
        if registration is None:
            raise nobody()
        if registration.tokens is None:
            raise ended(registration.ended) if registration.ended else nobody()
        if PLAN not in registration.tokens.scopes:
            raise consent_missing()
        return registration.tokens

    def _look(self) -> Registration | None:
        """Read the file when somebody has written it: a `login` in another process, for instance."""
        mark = self._store.mark
        if mark != self._mark:
            self._mark, self._known = (-1, -1, -1), None
            self._known = self._store.read()
            self._mark = mark
        return self._known

    async def _renew(self, due: Tokens) -> Tokens | BridgeFault:
        """Renew and keep. What is wrong is returned: nobody may be waiting any more."""
        try:
            async with self._store.changing():
                tokens = self._present()
                if tokens.access != due.access:  # another process was faster
                    return tokens
                assert self._known is not None
                return await self._renew_alone(self._known, tokens)
        except BridgeFault as fault:
            self._rests_until = self._clock.monotonic() + _REST
            return fault

    async def _renew_alone(self, registration: Registration, tokens: Tokens) -> Tokens:
        self._store.write(registration)  # where this is not possible, nothing is spent
        self._mark = self._store.mark
        try:
            grant = await self._accounts.renew(registration.client, tokens.refresh)
        except Spent as spent:
            self._keep(msgspec.structs.replace(registration, tokens=None, ended=spent.word))
            raise ended(spent.word) from None
        renewed = Tokens(
            grant.access,
            grant.refresh or tokens.refresh,
            grant.expires_us,
            grant.earliest_us,
            tokens.scopes if grant.scopes is None else grant.scopes,
        )
        self._keep(msgspec.structs.replace(registration, tokens=renewed))
        if PLAN not in renewed.scopes:
            raise consent_missing()
        return renewed

    def _keep(self, registration: Registration) -> None:
        """Keep what there is no second copy of; if the disk fails just now, until it can be written again."""
        self._known = registration
        try:
            self._store.write(registration)
        except BridgeFault:
            pass
        self._mark = self._store.mark


def _too_early(wait: float) -> BridgeFault:
    return BridgeFault(
        "auth_required",
        f"OpenAI does not accept the sign-in, which may not be renewed for another {wait:.0f} seconds: wait, "
        "or sign in again",
        action=LOGIN,
        retry_after=wait,
    )
