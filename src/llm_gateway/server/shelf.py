"""What can be asked for now: every alias and every model that a provider is known to serve.

Known means: from the last time it was asked. Whoever wants the list waits a moment for providers that have
not been asked for a while, and no longer: a slow one is listed the next time. Not the form of the list.
"""

import asyncio
import copy
from collections import Counter
from collections.abc import Iterator

from llm_gateway.clock import Clock
from llm_gateway.errors import UnknownModel
from llm_gateway.pipeline.plan import Router
from llm_gateway.providers.discovery import ModelEntry
from llm_gateway.server.model_shapes import Listed
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.fleet import Fleet

__all__ = ["Shelf"]

_STALE_S = 300.0
_PATIENCE_S = 1.5  # Claude Code waits three seconds for the list, and then has none
_OURS = "llm-gateway"
_NOTHING = ModelEntry("")


class Shelf:
    """The models, by the names that reach them."""

    def __init__(
        self, fleet: Fleet, router: Router, clock: Clock, tasks: Tasks, *, patience: float = _PATIENCE_S
    ) -> None:
        self._fleet = fleet
        self._router = router
        self._clock = clock
        self._tasks = tasks
        self._patience = patience
        self._person = ""
        self._looking: asyncio.Task[None] | None = None

    async def look(self) -> None:
        """Ask the providers that were not asked lately; go on without those that take their time.

        They are asked behind whoever wants the list: that one may leave, or go on without an answer.
        """
        if not self._is_stale():
            return
        if self._looking is None or self._looking.done():
            work = self._fleet.refresh(older_than=_STALE_S)
            self._looking = self._tasks.start("look for models that were asked for", work)
        await asyncio.wait({self._looking}, timeout=self._patience)

    def seen_by(self, person: str) -> "Shelf":
        """Return what is there for a person, "" for the gateway's owner: not other people's subscriptions."""
        seen = copy.copy(self)
        seen._person = person
        return seen

    def listed(self) -> Iterator[Listed]:
        """Return every model, each once, under the name that always means it."""
        members = {
            name: member
            for name, member in self._fleet.members.items()
            if (people := self._router.people(name)) is None or self._person in people
        }
        often = Counter(model for member in members.values() for model in member.models)
        for alias in self._router.directory.aliases:
            yield self._alias(alias)
        for provider, member in members.items():
            details = {entry.id: entry for entry in member.entries}
            for model in member.models:
                bare = model if often[model] == 1 and self._is_free(model) else ""
                yield _listed(f"{provider}/{model}", provider, details.get(model, _NOTHING), bare)

    def find(self, name: str) -> Listed:
        """Return one model; a name that resolves is there, listed or not. UnknownModel says what is near."""
        found = next((each for each in self.listed() if name in (each.name, each.bare)), None)
        if found is not None:
            return found if found.name == name else _renamed(found, name)
        target = self._router.resolve(name)[0]
        member = self._fleet.members.get(target.provider)
        if member is None or target.model not in member.models:
            raise UnknownModel(f"{target.provider} does not list the model {target.model!r}", param="model")
        entry = next((entry for entry in member.entries if entry.id == target.model), _NOTHING)
        return _listed(name, target.provider, entry)

    def _is_stale(self) -> bool:
        then = self._clock.now_us() - round(_STALE_S * 1_000_000)
        return any(
            member.source is not None and member.checked_us <= then for member in self._fleet.members.values()
        )

    def _is_free(self, model: str) -> bool:
        """Whether a bare name means nothing else: an alias, or a model of the provider before its slash."""
        first, slash, _ = model.partition("/")
        return not self._router.alias(model) and not (slash and first in self._fleet.members)

    def _alias(self, alias: str) -> Listed:
        """Return an alias, with what is known of the target that is asked first."""
        for target in self._router.alias(alias):
            member = self._fleet.members.get(target.provider)
            for entry in member.entries if member is not None else ():
                if entry.id == target.model:
                    return Listed(alias, _OURS, context_length=entry.context_length)
        return Listed(alias, _OURS)


def _listed(name: str, provider: str, entry: ModelEntry, bare: str = "") -> Listed:
    return Listed(
        name,
        entry.owned_by or provider,
        bare=bare,
        created=entry.created,
        context_length=entry.context_length,
        label=entry.label,
    )


def _renamed(listed: Listed, name: str) -> Listed:
    return Listed(
        name,
        listed.owner,
        created=listed.created,
        context_length=listed.context_length,
        label=listed.label,
    )
