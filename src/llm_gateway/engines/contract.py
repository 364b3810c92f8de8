"""What an engine of ours is to the pipeline: a provider that answers in the same verbs as an upstream."""

from collections.abc import Sequence
from typing import Protocol

from llm_gateway.canonical.abilities import Abilities
from llm_gateway.upstream.answer import Answer

__all__ = ["Engine"]


class Engine(Protocol):
    """A provider that is part of the gateway."""

    @property
    def name(self) -> str:
        """The provider's name."""
        ...

    @property
    def models(self) -> Sequence[str]:
        """The names of its models, without the provider's."""
        ...

    @property
    def counts(self) -> bool:
        """Whether its turns count as usage: they come from a model."""
        ...

    @property
    def dialect(self) -> str:
        """The one dialect in which it is asked: a name of `dialects.registry.TARGETS`."""
        ...

    @property
    def abilities(self) -> Abilities | None:
        """What a bridge can be told; None for whom its dialect says all."""
        ...

    @property
    def people(self) -> frozenset[str] | None:
        """Whose keys may use it, "" for the gateway's owner; None: everybody's."""
        ...

    async def answer(self, operation: str, body: bytes, model: str) -> Answer:
        """Answer a call of its dialect; `body` names the model without its provider.

        What it refuses is an answer with its status. Raises UpstreamFault when there is no answer at all.
        """
        ...

    async def close(self) -> None:
        """Give back what the engine holds."""
        ...
