"""Subscriptions as the dashboard API shows them: an account each, its windows, who draws on it, its worth.

Made of what is known by pure functions. The worth is what the same answers would have cost by their models'
public price: an API-equivalent value, never money saved.
"""

from collections.abc import Iterable, Sequence

import msgspec

from llm_gateway.ledger.money import dollars
from llm_gateway.ledger.quota_samples import Draw, Sample
from llm_gateway.ledger.stated_prices import decimal_of
from llm_gateway.pipeline.burning import Outlook, Point, outlook
from llm_gateway.pipeline.plan_switches import Switch
from llm_gateway.pipeline.pools import Pool
from llm_gateway.pipeline.quota_keeping import Bridged
from llm_gateway.pipeline.quotas import REACHED, UNUSED, tells_share
from llm_gateway.providers.catalog import ProviderRow
from llm_gateway.server.subscription_worth import Worth
from llm_gateway.server.views import iso
from llm_gateway.wire.ready import ready

__all__ = [
    "AccountView",
    "AccountWindowView",
    "AccountsView",
    "DrawView",
    "Known",
    "SwitchView",
    "account_views",
    "switch_views",
]

_SEC_US = 1_000_000
_HOUR_US = 3_600 * _SEC_US
_LATELY_US = 31 * 24 * _HOUR_US
_WORKS = ("ok", "busy")
_REJECTED = "rejected"


@ready
class AccountWindowView(msgspec.Struct, frozen=True):
    """A window of an account's quota, as it was told last, `age_seconds` ago.

    `used` is the share, from 0 to 1; None where nobody tells it, or the window has begun anew since.
    `per_hour` is the share that is used up in an hour, None while too little is known. `hits_limit_at` is
    when all of it is used at that rate, None where that is not before it begins anew.
    """

    name: str
    used: float | None
    resets_at: str | None
    status: str
    told_at: str
    age_seconds: int
    per_hour: float | None
    hits_limit_at: str | None


@ready
class DrawView(msgspec.Struct, frozen=True):
    """Something that draws on an account: a bridge, or a caller's `login`, its client's own, passed on.

    `state` is the bridge's, or `ok` and `rate_limited` for a login; `status` is the vendor's word. `reason`
    says why a bridge is not `ok`. `current` is false where it draws on another account by now.
    """

    provider: str
    label: str
    route: str
    caller: str
    machine: str
    state: str
    status: str
    reason: str
    current: bool
    last_at: str


@ready
class AccountView(msgspec.Struct, frozen=True):
    """A subscription: one account, however many draw on it. `id` tells it from others, and not whose it is.

    `plan` and what follows is what was configured, or the vendor tells. `alerts` are what somebody should do
    something about, in words; `notes` what has to be known to read the figures.
    """

    id: str
    name: str
    configured: bool
    label: str
    plan: str
    owner: str
    machine: str
    state: str
    told_at: str
    windows: list[AccountWindowView]
    draws: list[DrawView]
    worth: Worth
    paid_usd_month: float | None
    worth_per_paid: float | None
    alerts: list[str]
    notes: list[str]


@ready
class SwitchView(msgspec.Struct, frozen=True):
    """Traffic of a client that has moved from a plan to a provider that bills it: since when, how much."""

    client: str
    caller: str
    plan: str
    billed: str
    since: str
    requests: int
    cost_usd: float
    message: str


class AccountsView(msgspec.Struct, frozen=True):
    """Every account, and what has moved off one."""

    subscriptions: list[AccountView]
    switches: list[SwitchView]


class Known(msgspec.Struct, frozen=True):
    """What subscriptions are shown from: what was told, how the bridges are, and what time it is.

    `worths` are by the pool's id.
    """

    history: Sequence[Sample]
    bridged: Sequence[Bridged]
    rows: dict[str, ProviderRow]
    worths: dict[str, Worth]
    now_us: int


