"""The settings of bridges to subscriptions: one table each, for those whose defaults do not fit."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = ["BridgeSettings"]

_DAY = 86_400


def _seconds(description: str) -> Meta:
    return Meta(ge=0.1, le=_DAY, description=description)


class BridgeSettings(msgspec.Struct, frozen=True):
    """A bridge to a subscription; see bridges.md."""

    name: Annotated[
        str,
        Meta(
            description="Which one: `codex`, `claude`, `chatgpt`, `github-copilot`, `m365-copilot`, or a new "
            "name, with `command`, for an agent of your own."
        ),
    ]
    enabled: Annotated[
        bool | None,
        Meta(
            description="Whether it is used. Left out: it is, but for those that ship disabled because of "
            "their vendor's terms."
        ),
    ] = None
    program: Annotated[str, Meta(description="The vendor's program; found on the path when left out.")] = ""
    command: Annotated[
        tuple[str, ...],
        Meta(description="Program and arguments of an agent that speaks the Agent Client Protocol."),
    ] = ()
    home: Annotated[
        str,
        Meta(
            description="Folder of a login of its own for the vendor's program; by default it is the one "
            "that the program itself uses."
        ),
    ] = ""
    models: Annotated[
        tuple[str, ...], Meta(description="Its models; asked of the vendor when left out.")
    ] = ()
    backend: Annotated[
        Literal["graph", "workiq"], Meta(description="For `m365-copilot`: which of Microsoft's services.")
    ] = "graph"
    tenant: Annotated[
        str, Meta(description="For `m365-copilot`: the directory to log in at; any work account by default.")
    ] = "organizations"
    web: Annotated[
        bool,
        Meta(description="For `m365-copilot`: whether an answer may be searched for in the web, too."),
    ] = True
    share_with: Annotated[
        tuple[str, ...],
        Meta(
            description="People whose keys may use it beside its owner's. Read your vendor's terms first: "
            "most forbid it."
        ),
    ] = ()
    parallel: Annotated[int, Meta(ge=1, le=256, description="Turns that it answers at a time.")] = 4
    queue: Annotated[int, Meta(ge=0, le=10_000, description="Turns that may wait for it.")] = 16
    queue_timeout: Annotated[float, _seconds("Seconds that a turn waits at most before it begins.")] = 30.0
    first_timeout: Annotated[float, _seconds("Seconds until an answer begins.")] = 60.0
    idle_timeout: Annotated[float, _seconds("Seconds between two pieces of an answer.")] = 120.0
    total_timeout: Annotated[float, _seconds("Seconds that an answer may take in all.")] = 1800.0
