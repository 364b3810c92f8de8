"""The settings of subscriptions: what a plan is called, what it costs, whose it is, and what draws on it.

Nothing of it decides who may be asked: it is for what is shown of subscriptions.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

__all__ = ["SubscriptionSettings"]


class SubscriptionSettings(msgspec.Struct, frozen=True):
    """A subscription that somebody pays for; see subscriptions.md."""

    name: Annotated[str, Meta(min_length=1, max_length=64, description="What you call it.")]
    draws: Annotated[
        tuple[str, ...],
        Meta(description="The bridges and logins that use it up, such as `claude` and `claude-login`."),
    ]
    plan: Annotated[
        str, Meta(max_length=64, description="The plan; by default what its vendor calls it.")
    ] = ""
    price_usd: Annotated[
        float | None, Meta(ge=0, le=10**6, description="US dollars that it costs in a month.")
    ] = None
    renews: Annotated[
        int | None,
        Meta(ge=1, le=31, description="Day of the month on which it is renewed; by default the first."),
    ] = None
    owner: Annotated[str, Meta(max_length=64, description="Whose it is.")] = ""
    machine: Annotated[
        str,
        Meta(max_length=64, description="The machine that its login is on; empty: whichever it is."),
    ] = ""
    callers: Annotated[
        tuple[str, ...],
        Meta(description="Names of the gateway keys whose own logins draw on it; empty: all."),
    ] = ()
    people: Annotated[
        tuple[str, ...],
        Meta(description="People whose gateway keys' own logins draw on it; empty: all."),
    ] = ()
