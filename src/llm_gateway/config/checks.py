"""What the types of the settings cannot say: names, URLs, addresses, and what belongs together.

No network, no files, and nothing about who may connect: that is the guard's judgement of a bind.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date

from llm_gateway.config.addresses import networks, reach, split_authority, wrong_origin, wrong_url
from llm_gateway.config.lines import Path
from llm_gateway.config.oidc import wrong_oidc
from llm_gateway.config.problems import shown
from llm_gateway.config.routing import AliasTable
from llm_gateway.config.settings import Provider, Server, Settings

__all__ = ["Fault", "faults"]

Fault = tuple[Path, str]
"""A setting's path and what is wrong with its value."""

_PROVIDER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_OURS = frozenset(("demo", "local"))
_NO_TARGET = "there is no target; name at least one provider/model"


def faults(settings: Settings) -> Iterator[Fault]:
    """Yield everything that is wrong with settings whose types are right."""
    yield from _server(settings.server)
    for number, provider in enumerate(settings.providers):
        yield from _provider(("providers", number), provider)
    names = Counter(provider.name for provider in settings.providers)
    for number, provider in enumerate(settings.providers):
        if names[provider.name] > 1:
            yield (
                ("providers", number, "name"),
                f"{shown(provider.name)} is there {names[provider.name]} times",
            )
    yield from _aliases(settings.aliases)
    yield from _subscriptions(settings)
    yield from _prices(settings)
    for name, wrong in wrong_oidc(settings.dashboard.oidc):
        yield ("dashboard", "oidc", name), wrong
    for name in ("keys", "clients", "models"):
        if "" in getattr(settings.compression, name):
            yield ("compression", name, ""), f"there is one of the {name} without a name"
    if "" in settings.compression.ask:
        yield ("compression", "ask"), "there is a key without a name"
    for number, limit in enumerate(settings.limits):
        if (limit.scope == "global") is bool(limit.name):
            wrong = "there is one for all, without a name" if limit.name else "a name says whom it is for"
            yield ("limits", number, "name"), wrong


def _subscriptions(settings: Settings) -> Iterator[Fault]:
    names = Counter(each.name for each in settings.subscriptions)
    for number, each in enumerate(settings.subscriptions):
        if names[each.name] > 1:
            yield (
                ("subscriptions", number, "name"),
                f"{shown(each.name)} is there {names[each.name]} times",
            )
        if not each.draws:
            wrong = "nothing draws on it; name at least one bridge or login, such as claude or claude-login"
            yield ("subscriptions", number, "draws"), wrong


def _prices(settings: Settings) -> Iterator[Fault]:
    prices = settings.prices
    if prices.url and (wrong := wrong_url(prices.url)):
        yield ("prices", "url"), f"{shown(prices.url)} {wrong}"
    for model, reference in prices.reference.items():
        for text in (model, reference):
            if not _is_target(text):
                yield ("prices", "reference", model), f"{shown(text)} is not a provider/model"
    seen: set[tuple[str, str]] = set()
    for number, price in enumerate(prices.models):
        path: Path = ("prices", "models", number)
        if not _is_target(price.model):
            yield (*path, "model"), f"{shown(price.model)} is not a provider/model"
        if price.since and not _is_day(price.since):
            yield (*path, "since"), f"{shown(price.since)} is not a day such as 2026-11-27"
        elif (price.model, price.since) in seen:
            yield (
                (*path, "model"),
                f"{shown(price.model)} has a price from that day on already; name another day",
            )
        seen.add((price.model, price.since))
        starts = [each.tokens for each in price.above]
        if starts != sorted(set(starts)):
            yield (*path, "above"), "each has to begin at more tokens than the one before it"


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _server(server: Server) -> Iterator[Fault]:
    if reach(server.host) == "none":
        yield ("server", "host"), f"{shown(server.host)} is not an IP address or a host name"
    if bool(server.tls_cert) != bool(server.tls_key):
        given, other = ("tls_cert", "tls_key") if server.tls_cert else ("tls_key", "tls_cert")
        yield ("server", given), f"TLS needs {other} too"
    try:
        networks(server.allow_from)
    except ValueError as error:
        yield ("server", "allow_from"), str(error)
    default = server.default_provider
    if default and (not _PROVIDER.fullmatch(default) or default in _OURS):
        why = "answers no such requests" if default in _OURS else "is not the name of a provider"
        yield ("server", "default_provider"), f"{shown(default)} {why}"
    for host in server.hosts:
        try:
            split_authority(host)
        except ValueError as error:
            yield ("server", "hosts"), str(error)
    for origin in server.origins:
        if wrong := wrong_origin(origin):
            yield ("server", "origins"), f"{shown(origin)} {wrong}"


def _provider(path: Path, provider: Provider) -> Iterator[Fault]:
    if not _PROVIDER.fullmatch(provider.name):
        yield (*path, "name"), f"{shown(provider.name)} is not a name of a-z, 0-9, dot, hyphen and underscore"
    elif provider.name in _OURS:
        yield (
            (*path, "name"),
            f"{shown(provider.name)} is a provider of the gateway's own; choose another name",
        )
    if provider.base_url:
        if "@" in provider.base_url:
            # What stands before the @ is a credential, so the value is not shown.
            yield (*path, "base_url"), "holds a user or a password; use api_key_env or api_key_file"
        elif wrong := wrong_url(provider.base_url):
            yield (*path, "base_url"), f"{shown(provider.base_url)} {wrong}"
    if provider.api_key_env and not _VARIABLE.fullmatch(provider.api_key_env):
        # People put the key itself here, so the value is not shown.
        yield (
            (*path, "api_key_env"),
            "this is the name of an environment variable (A-Z, 0-9, underscore), not the key itself",
        )
    if provider.api_key_env and provider.api_key_file:
        yield (*path, "api_key_file"), "api_key_env is set too; keep one of them"
    if "" in provider.models:
        yield (*path, "models"), "there is a model without a name"


def _aliases(aliases: Mapping[str, tuple[str, ...] | AliasTable]) -> Iterator[Fault]:
    for alias, told in aliases.items():
        path: Path = ("aliases", alias)
        if not alias or "/" in alias or not alias.isprintable():
            yield path, "an alias is a name without a slash"
        if isinstance(told, AliasTable):
            yield from _alias_table((*path, "targets"), told)
            continue
        if not told:
            yield path, _NO_TARGET
        for target in told:
            if not _is_target(target):
                yield path, f"{shown(target)} is not a provider/model"


def _alias_table(path: Path, alias: AliasTable) -> Iterator[Fault]:
    if not alias.targets:
        yield path, _NO_TARGET
    names = [each if isinstance(each, str) else each.target for each in alias.targets]
    for number, (name, each) in enumerate(zip(names, alias.targets, strict=True)):
        here = (*path, number) if isinstance(each, str) else (*path, number, "target")
        if not _is_target(name):
            yield here, f"{shown(name)} is not a provider/model"
        elif name in names[:number]:
            yield here, f"{shown(name)} is there {names.count(name)} times; name it once"


def _is_target(text: str) -> bool:
    provider, _, model = text.partition("/")
    return bool(_PROVIDER.fullmatch(provider)) and bool(model) and model.isprintable()
