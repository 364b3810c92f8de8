"""The files of the pages, for everybody: they say nothing of this gateway."""

from llm_gateway.dashboard.static_files import static_file
from llm_gateway.errors import NotFound
from llm_gateway.http.exchange import Exchange
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route
from llm_gateway.wire.headers import get

__all__ = ["file_routes"]


def file_routes() -> tuple[Route, ...]:
    """Return the route of all files."""
    return (Route("GET", "/static/{}", _answer, "Styles and scripts of the dashboard's pages", "open"),)


async def _answer(exchange: Exchange, name: str) -> None:
    found = static_file(name)
    if found is None:
        raise NotFound(f"the dashboard has no file {name[:60]!r}")
    tag = f'"{found.tag}"'.encode()
    lasting = query_values(exchange.target).get("v") == found.tag
    fields = b"content-type: %b\r\netag: %b\r\ncache-control: %b\r\nx-content-type-options: nosniff\r\n" % (
        found.kind,
        tag,
        b"public, max-age=31536000, immutable" if lasting else b"no-cache",
    )
    if get(exchange.headers, b"if-none-match") == tag:
        exchange.respond(304, fields, b"")
    else:
        exchange.respond(200, fields, found.data)
