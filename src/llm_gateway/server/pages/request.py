"""One request: when what of it happened, what it used, what it cost and why, what was lost, whose it was.

Headers are not on record, and what was said is only where its key keeps it (`kept_content.py`).
"""

from collections.abc import Sequence

import msgspec

from llm_gateway.content.content import Content
from llm_gateway.dashboard.curl import curl
from llm_gateway.errors import NotFound
from llm_gateway.ledger.arithmetic import turn_and_cards
from llm_gateway.ledger.keys import KeyRow
from llm_gateway.ledger.records import Turn
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.pipeline.key_admin import KeyAdmin
from llm_gateway.server.access import is_person
from llm_gateway.server.pages.error_words import ErrorWords, error_words
from llm_gateway.server.pages.kept_content import ContentState, KeptContent
from llm_gateway.server.pages.page import Asked, Page
from llm_gateway.server.pages.waterfall import Bar, waterfall
from llm_gateway.server.shelf import Shelf
from llm_gateway.server.sign_in import SignIn
from llm_gateway.server.views import RequestDetail, request_detail

__all__ = ["KeyOf", "RequestPage", "RequestView", "TokensView"]

_MOST_MODELS = 200


class KeyOf(msgspec.Struct, frozen=True):
    """The key that a request came with; its name alone where there is no row of it."""

    id: str
    name: str
    hint: str = ""
    person: str = ""
    keeps_days: int = 0


class TokensView(msgspec.Struct, frozen=True):
    """Tokens with and without compression; `sent` is what the provider got, as `counted` tells of them."""

    sent: int
    removed: int
    without: int
    uncached: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    counted: str


class RequestView(msgspec.Struct, frozen=True):
    """All of one request. `curl` sends one like it, "" where it is not one question to a model.

    `models` are those that can be asked the same again, where what was said is kept; `may_open` says whether
    who looks may see what was said.
    """

    detail: RequestDetail
    tokens: TokensView | None
    key: KeyOf
    error: ErrorWords | None
    bars: list[Bar]
    curl: str
    content: ContentState
    models: list[str]
    may_open: bool = False


class RequestPage:
    """Make the page."""

    def __init__(
        self, gateway: Gateway, keys: KeyAdmin, content: Content, shelf: Shelf, sign_in: SignIn
    ) -> None:
        self._gateway = gateway
        self._keys = keys
        self._shelf = shelf
        self._session_of = sign_in.sessions.of
        self._kept = KeptContent(gateway, keys, content, sign_in.person)

    def pages(self) -> tuple[Page, ...]:
        """Return the page, and what can be done with what is kept."""
        return (Page("/requests/{}", "request", self.make, "One request, all of it"), *self._kept.pages())

    async def make(self, asked: Asked) -> RequestView:
        """Return what the page shows."""
        found, cards = await self._gateway.ledger.read(turn_and_cards, asked.rest)
        if found is None:
            raise NotFound(f"there is no request {asked.rest[:40]!r} in the ledger")
        detail = request_detail(found, cards)
        row = _row(await self._keys.listed(), found)
        content = await self._kept.state(found, row)
        request = detail.request
        return RequestView(
            detail=detail,
            tokens=_tokens(found),
            key=_key(found, row),
            error=error_words(request.error, request.status),
            bars=waterfall(request, detail.attempts),
            curl=curl(request.dialect, request.operation, request.model_asked, stream=request.stream),
            content=content,
            models=self._models() if content.kept else [],
            may_open=is_person(self._session_of(asked.exchange.headers)),
        )

    def _models(self) -> list[str]:
        return [each.name for each in self._shelf.listed()][:_MOST_MODELS]


def _row(rows: Sequence[KeyRow], found: Turn) -> KeyRow | None:
    return next((row for row in rows if row.id == found.intent.key_id), None)


def _key(found: Turn, row: KeyRow | None) -> KeyOf:
    if row is None:
        return KeyOf(found.intent.key_id, found.intent.key_id)
    return KeyOf(row.id, row.name, row.hint, row.person, row.keep_content_days)


def _tokens(found: Turn) -> TokensView | None:
    end = found.settlement
    if end is None or end.usage is None:
        return None
    usage, taken = end.usage, end.removed
    removed = taken.uncached + taken.cache_read + taken.cache_write if taken is not None else 0
    return TokensView(
        sent=usage.input,
        removed=removed,
        without=usage.input + removed,
        uncached=usage.uncached,
        cache_read=usage.cache_read,
        cache_write=usage.cache_write,
        output=usage.output,
        reasoning=usage.reasoning,
        counted=end.counted,
    )
