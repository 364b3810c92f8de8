"""The first page: whether all is captured, what needs somebody, what it cost, what it saved."""

import msgspec

from llm_gateway.ledger import queries
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.server.pages.page import Asked, Page
from llm_gateway.server.views import RequestView, request_view

__all__ = ["Overview", "OverviewView"]

_LATEST = 10


class OverviewView(msgspec.Struct, frozen=True):
    """What the first page shows."""

    requests: list[RequestView]


class Overview:
    """Make the first page."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def pages(self) -> tuple[Page, ...]:
        """Return the page."""
        return (Page("/", "overview", self.make, "Overview: what is captured, what it cost, what it saved"),)

    async def make(self, asked: Asked) -> OverviewView:
        """Return what the page shows."""
        found = await self._gateway.ledger.read(queries.page, queries.Filter(), before="", limit=_LATEST)
        return OverviewView([request_view(turn) for turn in found])
