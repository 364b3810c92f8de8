"""Who may connect as a companion, as the gateway knows it: invitations, public keys, revocations, guesses.

Nothing that is kept here lets anybody in elsewhere. How a connection proves who it is, is `admission.py`.
"""

import re
from collections.abc import Sequence

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.errors import AuditUnavailable, MalformedRequest
from llm_gateway.ledger import companions as rows
from llm_gateway.ledger.companions import Claim, CompanionRow, Invitation
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.vault import Secret, key_digest, looks_like_join_token, mint_join_token

__all__ = ["TOKEN_LASTS", "Enrolled", "Invited", "NotEnrolled", "Registry", "invitation"]

TOKEN_LASTS = 600
"""Seconds for which a join token is good."""

_MACHINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.@-]{0,63}")  # as of keys, `pipeline/key_admin.py`
_BRIDGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Invited(msgspec.Struct, frozen=True):
    """A join token that was just made, and its invitation. The token is shown once and kept nowhere."""

    token: Secret
    invitation: Invitation


class NotEnrolled(Exception):
    """A key or a token lets nobody in: `kind` tells the companion why, `message` its owner."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Enrolled(msgspec.Struct, frozen=True):
    """All that is known: companions that are let in, by id, and who offers what, the first first."""

    companions: dict[str, CompanionRow] = {}
    revoked: frozenset[str] = frozenset()
    claims: tuple[Claim, ...] = ()


def invitation(
    pepper: bytes, machine: str, now_us: int, person: str = "", bridges: Sequence[str] = ()
) -> Invited:
    """Make a join token for a machine; MalformedRequest when a name is none."""
    for what, text, form in (
        ("a machine", machine, _MACHINE),
        *(("a person", person, _PERSON) for _ in range(bool(person))),
        *(("a bridge", bridge, _BRIDGE) for bridge in bridges),
    ):
        if not form.fullmatch(text):
            raise MalformedRequest(
                f"{text[:64]!r} is no name of {what}: letters, digits and ._- "
                "up to 63, beginning with a letter or digit",
                param="name",
            )
    token = mint_join_token()
    digest = key_digest(pepper, token)
    until = now_us + TOKEN_LASTS * 1_000_000
    return Invited(Secret(token), Invitation(digest, machine, person, tuple(bridges), now_us, until))


class Registry:
    """The companions of a running gateway."""

    def __init__(self, ledger: Ledger, pepper: bytes, clock: Clock) -> None:
        self._ledger = ledger
        self._pepper = pepper
        self._clock = clock
        self.known = Enrolled()

    @property
    def gateway(self) -> str:
        """Return the gateway's name: the same for as long as its keys are, and for all of its replicas."""
        return key_digest(self._pepper, "the name that companions know this gateway by").hex()[:32]

    async def load(self) -> Enrolled:
        """Return what the ledger says now."""
        companions = await self._ledger.read(rows.companions)
        self.known = Enrolled(
            {row.id: row for row in companions if not row.revoked_us},
            frozenset(row.id for row in companions if row.revoked_us),
            tuple(await self._ledger.read(rows.claims)),
        )
        return self.known

    async def invitations(self) -> list[Invitation]:
        """Return the invitations that can still be used."""
        now = self._clock.now_us()
        found = await self._ledger.read(rows.invitations)
        return [each for each in found if not each.used_us and each.expires_us > now]

    async def all(self) -> list[CompanionRow]:
        """Return every companion there ever was."""
        return await self._ledger.read(rows.companions)

    async def invite(self, machine: str, person: str = "", bridges: Sequence[str] = ()) -> Invited:
        """Make a join token for a machine; MalformedRequest when there is one of this name."""
        made = invitation(self._pepper, machine, self._clock.now_us(), person, bridges)
        await self.load()
        if any(row.machine == machine for row in self.known.companions.values()):
            raise MalformedRequest(
                f"there is a companion called {machine}; end that by "
                f"`llm-gateway companions revoke {machine}`, or choose another name",
                param="name",
            )
        await self._ledger.audit.record("companion.invite", machine, person=person, bridges=",".join(bridges))
        await self._ledger.write(lambda store: rows.invite(store, made.invitation))
        return made

    async def join(
        self, token: str, companion_id: str, public_key: bytes, offered: Sequence[str]
    ) -> CompanionRow:
        """Enrol a key by a token; NotEnrolled says why not."""
        digest = key_digest(self._pepper, token)
        now = self._clock.now_us()
        if not looks_like_join_token(token):
            raise NotEnrolled("bad_token", "this is no join token; `llm-gateway enroll` makes one")
        invited = {each.digest: each for each in await self._ledger.read(rows.invitations)}.get(digest)
        self._judge(invited, now)
        assert invited is not None
        await self._ledger.audit.record(
            "companion.join", invited.machine, "companion", key=companion_id[:16], person=invited.person
        )
        if not await self._ledger.write(
            lambda store: rows.enrol(store, digest, companion_id, public_key, now)
        ):
            raise NotEnrolled(
                "token_used",
                f"the token was used meanwhile, or a machine called {invited.machine} is enrolled already",
            )
        allowed = [bridge for bridge in offered if bridge in invited.bridges or not invited.bridges]
        await self.claim(companion_id, allowed, now)
        return self.judge_key(companion_id)  # it may have been revoked by now

    async def claim(self, companion_id: str, bridges: Sequence[str], now_us: int = 0) -> None:
        """Take note of bridges that a companion offers from now on."""
        at_us = now_us or self._clock.now_us()
        await self._ledger.write(lambda store: rows.claim(store, companion_id, bridges, at_us))
        await self.load()

    async def seen(self, companion_id: str) -> None:
        """Take note that a companion is connected."""
        now = self._clock.now_us()
        await self._ledger.write(lambda store: rows.seen(store, companion_id, now))

    async def revoke(self, machine: str, actor: str = "owner") -> str:
        """Let a machine in no longer, nor an invitation of it; return its id, "" when there was none."""
        await self._ledger.audit.record("companion.revoke", machine, actor)
        withdrawn = await self._ledger.write(lambda store: rows.withdraw(store, machine))
        now = self._clock.now_us()
        known = (await self.load()).companions.values()
        companion_id = next((row.id for row in known if row.machine == machine), "")
        if not companion_id:
            return machine if withdrawn else ""
        await self._ledger.write(lambda store: rows.revoke_companion(store, companion_id, now))
        await self.load()
        return companion_id

    async def record(self, action: str, target: str, **detail: str) -> None:
        """Put on record what was refused; where that cannot be, it is refused all the same."""
        try:
            await self._ledger.audit.record(action, target, "companion", **detail)
        except AuditUnavailable:
            pass

    def judge_key(self, companion_id: str) -> CompanionRow:
        """Return the companion of a key; NotEnrolled when it is not let in."""
        if companion_id in self.known.revoked:
            raise NotEnrolled(
                "revoked",
                "this companion was revoked; `llm-gateway enroll` on the gateway makes a token to join anew",
            )
        row = self.known.companions.get(companion_id)
        if row is None:
            raise NotEnrolled(
                "never_enrolled",
                "this gateway does not know this companion; join it with a token of `llm-gateway enroll`",
            )
        return row

    def _judge(self, invited: Invitation | None, now_us: int) -> None:
        again = "`llm-gateway enroll` makes another one"
        if invited is None:
            raise NotEnrolled("bad_token", f"this join token is not known here; {again}")
        if invited.used_us:
            raise NotEnrolled("token_used", f"this join token has been used; {again}")
        if invited.expires_us <= now_us:
            minutes = TOKEN_LASTS // 60
            raise NotEnrolled("token_expired", f"this join token is older than {minutes} minutes; {again}")
