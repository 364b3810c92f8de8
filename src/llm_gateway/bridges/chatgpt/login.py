"""Signing in and out: a browser on this machine comes back by itself, one elsewhere is pasted from.

developers.openai.com, siwc/token-sharing-open-source/sign-in, profiles-and-sessions and ui-ux-guidelines.
"""

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from llm_gateway.bridges.chatgpt.accounts import Accounts
from llm_gateway.bridges.chatgpt.callback import Took, listening
from llm_gateway.bridges.chatgpt.keeping import Registration, Store, Tokens
from llm_gateway.bridges.chatgpt.oauth import (
    PLAN,
    SCOPES,
    Attempt,
    NotOurs,
    Returned,
    authorize_url,
    begin,
    query_of,
    read_callback,
)
from llm_gateway.bridges.chatgpt.refusals import LOGIN, MANAGE_USAGE, consent_missing
from llm_gateway.bridges.contract import LoginStep
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.vault import Secret

__all__ = ["Login"]


class _Awaited:
    """A sign-in that waits for its browser. The first answer to it counts, whichever way it comes."""

    def __init__(self, attempt: Attempt, waits: float) -> None:
        self.attempt = attempt
        self._waits = waits
        self._came: asyncio.Future[Returned | BridgeFault] = asyncio.get_running_loop().create_future()

    def take(self, query: str) -> Took:
        """Take what came at the listener."""
        try:
            return self._settle(query)
        except NotOurs:
            return "not ours"

    def paste(self, pasted: str) -> Took:
        """Take what a person pasted; NotOurs when it is something else."""
        return self._settle(query_of(self.attempt, pasted))

    async def returned(self) -> Returned:
        """Wait for it."""
        try:
            async with asyncio.timeout(self._waits):
                returned = await self._came
        except TimeoutError:
            raise BridgeFault(
                "auth_required",
                f"nobody finished the sign-in within {self._waits / 60:g} minutes; begin again",
                action=LOGIN,
            ) from None
        if isinstance(returned, BridgeFault):
            raise returned
        return returned

    def _settle(self, query: str) -> Took:
        if self._came.done():
            return "used"
        try:
            self._came.set_result(read_callback(self.attempt, query))
        except BridgeFault as fault:
            self._came.set_result(fault)
            return "declined"
        return "taken"


class Login:
    """The sign-ins of one installation; at most one `waits` for its browser, for so many seconds."""

    def __init__(self, store: Store, accounts: Accounts, waits: float = 600.0) -> None:
        self._store = store
        self._accounts = accounts
        self._waits = waits
        self._awaited: _Awaited | None = None

    async def begin(self) -> AsyncGenerator[LoginStep, None]:
        """Sign in: yield the page to open and what may be pasted, wait, and yield that it is done."""
        if self._awaited is not None:
            raise BridgeFault(
                "refused", "a sign-in with ChatGPT waits for its browser already; finish that one"
            )
        async with self._store.changing():
            known, host = self._known(), self._store.host()
        awaited: _Awaited | None = None

        def take(query: str) -> Took:
            return "not ours" if awaited is None else awaited.take(query)

        try:
            async with listening(take) as callback:
                attempt = begin(callback.url, "" if known is None else known.client)
                awaited = self._awaited = _Awaited(attempt, self._waits)
                consent = known is not None and known.tokens is not None and PLAN not in known.tokens.scopes
                page = authorize_url(self._accounts.places.authorize, attempt, host, consent=consent)
                for step in _steps(page, callback.url):
                    yield step
                returned = await awaited.returned()
        finally:
            self._awaited = None
        await self._finish(attempt, returned)
        yield LoginStep(
            "done",
            "You're using your ChatGPT plan: what is asked of chatgpt models counts towards it. Manage usage "
            f"at {MANAGE_USAGE}.",
            url=MANAGE_USAGE,
        )

    def answered(self, pasted: str) -> None:
        """Take the address that a person pasted; BridgeFault when it is not the one that is waited for."""
        if self._awaited is None:
            raise BridgeFault("refused", "no sign-in with ChatGPT waits for an address; begin one first")
        try:
            self._awaited.paste(pasted)
        except NotOurs:
            raise BridgeFault(
                "refused",
                "that is not the address at which this sign-in ended: paste all of it, from http:// on",
            ) from None

    async def end(self) -> None:
        """Sign out: take the tokens back and forget them. After that: forget the registration, too."""
        async with self._store.changing():
            known = self._known()
            if known is None or known.tokens is None:
                self._store.clear()
                return
            self._store.write(msgspec.structs.replace(known, tokens=None, ended=""))
            await self._accounts.revoke(known.client, known.tokens.refresh)

    async def _finish(self, attempt: Attempt, returned: Returned) -> None:
        """Turn the code into tokens, and keep them."""
        async with self._store.changing():
            grant, subject = await self._accounts.exchange(attempt, returned)
            known = self._known()
            if known is not None and known.client == returned.client and known.subject != Secret(subject):
                await self._give_back(returned.client, grant.refresh)
                raise BridgeFault(
                    "auth_required",
                    "that is another account than the one that is registered here; sign in with that one, or "
                    "run `llm-gateway logout chatgpt` twice to forget it",
                    action=LOGIN,
                )
            if grant.refresh is None:
                raise BridgeFault(
                    "auth_required",
                    "the sign-in would last an hour only: it lacks `offline_access`",
                    action=LOGIN,
                )
            scopes = SCOPES if grant.scopes is None else grant.scopes  # RFC 6749, 5.1
            tokens = Tokens(grant.access, grant.refresh, grant.expires_us, grant.earliest_us, scopes)
            self._store.write(Registration(returned.client, Secret(subject), tokens))
        if PLAN not in scopes:
            raise consent_missing()

    def _known(self) -> Registration | None:
        """Return what is registered; what cannot be read is as good as nothing for whoever begins anew."""
        try:
            return self._store.read()
        except BridgeFault:
            return None

    async def _give_back(self, client: str, refresh: Secret | None) -> None:
        """Take tokens back that will not be used, if that is possible."""
        if refresh is not None:
            try:
                await self._accounts.revoke(client, refresh)
            except BridgeFault:
                pass  # they end by themselves


def _steps(page: str, back: str) -> tuple[LoginStep, LoginStep]:
    return (
        LoginStep(
            "open",
            "Continue with ChatGPT: open this page in a browser, and allow LLM Gateway to use your plan.",
            url=page,
        ),
        LoginStep(
            "paste",
            "On another machine the browser ends at a page that it cannot show: paste its address here, from "
            f"{back} on. On this machine there is nothing to paste.",
        ),
    )
