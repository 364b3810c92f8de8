"""The settings of compression: for whom results of tools are sent shorter, and how much is taken out.

What no type can say of them is in `checks.py`; who gets what in the end is decided in
`pipeline/compression_terms.py`.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

__all__ = ["CompressionMode", "CompressionSettings"]

CompressionMode = Literal["off", "shadow", "on"]
"""Sent as it comes; sent as it comes, and found out what it would save; sent shorter."""


class CompressionSettings(msgspec.Struct, frozen=True):
    """For whom results of tools are sent with less said twice; see compression.md."""

    mode: Annotated[
        CompressionMode,
        Meta(
            description="For whoever is not named below. `shadow` finds out what would be saved and sends "
            "everything as it came."
        ),
    ] = "off"
    policy: Annotated[
        Literal["strict", "wide"],
        Meta(description="How much is taken out; a conversation that has begun keeps to what it began with."),
    ] = "strict"
    logins: Annotated[
        bool,
        Meta(description="Whether it is done with requests that a client's own subscription login pays for."),
    ] = False
    ask: Annotated[
        tuple[str, ...],
        Meta(
            description="Names of keys whose requests may ask for more than stands here, by the header "
            "`x-llm-gateway-compression`; less may be asked for with every key."
        ),
    ] = ()
    keys: Annotated[dict[str, CompressionMode], Meta(description="The name of a key → its mode.")] = {}
    clients: Annotated[dict[str, CompressionMode], Meta(description="A client → its mode.")] = {}
    models: Annotated[
        dict[str, CompressionMode],
        Meta(description="An alias, or `provider/model` with `*` for any text → its mode."),
    ] = {}
