"""Whether a request is compressed: what is set for its key, client and model, and what its header asks for.

Not how (`compress.py`). To ask for less is everybody's; to ask for more is for keys that may. A login that a
client brings is left alone unless that is switched on, whatever is asked.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import msgspec

from llm_gateway.config.compression import CompressionMode, CompressionSettings
from llm_gateway.errors import MalformedRequest
from llm_gateway.wire.headers import Headers, get

__all__ = ["Asker", "Terms", "Told", "asked_for"]

_HEADER = b"x-llm-gateway-compression"
_MODES: Mapping[bytes, CompressionMode] = {b"off": "off", b"shadow": "shadow", b"on": "on"}
_RANK: Mapping[CompressionMode, int] = {"off": 0, "shadow": 1, "on": 2}


def asked_for(headers: Headers) -> CompressionMode | None:
    """Return what a header section asks for, None where it says nothing; else MalformedRequest."""
    value = get(headers, _HEADER)
    if value is None:
        return None
    mode = _MODES.get(value.strip().lower())
    if mode is None:
        raise MalformedRequest(
            "the header x-llm-gateway-compression is `off`, `shadow` or `on`",
            param="x-llm-gateway-compression",
        )
    return mode


class Asker(msgspec.Struct, frozen=True):
    """Whose request it is, for which models, and what it asks for; `login`: by a login that it brings."""

    key: str
    client: str
    models: tuple[str, ...]
    asked: CompressionMode | None = None
    login: bool = False


class Told(msgspec.Struct, frozen=True):
    """What is done with a request, and why not more."""

    mode: CompressionMode
    why: str = ""


class Terms:
    """What is set, ready to be looked up."""

    def __init__(self, settings: CompressionSettings) -> None:
        self._settings = settings
        every = (*settings.keys.values(), *settings.clients.values(), *settings.models.values())
        self.policy = settings.policy
        self.never = settings.mode == "off" and not settings.ask and all(mode == "off" for mode in every)
        """Whether no request at all is compressed, or measured, by these."""

    def of(self, asker: Asker) -> Told:
        """Return what is done with a request.

        Of key, client and models the first that is set counts, but what is off for any of them is off.
        """
        if asker.asked == "off":
            return Told("off", "the request asks for that")
        if asker.login and not self._settings.logins:
            return Told("off", "it brings a login of its own")
        named = list(self._named(asker))
        for whose, mode in named:
            if mode == "off":
                return Told("off", f"it is off for this {whose}")
        mode = named[0][1] if named else self._settings.mode
        if asker.asked is not None and (_RANK[asker.asked] < _RANK[mode] or asker.key in self._settings.ask):
            return Told(asker.asked)
        return Told(mode, "it is off" if mode == "off" else "")

    def _named(self, asker: Asker) -> Iterable[tuple[str, CompressionMode]]:
        settings = self._settings
        if asker.key in settings.keys:
            yield "key", settings.keys[asker.key]
        if asker.client in settings.clients:
            yield "client", settings.clients[asker.client]
        for pattern, mode in settings.models.items():
            if any(fnmatchcase(model, pattern) for model in asker.models):
                yield "model", mode
