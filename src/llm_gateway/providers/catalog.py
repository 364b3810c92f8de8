"""The rows of `catalog.toml` as values, and the row that a provider of the configuration amounts to.

Data only: no sockets, no keys, no decisions by name. A vendor's peculiarity is a key of its row.
"""

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from llm_gateway.canonical.abilities import Abilities

__all__ = [
    "Auth",
    "BridgeRow",
    "Kind",
    "Login",
    "ModelList",
    "ProviderRow",
    "Quirks",
    "Shape",
    "Speaks",
    "Window",
    "configured_row",
    "load_catalog",
]

Kind = Literal["local", "subscription", "hosted", "builtin"]
Auth = Literal["bearer", "x-api-key", "x-goog-api-key", "api-key", "none"]
Shape = Literal["openai", "anthropic", "gemini", "ollama", "cloudflare"]

# Where a host puts a dialect when nothing else is known about it.
_USUAL_PATHS = {"chat": "/v1", "responses": "/v1", "messages": "/v1", "gemini": "/v1beta", "ollama": "/api"}
_USUAL_AUTH: dict[str, Auth] = {"messages": "x-api-key", "gemini": "x-goog-api-key"}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Speaks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One dialect of a provider: its version path and the header its key travels in."""

    path: str = ""
    auth: Auth = "bearer"


class ModelList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a provider's models are listed. `root_path` counts from the base URL, `path` from the dialect's."""

    dialect: str = "chat"
    path: str = "/models"
    root_path: str = ""
    shape: Shape = "openai"
    headers: dict[str, str] = {}


class Quirks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a provider differs from its dialect's documentation."""

    stream_usage: bool = True
    model_prefix: str = ""


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A quota's window, by the names of the answer's header fields that tell of it; "" where none does.

    `used` is a share from 0 to 1, or with `percent` one from 0 to 100; `resets` is in seconds since 1970.
    Where `minutes` is told, how long the window is says what it is called, in place of `name`.
    """

    name: str
    used: str
    resets: str = ""
    status: str = ""
    percent: bool = False
    minutes: str = ""


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a subscriber's own login is told, and whose may be passed on to its vendor.

    A bearer token is one when it begins with `prefix` and the field `beside` comes with it, where one is
    named. `clients` are those whose vendor lets them send it through a gateway; `entries` in a user agent say
    that it does not after all; `forbids` is why anybody else is refused.

    The field `status` says how all windows are, `rejected` where a limit is reached, and then `resets` until
    when. `vendor` is who tells accounts apart, and `account` the field of the answer that names one, or of
    the request where that is `beside`. Where an account is many people's, `member` is the member of a
    request's body that names the person, behind one of `member_marks`.
    """

    prefix: str
    clients: tuple[str, ...]
    forbids: str
    beside: str = ""
    entries: tuple[str, ...] = ()
    windows: tuple[Window, ...] = ()
    status: str = ""
    rejected: str = ""
    resets: str = ""
    vendor: str = ""
    account: str = ""
    member: str = ""
    member_marks: tuple[str, ...] = ()


class BridgeRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bridge to a subscription: which of `bridges/` runs it, what it takes, and on whose terms.

    `program` is the vendor's, found on the path; "" for one that needs none. `fidelity` is `model` where the
    vendor's program is a plain model to its client, `agent` where it keeps its own instructions and tools.
    `terms` is what the vendor allows, in a sentence for whoever shares it; one that ships `disabled` waits
    for its owner's word. `install` is the command that installs the program. `needs` are variables of the
    environment of which one has to be set before anybody can log in.
    """

    kind: str
    terms: str
    program: str = ""
    abilities: Abilities = Abilities()
    fidelity: Literal["model", "agent"] = "model"
    disabled: bool = False
    install: str = ""
    needs: tuple[str, ...] = ()


class ProviderRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that answers, as data. `dialects` are in order of preference.

    `prices` is whose prices in the price table its models have, "" where its address says so, or nobody's.
    """

    name: str
    label: str
    kind: Kind
    dialects: dict[str, Speaks]
    base_url: str = ""
    base_url_env: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    api_key_env: tuple[str, ...] = ()
    models: ModelList = ModelList()
    quirks: Quirks = Quirks()
    docs: str = ""
    prices: str = ""
    login: Login | None = None
    bridge: BridgeRow | None = None

    @property
    def metered(self) -> bool:
        """Whether its tokens cost money: then nothing may be answered unaccounted."""
        return self.kind == "hosted"


class _Catalog(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    provider: tuple[ProviderRow, ...]


@cache
def load_catalog() -> tuple[ProviderRow, ...]:
    """Return the rows of the catalog, in its order. Read once, when somebody first asks."""
    text = files("llm_gateway.providers").joinpath("catalog.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Catalog).provider


def configured_row(
    name: str,
    base_url: str,
    dialects: Iterable[str],
    api_key_env: str,
    catalog: Iterable[ProviderRow],
) -> ProviderRow:
    """Return the row for a provider that the configuration names; empty values leave the catalog's.

    What is known of a vendor is found by the provider's name or else by its host, so that a second
    account of the same vendor, under another name, keeps the vendor's paths and quirks.
    """
    known = _known(name, base_url, tuple(catalog))
    named = tuple(dialects)
    if known is None or known.bridge is not None:
        # One that has a bridge's name and an address is that bridge, run elsewhere by its owner.
        alone: Kind = "local" if _host(base_url) in _LOOPBACK else "hosted"
        return ProviderRow(
            name=name,
            label=name if known is None else known.label,
            kind=alone if known is None else "subscription",
            base_url=base_url,
            dialects={dialect: _usual(dialect) for dialect in named or ("chat",)},
            api_key_env=(api_key_env,) if api_key_env else (),
            models=_usual_models(named or ("chat",)),
            prices="" if known is None else known.prices,
        )
    speaks = known.dialects if not named else {d: known.dialects.get(d) or _usual(d) for d in named}
    return msgspec.structs.replace(
        known,
        name=name,
        label=known.label if name == known.name else name,
        base_url=base_url or known.base_url,
        base_url_env=() if base_url else known.base_url_env,
        dialects=speaks,
        api_key_env=(api_key_env,) if api_key_env else known.api_key_env,
        models=known.models
        if known.models.root_path or known.models.dialect in speaks
        else _usual_models(speaks),
    )


def _known(name: str, base_url: str, catalog: tuple[ProviderRow, ...]) -> ProviderRow | None:
    for row in catalog:
        if row.name == name:
            return row
    host = _host(base_url)
    for row in catalog:
        if row.kind == "hosted" and host and _host(row.base_url) == host:
            return row
    return None


def _host(base_url: str) -> str:
    try:
        return urlsplit(base_url).hostname or ""
    except ValueError:  # an endpoint is never made of it: there it is an error with a message
        return ""


def _usual(dialect: str) -> Speaks:
    return Speaks(path=_USUAL_PATHS.get(dialect, "/v1"), auth=_USUAL_AUTH.get(dialect, "bearer"))


def _usual_models(dialects: Iterable[str]) -> ModelList:
    for dialect in dialects:
        match dialect:
            case "chat" | "responses":
                return ModelList(dialect=dialect)
            case "ollama":
                return ModelList(dialect=dialect, path="/tags", shape="ollama")
            case "gemini":
                return ModelList(dialect=dialect, path="/models?pageSize=1000", shape="gemini")
            case "messages":
                return ModelList(
                    dialect=dialect,
                    path="/models?limit=1000",
                    shape="anthropic",
                    headers={"anthropic-version": "2023-06-01"},
                )
    return ModelList()
