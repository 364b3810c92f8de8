"""Every page of the dashboard, and the routes of all of them."""

from collections.abc import Callable

from llm_gateway.http.exchange import Exchange
from llm_gateway.server.pages.bridges import BridgesPage
from llm_gateway.server.pages.clients import Clients
from llm_gateway.server.pages.files import file_routes
from llm_gateway.server.pages.limits import Limits
from llm_gateway.server.pages.live import Live
from llm_gateway.server.pages.overview import Overview
from llm_gateway.server.pages.page import Frame, Page
from llm_gateway.server.pages.playground import Playground
from llm_gateway.server.pages.request import RequestPage
from llm_gateway.server.pages.requests import Requests
from llm_gateway.server.pages.routing import Routing
from llm_gateway.server.pages.settings import Settings
from llm_gateway.server.pages.sign_in import SignInPage
from llm_gateway.server.pages.subscriptions import Subscriptions
from llm_gateway.server.pages.usage import Usage
from llm_gateway.server.parts import Apis, Parts
from llm_gateway.server.routes import Route

__all__ = ["page_routes"]


def page_routes(
    parts: Parts, apis: Apis, frame: Frame, stays: Callable[[Exchange], bool]
) -> tuple[Route, ...]:
    """Return the routes. `stays` says whether whoever looks at something that goes on may still look."""
    settings = Settings(parts, apis)
    playground = Playground(parts.gateway, parts.fleet, apis.shelf)
    shown = (apis.bridges, apis.companions, parts.gateway, parts.configured, parts.url)
    bridges = BridgesPage(*shown, parts.sign_in.sessions.of)
    pages: tuple[Page, ...] = (
        *Overview(parts, apis).pages(),
        *Usage(parts.gateway, apis.subscriptions).pages(),
        *Subscriptions(apis.subscriptions, parts.gateway.clock).pages(),
        *Clients(parts, apis).pages(),
        *bridges.pages(),
        *Limits(parts.gateway, apis.keys, parts.configured, parts.sign_in.sessions.of).pages(),
        *settings.pages(),
        *playground.pages(),
        *Routing(parts.gateway, parts.fleet, apis.explaining).pages(),
        *Requests(parts.gateway).pages(),
        *RequestPage(parts.gateway, parts.keys, parts.content, apis.shelf, parts.sign_in).pages(),
    )
    return (
        *(frame.route(page) for page in pages),
        *Live(parts.gateway.ledger, frame, stays, parts.ending).routes(),
        *SignInPage(parts.sign_in, frame).routes(),
        *settings.routes(),
        *playground.routes(),
        *file_routes(),
    )
