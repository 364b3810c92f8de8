"""How long a page takes: on the server, until it is ready, and how much of it goes over the wire."""

import statistics
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from dashboard_e2e.sites import TURNS, Made
from dashboard_e2e.stage import Looker
from llm_gateway.dashboard.navigation import PLACES

pytestmark = pytest.mark.browsers

_TRIES = 40
_SERVER_MS = 50.0 if TURNS >= 1_000_000 else 100.0  # in every run others are at work beside it
_READY_MS = 1000.0
_TRANSFER = 250_000


def server_ms(looker: Looker, path: str) -> float:
    """Return what the gateway says that a page took it."""
    reply = looker.context.request.get(looker.site.url + path, headers={"accept": "text/html"})
    assert reply.status == 200, reply.text()
    return float(reply.headers["server-timing"].partition("dur=")[2])


def test_every_page_is_quick_and_small(made: Made, browser: Browser, report: Callable[[str], None]) -> None:
    looker = made.site("large").look(browser)
    lines, slow = [f"pages on {TURNS:,} turns: server p50 and p95, ready, transferred uncached"], []
    for place in PLACES:
        server_ms(looker, place.path)
        took = sorted(server_ms(looker, place.path) for _ in range(_TRIES))
        p95 = took[int(_TRIES * 0.95) - 1]
        ready, size = _fresh(made, browser, place.path)
        lines.append(
            f"  {place.path:16} {statistics.median(took):6.1f} {p95:6.1f} ms {ready:6.0f} ms {size:8,} B"
        )
        if p95 > _SERVER_MS or ready > _READY_MS or size > _TRANSFER:
            slow.append(lines[-1])
    looker.close()
    report("\n".join(lines))
    assert not slow, slow


def _fresh(made: Made, browser: Browser, path: str) -> tuple[float, int]:
    """Return how long a page takes a browser that has seen nothing yet, the best of three; and its size."""
    times, sizes = [], []
    for _ in range(3):
        looker = made.site("large").look(browser)
        session = looker.context.new_cdp_session(looker.page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        looker.transferred = 0
        looker.open(path)
        times.append(float(looker.page.evaluate("performance.now()")))
        sizes.append(looker.transferred)
        looker.close()
    return min(times), max(sizes)
