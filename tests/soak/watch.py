"""A look at the gateway every few seconds, as its owner has it: its process, and its pages."""

import asyncio
import time
from pathlib import Path

from gateway_process import TOKEN
from rawhttp import request
from soak.connections import Connections
from soak.figures import Sample

__all__ = ["Watch", "sample"]

_PAGES = ("/api/dashboard/health", "/api/dashboard/requests?limit=50", "/metrics", "/api/dashboard/limits")


class Watch:
    """Look at a process and its port each `every` seconds, until cancelled."""

    def __init__(self, pid: int, port: int, every: float) -> None:
        self._pid = pid
        self._port = port
        self._every = every
        self.samples: list[Sample] = []
        self.refused: list[str] = []
        """Pages that were not answered with 200."""

    async def look(self) -> None:
        """Look again and again."""
        connections = Connections(self._port)
        began = time.monotonic()
        try:
            while True:
                self.samples.append(sample(self._pid, time.monotonic() - began))
                for page in _PAGES:
                    exchange = await connections.exchange(request("GET", page, key=TOKEN))
                    if (exchange.status, exchange.ended) != (200, "whole"):
                        self.refused.append(f"{page}: {exchange.status} {exchange.ended}")
                await asyncio.sleep(self._every)
        finally:
            connections.close()


def sample(pid: int, at: float) -> Sample:
    """Return how a process stands now."""
    process = Path(f"/proc/{pid}")
    # Counted page by page; what `statm` says is behind by up to some hundred pages a thread.
    rollup = (process / "smaps_rollup").read_text()
    resident = int(rollup.partition("\nRss:")[2].split()[0]) * 1024
    descriptors = sum(1 for _ in (process / "fd").iterdir())
    threads = sum(1 for _ in (process / "task").iterdir())
    return Sample(at, resident, descriptors, threads)
