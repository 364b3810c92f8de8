"""What whoever runs the gateway asks for: is it alive, is it ready, its numbers, its description."""

from collections.abc import Callable

from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.server.edge import respond_json
from llm_gateway.server.routes import Route
from llm_gateway.telemetry.metrics import Metrics
from llm_gateway.wire.headers import get

__all__ = ["Operations"]

_PROMETHEUS = b"content-type: text/plain; version=0.0.4; charset=utf-8\r\n"
# OpenMetrics 1.0, "Content type".
_OPENMETRICS = b"content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"


class Operations:
    """Answer operators and their tools. `/livez` and `/readyz` say nothing but their state."""

    def __init__(self, ledger: Ledger, metrics: Metrics, describe: Callable[[], bytes]) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self._describe = describe

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            Route("GET", "/livez", self.live, "Whether the process answers", "open"),
            Route("GET", "/readyz", self.ready, "Whether requests are taken", "open"),
            Route("GET", "/metrics", self.metrics, "Counters, for Prometheus or as OpenMetrics", "dashboard"),
            Route("GET", "/openapi.json", self.openapi, "This description", "dashboard"),
        )

    async def live(self, exchange: Exchange, _: str) -> None:
        """Answer that the process answers."""
        exchange.respond(200, b"content-type: text/plain\r\n", b"ok\n")

    async def ready(self, exchange: Exchange, _: str) -> None:
        """Answer whether any request is taken: what costs money is not, while nothing can be recorded."""
        if self._ledger.takes_turns:
            exchange.respond(200, b"content-type: text/plain\r\n", b"ready\n")
        else:
            exchange.respond(503, b"content-type: text/plain\r\nretry-after: 5\r\n", b"not ready\n")

    async def metrics(self, exchange: Exchange, _: str) -> None:
        """Answer with the counters: as OpenMetrics to whoever takes that, else in Prometheus's own format."""
        openmetrics = _takes_openmetrics(get(exchange.headers, b"accept") or b"")
        fields = _OPENMETRICS if openmetrics else _PROMETHEUS
        exchange.respond(200, fields, self._metrics.render(openmetrics=openmetrics))

    async def openapi(self, exchange: Exchange, _: str) -> None:
        """Answer with the description of every path."""
        respond_json(exchange, self._describe())


def _takes_openmetrics(accept: bytes) -> bool:
    """Return whether OpenMetrics is asked for, and not by a weight of 0 (RFC 9110, 12.4.2, 12.5.1)."""
    for each in accept.lower().split(b","):
        kind, *parameters = (part.strip() for part in each.split(b";"))
        if kind == b"application/openmetrics-text":
            return not any(each.startswith(b"q=0") and not each.strip(b"q=0.") for each in parameters)
    return False
