"""What the fixtures of all dialects have in common: files of a case, read as what the code makes of them."""

from pathlib import Path

import msgspec

from llm_gateway.canonical.events import Event, Measured
from llm_gateway.dialects.contract import Seen

__all__ = ["Expected", "Lost", "expected", "lost", "name_of", "on_disk", "plain", "told"]


class Expected(msgspec.Struct, forbid_unknown_fields=True):
    """What routing and metering find out about a case."""

    source: str
    operation: str
    model: str
    stream: bool
    to: str
    seen: Seen


class Lost(msgspec.Struct, forbid_unknown_fields=True):
    """What is lost of a case's request and of its answer."""

    request: list[str]
    answer: list[str]


def expected(case: Path) -> Expected:
    """Return what a case expects."""
    return msgspec.json.decode((case / "expected.json").read_bytes(), type=Expected)


def lost(case: Path) -> Lost:
    """Return what a case loses."""
    return msgspec.json.decode((case / "losses.json").read_bytes(), type=Lost)


def name_of(case: Path) -> str:
    """Return what a case is called by."""
    return case.name


def plain(value: object) -> object:
    """Return a value as JSON has it, without what only some answers have."""
    return _without_seldom(msgspec.json.decode(msgspec.json.encode(value)))


def told(event: Event) -> object:
    """Return an event as the fixtures spell it, without what only some answers have."""
    spelt = plain([type(event).__name__, *msgspec.structs.astuple(event)])
    assert isinstance(spelt, list)
    return spelt[:-1] if isinstance(event, Measured) and not event.tier else spelt


def _without_seldom(value: object) -> object:
    match value:
        case list():
            return [_without_seldom(each) for each in value]
        case dict():
            return {key: _without_seldom(each) for key, each in value.items() if each or key not in _SELDOM}
    return value


_SELDOM = ("cache_write_1h", "special", "tier")


def on_disk(case: Path, name: str) -> object:
    """Return what a file of a case holds."""
    value: object = msgspec.json.decode((case / name).read_bytes())
    return value
