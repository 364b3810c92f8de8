"""What a process holds of the machine's memory, as the system counts it."""

import asyncio
import gc
import platform
import subprocess
import sys

import pytest

from llm_gateway.telemetry.memory import give_back, keep_small, spare_the_collector

_GLIBC = platform.libc_ver()[0] == "glibc"

# Many blocks that only malloc holds (above the 512 bytes of Python's own allocator, below what is mapped
# on its own), and one small one at the end that keeps the heap from shrinking by itself.
_BURST = """
import sys
from llm_gateway.telemetry.memory import give_back

def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4

blocks = [bytes(9000) for _ in range(3000)]
last = bytes(9000)
blocks.clear()
before = resident()
gave = give_back()
print(before - resident(), gave)
"""


@pytest.mark.skipif(not _GLIBC, reason="only glibc has malloc_trim")
def test_what_a_burst_left_behind_is_given_back() -> None:
    told = subprocess.run([sys.executable, "-c", _BURST], capture_output=True, text=True, check=True).stdout
    given, gave = told.split()
    assert gave == "True"
    assert int(given) > 20_000


def test_it_is_given_back_again_and_again() -> None:
    async def scene() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(keep_small(0.001), 0.05)

    asyncio.run(scene())
    assert give_back() in (True, False)


def test_what_a_start_made_is_never_collected_again() -> None:
    before = gc.get_threshold()
    try:
        spare_the_collector()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == (10_000, 20, 50)
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
