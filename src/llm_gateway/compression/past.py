"""A conversation gone through up to one of its results: what the results after that may refer to.

It is made anew from the beginning wherever it is not at hand, and is the same then.
"""

from collections.abc import Sequence

import msgspec

from llm_gateway.canonical.slots import Entry, Slot, arguments
from llm_gateway.compression.block import History, Result, Setting, encoded

__all__ = ["Past", "is_worth_it"]

_LEAST = 64  # bytes of a result that is looked at
_LEAST_ERROR = 2_000  # and of one that tells an error: what is wrong is best seen where it is
_WEIGHT = 5  # bytes of memory for a byte of text

_text = msgspec.json.Decoder(str)
_encode = msgspec.json.encode


def is_worth_it(slot: Slot) -> bool:
    """Whether a result may be encoded, as far as it is up to itself."""
    return len(slot.literal) >= (_LEAST_ERROR if slot.error else _LEAST)


class Past:
    """So many entries of a conversation, of which `slots` are results that were sent after such decisions."""

    def __init__(self) -> None:
        self.path = ""
        self.slots = 0
        self.size = 0
        self._history = History()
        self._entries = 0
        self._calls = 0

    @property
    def failures(self) -> int:
        """Return how many results could not be encoded."""
        return self._history.failures

    def go(self, entries: Sequence[Entry], settings: Sequence[Setting | None], until: int) -> bytes | None:
        """Go on through a conversation up to and with a result; return the JSON string that it is sent as.

        `settings` are those of its results, None for one that is sent as it came; so is that for which None
        is returned.
        """
        sent: bytes | None = None
        while self.slots <= until:
            entry = entries[self._entries]
            self._entries += 1
            self.size += _WEIGHT * len(entry.literal)
            if isinstance(entry, Slot):
                sent = self._result(entry, settings[self.slots])
                continue
            self._calls += 1
            for name, text in arguments(entry):
                self._history.called(self._calls, name, text)
        return sent

    def _result(self, slot: Slot, setting: Setting | None) -> bytes | None:
        self.slots += 1
        try:
            text = _text.decode(slot.literal)
        except (msgspec.DecodeError, UnicodeDecodeError):  # half a surrogate pair: nothing of ours
            return None
        if setting is None or not is_worth_it(slot):
            self._history.passed(self.slots, text)
            return None
        sent = encoded(Result(text, self.slots, slot.shell), self._history, setting)
        if sent == text:
            return None
        literal = _encode(sent)
        return literal if len(literal) < len(slot.literal) else None
