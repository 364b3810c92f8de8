"""The settings as they are in effect, one by one: name, value, where it comes from; secrets by name alone.

What is not in effect, because a file cannot be used, is not here.
"""

from collections.abc import Iterator

import msgspec

from llm_gateway.config.loading import Loaded

__all__ = ["Effective", "effective"]


class Effective(msgspec.Struct, frozen=True):
    """A setting. `value` is as JSON spells it; of a secret it says only whether there is one."""

    name: str
    value: str
    origin: str

    @property
    def is_default(self) -> bool:
        """Return whether nobody has set it."""
        return self.origin == "default"


def effective(loaded: Loaded) -> list[Effective]:
    """Return every setting, in the order of the reference, and the secrets behind them."""
    origins = {name: str(where) for name, where in loaded.origins.items()}
    told = list(_leaves(msgspec.to_builtins(loaded.settings)))
    for name, secret in (
        ("bootstrap_key", loaded.bootstrap_key),
        ("dashboard_token", loaded.dashboard_token),
    ):
        told.append((name, name, "***" if secret is not None else "not set"))
    return [
        Effective(name, value, origins.get(name) or origins.get(place, "default"))
        for name, place, value in told
    ]


def _leaves(value: object, name: str = "", place: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield names, the same with a number in the place of a table's name, and values."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else key, f"{place}.{key}" if place else key)
    elif isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
        for number, inner in enumerate(value):
            called = inner.get("name") or inner.get("scope") or number
            yield from _leaves(inner, f"{name}.{called}", f"{place}.{number}")
    else:
        yield name, place, msgspec.json.encode(value).decode()
