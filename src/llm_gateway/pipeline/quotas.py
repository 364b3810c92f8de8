"""How much of each account's quota is used, as its vendor told last; who draws on which account.

In memory, for what is asked while the gateway runs; what is new of it is handed to whoever keeps it
(`pipeline/quota_keeping.py`). Of an account nothing is kept but what tells it from others.
"""

import math
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Raw

from llm_gateway.bridges.health import Health, account_mark, window_name
from llm_gateway.clock import Clock
from llm_gateway.ledger.quota_samples import Draw, Route, Sample
from llm_gateway.pipeline.authenticate import Identity
from llm_gateway.providers.catalog import Login, Window
from llm_gateway.providers.logins import PassedLogin
from llm_gateway.vault import key_digest
from llm_gateway.wire.headers import Headers, get

__all__ = [
    "CREDITS",
    "OPEN",
    "REACHED",
    "STEP",
    "UNUSED",
    "Quota",
    "Quotas",
    "Used",
    "member_in",
    "quota_in",
    "tells_share",
]

STEP = 0.005
"""By how much a share differs when it is another one."""

REACHED, OPEN = "reached", "open"
"""What is said of the limit of a vendor that tells no share: that it is reached, or not any more."""

UNUSED = ("disabled", "not_installed", "starting", "auth_required", "unreachable")
"""States of a bridge whose subscription nobody can use now, as far as is known."""

CREDITS = "credits"
"""The window that says how many credits are left, in words."""

_MOST = 1000
_MOST_OF_ONE = 16  # windows of a bridge: other machines' words are in it
_LONGEST_WORD = 64
_LIMIT = "limit"
_NEARLY_US = 120 * 1_000_000  # vendors reckon when a window begins anew from now on, and are off by seconds
_LONGEST = 4096
_ID = frozenset(b"0123456789abcdefABCDEF-")
_ID_LENGTH = 36
_BETWEEN = b'\\": '


class Used(msgspec.Struct, frozen=True):
    """A window of a quota: the share that is used, from 0 to 1, and when it begins anew, in microseconds."""

    window: str
    share: float
    resets_us: int = 0
    status: str = ""


class Quota(msgspec.Struct, frozen=True):
    """An account in short: what drew on it last, what was told then, and when."""

    provider: str
    label: str
    caller: str
    at_us: int
    status: str
    windows: tuple[Used, ...]
    route: Route = "login"
    plan: str = ""


