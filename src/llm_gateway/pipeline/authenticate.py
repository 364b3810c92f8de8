"""Who is asking: the gateway key of a request, looked up in memory by its HMAC.

The digest is made before the look-up, so how long that takes says nothing about a key, and the key
itself is kept nowhere. Digests that opened the door before are found by a plain SHA-256, which costs a
fifth. What a caller may do is not decided here.
"""

import hashlib
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.errors import Unauthenticated
from llm_gateway.vault import key_digest
from llm_gateway.wire.headers import Headers

__all__ = ["Credential", "Identity", "KeyRing", "credentials"]

_NAMES = frozenset((b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key", b"x-llm-gateway-key"))
_MAX_KEY = 512


class Identity(msgspec.Struct, frozen=True):
    """A caller that is known: its key's id and name, for how many days its content is kept and under what.

    `client` is the application that the key was made for, `machine` where it runs; "" for any. `person` is
    whose key it is, "" for the gateway's owner.
    """

    key_id: str
    caller: str
    keep_days: int = 0
    content_id: str = ""
    client: str = ""
    machine: str = ""
    person: str = ""

    @property
    def kept_under(self) -> str:
        """Return the id under which this caller's content is kept."""
        return self.content_id or self.key_id


class Credential(msgspec.Struct, frozen=True):
    """A key as the ring holds it; `expires_us` 0 means never."""

    identity: Identity
    digest: bytes
    expires_us: int = 0


class KeyRing:
    """The keys that are accepted now."""

    def __init__(self, pepper: bytes, clock: Clock) -> None:
        self._pepper = pepper
        self._clock = clock
        self._by_digest: Mapping[bytes, Credential] = {}
        self._met: dict[bytes, Credential] = {}
        self.changes = 0

    def replace(self, accepted: Iterable[Credential]) -> None:
        """Accept these keys and no others. `changes` counts how often this was done."""
        self._by_digest = {credential.digest: credential for credential in accepted}
        self._met = {}
        self.changes += 1

    def authenticate(self, headers: Headers, target: bytes = b"") -> Identity:
        """Return who sent these headers; raise Unauthenticated with the way out."""
        return self.credential(headers, target).identity

    def credential(self, headers: Headers, target: bytes = b"") -> Credential:
        """Return the key that these headers hold; raise Unauthenticated with the way out.

        `target` is given where the dialect's clients know no other place than `?key=`.
        """
        offered = credentials(headers, target)
        for key in offered:
            if len(key) <= _MAX_KEY:
                known = self._met.get(hashlib.sha256(key).digest()) or self._meet(key)
                if known is not None and not self._expired(known):
                    return known
        if offered:
            raise Unauthenticated(
                "this gateway key is not known, revoked or expired; "
                "`llm-gateway keys list` shows the keys, `llm-gateway keys create NAME` makes one"
            )
        raise Unauthenticated(
            "there is no gateway key in the request; send it as `Authorization: Bearer lgw_…` "
            "(`llm-gateway keys create NAME` makes one)"
        )

    def _meet(self, key: bytes) -> Credential | None:
        known = self._by_digest.get(key_digest(self._pepper, key))
        if known is not None:  # at most one entry for each accepted key: nobody can fill it
            self._met[hashlib.sha256(key).digest()] = known
        return known

    def _expired(self, credential: Credential) -> bool:
        return bool(credential.expires_us) and credential.expires_us <= self._clock.now_us()


def credentials(headers: Headers, target: bytes = b"") -> list[bytes]:
    """Return the credentials of a request, our own header first, each once."""
    offered: list[bytes] = []
    for name, value in headers:
        if name in _NAMES:
            if name == b"authorization":
                scheme, _, value = value.strip(b" \t").partition(b" ")
                if scheme.lower() != b"bearer":
                    continue
            value = value.strip(b" \t")
            if name == b"x-llm-gateway-key":
                return [value]
            if value and value not in offered:
                offered.append(value)
    if not offered and b"key=" in target:
        query = parse_qs(target.partition(b"?")[2].decode("latin-1"))
        offered += [key.encode() for key in query.get("key", [])[:1]]
    return offered
