"""How much of each subscription's quota is used, as its vendor's answers last told. In memory alone."""

import math

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.providers.catalog import Login, ProviderRow, Window
from llm_gateway.wire.headers import Headers, get

__all__ = ["Quota", "Quotas", "Used", "quota_in"]

_MOST = 1000


class Used(msgspec.Struct, frozen=True):
    """A window of a quota: the share that is used, from 0 to 1, and when it begins anew, in microseconds."""

    window: str
    share: float
    resets_us: int = 0
    status: str = ""


class Quota(msgspec.Struct, frozen=True):
    """What a vendor told of the quota of a caller's subscription, and when."""

    provider: str
    label: str
    caller: str
    at_us: int
    status: str
    windows: tuple[Used, ...]


class Quotas:
    """The latest word on each subscription."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str], Quota] = {}

    def told(self, row: ProviderRow, caller: str, headers: Headers) -> None:
        """Take note of what an answer tells, if it does."""
        login = row.login
        if login is None:
            return
        windows, status = quota_in(headers, login)
        if not windows and not status:
            return
        name = (row.name, caller)
        if name in self._known or len(self._known) < _MOST:
            self._known[name] = Quota(row.name, row.label, caller, self._clock.now_us(), status, windows)

    def all(self) -> list[Quota]:
        """Return every quota that is known, by provider and caller."""
        return [self._known[name] for name in sorted(self._known)]


def quota_in(headers: Headers, login: Login) -> tuple[tuple[Used, ...], str]:
    """Return the windows that an answer's header tells of, and the status of all of them."""
    told = (_used(headers, window) for window in login.windows)
    return tuple(used for used in told if used is not None), _text(headers, login.status)


def _used(headers: Headers, window: Window) -> Used | None:
    share = _number(_text(headers, window.used))
    if share is None:
        return None
    resets = _number(_text(headers, window.resets)) or 0.0
    share = share / 100 if window.percent else share
    return Used(window.name, max(0.0, share), int(resets * 1e6), _text(headers, window.status))


def _text(headers: Headers, name: str) -> str:
    value = get(headers, name.encode()) if name else None
    text = (value or b"")[:64].decode("latin-1")
    return text if text.isprintable() else ""


def _number(text: str) -> float | None:
    """Return what a vendor says as a number; None for what is none, or is absurd."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and 0 <= number < 1e12 else None
