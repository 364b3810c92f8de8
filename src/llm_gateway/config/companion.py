"""The settings of a companion: what its machine lets a gateway elsewhere ask for, and the door of its own."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = ["CompanionSettings"]


class CompanionSettings(msgspec.Struct, frozen=True):
    """What `llm-gateway companion` does on this machine, whatever its gateway asks for; see companion.md."""

    ca: Annotated[
        str, Meta(description="File of certificates to trust instead of the system's, for the gateway's TLS.")
    ] = ""
    door: Annotated[
        int,
        Meta(
            ge=0,
            le=65535,
            description="Port on 127.0.0.1 that carries this machine's clients to the gateway; 0: no port.",
        ),
    ] = 0
    when_away: Annotated[
        Literal["error", "local"],
        Meta(
            description="What clients at the door get while the gateway is away: an error at once, or the "
            "answer of a local engine that is configured here."
        ),
    ] = "error"
    models: Annotated[
        tuple[str, ...],
        Meta(description="What may be asked for, as `bridge/model` with `*` for any text; empty: all."),
    ] = ()
    parallel: Annotated[int, Meta(ge=1, le=256, description="Most turns at a time.")] = 64
    turns_per_minute: Annotated[int, Meta(ge=1, le=10**6, description="Most turns a minute.")] = 120
    turns_per_day: Annotated[int, Meta(ge=0, le=10**9, description="Most turns a day (UTC).")] = 2000
    tokens_per_day: Annotated[
        int | None, Meta(ge=0, le=10**12, description="Most tokens a day (UTC), by estimate.")
    ] = None
