"""The support bundle: what somebody has to know who is to help, and nothing that is nobody's business.

There is nothing in it of what was said, no key and no other secret, no name of a person and no account.
"""

import platform
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from typing import TypeVar

import msgspec

from llm_gateway import __version__
from llm_gateway.config import Loaded
from llm_gateway.config.effective import Effective, effective
from llm_gateway.ledger.records import Turn
from llm_gateway.ledger.sqlite import ENGINE_VERSION
from llm_gateway.server.checks import Finding
from llm_gateway.server.views import HealthView, ProviderView, iso
from llm_gateway.telemetry.log import masked

__all__ = ["Bundle", "ErrorLine", "ProviderLine", "Scrub", "bundle", "scrub_for", "versions"]

T = TypeVar("T", bound=msgspec.Struct)

_PACKAGES = (
    "msgspec",
    "httptools",
    "uvloop",
    "jinja2",
    "cryptography",
    "websockets",
    "xllamacpp",
    "tiktoken",
)
_ADDRESS = re.compile(r"[^\s\"'<>@,;()]+@[^\s\"'<>@,;()]+")
_QUERY = re.compile(r"(https?://[^\s\"'?#]+)[?#][^\s\"']*")
_SECRET_NAME = re.compile(r"(?i)(key|token|secret|password|passwd|auth|cookie|credential)")
# Settings that name people, or that hold what a program is started with, a credential perhaps.
_PERSONAL = frozenset(("owner", "people", "callers", "share_with", "command", "keys", "allowed"))
_SHORTEST_SECRET = 6


class ProviderLine(msgspec.Struct, frozen=True):
    """A provider and how it fares."""

    name: str
    kind: str
    presence: str
    state: str
    reason: str
    models: int
    requests: int
    checked_at: str | None
    last_error_at: str | None
    last_error: str | None


class ErrorLine(msgspec.Struct, frozen=True):
    """A request that failed: of what kind the error is, and who was asked."""

    at: str
    id: str
    dialect: str
    operation: str
    provider: str
    model: str
    error: str
    http_status: int


class Bundle(msgspec.Struct, frozen=True):
    """Everything that is handed on."""

    made_at: str
    versions: dict[str, str]
    health: HealthView
    checks: list[Finding]
    settings: list[Effective]
    providers: list[ProviderLine]
    errors: list[ErrorLine]
    schema: str = "llm-gateway/support/v1"


class Scrub:
    """Take secrets, addresses of people and the home's place out of texts. `secrets` are those known here."""

    def __init__(self, secrets: Iterable[str], home: str) -> None:
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._home = home

    def text(self, text: str) -> str:
        """Return a text that may be handed on."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        text = _QUERY.sub(r"\1?***", text)
        text = _ADDRESS.sub("***@***", text)
        if self._home:
            text = text.replace(self._home, "HOME")
        return masked(text)

    def struct(self, value: T) -> T:
        """Return a value of which every text may be handed on."""
        told = {
            name: self.text(inner)
            for name in value.__struct_fields__
            if isinstance(inner := getattr(value, name), str)
        }
        return msgspec.structs.replace(value, **told)

    def setting(self, setting: Effective) -> Effective:
        """Return a setting that may be handed on: of some only whether somebody has set them."""
        name = setting.name.rpartition(".")[2]
        value = "***" if name in _PERSONAL and not setting.is_default else setting.value
        return self.struct(msgspec.structs.replace(setting, value=value))


def scrub_for(loaded: Loaded, environ: Mapping[str, str]) -> Scrub:
    """Return what takes out the secrets of a gateway: its own, and those of its environment."""
    secrets = [value for name, value in environ.items() if _SECRET_NAME.search(name)]
    secrets += [each.reveal() for each in (loaded.bootstrap_key, loaded.dashboard_token) if each is not None]
    return Scrub(
        {each.strip() for each in secrets if len(each.strip()) >= _SHORTEST_SECRET}, str(loaded.home)
    )


def bundle(
    loaded: Loaded,
    environ: Mapping[str, str],
    health: HealthView,
    checks: Iterable[Finding],
    providers: Iterable[ProviderView],
    failed: tuple[int, Iterable[Turn]],
) -> Bundle:
    """Return the bundle; `failed` is the time now, and the last requests that failed."""
    scrub = scrub_for(loaded, environ)
    now_us, turns = failed
    return Bundle(
        made_at=iso(now_us),
        versions=versions(),
        health=scrub.struct(health),
        checks=[scrub.struct(each) for each in checks],
        settings=[scrub.setting(each) for each in effective(loaded)],
        providers=[scrub.struct(_provider(each)) for each in providers],
        errors=[scrub.struct(_error(each)) for each in turns],
    )


@cache
def versions() -> dict[str, str]:
    """Return what this gateway is made of and runs on; it is looked for once, among files."""
    found = {
        "llm-gateway": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "sqlite": ENGINE_VERSION,
    }
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # an extra that is not installed
    return found | {"prefix": "virtual environment" if sys.prefix != sys.base_prefix else "system"}


def _provider(view: ProviderView) -> ProviderLine:
    return ProviderLine(
        name=view.name,
        kind=view.kind,
        presence=view.presence,
        state=view.state,
        reason=view.reason,
        models=len(view.models),
        requests=view.requests,
        checked_at=view.checked_at,
        last_error_at=view.last_error_at,
        last_error=view.last_error,
    )


def _error(turn: Turn) -> ErrorLine:
    intent, end = turn.intent, turn.settlement
    return ErrorLine(
        at=iso(intent.at_us),
        id=intent.id,
        dialect=intent.dialect,
        operation=intent.operation,
        provider=(end.provider if end is not None else "") or intent.provider,
        model=(end.model if end is not None else "") or intent.model_asked,
        error=end.error_kind if end is not None else "",
        http_status=end.http_status if end is not None else 0,
    )