def account_views(pools: Sequence[Pool], known: Known) -> list[AccountView]:
    """Show every subscription that is configured or in use."""
    latest: dict[tuple[str, str], Draw] = {}
    for pool in pools:
        for draw in pool.draws:
            name = (draw.provider, draw.caller)
            if name not in latest or latest[name].last_us < draw.last_us:
                latest[name] = draw
    current = frozenset((draw.pool, draw.provider, draw.caller) for draw in latest.values())
    shown = []
    for pool in pools:
        windows = _windows(pool, known)
        draws = _draw_views(pool, known, current, windows)
        if pool.settings is not None or _is_in_use(draws, known.now_us, pool):
            shown.append(_view(pool, windows, draws, known))
    return shown


def switch_views(found: Iterable[Switch]) -> list[SwitchView]:
    """Show whose traffic has moved to where it is billed."""
    return [_switch_view(switch) for switch in found]


def _windows(pool: Pool, known: Known) -> list[AccountWindowView]:
    """Show the windows of an account; what several drew on was told by each of them."""
    told: dict[str, list[Sample]] = {}
    for sample in known.history:
        if sample.pool in pool.names:
            told.setdefault(sample.name, []).append(sample)
    return [_window(sorted(samples, key=_when), known.now_us) for _, samples in sorted(told.items())]


def _view(pool: Pool, windows: list[AccountWindowView], draws: list[DrawView], known: Known) -> AccountView:
    settings = pool.settings
    worth = known.worths.get(pool.id) or Worth()
    last = max((draw for draw in pool.draws), key=lambda draw: draw.last_us, default=None)
    told = next((draw.plan for draw in sorted(pool.draws, key=lambda d: -d.last_us) if draw.plan), "")
    paid = settings.price_usd if settings is not None else None
    labels = list(dict.fromkeys(draw.label for draw in draws))
    machines = sorted({draw.machine for draw in draws if draw.machine})
    return AccountView(
        id=pool.id,
        name=settings.name if settings is not None else _name_of(draws),
        configured=settings is not None,
        label="; ".join(labels),
        plan=(settings.plan if settings is not None else "") or told,
        owner=settings.owner if settings is not None else _owner(pool),
        machine=(settings.machine if settings is not None else "") or ", ".join(machines),
        state=_state(windows, draws),
        told_at=iso(last.last_us) if last is not None else "",
        windows=windows,
        draws=draws,
        worth=worth,
        paid_usd_month=paid,
        worth_per_paid=_per_paid(worth, paid),
        alerts=_alerts(windows, draws),
        notes=list(worth.notes) + ([] if pool.draws else ["nothing that draws on it has been seen"]),
    )


