"""The stream of an answer as events: complete only when the vendor says so, with the client's names of tools.

An answer may fail as soon as it has begun, when the plan's limit is reached. So its beginning is told
together with the first thing that comes of it: until then it can still be refused by a status.
"""

from collections.abc import Sequence

import msgspec

from llm_gateway.bridges.chatgpt.request import own_name
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.events import CallStarted, Event, Failed, Finished, Measured, Started
from llm_gateway.canonical.loss import Loss
from llm_gateway.dialects.responses import RESPONSES
from llm_gateway.errors import UpstreamBroken

__all__ = ["Reading"]

# The first sign of work on an answer; one that thinks for long says nothing else at first.
_WORK = b"response.output_item.added"
_OURS = "response.namespace"  # is there because the bridge put the tools into one


class Reading:
    """Read one answer. `known` are the names of the tools that the client offered."""

    def __init__(self, known: frozenset[str]) -> None:
        self._decoder = RESPONSES.decoder()
        self._known = known
        self._held: list[Event] = []
        self._begun = False
        self._tail = b""
        self.complete = False

    @property
    def losses(self) -> Sequence[Loss]:
        """What the common model could not hold so far."""
        return [loss for loss in self._decoder.losses if loss.what != _OURS]

    def feed(self, data: bytes) -> list[Event]:
        """Return what is to be told now, in order; a `Failed` or a `Finished` is the last.

        BridgeFault when it is no answer.
        """
        try:
            events = self._decoder.feed(data)
        except UpstreamBroken as fault:
            raise BridgeFault("bridge_failed", f"OpenAI's answer cannot be read: {fault.message}") from None
        working = self._begun or _WORK in self._tail + data
        self._tail = data[-len(_WORK) :]
        return self._told(events, working=working)

    def close(self) -> list[Event]:
        """Return what was left; BridgeFault when the answer is not complete."""
        told = self._told(self._decoder.close(), working=True)
        if not (self.complete or any(isinstance(event, Failed) for event in told)):
            raise BridgeFault(
                "bridge_disconnected", "OpenAI's answer broke off before it was complete; ask again"
            )
        return told

    def _told(self, events: Sequence[Event], *, working: bool) -> list[Event]:
        for event in events:
            match event:
                case CallStarted(name=name):
                    event = msgspec.structs.replace(event, name=own_name(name, self._known))
                case Finished(reason="other"):
                    raise BridgeFault(
                        "bridge_failed", "OpenAI ended its answer before it was complete; ask again"
                    )
                case Finished():
                    self.complete = True
                case _:
                    pass
            self._held.append(event)
            working = working or not isinstance(event, Started | Measured | Failed)
        if any(isinstance(event, Failed) for event in self._held) and not (self._begun or working):
            self._held = [event for event in self._held if isinstance(event, Failed)]
        elif not working:
            return []
        self._begun = True
        told, self._held = self._held, []
        return told
