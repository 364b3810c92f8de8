"""What a header section says of its sender: key, client, declared name, what of it goes upstream.

Found out once for each header section of a connection, as long as the keys stay the same.
"""

import msgspec

from llm_gateway.clients.fingerprints import SMOKE_CLIENT, declared_name, identify
from llm_gateway.clock import Clock
from llm_gateway.config.compression import CompressionMode
from llm_gateway.pipeline.authenticate import Credential, KeyRing
from llm_gateway.pipeline.compression_terms import asked_for
from llm_gateway.pipeline.incoming import Incoming
from llm_gateway.pipeline.turn import Caller
from llm_gateway.pipeline.wish import Wish, wish_of
from llm_gateway.providers.catalog import load_catalog
from llm_gateway.providers.logins import PassedLogin, login_in
from llm_gateway.upstream.forward import forwarded, neutral
from llm_gateway.wire.headers import get, get_all

__all__ = ["Sender", "sender_of"]

_NO = (b"0", b"false", b"no", b"off", b"")


class Sender(msgspec.Struct, frozen=True):
    """The sender of a request. `ring_changes` is how often the keys had changed when it was found out."""

    caller: Caller
    credential: Credential
    ring_changes: int
    forwarded: bytes
    coding: bytes
    """The body's content codings, b"" for none."""
    neutral: bytes = b""
    """The header lines that go to an upstream of another dialect."""
    strict: bool = False
    """Whether the client would rather be refused than have anything of its request left out."""
    login: PassedLogin | None = None
    """A subscription's login that the client brings, to be passed on to its vendor."""
    wish: Wish | None = None
    """What the client says about the response cache, None where it says nothing."""
    compression: CompressionMode | None = None
    """What it says about compression, None where it says nothing."""


def sender_of(incoming: Incoming, ring: KeyRing, clock: Clock, *, keys_in_url: bool = False) -> Sender:
    """Return who sent a request; raise Unauthenticated with the way out, MalformedRequest for a bad header.

    Forbidden says why a login that it brings is not passed on.

    With `keys_in_url` a key may stand in the query, and then no header section says who asks.
    """
    target = incoming.target if keys_in_url and b"key=" in incoming.target else b""
    known = incoming.memo.sender if not target else None
    if isinstance(known, Sender) and known.ring_changes == ring.changes:
        expires_us = known.credential.expires_us
        if not expires_us or clock.now_us() < expires_us:
            return known
    headers = incoming.headers
    credential = ring.credential(headers, target)
    said = identify(headers, credential.identity.client)
    declared = get(headers, b"x-llm-gateway-caller")
    sender = Sender(
        Caller(
            credential.identity,
            said.client,
            "" if declared is None else declared_name(declared),
            "smoke" if said.client == SMOKE_CLIENT else "request",
            said.told_by,
            said.session,
            said.label,
        ),
        credential,
        ring.changes,
        forwarded(headers),
        b",".join(get_all(headers, b"content-encoding")),
        neutral(headers),
        (get(headers, b"x-llm-gateway-strict") or b"0").lower() not in _NO,
        login_in(headers, said.client, load_catalog()),
        wish_of(headers),
        asked_for(headers),
    )
    if not target:
        incoming.memo.sender = sender
    return sender
