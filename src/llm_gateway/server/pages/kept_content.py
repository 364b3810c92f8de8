"""What was said in one request, where its key keeps content: shown, deleted, asked again; each on record.

There are answers of the dialect `responses` alone, with the conversation that led to them. Nothing is shown
before somebody asks for it, and the line in the audit log is written first.
"""

import shlex
from collections.abc import Callable, Iterable

import msgspec

from llm_gateway.content.content import Content
from llm_gateway.dashboard.curl import curl
from llm_gateway.errors import NotFound
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger.keys import KeyRow
from llm_gateway.ledger.queries import turn
from llm_gateway.ledger.records import Turn
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.pipeline.key_admin import KeyAdmin
from llm_gateway.server.kept_responses import KIND, KeptResponse, read_kept
from llm_gateway.server.pages.answering import Answered, Sent, answer
from llm_gateway.server.pages.page import Asked, Page
from llm_gateway.wire.ready import ready

__all__ = ["ContentState", "KeptContent", "SaidView", "ShownView", "named_command"]

_DIALECT = _OPERATION = "responses"
_DAYS = 30
_LONGEST = 20_000


class ContentState(msgspec.Struct, frozen=True):
    """Whether what was said is kept, or why not; `command` switches it on for what comes."""

    kept: bool
    why: str
    command: str = ""


class SaidView(msgspec.Struct, frozen=True):
    """One thing that was said. `text` is JSON where it is no text; `cut` characters of it are left out."""

    who: str
    text: str
    cut: int = 0


class ShownView(msgspec.Struct, frozen=True):
    """What was said: what led to the answer, and the answer. `curl` asks it again."""

    id: str
    input: list[SaidView]
    output: list[SaidView]
    curl: str


class _Shown(msgspec.Struct, frozen=True):
    shown: ShownView


class _Erased(msgspec.Struct, frozen=True):
    erased: bool


@ready
class _Replay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: str


class _Replayed(msgspec.Struct, frozen=True):
    model: str
    replayed: Answered