class Quotas:
    """The latest word on each window of each account, and on everything that draws on one.

    An account is called by its `pool`: by what its vendor calls it, made unreadable with `pepper`, or else by
    what draws on it.
    """

    def __init__(self, clock: Clock, pepper: bytes = b"") -> None:
        self._clock = clock
        self._pepper = pepper
        self._windows: dict[tuple[str, str], Sample] = {}
        self._draws: dict[tuple[str, str, str], Draw] = {}
        self._new: dict[tuple[str, str, int], Sample] = {}
        self._drawn: set[tuple[str, str, str]] = set()
        self._heard: dict[str, Health] = {}

    def told(
        self, login: PassedLogin, identity: Identity, members: Mapping[str, Raw], headers: Headers
    ) -> None:
        """Take note of what the answer to a subscriber's own login tells; `members` are the request's."""
        rules = login.row.login
        if rules is None:
            return
        windows, status = quota_in(headers, rules)
        if not windows and not status:
            return
        pool = self._account(login, rules, members, headers) or f"login:{login.provider}:{identity.caller}"
        draw = Draw(pool, login.provider, "login", identity.caller, identity.person, identity.machine)
        now_us = self._clock.now_us()
        if not self._draw(msgspec.structs.replace(draw, status=status), now_us):
            return
        for used in windows:
            self._window(pool, used, now_us)
        rejected = bool(status) and status == rules.rejected
        full = any(used.share >= 1 for used in windows)
        resets = _number(_text(_by_name(headers), rules.resets)) if rejected else None
        self._limit(pool, int((resets or 0) * 1e6), reached=rejected and not full, free=not rejected)

    def heard(self, name: str, health: Health, machine: str = "", person: str = "") -> None:
        """Take note of how a bridge is; the same word twice is one, and one that nobody can use is none."""
        if self._heard.get(name) is health:
            return
        if health.state in UNUSED:
            return
        self._heard[name] = health
        pool = self._named(health.mark) if health.mark else f"bridge:{name}"
        now_us = self._clock.now_us()
        draw = Draw(
            pool,
            name,
            "bridge",
            person=person,
            machine=machine,
            plan=_short(health.account),
            status=health.state,
        )
        if not self._draw(draw, now_us):
            return
        at_us = min(health.told_us, now_us) if health.told_us > 0 else now_us  # another machine's clock
        for window in health.windows[:_MOST_OF_ONE]:
            used = Used(_short(window.name), window.used, window.resets_us, _short(window.status))
            self._window(pool, used, at_us)
        full = any(window.used >= 1 for window in health.windows)
        reached = health.state == "rate_limited" and not full
        self._limit(pool, health.resets_us, reached=reached, free=health.state in ("ok", "busy"))

    def resume(self, samples: Iterable[Sample], draws: Iterable[Draw]) -> None:
        """Go on from what was kept; what was told since stays."""
        for sample in samples:
            self._windows.setdefault((sample.pool, sample.name), sample)
        for draw in draws:
            self._draws.setdefault((draw.pool, draw.provider, draw.caller), draw)

    def forget(self, before_us: int) -> None:
        """Forget what was told last before a time."""
        self._windows = {name: each for name, each in self._windows.items() if each.last_us >= before_us}
        self._draws = {name: each for name, each in self._draws.items() if each.last_us >= before_us}

    def changes(self) -> tuple[list[Sample], list[Draw]]:
        """Return what is new since this was asked last."""
        samples = list(self._new.values())
        draws = [self._draws[name] for name in self._drawn if name in self._draws]
        self._new.clear()
        self._drawn.clear()
        return samples, draws

    def all(self) -> list[Quota]:
        """Return every account in short, by what drew on it last."""
        latest: dict[str, Draw] = {}
        for draw in self._draws.values():
            if draw.pool not in latest or latest[draw.pool].last_us <= draw.last_us:
                latest[draw.pool] = draw
        windows: dict[str, list[Used]] = {}
        for (pool, name), told in sorted(self._windows.items()):
            if not tells_share(told):
                continue
            windows.setdefault(pool, []).append(Used(name, told.used, told.resets_us, told.status))
        found = [
            Quota(
                draw.provider,
                draw.provider,
                draw.caller,
                draw.last_us,
                draw.status,
                tuple(windows.get(draw.pool, ())),
                draw.route,
                draw.plan,
            )
            for draw in latest.values()
        ]
        return sorted(found, key=lambda quota: (quota.provider, quota.caller, quota.at_us))

    @property
    def draws(self) -> list[Draw]:
        """Return everything that draws on an account."""
        return list(self._draws.values())

    # details

    def _draw(self, draw: Draw, now_us: int) -> bool:
        """Take note of who draws on what; return whether there is room for it."""
        name = (draw.pool, draw.provider, draw.caller)
        known = self._draws.get(name)
        if known is None and len(self._draws) >= _MOST:
            return False
        first_us = known.first_us if known is not None else now_us
        self._draws[name] = msgspec.structs.replace(draw, first_us=first_us, last_us=now_us)
        self._drawn.add(name)
        return True

    def _window(self, pool: str, used: Used, at_us: int) -> None:
        """Go on with the sample of a window, or begin one where something has changed."""
        known = self._windows.get((pool, used.window))
        if known is not None and at_us < known.last_us:
            return
        if known is None:
            if len(self._windows) >= _MOST:
                return
        elif _is_same(known, used):
            self._keep(msgspec.structs.replace(known, last_us=at_us))
            return
        self._keep(Sample(pool, used.window, at_us, at_us, used.share, used.resets_us, used.status))

    def _keep(self, sample: Sample) -> None:
        self._windows[sample.pool, sample.name] = sample
        if len(self._new) < _MOST:
            self._new[sample.pool, sample.name, sample.at_us] = sample

    def _limit(self, pool: str, resets_us: int, *, reached: bool, free: bool) -> None:
        """Say that a limit is reached of which no window tells, or that it is not any more."""
        known = self._windows.get((pool, _LIMIT))
        if reached:
            self._window(pool, Used(_LIMIT, 1.0, resets_us, REACHED), self._clock.now_us())
        elif free and known is not None and known.status == REACHED:
            self._window(pool, Used(_LIMIT, 0.0, 0, OPEN), self._clock.now_us())

    def _account(self, login: PassedLogin, rules: Login, members: Mapping[str, Raw], headers: Headers) -> str:
        """Return the pool by the vendor's name for the account, "" where it says none."""
        name = rules.account.encode()
        told = login.account if rules.account == rules.beside else get(headers, name) if name else None
        if not told:
            return ""
        pool = self._named(account_mark(rules.vendor, told[:200].decode("latin-1")))
        said = members.get(rules.member)
        member = member_in(bytes(said), rules.member_marks) if said is not None else ""
        return f"{pool}.{self._digest(account_mark(rules.vendor, member))[:12]}" if member else pool

    def _named(self, mark: str) -> str:
        return f"account:{self._digest(mark)[:24]}"

    def _digest(self, mark: str) -> str:
        return key_digest(self._pepper, f"account {mark}").hex()


