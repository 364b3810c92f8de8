"""What a bridge is: a way to a subscription by a route that its vendor supports, with the user's own login.

A vendor's bridge says how it is, what it offers, and answers turns in the common model. What all of them have
in common is not its business: slots, the queue, deadlines, states after a fault and the form of an answer are
in `engine.py`.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Literal, Protocol

import msgspec

from llm_gateway.bridges.health import BridgeModel, Health
from llm_gateway.canonical.request import Request
from llm_gateway.dialects.bridge.stream import Said
from llm_gateway.wire.ready import ready

__all__ = ["Ask", "Bridge", "LoginStep", "Turn"]

Turn = AsyncGenerator[Said, None]
"""The events of an answer, in the order of `canonical.events`: the last is `Finished`, or `Failed` for one
that broke after it began. Before its first event it may raise BridgeFault, and after it, too. Closing it, or
cancelling who reads it, stops the vendor's program at once, within 100 ms."""


class Ask(msgspec.Struct, frozen=True):
    """One turn: a model by the vendor's name, and the whole conversation."""

    model: str
    request: Request


@ready
class LoginStep(msgspec.Struct, frozen=True):
    """One thing that a login needs a person for, or that it is done.

    `open`: open `url` in a browser on the bridge's machine; `code`: open `url` anywhere and enter `code`;
    `run`: run `command` in a terminal there; `paste`: paste the address at which the browser ended; `done`.
    """

    kind: Literal["open", "code", "run", "paste", "done"]
    text: str
    url: str = ""
    code: str = ""
    command: str = ""


class Bridge(Protocol):
    """A vendor's bridge. All of its verbs may be called at a time, from one event loop."""

    async def health(self) -> Health:
        """Say how it is within two seconds, without a token; what is wrong with the vendor is not raised."""
        ...

    async def models(self) -> tuple[BridgeModel, ...]:
        """Return what it offers; nothing when that cannot be known now. Costs no token."""
        ...

    def turn(self, ask: Ask) -> Turn:
        """Answer one turn."""
        ...

    def login(self) -> AsyncIterator[LoginStep]:
        """Log in: yield what a person has to do, wait, and end after `done`; BridgeFault says why not.

        Whoever stops reading cancels it. Tokens are never in a step.
        """
        ...

    async def logout(self) -> None:
        """Take the login back where the vendor's program keeps it; BridgeFault says why not."""
        ...

    async def answered(self, step: str) -> None:
        """Take what the person pasted for the last `paste` step."""
        ...

    async def close(self) -> None:
        """End every process and session."""
        ...
