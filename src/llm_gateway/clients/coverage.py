"""The verdict: how much of an application's use goes through the gateway, why not all of it, and what helps.

Pure arithmetic and plain words over what was counted and found; counting and finding are elsewhere. A verdict
is about the time since the last thing that should have changed it: an application that was connected this
morning is not blamed for yesterday. Where nothing is known, it says so.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

from llm_gateway.clients.catalog import Client, catalog
from llm_gateway.clients.fingerprints import OURS
from llm_gateway.ledger.coverage import Use
from llm_gateway.wire.ready import ready

__all__ = [
    "DAYS",
    "TREND_DAYS",
    "Covered",
    "Day",
    "Known",
    "Status",
    "Uses",
    "Verdict",
    "cover",
    "cover_all",
    "gaps",
    "of_few_names",
]

Verdict = Literal["captured", "partly", "bypassing", "cannot", "unknown"]
Status = Literal["live", "running", "installed", "not-connected"]

DAYS = 7
"""Days of use that a verdict looks back at, today included."""

TREND_DAYS = 14
"""Days of use that a trend shows, today included."""

_DAY_US = 86_400 * 1_000_000
# A caller may call itself what it likes, and otherwise each time.
_MOST_UNKNOWN = 100
_LIVE_US = 15 * 60 * 1_000_000
_UNKNOWN_FIX = "give it a gateway key of its own: llm-gateway keys create NAME"
_SOURCES = {"otlp": "its telemetry", "log": "its own log"}


@ready
class Known(msgspec.Struct, frozen=True):
    """What was found of an application on a machine. Times are microseconds since 1970, 0 for never.

    `points_at` is where its settings send it: `gateway`, `vendor`, a host, or "" where that cannot be read.
    `connected_us` is when it was connected by us, `rewritten` the settings that were changed since.
    `started_us` is when the oldest process of it that runs was started.
    """

    installed: bool = False
    running: bool = False
    started_us: int = 0
    points_at: str = ""
    connected_us: int = 0
    rewritten: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class Uses(msgspec.Struct, frozen=True):
    """What came through of an application and what passed by, on the last TREND_DAYS days."""

    routed: tuple[Use, ...] = ()
    passed_by: tuple[Use, ...] = ()


class Day(msgspec.Struct, frozen=True):
    """One day's requests, those that came through and those that passed by."""

    day: str
    routed: int
    passed_by: int


class Covered(msgspec.Struct, frozen=True):
    """How much of an application on a machine goes through here, with the evidence.

    `routed` and `seen` are requests and tokens since `since_us`, `seen` being what came through and what is
    known to have passed by; `share` is the part of the requests that came through, None where none is known.
    `passed_by` are answers that clients reported, and so a lower bound. `fix` is one command, or one thing to
    do; "" where nothing has to be done.
    """

    client: str
    label: str
    machine: str
    status: Status
    verdict: Verdict
    reason: str
    fix: str
    routed_requests: int
    routed_tokens: int
    seen_requests: int
    seen_tokens: int
    background_requests: int
    share: float | None
    since_us: int
    last_seen_us: int
    trend: tuple[Day, ...]
    evidence: tuple[str, ...]


class _Sum(msgspec.Struct):
    requests: int = 0
    tokens: int = 0
    background: int = 0
    last_us: int = 0

    def add(self, use: Use) -> None:
        self.requests += use.requests
        self.tokens += use.tokens
        self.background += use.background
        self.last_us = max(self.last_us, use.last_us)


def cover(row: Client, machine: str, known: Known, uses: Uses, now_us: int) -> Covered:
    """Return the verdict on one application of one machine.

    What was before the time that counts is part of the trend alone; the hour in which that time begins counts
    whole where anything of it is later.
    """
    routed_uses, passed_uses = uses.routed, uses.passed_by
    since_us = max(now_us - DAYS * _DAY_US, _turning_point(known))
    routed, passed, by_source = _Sum(), _Sum(), dict[str, int]()
    for use in routed_uses:
        if use.last_us >= since_us:
            routed.add(use)
    for use in passed_uses:
        if use.last_us >= since_us:
            passed.add(use)
            by_source[use.source] = by_source.get(use.source, 0) + use.requests
    verdict = _verdict(row, known, routed.requests, passed.requests)
    reason, fix = _why(row, known, verdict, routed, passed)
    seen = routed.requests + passed.requests
    return Covered(
        client=row.id,
        label=row.label,
        machine=machine,
        status=_status(known, routed.last_us, now_us),
        verdict=verdict,
        reason=reason,
        fix=fix,
        routed_requests=routed.requests,
        routed_tokens=routed.tokens,
        seen_requests=seen,
        seen_tokens=routed.tokens + passed.tokens,
        background_requests=routed.background + passed.background,
        share=routed.requests / seen if seen else None,
        since_us=since_us,
        last_seen_us=max((use.last_us for use in (*routed_uses, *passed_uses)), default=0),
        trend=_trend(routed_uses, passed_uses, now_us),
        evidence=(*_counted(routed, by_source), *known.evidence),
    )


