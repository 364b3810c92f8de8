"""What a companion says at its terminal: how it goes, what it offers. What it does is `companion.py`."""

import asyncio

from llm_gateway.cli.output import say
from llm_gateway.companion.hosting import Companion, Progress
from llm_gateway.companion.offers import News

__all__ = ["Teller", "offered"]


class Teller:
    """Says how it goes: each thing once, and not again until it has changed."""

    def __init__(self) -> None:
        self._said = ""
        self._offered = ""
        self._connected = asyncio.Event()

    def tell(self, progress: Progress) -> None:
        """Hear how it goes."""
        if progress.state == "connected":
            self._connected.set()
            self._say(progress.message)
        else:
            self._say(f"not connected ({progress.kind}): {progress.message}; it goes on trying")

    async def offers(self, companion: Companion) -> None:
        """Say what is offered, whenever it connects."""
        while True:
            await self._connected.wait()
            self._connected.clear()
            said = offered(await companion.serving.news())
            if said != self._offered:
                say(said)
            self._offered = said

    def _say(self, said: str) -> None:
        if said != self._said:
            say(said)
        self._said = said


def offered(news: News) -> str:
    """Say in a line what a companion offers, how each of that is, and what helps."""
    if news.paused:
        return "it is paused and answers nothing; `llm-gateway companion resume` ends that"
    if not news.offers:
        return "it offers no bridge yet; `llm-gateway bridges` says which there are and what each needs"
    offers = []
    for each in news.offers:
        action = each.health.action
        helps = f"; {action.command or action.text}" if action is not None else ""
        offers.append(f"{each.bridge} ({each.health.state}{helps})")
    return f"it offers {', '.join(offers)}"
