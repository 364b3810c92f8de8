"""OpenAI's sign-in service: tokens for a code, tokens for a refresh token, taking them back, its keys.

What a sign-in means for this installation is in `login.py`; when tokens are renewed, in `session.py`.
"""

from llm_gateway.bridges.asking import Asking, Reply
from llm_gateway.bridges.chatgpt.idtoken import Expected, IdTokenRefused, subject_of
from llm_gateway.bridges.chatgpt.oauth import (
    Attempt,
    Grant,
    Returned,
    exchange_form,
    read_grant,
    refresh_form,
    revoke_form,
)
from llm_gateway.bridges.chatgpt.places import Places
from llm_gateway.bridges.chatgpt.refusals import LOGIN, is_spent, login_refused, login_word
from llm_gateway.bridges.chatgpt.server_time import server_time
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.clock import Clock
from llm_gateway.upstream.client import Upstream
from llm_gateway.vault import Secret

__all__ = ["Accounts", "Spent"]

_WHO = "OpenAI's sign-in service"
_FIRST = 15.0
_TOKEN = "oauth/token"  # noqa: S105 - a path
_REVOKE = "oauth/revoke"
_KEYS = ".well-known/jwks.json"


class Spent(Exception):
    """The refresh token is of no use any more; `word` is the vendor's reason."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Accounts:
    """The service, asked for one installation."""

    def __init__(self, places: Places, upstream: Upstream, clock: Clock) -> None:
        self.places = places
        self._accounts = Asking(_WHO, upstream, places.accounts, _FIRST)
        self._site = Asking(_WHO, upstream, places.site, _FIRST)
        self._clock = clock

    async def exchange(self, attempt: Attempt, returned: Returned) -> tuple[Grant, str]:
        """Return the tokens for a code, and the opaque id of whose they are; BridgeFault says why not."""
        grant = self._grant(await self._accounts.form(_TOKEN, exchange_form(attempt, returned)))
        if grant.identity is None:
            raise _unproven("there is none")
        keys = await self._site.get(_KEYS)
        if keys.status != 200:
            raise BridgeFault("bridge_failed", f"{_WHO} does not tell its keys ({keys.status}); begin again")
        expected = Expected(
            self.places.issuer, returned.client, attempt.nonce, self._clock.now_us() / 1_000_000
        )
        try:
            return grant, subject_of(grant.identity.reveal(), keys.body, expected)
        except IdTokenRefused as refused:
            raise _unproven(str(refused)) from None

    async def renew(self, client: str, refresh: Secret) -> Grant:
        """Return new tokens; the refresh token is spent by it.

        Spent when it was before, or is too old; BridgeFault for everything that may pass.
        """
        reply = await self._accounts.form(_TOKEN, refresh_form(client, refresh))
        if reply.status != 200 and is_spent(word := login_word(reply.body)):
            raise Spent(word)
        return self._grant(reply)

    async def revoke(self, client: str, refresh: Secret) -> None:
        """Take tokens back; BridgeFault when it is not certain that they are."""
        reply = await self._accounts.form(_REVOKE, revoke_form(client, refresh))
        if reply.status != 200:
            raise BridgeFault(
                "bridge_failed",
                f"{_WHO} did not confirm that the sign-in is taken back ({reply.status}); remove this app in "
                "ChatGPT's settings as well",
            )

    def _grant(self, reply: Reply) -> Grant:
        if reply.status != 200:
            raise login_refused(reply)
        now_us = self._clock.now_us()
        return read_grant(reply.body, now_us, server_time(reply.headers, now_us))


def _unproven(why: str) -> BridgeFault:
    return BridgeFault(
        "auth_required",
        f"the sign-in did not work: its ID token proves nothing, {why}; begin again",
        action=LOGIN,
    )
