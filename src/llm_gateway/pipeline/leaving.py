"""What becomes of an answer whose client has left: it is cut off at once, or read to its end for the account.

Who leaves before its request has gone out to a target is waited for in no case, nobody else is asked for it,
and what is read for nobody is cut off after a while. What was used is the turn's to know.
"""

import asyncio
from collections.abc import Coroutine
from typing import Protocol

from llm_gateway.config.routing import RoutingSettings
from llm_gateway.errors import Draining
from llm_gateway.tasks import Tasks

__all__ = ["Leaving", "Left"]


class Left(Protocol):
    """A turn whose client may leave; `left` says that it has, and that its answer is gone on with."""

    left: bool

    @property
    def is_asking(self) -> bool:
        """Return whether a target may have the request, and there is an answer to wait for."""
        ...


class Leaving:
    """How clients are seen off. The `tasks` own what goes on without them."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._seconds = 0.0
        self.finishes = False

    def use(self, settings: RoutingSettings) -> None:
        """Go by these settings from now on."""
        self.finishes = settings.on_disconnect == "finish"
        self._seconds = settings.finish_seconds

    async def see_off(self, answering: Coroutine[object, object, None], turn: Left) -> None:
        """Answer; go on for a while when the client leaves, and not when the gateway stops."""
        task = self._tasks.start("answer a request", answering)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as why:
            if Draining.is_why(why) or not turn.is_asking:
                task.cancel(*why.args)
                await asyncio.wait(
                    {task}
                )  # what it has to say to its client comes before the connection ends
            elif not task.done():
                turn.left = True
                limit = asyncio.get_running_loop().call_later(self._seconds, task.cancel)
                task.add_done_callback(lambda _: limit.cancel())
            raise
