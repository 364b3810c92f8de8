"""The page for who is not signed in: how to, and where a one-time link is used up, by its script.

A link's secret never comes here with the address. Who is signed in already goes on to where they wanted; a
browser that came from another site's page shows its cookie only when the script asks again.
"""

import msgspec

from llm_gateway.dashboard.navigation import Place
from llm_gateway.http.exchange import Exchange
from llm_gateway.server.access import SIGN_IN, local_path
from llm_gateway.server.pages.page import HTML, Frame, wants_html
from llm_gateway.server.query import query_values
from llm_gateway.server.routes import Route
from llm_gateway.server.sign_in import SignIn

__all__ = ["SignInPage", "SignInView"]

_PLACE = Place(SIGN_IN, "sign-in", "Sign in", "")
_JSON = b"content-type: application/json\r\ncache-control: no-store\r\nvary: accept\r\n"
_COMMAND = "llm-gateway open"
_PROBLEMS = {
    "denied": "The provider let nobody in. Try again, or ask who runs it.",
    "expired": "That took longer than ten minutes, or began in another browser. Try again.",
    "failed": "What the provider said could not be believed. The gateway's log says why.",
    "not-allowed": "The provider knows you, and you are not among those who are let in here: who runs "
    "this gateway adds you to dashboard.oidc.allowed.",
    "unreachable": "The provider does not answer as it has to. The gateway's log says why.",
}


class SignInView(msgspec.Struct, frozen=True):
    """The ways to sign in: the command, the dashboard's token where there is one, a provider of logins.

    `next` is where to go on; `problem` says why the last try at the provider came to nothing.
    """

    signed_in: bool
    next: str
    command: str
    token: bool
    issuer: str
    problem: str


class SignInPage:
    """Show the page."""

    def __init__(self, sign_in: SignIn, frame: Frame) -> None:
        self._sign_in = sign_in
        self._frame = frame

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        summary = "How to sign in to the dashboard, and whether the browser that asks is"
        return (Route("GET", SIGN_IN, self.answer, summary, "open", arrival=True),)

    async def answer(self, exchange: Exchange, _: str) -> None:
        """Answer with the page, or send on who is signed in."""
        query = query_values(exchange.target)
        view = SignInView(
            signed_in=self._sign_in.sessions.of(exchange.headers) is not None,
            next=local_path(query.get("next", "/")),
            command=_COMMAND,
            token=self._sign_in.access.has_token,
            issuer=self._sign_in.issuer,
            problem=_PROBLEMS.get(query.get("problem", ""), ""),
        )
        if not wants_html(exchange):
            exchange.respond(200, _JSON, msgspec.json.encode(view))
        elif view.signed_in:
            exchange.respond(303, b"location: %b\r\ncache-control: no-store\r\n" % view.next.encode(), b"")
        else:
            await self._frame.ready("sign-in")
            exchange.respond(200, HTML, self._frame.plain("sign-in", _PLACE, {"view": view}))
