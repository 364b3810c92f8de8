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
    told = {
        **dict(_leaves(msgspec.to_builtins(loaded.settings))),
        "bootstrap_key": "***" if loaded.bootstrap_key is not None else "not set",
        "dashboard_token": "***" if loaded.dashboard_token is not None else "not set",
    }
    origins = {name: str(where) for name, where in loaded.origins.items()}
    return [Effective(name, value, origins.get(name, "default")) for name, value in told.items()]


def _leaves(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
        for inner in value:
            yield from _leaves(inner, f"{name}.{inner.get('name', '')}")
    else:
        yield name, msgspec.json.encode(value).decode()
