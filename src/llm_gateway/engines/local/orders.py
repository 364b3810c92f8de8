"""What the gateway and its model process say to each other: one line of JSON each way."""

import msgspec

__all__ = ["Orders", "Ready"]


class Orders(msgspec.Struct, frozen=True):
    """What to run, sent on stdin: the key stays out of argument lists and environments."""

    weights: str
    alias: str
    key: str
    threads: int
    context: int
    slots: int
    rest_s: int


class Ready(msgspec.Struct, frozen=True):
    """The model answers at this port of the loopback address; printed on stdout."""

    port: int