def tells_share(sample: Sample) -> bool:
    """Whether a sample says which share of a window is used: that a limit is not reached is none."""
    return sample.name != CREDITS and sample.status != OPEN


def quota_in(headers: Headers, login: Login) -> tuple[tuple[Used, ...], str]:
    """Return the windows that an answer's header tells of, and the status of all of them."""
    fields = _by_name(headers)
    told = (_used(fields, window) for window in login.windows)
    return tuple(used for used in told if used is not None), _text(fields, login.status)


def member_in(value: bytes, marks: Iterable[str]) -> str:
    """Return the id of a person that stands behind one of the marks in a member's bytes, "" for none."""
    if len(value) > _LONGEST:
        return ""
    for mark in marks:
        _, found, rest = value.partition(mark.encode())
        told = rest.lstrip(_BETWEEN)[:_ID_LENGTH] if found else b""
        if len(told) == _ID_LENGTH and _ID.issuperset(told):
            return told.decode("ascii").lower()
    return ""


def _is_same(known: Sample, used: Used) -> bool:
    """Whether nothing has changed since a window was told."""
    return (
        known.status == used.status
        and abs(known.used - used.share) < STEP
        and abs(known.resets_us - used.resets_us) < _NEARLY_US
    )


def _by_name(headers: Headers) -> dict[str, bytes]:
    """Return the first value of each field: many are looked for in every answer to a login."""
    return {name.decode("latin-1"): value for name, value in reversed(headers)}


def _used(fields: Mapping[str, bytes], window: Window) -> Used | None:
    share = _number(_text(fields, window.used))
    if share is None:
        return None
    resets = _number(_text(fields, window.resets)) or 0.0
    minutes = _number(_text(fields, window.minutes)) or 0.0
    share = share / 100 if window.percent else share
    name = window_name(int(minutes), window.name)
    return Used(name, max(0.0, share), int(resets * 1e6), _text(fields, window.status))


def _text(fields: Mapping[str, bytes], name: str) -> str:
    text = fields.get(name, b"")[:64].decode("latin-1")
    return text if text.isprintable() else ""


def _short(text: str) -> str:
    return text[:_LONGEST_WORD]


def _number(text: str) -> float | None:
    """Return what a vendor says as a number; None for what is none, or is absurd."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and 0 <= number < 1e12 else None
