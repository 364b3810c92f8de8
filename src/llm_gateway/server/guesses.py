"""Who guesses at the dashboard's token: after ten wrong ones an address is not listened to for a while.

Gateway keys and the owner's token have 256 random bits: nobody guesses those, and nobody is kept out who has
them. The dashboard's token is of somebody's choosing. The same wrong token again is a page that was left
open, and no guess.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterable

from llm_gateway.clock import Clock
from llm_gateway.companion.lockout import Lockout
from llm_gateway.errors import LimitReached
from llm_gateway.http.peers import network_of
from llm_gateway.vault import looks_like_key

__all__ = ["Guesses"]

_REMEMBERED = 10_000


class Guesses:
    """The wrong tokens that were shown, by the address that they came from."""

    def __init__(self, clock: Clock) -> None:
        self._lockout = Lockout(clock)
        self._seen: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    def may(self, peer: str) -> None:
        """Raise LimitReached while an address is not listened to."""
        wait = self._lockout.wait(peer)
        if wait:
            raise LimitReached(
                "too many wrong tokens came from your address; it is listened to again in "
                f"{wait:.0f} seconds. The command line of the gateway's machine is let in meanwhile",
                retry_after=wait,
            )

    def wrong(self, peer: str, offered: Iterable[bytes]) -> None:
        """Take note of what was shown and opens nothing."""
        for token in offered:
            seen = network_of(peer), hashlib.sha256(token).digest()
            if seen in self._seen or looks_like_key(token):
                continue
            self._seen[seen] = None
            self._lockout.wrong(peer)
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
