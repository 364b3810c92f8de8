"""What is found wrong beside a gateway that runs: every check of the doctor, looked at once for all who ask.

It takes a moment: files are read, and providers that were not asked lately are asked. Whoever cannot wait
gets what was found the last time, and the look goes on.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.config import Loaded
from llm_gateway.errors import GatewayError
from llm_gateway.server.checks import Finding, home_checks
from llm_gateway.server.dashboard_api import DashboardApi
from llm_gateway.server.running_checks import client_findings, health_findings, provider_findings
from llm_gateway.server.views import iso
from llm_gateway.tasks import Tasks

__all__ = ["Diagnosed", "Diagnosis"]

_LOOK_AT_IT = "look at what is said of the ledger"


class Diagnosed(msgspec.Struct, frozen=True):
    """What was found at a time."""

    at: str
    checks: list[Finding]

    def count(self, severity: str) -> int:
        """Return how many findings are of a severity."""
        return sum(each.severity == severity for each in self.checks)


class Diagnosis:
    """The doctor of a gateway that runs. `configured` is the configuration now, `url` its address here."""

    def __init__(
        self,
        dashboard: DashboardApi,
        configured: Callable[[], tuple[Loaded, Mapping[str, str]]],
        url: Callable[[], str],
        clock: Clock,
        tasks: Tasks,
    ) -> None:
        self._dashboard = dashboard
        self._configured = configured
        self._url = url
        self._clock = clock
        self._tasks = tasks
        self._found: Diagnosed | None = None
        self._looked = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def look(self, older_than: float = 30.0, patience: float | None = None) -> Diagnosed | None:
        """Return what was found, having looked again where that is older than so many seconds.

        With `patience` it is waited no longer than that, and None says that nothing was found yet.
        """
        if self._found is None or self._clock.monotonic() - self._looked >= older_than:
            if self._looking is None or self._looking.done():
                self._looking = self._tasks.start("look for what is wrong", self._look())
            await asyncio.wait({self._looking}, timeout=patience)
        return self._found

    async def _look(self) -> None:
        loaded = self._configured()[0]
        found = await asyncio.to_thread(lambda: list(home_checks(loaded)))
        found += health_findings(self._url(), self._dashboard.health_view())
        found += await self._clients()
        found += await self._providers()
        self._found = Diagnosed(iso(self._clock.now_us()), found)
        self._looked = self._clock.monotonic()

    async def _clients(self) -> Iterable[Finding]:
        try:
            return client_findings((await self._dashboard.clients_view()).clients)
        except GatewayError as error:  # what is known of them is in the database, too
            return [Finding("clients", "error", error.message, _LOOK_AT_IT)]

    async def _providers(self) -> Iterable[Finding]:
        try:
            return provider_findings((await self._dashboard.providers_view()).providers)
        except GatewayError as error:
            return [Finding("providers", "error", error.message, _LOOK_AT_IT)]
