"""A thread of the app server's, between the turns of its conversation: what is open in it, how it ends."""

from collections.abc import Mapping

from llm_gateway.bridges.codex.protocol import Breakdown, Empty
from llm_gateway.bridges.codex.server import Running
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.rpc import Asked, RpcRefused

__all__ = ["Thread"]

_PARTING = 5.0


class Thread:
    """A thread. `turn` is the one that runs, "" when none does; `open` are calls of tools that wait in it.

    `told` is what of its tokens clients were told; `own_file` is whether the person's AGENTS.md is in it.
    `lost` is whether Codex ended its turn while calls waited.
    """

    def __init__(self, running: Running, thread_id: str, *, own_file: bool) -> None:
        self.running = running
        self.id = thread_id
        self.own_file = own_file
        self.turn = ""
        self.open: dict[str, Asked] = {}
        self.told = Breakdown()
        self.lost = False

    def alive(self, running: Running) -> bool:
        """Whether it is one of the program that runs now."""
        return self.running is running and running.rpc.fault is None

    async def answer(self, results: Mapping[str, object]) -> None:
        """Answer the calls that wait; BridgeFault when the program has ended."""
        waiting, self.open = self.open, {}
        for call, asked in waiting.items():
            await self.running.rpc.answer(asked, results[call])

    async def end(self) -> None:
        """Have Codex stop what it still does in it, and forget it."""
        self.running.threads.pop(self.id, None)
        asks: list[tuple[str, dict[str, str]]] = [("thread/unsubscribe", {"threadId": self.id})]
        if self.turn:
            asks.insert(0, ("turn/interrupt", {"threadId": self.id, "turnId": self.turn}))
        for method, params in asks:
            try:
                await self.running.rpc.ask(method, params, Empty, within=_PARTING)
            except (RpcRefused, BridgeFault):
                continue  # the turn is over already, or the program is
