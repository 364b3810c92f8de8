"""Who can be called by this configuration and this environment: fill a fleet from the catalog's rows."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from llm_gateway.config import Provider, Settings
from llm_gateway.errors import ConfigError
from llm_gateway.providers.catalog import ProviderRow, configured_row, load_catalog
from llm_gateway.providers.endpoint import provider_endpoints
from llm_gateway.upstream.fleet import Fleet
from llm_gateway.vault import Secret, read_private

__all__ = ["muster"]


def muster(
    fleet: Fleet,
    settings: Settings,
    environ: Mapping[str, str],
    built_in: Mapping[str, tuple[str, ...]],
    skipped: Callable[[str], None],
) -> None:
    """Add what is configured, what a key in the environment opens, what may run here, and what is built in.

    `built_in` maps the names of engines to their models. `skipped` is told of a vendor whose key is there
    and whose address is incomplete; a configured provider that is wrong is a ConfigError.
    """
    catalog = load_catalog()
    for provider in settings.providers:
        _add_configured(fleet, provider, catalog, environ)
    taken = {provider.name for provider in settings.providers}
    for row in catalog:
        if row.name in taken or row.bridge is not None:
            continue
        if row.kind == "builtin":
            if row.name in built_in:
                fleet.add(row, (), presence="built in", models=built_in[row.name])
            continue
        secret = _from_environment(row, environ)
        named = any(environ.get(name) for name in row.base_url_env)
        if row.kind == "hosted" and secret is None:
            continue
        if row.login is not None:
            fleet.add(row, provider_endpoints(row, None, environ), presence="built in")
            continue
        try:
            endpoints = provider_endpoints(row, secret, environ)
        except ConfigError as error:
            skipped(str(error))
            continue
        if row.kind == "local":
            fleet.add(row, endpoints, presence="configured" if named else "found running")
        else:
            fleet.add(row, endpoints, presence="key found")


def _add_configured(
    fleet: Fleet, provider: Provider, catalog: tuple[ProviderRow, ...], environ: Mapping[str, str]
) -> None:
    row = configured_row(provider.name, provider.base_url, provider.dialects, provider.api_key_env, catalog)
    if provider.subscription:
        row = msgspec.structs.replace(row, kind="subscription")
    secret = _from_file(provider) or _from_environment(row, environ)
    if provider.api_key_env and secret is None:
        raise ConfigError(
            f"providers.{provider.name}.api_key_env: the variable {provider.api_key_env} is not set"
        )
    endpoints = provider_endpoints(row, secret, environ)
    fleet.add(row, endpoints, presence="configured", models=provider.models)


def _from_environment(row: ProviderRow, environ: Mapping[str, str]) -> Secret | None:
    return next(
        (Secret(environ[name].strip()) for name in row.api_key_env if environ.get(name, "").strip()), None
    )


def _from_file(provider: Provider) -> Secret | None:
    if not provider.api_key_file:
        return None
    path = Path(provider.api_key_file).expanduser()
    data = read_private(path)
    if not data or not data.strip():
        raise ConfigError(f"providers.{provider.name}.api_key_file: {path} is missing or empty")
    return Secret(data.decode("utf-8", "replace").strip())
