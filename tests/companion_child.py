"""One side of a companion's link as a process of its own: `companion URL TOKEN FOLDER` or `gateway HOME`.

For tests only. A companion's bridge says `hi`, or a long answer piece by piece for the model `long`. A
gateway says on stdout where it listens and a token to join with; at the same home it has the same port again.
"""

import asyncio
import sys
from pathlib import Path

from bridge_stage import HELLO, FakeBridge
from companion_place import Desk, place_at
from llm_gateway.bridges.contract import Ask, Turn
from llm_gateway.canonical.events import Finished, TextDelta
from llm_gateway.companion.caps import Caps

__all__ = ["LongBridge"]


class LongBridge(FakeBridge):
    """A bridge that says a hundred pieces, one every twentieth of a second, to the model `long`."""

    async def turn(self, ask: Ask) -> Turn:
        if ask.model != "long":
            for said in HELLO:
                yield said
            return
        for number in range(100):
            yield TextDelta(f"{number} ")
            await asyncio.sleep(0.05)
        yield Finished("stop")


async def _companion(url: str, token: str, folder: str) -> None:
    async with place_at(Path(folder) / "unused") as place:
        caps = Caps(per_minute=100_000, per_day=100_000)
        desk = Desk(place, Path(folder), {"claude": LongBridge()}, caps)
        desk.start(token, url)
        assert desk.task is not None
        await desk.task
        _say(desk.progress[-1].kind)


async def _gateway(home: str) -> None:
    port = Path(home) / "port"
    async with place_at(Path(home), int(port.read_text()) if port.exists() else 0) as place:
        port.write_text(str(place.port))
        known = place.registry.known.companions
        token = "-" if known else (await place.registry.invite("mac")).token.reveal()
        _say(f"{place.url} {token}")
        await asyncio.Event().wait()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    role, *arguments = sys.argv[1:]
    asyncio.run(_companion(*arguments) if role == "companion" else _gateway(*arguments))