class KeptContent:
    """Answer for what is kept of one request; `actor` says who asks, for the audit log."""

    def __init__(
        self, gateway: Gateway, keys: KeyAdmin, content: Content, actor: Callable[[Exchange], str]
    ) -> None:
        self._gateway = gateway
        self._actor = actor
        self._keys = keys
        self._content = content

    def pages(self) -> tuple[Page, ...]:
        """Return what can be done: nothing of it is a page by itself.

        It is for persons and the owner: the dashboard's token is handed to programs, such as those that read
        metrics, and what was said is not theirs.
        """
        path, replays = "/request-content/{}", "/request-replays/{}"
        show, erase = "Show what was said in a request", "Delete what is kept of a request"
        again = "Ask a request again of a model"
        return (
            Page(path, "request", self.show, show, "POST", "content", "session"),
            Page(path, "request", self.erase, erase, "DELETE", access="session"),
            Page(replays, "request", self.replay, again, "POST", "replayed", "session"),
        )

    async def state(self, found: Turn, key: KeyRow | None) -> ContentState:
        """Return whether what was said is kept. To find out shows nobody anything, and is not on record."""
        if key is None:
            return ContentState(
                kept=False,
                why="it was not sent with a key of its own, and only keys keep what is said",
                command=f"llm-gateway keys create NAME --keep-content {_DAYS}",
            )
        end = found.settlement
        said = end is not None and found.intent.dialect == _DIALECT and bool(end.response_id)
        if said and end is not None and await self._fetch(key, end.response_id) is not None:
            return ContentState(kept=True, why="")
        if not key.keep_content_days:
            return ContentState(
                kept=False,
                why="nothing that is said with this key is kept; from then on it is with",
                command=named_command("llm-gateway keys keep", key.name, f" {_DAYS}"),
            )
        if found.intent.dialect != _DIALECT:
            return ContentState(kept=False, why="of this key only answers to /v1/responses are kept")
        return ContentState(kept=False, why="it never was, was deleted, or its time is over")

    async def show(self, asked: Asked) -> _Shown:
        """Return what was said."""
        found, key = await self._found(asked.rest)
        kept = await self._kept(found, key)
        await self._record(asked, "content.read", found.intent.id, key=key.id)
        begun, said = found.intent, msgspec.json.decode(kept.input)
        again = curl(
            begun.dialect, begun.operation, begun.model_asked, stream=begun.stream, fields={"input": said}
        )
        return _Shown(ShownView(begun.id, _said(said), _said(_outputs(kept)), again))

    async def erase(self, asked: Asked) -> _Erased:
        """Delete what is kept of one request."""
        found, key = await self._found(asked.rest)
        await self._record(asked, "content.delete", found.intent.id, key=key.id)
        erased = await self._content.delete(key.kept_under, KIND, _response_id(found))
        return _Erased(erased)

    async def replay(self, asked: Asked) -> _Replayed:
        """Ask a model the same again, as a request of its own that is in no saving."""
        wanted = await asked.told(_Replay)
        found, key = await self._found(asked.rest)
        kept = await self._kept(found, key)
        await self._record(asked, "request.replay", found.intent.id, key=key.id, model=wanted.model)
        body = {"model": wanted.model, "input": msgspec.Raw(kept.input), "stream": True, "store": False}
        sent = Sent(msgspec.json.encode(body), _DIALECT, _OPERATION, label="replay")
        return _Replayed(wanted.model, await answer(self._gateway, sent))

    async def _record(self, asked: Asked, action: str, target: str, **detail: str) -> None:
        await self._keys.acting(self._actor(asked.exchange)).record(action, target, **detail)

    async def _found(self, turn_id: str) -> tuple[Turn, KeyRow]:
        found = await self._gateway.ledger.read(turn, turn_id)
        rows = await self._keys.listed()
        key = next((row for row in rows if found is not None and row.id == found.intent.key_id), None)
        if found is None or key is None:
            raise NotFound(f"nothing is kept of a request {turn_id[:40]!r}")
        return found, key

    async def _kept(self, found: Turn, key: KeyRow) -> KeptResponse:
        kept = await self._fetch(key, _response_id(found))
        if kept is None:
            raise NotFound("what was said in this request is not kept: it never was, or its time is over")
        return kept

    async def _fetch(self, key: KeyRow, response_id: str) -> KeptResponse | None:
        payload = await self._content.fetch(key.kept_under, KIND, response_id)
        return None if payload is None else read_kept(payload)


def named_command(before: str, name: str, after: str = "") -> str:
    """Return a command with a key's name in it, which a shell takes for one word whatever it is."""
    return f"{before} {shlex.quote(name)}{after}"


def _response_id(found: Turn) -> str:
    end = found.settlement
    if end is None or found.intent.dialect != _DIALECT or not end.response_id:
        raise NotFound("of a request only an answer to /v1/responses can be kept")
    return end.response_id


def _outputs(kept: KeptResponse) -> list[object]:
    return [msgspec.json.decode(item) for item in kept.output()]


def _said(items: object) -> list[SaidView]:
    return [_one(item) for item in items] if isinstance(items, list) else []


def _one(item: object) -> SaidView:
    """Return an item as something that was said: a message as its text, anything else as its JSON."""
    if not isinstance(item, dict):
        return _cut("", _json(item))
    kind, role = str(item.get("type", "message")), str(item.get("role", ""))
    content = item.get("content")
    if kind == "message" and isinstance(content, str):
        return _cut(role, content)
    if kind == "message" and isinstance(content, list):
        return _cut(role or "assistant", "\n".join(_texts(content)))
    return _cut(kind, _json(item))


def _texts(parts: Iterable[object]) -> Iterable[str]:
    for part in parts:
        text = part.get("text") if isinstance(part, dict) else None
        yield text if isinstance(text, str) else _json(part)


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _cut(who: str, text: str) -> SaidView:
    return SaidView(who[:40], text[:_LONGEST], max(0, len(text) - _LONGEST))
