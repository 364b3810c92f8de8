"""What is left of an export once it is decoded: records with the few attributes that are read, and no text.

The same for logs and spans, JSON and protobuf. What a record means is its client's reader's to say.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

__all__ = ["MOST_PARTS", "Batch", "Coding", "Record", "Signal", "Value", "moment_us"]

Signal = Literal["logs", "metrics", "traces"]
Coding = Literal["json", "protobuf"]
Value = str | int | float | bool

MOST_PARTS = 250_000
"""Of how many objects or fields an export may be made. Exporters send 512 records at once, of some 50,000."""


class Record(msgspec.Struct, frozen=True):
    """A log record or a span: when it was, an event's name, a span's ids and its parent's in hex.

    `attributes` are only those that were asked for, and only plain values. `at_us` 0 is unknown.
    """

    at_us: int
    attributes: Mapping[str, Value]
    event: str = ""
    trace: str = ""
    span: str = ""
    parent: str = ""


class Batch(msgspec.Struct, frozen=True):
    """Records of one part (`scope`) of one program (`service`)."""

    service: str
    version: str
    scope: str
    records: tuple[Record, ...]


def moment_us(*nanoseconds: int) -> int:
    """Return the first of these times that is told, in microseconds; 0 where none is."""
    return next((each // 1000 for each in nanoseconds if 0 < each < 2**63), 0)
