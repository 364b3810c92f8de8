"""Whoever guesses is not listened to for a while, wherever they call from; longer the more they guess."""

from collections import OrderedDict

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.http.peers import network_of

__all__ = ["Lockout"]

_FREE = 10  # wrong ones before it begins: people paste the wrong token
_FORGETS = 3600.0
_FIRST, _LONGEST = 30.0, 900.0
_MOST_PEERS = 10_000


class _Wrong(msgspec.Struct):
    count: int = 0
    last: float = 0.0
    until: float = 0.0


class Lockout:
    """Who has shown how many wrong tokens and keys, by address; of IPv6 by network: one has 2^64 of those."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._peers: OrderedDict[str, _Wrong] = OrderedDict()

    def wait(self, peer: str) -> float:
        """Return for how many seconds an address is not listened to, 0 when it is."""
        known = self._peers.get(network_of(peer))
        return max(0.0, known.until - self._clock.monotonic()) if known is not None else 0.0

    def wrong(self, peer: str) -> None:
        """Take note of a wrong token or key."""
        peer, now = network_of(peer), self._clock.monotonic()
        known = self._peers.pop(peer, None)
        if known is None or now - known.last > _FORGETS:
            known = _Wrong()
        known.count += 1
        known.last = now
        if known.count >= _FREE:
            known.until = now + min(_FIRST * 2 ** min(known.count - _FREE, 10), _LONGEST)
        self._peers[peer] = known
        if len(self._peers) > _MOST_PEERS:
            self._peers.popitem(last=False)
