"""Make, revoke and rotate keys, say what they keep and may use: on record, and where requests are checked."""

import copy
import re

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.errors import MalformedRequest
from llm_gateway.ledger import keys
from llm_gateway.ledger.key_limits import NO_LIMITS, KeyLimits
from llm_gateway.ledger.keys import KeyRow
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.pipeline.authenticate import Credential, Identity, KeyRing
from llm_gateway.pipeline.spending import Spending
from llm_gateway.pipeline.terms import bounds_of_keys, remember
from llm_gateway.vault import Secret, key_digest, mint_key

__all__ = ["KeyAdmin", "Minted", "check_days", "made_for", "mint", "mint_successor"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.@-]{0,63}")
_HINT = 4
_BOOTSTRAP, _OWNER = "bootstrap", "owner"


class Minted(msgspec.Struct, frozen=True):
    """A key that was just made, and its row. The key is shown once and kept nowhere."""

    key: Secret
    row: KeyRow


def check_days(days: int, most: int) -> None:
    """Refuse to keep content for longer than the configuration allows."""
    if not 0 <= days <= most:
        raise MalformedRequest(
            f"content can be kept for 0 to {most} days (content.max_days), not for {days}",
            param="keep_content_days",
        )


def mint(name: str, pepper: bytes, key_id: str, now_us: int, keep_days: int = 0) -> Minted:
    """Make a key; MalformedRequest when the name is none."""
    if not _NAME.fullmatch(name):
        raise MalformedRequest(
            f"{name[:64]!r} is not a name for a key: letters, digits, space and _.@- up to 64, "
            "beginning with a letter or digit",
            param="name",
        )
    key = mint_key()
    digest = key_digest(pepper, key)
    row = KeyRow(key_id, name, digest, key[-_HINT:], now_us, keep_content_days=keep_days)
    return Minted(Secret(key), row)


def mint_successor(old: KeyRow, pepper: bytes, key_id: str, now_us: int) -> Minted:
    """Make a key of the same name and for the same application, which goes on with what the old one kept."""
    minted = mint(old.name, pepper, key_id, now_us, old.keep_content_days)
    row = msgspec.structs.replace(
        minted.row,
        content_id=old.kept_under,
        client=old.client,
        machine=old.machine,
        limits=old.limits,
        person=old.person,
    )
    return msgspec.structs.replace(minted, row=row)


def made_for(minted: Minted, client: str, machine: str, person: str = "") -> Minted:
    """Return a key as one for an application on a machine, or a person's; MalformedRequest for no name."""
    for name in (client, machine, person):
        if name and not _NAME.fullmatch(name):
            raise MalformedRequest(
                f"{name[:64]!r} is no name of an application, a machine or a person: letters, digits, space "
                "and _.@-",
                param="client",
            )
    return msgspec.structs.replace(
        minted, row=msgspec.structs.replace(minted.row, client=client, machine=machine, person=person)
    )


class KeyAdmin:
    """The keys of a running gateway."""

    def __init__(
        self,
        ledger: Ledger,
        ring: KeyRing,
        pepper: bytes,
        clock: Clock,
        bootstrap: Secret | None,
        owner: Secret | None = None,
    ) -> None:
        self._ledger = ledger
        self._ring = ring
        self._pepper = pepper
        self._fixed = tuple(
            (name, secret)
            for name, secret in ((_BOOTSTRAP, bootstrap), (_OWNER, owner))
            if secret is not None
        )
        self.clock = clock
        self._spending: Spending | None = None
        self._actor = _OWNER

    async def load(self, spending: Spending | None = None) -> int:
        """Accept what the ledger and the environment say from now on; return how many keys were ever made.

        With `spending`, keys are held to their limits there from now on.
        """
        self._spending = spending or self._spending
        rows = await self.listed()
        now = self.clock.now_us()
        open_now = [row for row in rows if row.accepted(now)]
        accepted = [
            Credential(
                Identity(
                    row.id,
                    row.name,
                    row.keep_content_days,
                    row.content_id,
                    row.client,
                    row.machine,
                    row.person,
                ),
                row.digest,
                row.expires_us,
            )
            for row in open_now
        ]
        for name, secret in self._fixed:
            accepted.append(Credential(Identity(name, name), key_digest(self._pepper, secret.reveal())))
        self._ring.replace(accepted)
        if self._spending is not None:
            self._spending.limit_keys(bounds_of_keys(open_now))
            await remember(self._spending, self._ledger, self.clock)
        return len(rows)

    def acting(self, actor: str) -> "KeyAdmin":
        """Return the same for somebody else, whose name stands in the audit log."""
        admin = copy.copy(self)
        admin._actor = actor
        return admin

    async def record(self, action: str, target: str, **detail: str | int) -> None:
        """Put on record what somebody is about to do; AuditUnavailable means that it must not be done."""
        await self._ledger.audit.record(action, target, self._actor, **detail)

    async def listed(self) -> list[KeyRow]:
        """Return every key there ever was."""
        return await self._ledger.read(keys.listed)

    async def create(
        self,
        name: str,
        keep_days: int = 0,
        *,
        client: str = "",
        machine: str = "",
        person: str = "",
        limits: KeyLimits = NO_LIMITS,
    ) -> Minted:
        """Make a key, for one application on one machine where these are named, or for a person.

        It may use at most what `limits` say, beside what is said of its name already.
        """
        minted = mint(name, self._pepper, self._ledger.new_id(), self.clock.now_us(), keep_days)
        minted = made_for(minted, client, machine, person)
        if limits != NO_LIMITS:
            row = msgspec.structs.replace(minted.row, limits=limits.stored)
            minted = msgspec.structs.replace(minted, row=row)
        words = {"person": person, "limits": limits.told}
        told = {name: text for name, text in words.items() if text}
        await self.record("key.create", minted.row.id, name=name, keep_content_days=keep_days, **told)
        await self._ledger.write(lambda store: keys.insert(store, minted.row))
        await self.load()
        return minted

    async def revoke(self, key_id: str) -> bool:
        """Accept a key no longer; False when there is none."""
        await self.record("key.revoke", key_id)
        now = self.clock.now_us()
        done = await self._ledger.write(lambda store: keys.revoke(store, key_id, now))
        await self.load()
        return done

    async def keep(self, key_id: str, days: int) -> bool:
        """Keep what is said with a key for so many days from now on; False when there is no such key."""
        await self.record("key.keep", key_id, keep_content_days=days)
        done = await self._ledger.write(lambda store: keys.keep(store, key_id, days))
        await self.load()
        return done

    async def limit(self, key_id: str, limits: KeyLimits) -> bool:
        """Let the keys of a key's name use at most this from now on; False when there is no such key."""
        await self.record("key.limit", key_id, limits=limits.told or "none")
        done = await self._ledger.write(lambda store: keys.limit(store, key_id, limits))
        await self.load()
        return done

    async def rotate(self, key_id: str, overlap_seconds: int) -> Minted | None:
        """Make a successor and let the old key end after `overlap_seconds`; None when there is no old one."""
        old = next((row for row in await self.listed() if row.id == key_id), None)
        if old is None:
            return None
        now = self.clock.now_us()
        minted = mint_successor(old, self._pepper, self._ledger.new_id(), now)
        until = now + max(overlap_seconds, 0) * 1_000_000
        await self.record("key.rotate", key_id, successor=minted.row.id, overlap_seconds=overlap_seconds)
        done = await self._ledger.write(lambda store: keys.rotate(store, key_id, minted.row, until))
        await self.load()
        return minted if done else None