def _window(samples: Sequence[Sample], now_us: int) -> AccountWindowView:
    last = samples[-1]
    is_share = tells_share(last)
    points = [Point(at, each.used, each.resets_us) for each in samples for at in (each.at_us, each.last_us)]
    over = Outlook(over=0 < last.resets_us <= now_us)
    ahead = outlook(points, now_us) if is_share and last.status != REACHED else over
    unknown = ahead.over or not is_share
    return AccountWindowView(
        name=last.name,
        used=None if unknown else last.used,
        resets_at=iso(last.resets_us) if last.resets_us else None,
        status="begun anew" if ahead.over else last.status,
        told_at=iso(last.last_us),
        age_seconds=max(0, (now_us - last.last_us) // _SEC_US),
        per_hour=ahead.per_hour,
        hits_limit_at=iso(ahead.hits_us) if ahead.hits_us else None,
    )


def _when(sample: Sample) -> tuple[int, int]:
    return sample.last_us, sample.at_us


def _draw_views(
    pool: Pool, known: Known, current: frozenset[tuple[str, str, str]], windows: Sequence[AccountWindowView]
) -> list[DrawView]:
    bridged = {each.row.name: each for each in known.bridged}
    refused = any(window.status == _REJECTED or (window.used or 0) >= 1 for window in windows)
    shown = []
    for draw in pool.draws:
        row, bridge = known.rows.get(draw.provider), bridged.get(draw.provider)
        state, reason = "ok", ""
        if draw.route == "bridge":
            state = bridge.health.state if bridge is not None else "gone"
            reason = bridge.health.reason if bridge is not None else "it is not in use here any more"
        elif draw.status == _REJECTED and refused:
            state = "rate_limited"
        shown.append(
            DrawView(
                draw.provider,
                row.label if row is not None else draw.provider,
                draw.route,
                draw.caller,
                draw.machine,
                state,
                draw.status,
                reason,
                (draw.pool, draw.provider, draw.caller) in current,
                iso(draw.last_us),
            )
        )
    return shown + _waiting(pool, known, {draw.provider for draw in pool.draws})


def _waiting(pool: Pool, known: Known, seen: set[str]) -> list[DrawView]:
    """Show the bridges that were configured to draw on it, and that nobody has been able to use."""
    named = pool.settings.draws if pool.settings is not None else ()
    return [
        DrawView(
            each.row.name,
            each.row.label,
            "bridge",
            "",
            each.machine,
            each.health.state,
            "",
            each.health.reason,
            current=True,
            last_at="",
        )
        for each in known.bridged
        if each.row.name in named and each.row.name not in seen
    ]


def _is_in_use(draws: Sequence[DrawView], now_us: int, pool: Pool) -> bool:
    """Whether an account of which nobody has written anything is drawn on."""
    lately = any(draw.last_us >= now_us - _LATELY_US for draw in pool.draws)
    return lately and any(draw.current and draw.state not in (*UNUSED, "gone") for draw in draws)


def _state(windows: Sequence[AccountWindowView], draws: Sequence[DrawView]) -> str:
    states = [draw.state for draw in draws if draw.current]
    if "rate_limited" in states or any((window.used or 0) >= 1 for window in windows):
        return "rate_limited"
    if any(state in _WORKS for state in states):
        return "ok"
    return states[0] if states else "unknown"


def _alerts(windows: Sequence[AccountWindowView], draws: Sequence[DrawView]) -> list[str]:
    told = []
    for window in windows:
        anew = f"; it begins anew at {window.resets_at}" if window.resets_at else ""
        if window.used is not None and window.used >= 1:
            told.append(f"{window.name}: used up{anew}")
        elif window.hits_limit_at is not None:
            told.append(f"{window.name}: used up at {window.hits_limit_at} if it goes on like this{anew}")
    told += [
        f"{draw.provider}: {draw.state}{': ' if draw.reason else ''}{draw.reason}"
        for draw in draws
        if draw.current and draw.state not in (*_WORKS, "rate_limited", "gone")
    ]
    return told


def _per_paid(worth: Worth, paid: float | None) -> float | None:
    """Return how often a value is what was paid: a tenth of a dollar is a tenth."""
    return round(float(dollars(worth.value_nano_month) / decimal_of(paid)), 4) if paid else None


def _name_of(draws: Sequence[DrawView]) -> str:
    """Return what an account is called of which nobody has written anything: by what draws on it."""
    current = [draw for draw in draws if draw.current] or draws
    return ", ".join(
        dict.fromkeys(f"{draw.provider}/{draw.caller}" if draw.caller else draw.provider for draw in current)
    )


def _owner(pool: Pool) -> str:
    return ", ".join(sorted({draw.person for draw in pool.draws if draw.person}))


def _switch_view(switch: Switch) -> SwitchView:
    cost = switch.cost_nano / 1e9
    since = iso(switch.hour * _HOUR_US)
    message = (
        f"{switch.client} of {switch.caller} was answered by {switch.plan} until {since} and is billed by "
        f"{switch.billed} since: {switch.requests} requests, {cost:.2f} USD"
    )
    return SwitchView(
        switch.client, switch.caller, switch.plan, switch.billed, since, switch.requests, cost, message
    )
