"""What a companion says of its machine's bridges, as it is sent: states, models, abilities.

How a gateway takes it is `remote.py`: it believes of the abilities only what it knows such a bridge can have.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from llm_gateway.bridges.health import BridgeModel, Health
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.companion.frames import MOST
from llm_gateway.wire.ready import ready

__all__ = ["ABSENT", "News", "Offer", "UnreadableNews", "able", "meet", "read_news", "write_news"]

ABSENT = frozenset(("not_installed", "disabled"))
"""States of bridges that a machine does not have, or does not want to have: they get no name."""

_MOST_MODELS = 200
_ROOM = 16  # of the frame around it

_Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class UnreadableNews(ValueError):
    """What a companion says of its bridges is not understood here."""


@ready
class Offer(msgspec.Struct, frozen=True):
    """A bridge; `kind` is its row of the catalog, `share_with` who may use it beside its owner."""

    bridge: _Name
    kind: _Name
    health: Health
    models: Annotated[tuple[BridgeModel, ...], Meta(max_length=_MOST_MODELS)] = ()
    abilities: dict[str, bool] = {}
    share_with: Annotated[tuple[str, ...], Meta(max_length=64)] = ()


@ready
class News(msgspec.Struct, frozen=True):
    """Everything that a companion has to say of itself; `trouble` is why it was away before, if it knows."""

    offers: Annotated[tuple[Offer, ...], Meta(max_length=64)] = ()
    paused: bool = False
    trouble: Annotated[str, Meta(max_length=500)] = ""


_news = msgspec.msgpack.Decoder(News)
_ABILITIES = Abilities.__struct_fields__


def write_news(news: News) -> bytes:
    """Return what is sent; of more models than fit, the first ones."""
    most = _MOST_MODELS
    while True:
        offers = tuple(msgspec.structs.replace(each, models=each.models[:most]) for each in news.offers)
        data = msgspec.msgpack.encode(msgspec.structs.replace(news, offers=offers))
        if len(data) <= MOST - _ROOM or not most:
            return data
        most //= 2


def read_news(data: bytes) -> News:
    """Read what was sent; UnreadableNews when that says something else."""
    try:
        return _news.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableNews(f"what the companion says of its bridges is not understood: {error}") from None


def able(abilities: Abilities | None) -> dict[str, bool]:
    """Return abilities as they are sent."""
    return msgspec.structs.asdict(abilities or Abilities())


def meet(offered: dict[str, bool], known: Abilities) -> Abilities:
    """Return what is both offered and known to be possible."""
    both = {name: offered.get(name, False) and bool(getattr(known, name)) for name in _ABILITIES}
    return Abilities(**both)
