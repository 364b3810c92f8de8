"""Settings of who is asked: the long form of an alias, and how long conversations stay where they are.

Their types and bounds only. What an alias means is in `providers/alias.py`, what is chosen in the pipeline.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = ["AliasTable", "Dialect", "OnDisconnect", "Prefer", "RoutingSettings", "TargetTable"]

Dialect = Literal["chat", "responses", "messages", "gemini", "ollama"]
Prefer = Literal["order", "local", "subscription", "cheapest", "fastest"]
OnDisconnect = Literal["cancel", "finish"]


class TargetTable(msgspec.Struct, frozen=True):
    """A target with what has to be so for it to be asked; see routing.md."""

    target: Annotated[str, Meta(description="The `provider/model`.")]
    weight: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="Its share of the requests among neighbours that have a weight, too; 0 for none.",
        ),
    ] = 0
    tools: Annotated[bool, Meta(description="Whether it may get requests that offer tools.")] = True
    images: Annotated[bool, Meta(description="Whether it may get requests that hold images.")] = True
    max_input_tokens: Annotated[
        int,
        Meta(
            ge=0, le=1_000_000_000, description="Most tokens that it may get, as estimated; 0 for any number."
        ),
    ] = 0
    dialects: Annotated[
        tuple[Dialect, ...],
        Meta(description="The clients' languages whose requests it may get; all when left out."),
    ] = ()
    max_price: Annotated[
        float | None,
        Meta(
            ge=0,
            le=1_000_000,
            description="Most US dollars that a million tokens may cost, three quarters of them going in.",
        ),
    ] = None


class AliasTable(msgspec.Struct, frozen=True):
    """An alias whose targets have conditions, weights or a preference; see routing.md."""

    targets: Annotated[
        tuple[str | TargetTable, ...], Meta(description="Each a `provider/model`, or a table as below.")
    ]
    prefer: Annotated[
        Prefer, Meta(description="Which targets are asked first; `order` is as they are written.")
    ] = "order"
    sticky: Annotated[
        bool, Meta(description="Whether a conversation stays with the target that answered it last.")
    ] = True


class RoutingSettings(msgspec.Struct, frozen=True):
    """How targets are chosen, and what is done when one fails."""

    retries: Annotated[
        int,
        Meta(ge=0, le=10, description="Second tries at the same target for one request, at most."),
    ] = 2
    deadline: Annotated[
        float,
        Meta(ge=0, le=3600, description="Seconds after which a request is not tried a second time."),
    ] = 60.0
    next_target_after: Annotated[
        float,
        Meta(
            ge=0.1,
            le=3600,
            description="Seconds that a stream may take to begin while there is another target to ask.",
        ),
    ] = 60.0
    hedge_after: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="Seconds after which the next target is asked beside one that says nothing; 0 never.",
        ),
    ] = 0.0
    on_disconnect: Annotated[
        OnDisconnect,
        Meta(
            description="What becomes of an answer whose client has left: `cancel` cuts its provider off at "
            "once, `finish` reads it to its end, so that what it used is known and not estimated."
        ),
    ] = "cancel"
    finish_seconds: Annotated[
        float,
        Meta(
            ge=0.1,
            le=3600,
            description="Seconds for which `finish` reads on; what has not ended by then is cut off.",
        ),
    ] = 60.0
    longest_cool_down: Annotated[
        float,
        Meta(ge=0, le=3600, description="Seconds that a provider's own word to wait is followed, at most."),
    ] = 3600.0

    sticky_ttl: Annotated[
        float,
        Meta(
            ge=1,
            le=86_400,
            description="Seconds that a conversation's target is remembered after its last answer.",
        ),
    ] = 3600.0
    sticky_conversations: Annotated[
        int,
        Meta(ge=1, le=1_000_000, description="Most conversations that are remembered, those used last."),
    ] = 10_000
