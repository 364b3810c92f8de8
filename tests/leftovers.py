"""What a piece of work leaves to the garbage collector: objects that hold each other, and all that they hold.

The collector of a busy gateway comes for old objects every few minutes only. What holds a request must not
wait for it.
"""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["leftovers"]

_OURS = ("llm_gateway", "httptools")
_FRAMES = ("frame", "traceback", "coroutine")


@contextmanager
def leftovers() -> Iterator[Counter[str]]:
    """Count what is left when the block has ended, by the names of types: ours, the parsers', and frames."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found.update(
            type(each).__name__
            for each in gc.garbage
            if type(each).__module__.startswith(_OURS) or type(each).__name__ in _FRAMES
        )
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
