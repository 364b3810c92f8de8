"""What an engine of ours is to the pipeline: it answers by itself, in the verbs of an upstream's answer.

An engine that speaks HTTP (the in-process llama.cpp) is none of these: it is an endpoint like any upstream.
"""

from collections.abc import Sequence
from typing import Protocol

from llm_gateway.upstream.answer import Answer

__all__ = ["Engine"]


class Engine(Protocol):
    """A provider that is part of the gateway."""

    name: str
    models: Sequence[str]

    async def answer(self, operation: str, body: bytes, model: str) -> Answer:
        """Answer a call as an upstream would: what it refuses is an answer, too, never an exception."""
        ...
