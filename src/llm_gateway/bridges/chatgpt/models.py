"""The models of a plan, and what asking for them says of it: the one thing that can be asked without a token.

developers.openai.com, siwc/token-sharing-open-source/models-and-inference: the list is the account's own;
those with the visibility `list` are to be shown, and `slug` is to be sent.
"""

import asyncio

import msgspec

from llm_gateway.bridges.asking import Asking
from llm_gateway.bridges.chatgpt.refusals import api_refused
from llm_gateway.bridges.chatgpt.session import Session
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.health import BridgeModel
from llm_gateway.clock import Clock
from llm_gateway.tasks import Tasks
from llm_gateway.wire.ready import ready

__all__ = ["Offer"]

_HOLDS = 600.0
_HOLDS_FAULT = 20.0


@ready
class _Model(msgspec.Struct, frozen=True):
    slug: str
    display_name: str = ""
    visibility: str = ""
    context_window: int | None = None


@ready
class _List(msgspec.Struct, frozen=True):
    models: list[_Model]


class Offer:
    """What a plan offers, looked up again when that is due, once for all who ask."""

    def __init__(self, api: Asking, session: Session, clock: Clock, tasks: Tasks) -> None:
        self._api = api
        self._session = session
        self._clock = clock
        self._tasks = tasks
        self._until = 0.0
        self._looking: asyncio.Task[None] | None = None
        self.models: tuple[BridgeModel, ...] = ()
        """What it offered when it was looked up last."""
        self.fault: BridgeFault | None = None
        """Why that did not work the last time."""

    async def look(self) -> None:
        """Look it up if that is due. Whoever waits may leave; it goes on."""
        if self._looking is None or self._looking.done():
            if self._clock.monotonic() < self._until:
                return
            self._looking = self._tasks.start("listing the models of the ChatGPT plan", self._list())
        await asyncio.shield(self._looking)

    def forget(self) -> None:
        """Forget all of it: somebody else may be signed in."""
        self._until, self.models, self.fault = 0.0, (), None

    async def _list(self) -> None:
        try:
            self.models, self.fault = await self._listed(), None
            self._until = self._clock.monotonic() + _HOLDS
        except BridgeFault as fault:
            self.fault = fault
            self._until = self._clock.monotonic() + _HOLDS_FAULT

    async def _listed(self) -> tuple[BridgeModel, ...]:
        tokens = await self._session.tokens()
        reply = await self._api.get("models", tokens.access)
        if reply.status == 401:
            tokens = await self._session.tokens(tokens.access)
            reply = await self._api.get("models", tokens.access)
        if reply.status != 200:
            raise api_refused(reply, self._clock.now_us() / 1_000_000)
        try:
            told = msgspec.json.decode(reply.body, type=_List).models
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise BridgeFault(
                "bridge_failed",
                "OpenAI lists its models in a form that is not known here; is there an update?",
            ) from None
        return tuple(
            BridgeModel(model.slug, model.display_name or model.slug, max(model.context_window or 0, 0))
            for model in told
            if model.visibility == "list" and model.slug
        )
