"""What an alias stands for: its targets, on which terms each is asked, and which are asked first.

Values only. What is left of them for one request is chosen in the pipeline.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

import msgspec

from llm_gateway.config.routing import AliasTable, Prefer, TargetTable
from llm_gateway.providers.names import Target, read_target

__all__ = ["Alias", "AliasTarget", "in_order", "read_alias", "read_aliases"]


class AliasTarget(msgspec.Struct, frozen=True):
    """A target and the terms on which it is asked."""

    target: Target
    weight: int = 0
    tools: bool = True
    images: bool = True
    max_input_tokens: int = 0
    dialects: tuple[str, ...] = ()
    max_price: Decimal | None = None
    """Dollars for a million tokens, of which three quarters go in."""


class Alias(msgspec.Struct, frozen=True):
    """A model name of ours. `sticky`: a conversation stays with the target that answered it last."""

    targets: tuple[AliasTarget, ...]
    prefer: Prefer = "order"
    sticky: bool = False

    @property
    def names(self) -> tuple[Target, ...]:
        """Return the targets without their terms."""
        return tuple(each.target for each in self.targets)


def in_order(targets: Iterable[Target]) -> Alias:
    """Return what has no terms: each target is asked when those before it fail."""
    return Alias(tuple(AliasTarget(target) for target in targets))


def read_alias(told: Iterable[str] | AliasTable) -> Alias:
    """Return the alias that stands in the configuration, in its short or its long form."""
    if not isinstance(told, AliasTable):
        return in_order(read_target(text) for text in told)
    return Alias(tuple(_targets(told.targets)), told.prefer, told.sticky)


def read_aliases(told: Mapping[str, tuple[str, ...] | AliasTable]) -> dict[str, Alias]:
    """Return the aliases of the configuration by their names."""
    return {name: read_alias(each) for name, each in told.items()}


def _targets(told: Iterable[str | TargetTable]) -> Iterator[AliasTarget]:
    for each in told:
        if isinstance(each, str):
            yield AliasTarget(read_target(each))
            continue
        yield AliasTarget(
            read_target(each.target),
            each.weight,
            each.tools,
            each.images,
            each.max_input_tokens,
            each.dialects,
            Decimal(str(each.max_price)) if each.max_price is not None else None,
        )