def cover_all(
    here: str, known: Mapping[str, Mapping[str, Known]], uses: Uses, now_us: int, always: Iterable[str] = ()
) -> list[Covered]:
    """Return the verdict on everything that was found or used, by machine: what was used last comes first.

    `here` is this machine: what is of no machine is of this one. `known` is what was found, by machine and
    application. `always` are applications that are in the list whatever is known of them.
    """
    by_place: dict[tuple[str, str], tuple[list[Use], list[Use]]] = {}
    for which, each in enumerate((uses.routed, uses.passed_by)):
        for use in each:
            if use.client in OURS:
                continue
            by_place.setdefault((use.machine or here, use.client), ([], []))[which].append(use)
    found = {(machine, client) for machine, each in known.items() for client in each}
    named = {client for _, client in (*by_place, *found)}
    missing = {(here, client) for client in always if client not in named}
    rows = catalog()
    verdicts = []
    for machine, client in (*by_place, *(found - by_place.keys()), *missing):
        routed, passed = by_place.get((machine, client), ([], []))
        row = rows.get(client) or Client(client, client, "", instead=_UNKNOWN_FIX)
        what = known.get(machine, {}).get(client, Known())
        verdicts.append(cover(row, machine, what, Uses(tuple(routed), tuple(passed)), now_us))
    order = {client: place for place, client in enumerate(rows)}
    verdicts.sort(key=lambda each: (-each.last_seen_us, each.status, order.get(each.client, len(order))))
    return verdicts


def of_few_names(uses: Uses) -> tuple[Uses, int]:
    """Return the uses of the applications that are known, and of the names that are not those used last.

    The number is how many names are left out.
    """
    rows, last = catalog(), dict[str, int]()
    for use in (*uses.routed, *uses.passed_by):
        if use.client not in rows:
            last[use.client] = max(use.last_us, last.get(use.client, 0))
    if len(last) <= _MOST_UNKNOWN:
        return uses, 0
    kept = set(sorted(last, key=lambda name: (-last[name], name))[:_MOST_UNKNOWN])
    routed, passed = (
        tuple(use for use in each if use.client in rows or use.client in kept)
        for each in (uses.routed, uses.passed_by)
    )
    return Uses(routed, passed), len(last) - len(kept)


def gaps(verdicts: Iterable[Covered]) -> tuple[int, int, list[Covered]]:
    """Return how many applications that run go through here, how many run, and those that do not, wholly.

    One that cannot is no gap: nothing helps.
    """
    running = [each for each in verdicts if each.status in ("live", "running") and each.verdict != "cannot"]
    open_ = [each for each in running if each.verdict != "captured"]
    return len(running) - len(open_), len(running), open_


def _turning_point(known: Known) -> int:
    """Return when it last came to be as it is: connected, or started with settings that name the gateway."""
    if not known.connected_us:
        return 0
    started = known.started_us if known.running and known.points_at == "gateway" else 0
    return max(known.connected_us, started)


def _verdict(row: Client, known: Known, routed: int, passed: int) -> Verdict:
    if row.cannot and not routed:
        return "cannot"
    if routed:
        return "partly" if passed or known.rewritten else "captured"
    if passed or known.rewritten:
        return "bypassing"
    if known.running and known.points_at not in ("gateway", ""):
        return "bypassing"
    return "unknown"


def _why(row: Client, known: Known, verdict: Verdict, routed: _Sum, passed: _Sum) -> tuple[str, str]:
    """Return why it is not captured, and what helps; nothing where it is."""
    connect = f"llm-gateway connect {row.part_of or row.id}"
    if verdict == "captured":
        return "", ""
    if verdict == "cannot":
        return row.cannot, row.instead
    if known.rewritten:
        what = ", ".join(known.rewritten)
        return f"its settings were changed after it was connected: {what}", connect
    if known.points_at == "vendor":
        return "its settings do not name this gateway", connect
    if known.points_at not in ("gateway", ""):
        return f"its settings name {known.points_at} in place of this gateway", connect
    if known.points_at == "gateway" and known.running and 0 < known.started_us < known.connected_us:
        return "it has been running since before it was connected", f"restart {row.label}"
    if known.points_at == "gateway" and passed.requests:
        why = (
            f"its settings name this gateway, and {passed.requests} answers passed by all the same: other "
            "settings go before them, a project's own or a variable of the environment"
        )
        return why, f"{connect} --dry-run"
    if known.points_at == "gateway":
        return "it is connected, and nothing of it has come through yet", f"ask {row.label} something"
    if passed.requests:
        return f"{passed.requests} answers passed by; where its settings point cannot be read", connect
    if known.running:
        return "it runs, nothing of it has come through, and where its settings point cannot be read", connect
    if known.installed:
        return "it is installed, and nothing of it has come through", connect
    return "nothing of it has been seen", connect if row.ways or row.part_of else row.instead


def _status(known: Known, last_routed_us: int, now_us: int) -> Status:
    if last_routed_us and now_us - last_routed_us <= _LIVE_US:
        return "live"
    if known.running:
        return "running"
    return "installed" if known.installed or last_routed_us else "not-connected"


def _counted(routed: _Sum, passed: Mapping[str, int]) -> tuple[str, ...]:
    """Return what was counted, in words."""
    told: list[str] = []
    if routed.requests:
        last = datetime.fromtimestamp(routed.last_us / 1e6, UTC).strftime("%Y-%m-%d %H:%M UTC")
        told.append(f"{routed.requests} requests in the ledger, the last on {last}")
    told += [
        f"{requests} answers in {_SOURCES.get(source, source)} that never came through here"
        for source, requests in sorted(passed.items())
    ]
    return tuple(told)


def _trend(routed: Iterable[Use], passed: Iterable[Use], now_us: int) -> tuple[Day, ...]:
    """Return the days, the oldest first."""
    today = now_us // _DAY_US
    came, went = dict[int, int](), dict[int, int]()
    for uses, by_day in ((routed, came), (passed, went)):
        for use in uses:
            day = use.hour // 24
            by_day[day] = by_day.get(day, 0) + use.requests
    days = range(today - TREND_DAYS + 1, today + 1)
    return tuple(
        Day((date(1970, 1, 1) + timedelta(days=day)).isoformat(), came.get(day, 0), went.get(day, 0))
        for day in days
    )
