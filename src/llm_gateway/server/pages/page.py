"""A page of the dashboard: one value, shown as HTML to a browser and as JSON to whoever asks for that.

What a page shows is made by its `make` from what is asked; where it is, what it looks like and who may see it
is said beside. A piece of a page is a page of its own with the same template, for the script that renews it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec

from llm_gateway import __version__
from llm_gateway.clock import Clock
from llm_gateway.dashboard.navigation import PLACES, Place
from llm_gateway.dashboard.rendering import Templates
from llm_gateway.errors import GatewayError, MalformedRequest
from llm_gateway.http.exchange import Exchange
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route
from llm_gateway.telemetry.giving_way import beside_the_loop
from llm_gateway.wire.headers import get

__all__ = ["HTML", "Asked", "Frame", "Page", "wants_html"]

T = TypeVar("T", bound=msgspec.Struct)

_MAX_BODY = 256 * 1024
_ALWAYS = ("base", "error")
_HEADINGS = {404: "There is no such thing", 503: "This cannot be shown now"}
# `connect-src` is what the page's script may fetch. Nothing from elsewhere, nothing inline.
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_GUARDED = (
    b"content-security-policy: %b\r\nx-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n"
    b"cross-origin-opener-policy: same-origin\r\ncross-origin-resource-policy: same-origin\r\n"
    b"cache-control: no-store\r\nvary: accept, hx-request\r\n" % _POLICY
)
HTML = b"content-type: text/html; charset=utf-8\r\n" + _GUARDED
"""The header of every page."""
_JSON = b"content-type: application/json\r\n" + _GUARDED


class Asked:
    """What is asked of a page. `rest` is what stood for `{}` in its path; `csrf` is "" without a session."""

    def __init__(self, exchange: Exchange, rest: str, csrf: str) -> None:
        self.exchange = exchange
        self.rest = rest
        self.csrf = csrf
        self.query: Mapping[str, str] = query_values(exchange.target)

    async def told(self, kind: type[T]) -> T:
        """Return what the body says; MalformedRequest where it is not of this kind."""
        try:
            return msgspec.json.decode(await self.exchange.body(_MAX_BODY), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MalformedRequest(f"the body is not what this path takes: {error}") from None


class Page(msgspec.Struct, frozen=True):
    """A page. `name` is its template's; with `part` only that block of it is what a browser gets.

    `make` makes the value, which is a struct; whatever it raises is shown on a page like all others.
    """

    path: str
    name: str
    make: Callable[[Asked], Awaitable[msgspec.Struct]]
    summary: str
    method: str = "GET"
    part: str = ""
    access: str = "page"


class Frame:
    """What all pages stand in. `csrf_of` returns the token of who looks; `standing` how the gateway is."""

    def __init__(self, clock: Clock, csrf_of: Callable[[Exchange], str], standing: Callable[[], str]) -> None:
        self._clock = clock
        self._csrf_of = csrf_of
        self._standing = standing
        self.templates = Templates()

    def route(self, page: Page) -> Route:
        """Return the route of a page."""

        async def answer(exchange: Exchange, rest: str) -> None:
            await self.answer(exchange, rest, page)

        access = "dashboard" if page.method != "GET" and page.access == "page" else page.access
        return Route(page.method, page.path, answer, page.summary, access)

    async def answer(self, exchange: Exchange, rest: str, page: Page) -> None:
        """Answer with a page. To a browser an error is a page; to a script it is as everywhere."""
        began = self._clock.monotonic()
        asked = Asked(exchange, rest, self._csrf_of(exchange))
        if not wants_html(exchange):
            view = await page.make(asked)
            exchange.respond(200, _JSON + self._timing(began), msgspec.json.encode(view))
            return
        await self.ready(page.name)
        fragment = get(exchange.headers, b"hx-request") is not None or page.method != "GET"
        try:
            view = await page.make(asked)
        except GatewayError as error:
            if fragment:
                raise
            told = {"heading": _HEADINGS.get(error.status, "This cannot be shown"), "message": error.message}
            body = self.templates.page("error", self._values(page, asked) | told)
            exchange.respond(error.status, HTML + self._timing(began), body)
            return
        values = self._values(page, asked) | {"view": view}
        part = page.part or (asked.query.get("part", "") if fragment else "")
        try:
            body = await beside_the_loop(self._rendered, page.name, part, values)
        except KeyError:
            if not part:
                raise
            raise MalformedRequest(f"this page has no part {part[:40]!r}", param="part") from None
        exchange.respond(200, HTML + self._timing(began), body)

    async def ready(self, name: str) -> None:
        """Have a template read that was not used yet: in a thread, as requests do not wait for it."""
        for each in (name, *_ALWAYS):
            if not self.templates.has(each):
                await beside_the_loop(self.templates.load, each)

    def plain(self, name: str, place: Place, values: Mapping[str, object]) -> bytes:
        """Return a page for somebody who is not signed in."""
        return self.templates.page(name, self._around(place, "", signed_in=False) | dict(values))

    def part(self, name: str, part: str, values: Mapping[str, object]) -> bytes:
        """Return a piece of a page that is sent by itself, such as a row."""
        return self.templates.part(name, part, self._around(_place(name), "", signed_in=True) | dict(values))

    def _rendered(self, name: str, part: str, values: Mapping[str, object]) -> bytes:
        return self.templates.part(name, part, values) if part else self.templates.page(name, values)

    def _values(self, page: Page, asked: Asked) -> dict[str, object]:
        around = self._around(_place(page.name), asked.csrf, signed_in=True)
        return around | {"query": asked.query, "rest": asked.rest}

    def _around(self, place: Place, csrf: str, *, signed_in: bool) -> dict[str, object]:
        standing = {"status": self._standing(), "version": __version__}
        return {
            "place": place,
            "places": PLACES,
            "csrf": csrf,
            "signed_in": signed_in,
            "standing": standing,
            "query": {},
            "rest": "",
        }

    def _timing(self, began: float) -> bytes:
        return b"server-timing: page;dur=%.1f\r\n" % ((self._clock.monotonic() - began) * 1000)


def wants_html(exchange: Exchange) -> bool:
    """Return whether whoever asks is a browser that shows pages: it says so; a program does not."""
    accept = get(exchange.headers, b"accept") or b""
    return b"text/html" in accept.lower() or get(exchange.headers, b"hx-request") is not None


def _place(name: str) -> Place:
    for place in PLACES:
        if place.name == name or name.startswith(place.name.rstrip("s")):
            return place
    return Place("", name, name.capitalize(), "")
