"""What this process holds of the machine's memory: what the collector looks at, and what is given back."""

import asyncio
import ctypes
import gc
import sys

__all__ = ["give_back", "keep_small", "spare_the_collector"]

_EVERY_S = 60.0


def spare_the_collector() -> None:
    """Keep what the start made out of every collection, and collect more rarely.

    A request makes hundreds of short-lived objects and no cycles: at the default threshold the collector
    would look for some with nearly every request.
    """
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def give_back() -> bool:
    """Give pages that are free back to the system, and say whether there were any.

    glibc returns on its own only what lies at the very end of its heap: after a burst one small object there
    keeps everything below it resident (malloc_trim(3)). Other C libraries have no such call: there nothing
    happens.
    """
    if sys.platform != "linux":
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and trim(0) == 1


async def keep_small(every: float = _EVERY_S) -> None:
    """Give free memory back every so many seconds, without end. It takes less than a millisecond."""
    while True:
        await asyncio.sleep(every)
        give_back()
