"""Which handler answers a path. Paths are compared as sent: an escaped or odd spelling is another path."""

from collections.abc import Callable, Coroutine

import msgspec

from llm_gateway.errors import GatewayError, MethodNotAllowed, NotFound
from llm_gateway.http.exchange import Exchange

__all__ = ["Answering", "Route", "Routes"]

Answering = Callable[[Exchange, str], Coroutine[object, object, None]]
"""Answer an exchange; the text is what stood in the place of `{}` in the route's path."""


class Route(msgspec.Struct, frozen=True):
    """One path with one method. `path` may end in `{}`, which stands for one or more segments."""

    method: str
    path: str
    answer: Answering
    summary: str
    access: str
    """Who is let in.

    `open` anybody, `key` a gateway key, `owner` the local owner token; `dashboard` the dashboard token too,
    or a session's cookie, with the CSRF token unless it is a GET; `page` the same, and a browser that is
    not signed in is sent to sign in. `session` is what `owner` is, or a session of a person, which the
    dashboard token did not begin. An `arrival` is an open page that links on other sites may lead to.
    """
    arrival: bool = False


class Routes:
    """A table of routes, looked up by method and path."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self.all = routes
        self._exact: dict[bytes, dict[bytes, Route]] = {}
        self._below: list[tuple[bytes, dict[bytes, Route]]] = []
        for route in routes:
            path, wild, _ = route.path.partition("{}")
            known = self._exact.setdefault(path.encode(), {}) if not wild else self._prefix(path.encode())
            known[route.method.encode()] = route
        self._below.sort(key=lambda entry: -len(entry[0]))

    def find(self, method: bytes, path: bytes) -> tuple[Route, str]:
        """Return the route and what stood for `{}`; raise NotFound or MethodNotAllowed."""
        by_method = self._exact.get(path)
        rest = ""
        if by_method is None:
            by_method, rest = self._find_below(path)
        route = by_method.get(method) or (by_method.get(b"GET") if method == b"HEAD" else None)
        if route is None:
            allowed = tuple(name.decode() for name in by_method)
            allowed += ("HEAD",) if "GET" in allowed else ()
            raise MethodNotAllowed(f"{_shown(path)} answers {', '.join(allowed)} only", allowed=allowed)
        return route, rest

    def is_page(self, path: bytes) -> bool:
        """Return whether a GET of this path is for a browser to show, wherever the link to it stood."""
        by_method = self._exact.get(path)
        if by_method is None:
            by_method = next((known for prefix, known in self._below if path.startswith(prefix)), {})
        route = by_method.get(b"GET")
        return route is not None and (route.access == "page" or route.arrival)

    def _find_below(self, path: bytes) -> tuple[dict[bytes, Route], str]:
        if b"//" not in path and b"/." not in path:
            for prefix, by_method in self._below:
                if path.startswith(prefix) and len(path) > len(prefix):
                    return by_method, path[len(prefix) :].decode("ascii", "replace")
        raise self._unknown(path)

    def _prefix(self, path: bytes) -> dict[bytes, Route]:
        for known, by_method in self._below:
            if known == path:
                return by_method
        by_method = {}
        self._below.append((path, by_method))
        return by_method

    def _unknown(self, path: bytes) -> GatewayError:
        return NotFound(f"there is nothing at {_shown(path)}; GET /openapi.json lists every path")


def _shown(path: bytes) -> str:
    """Return a path as text that is safe in a message: bounded, printable."""
    return "".join(c if c.isprintable() else "?" for c in path[:200].decode("ascii", "replace"))
