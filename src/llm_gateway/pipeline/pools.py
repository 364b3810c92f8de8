"""Which of the things that draw on subscriptions draw on the same account, and which of these was configured.

An account is known by what its vendor tells, else by what the configuration says draws on it, else each
caller of a provider has one. What vendors tell goes before: two accounts that they tell apart stay two,
whatever is written. Pure.
"""

import difflib
from collections.abc import Collection, Iterable, Sequence

import msgspec

from llm_gateway.config import Settings
from llm_gateway.config.subscriptions import SubscriptionSettings
from llm_gateway.errors import ConfigError
from llm_gateway.ledger.quota_samples import Draw
from llm_gateway.providers.catalog import load_catalog

__all__ = ["Pool", "check_draws", "drawable", "pools"]

_ACCOUNT = "account:"


class Pool(msgspec.Struct, frozen=True):
    """One account: by which names its samples are kept, what draws on it, and what was said of it, if it was.

    `settings` is None where the configuration does not speak of it.
    """

    names: tuple[str, ...]
    draws: tuple[Draw, ...]
    settings: SubscriptionSettings | None = None

    @property
    def id(self) -> str:
        """Return what it is called to tell it from others."""
        return self.names[0] if self.names else f"configured:{self.settings.name if self.settings else ''}"


class _Group(msgspec.Struct):
    names: list[str]
    draws: list[Draw]
    settings: SubscriptionSettings | None = None

    @property
    def account(self) -> str:
        """Return the account as its vendor tells it, "" where it does not."""
        return next((_organization(name) for name in self.names if name.startswith(_ACCOUNT)), "")

    @property
    def member(self) -> str:
        """Return the person of the account, where it tells of several."""
        return next((name for name in self.names if _member(name)), "")

    @property
    def last_us(self) -> int:
        """Return when anything of it was told last."""
        return max((draw.last_us for draw in self.draws), default=0)


def pools(draws: Iterable[Draw], configured: Sequence[SubscriptionSettings]) -> list[Pool]:
    """Return the accounts: the configured ones in their order, then the others by what was told last."""
    groups: dict[str, _Group] = {}
    for draw in sorted(draws, key=lambda each: (each.pool, each.provider, each.caller)):
        group = groups.setdefault(draw.pool, _Group([draw.pool], []))
        group.draws.append(draw)
    found = sorted(_whole(groups), key=lambda group: -group.last_us)
    made: list[Pool] = []
    for settings in configured:
        whole = _configured(settings, found)
        made.append(
            Pool(tuple(whole.names), tuple(whole.draws), settings) if whole else Pool((), (), settings)
        )
    return made + [Pool(tuple(group.names), tuple(group.draws)) for group in found if group.settings is None]


def check_draws(configured: Iterable[SubscriptionSettings], known: Collection[str]) -> None:
    """Raise a ConfigError for what is to draw on a subscription and is no bridge or login; `known` are."""
    for number, settings in enumerate(configured):
        for name in settings.draws:
            if name.partition("@")[0] in known:
                continue
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(known))}"
            where = f"subscriptions.{settings.name or number}.draws"
            raise ConfigError(f"{where}: there is no bridge and no login {name!r}; {hint}")


def drawable(settings: Settings) -> frozenset[str]:
    """Return what may draw on a subscription: bridges and logins, of the catalog and of the configuration."""
    known = {row.name for row in load_catalog() if row.kind == "subscription"}
    known |= {each.name for each in settings.bridges} | {each.name for each in settings.providers}
    return frozenset(known)


def _whole(groups: dict[str, _Group]) -> list[_Group]:
    """Bring together what tells of an account alone with the one person of it that others tell of."""
    people: dict[str, list[str]] = {}
    for name in groups:
        if _member(name):
            people.setdefault(_organization(name), []).append(name)
    for organization, names in people.items():
        if len(names) == 1 and organization in groups:
            _merge(groups[names[0]], groups.pop(organization))
    return list(groups.values())


def _configured(settings: SubscriptionSettings, found: Sequence[_Group]) -> _Group | None:
    """Return what is of a configured subscription, as one: the account that was told of last, if several."""
    group: _Group | None = None
    for each in found:
        if each.settings is not None or not any(_is_drawn(draw, settings) for draw in each.draws):
            continue
        if group is None:
            group = each
            group.settings = settings
        elif _may_be_one(group, each):
            each.settings = settings
            _merge(group, each)
    return group


def _may_be_one(one: _Group, other: _Group) -> bool:
    """Whether no vendor tells two accounts apart."""
    if not one.account or not other.account:
        return True
    return one.account == other.account and (not one.member or not other.member)


def _merge(into: _Group, other: _Group) -> None:
    into.names += other.names
    into.draws += other.draws


def _is_drawn(draw: Draw, settings: SubscriptionSettings) -> bool:
    """Whether a configured subscription is what something draws on, as far as is written."""
    bridge, _, machine = draw.provider.partition("@")
    if draw.provider not in settings.draws and bridge not in settings.draws:
        return False
    if settings.machine and (draw.machine or machine) not in ("", settings.machine):
        return False
    if draw.route == "bridge":
        return True
    if settings.callers and draw.caller not in settings.callers:
        return False
    return not settings.people or draw.person in settings.people


def _organization(name: str) -> str:
    return name.partition(".")[0]


def _member(name: str) -> str:
    return name.partition(".")[2] if name.startswith(_ACCOUNT) else ""
