"""An endpoint: one address, one dialect, one credential of a provider. A value; nothing connects here."""

import re
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote, urlsplit

import msgspec

from llm_gateway.errors import ConfigError
from llm_gateway.providers.catalog import Auth, ProviderRow, Quirks, Shape
from llm_gateway.vault import Secret

__all__ = ["Endpoint", "ModelSource", "base_url", "model_source", "provider_endpoints"]

_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_VERSION = re.compile(r"v\d+((alpha|beta)\d*)?")
_HEADERS: dict[Auth, bytes] = {
    "bearer": b"authorization",
    "x-api-key": b"x-api-key",
    "x-goog-api-key": b"x-goog-api-key",
    "api-key": b"api-key",
}


class Endpoint(msgspec.Struct, frozen=True):
    """Where and how a provider is asked in one dialect. `base_path` ends before the operation."""

    provider: str
    dialect: str
    scheme: Literal["http", "https"]
    host: str
    port: int
    base_path: str
    auth: Auth = "bearer"
    secret: Secret | None = None
    quirks: Quirks = Quirks()

    @property
    def asks_usage(self) -> bool:
        """Whether a stream may be made to report its usage."""
        return self.quirks.stream_usage

    @property
    def url(self) -> str:
        """Return the address, to be shown."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return f"{self.scheme}://{host}{'' if self.port == usual else f':{self.port}'}{self.base_path}"

    def target(self, operation: str) -> bytes:
        """Return the request target of an operation of the dialect."""
        return f"{self.base_path}/{operation}".encode("ascii")

    def credential_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the header field that carries the credential; none without a credential."""
        if self.secret is None or self.auth == "none":
            return []
        value = self.secret.reveal().encode("ascii")
        return [(_HEADERS[self.auth], b"Bearer " + value if self.auth == "bearer" else value)]


class ModelSource(msgspec.Struct, frozen=True):
    """How a provider's models are listed: `GET target` at the endpoint, with these headers."""

    endpoint: Endpoint
    target: bytes
    shape: Shape
    headers: tuple[tuple[bytes, bytes], ...] = ()


def base_url(row: ProviderRow, environ: Mapping[str, str]) -> str:
    """Return the row's address with variables filled in; ConfigError names the one that is missing."""
    text = next((environ[name] for name in row.base_url_env if environ.get(name)), row.base_url)

    def fill(found: re.Match[str]) -> str:
        value = environ.get(found[1], "")
        if not value:
            raise ConfigError(f"providers.{row.name}: its address needs the environment variable {found[1]}")
        return quote(value, safe="")

    return _VARIABLE.sub(fill, text)


def provider_endpoints(
    row: ProviderRow, secret: Secret | None, environ: Mapping[str, str]
) -> tuple[Endpoint, ...]:
    """Return an endpoint for each dialect of the row, in its order; none for what runs in this process."""
    if row.kind == "builtin" or row.bridge is not None:
        return ()
    scheme, host, port, path = _parse(row.name, base_url(row, environ))
    known = [speaks.path for speaks in row.dialects.values()]
    if secret is not None and not _is_field_text(secret.reveal()):
        raise ConfigError(f"providers.{row.name}: its key holds characters that no header can carry")
    return tuple(
        Endpoint(
            provider=row.name,
            dialect=dialect,
            scheme=scheme,
            host=host,
            port=port,
            base_path=_root(path, known) + speaks.path if _has_place(path, known) else path,
            auth=speaks.auth,
            secret=secret,
            quirks=row.quirks,
        )
        for dialect, speaks in row.dialects.items()
    )


def model_source(row: ProviderRow, endpoints: tuple[Endpoint, ...]) -> ModelSource | None:
    """Return how the models of a row are listed through its endpoints; None when they cannot be."""
    told = row.models
    for endpoint in endpoints:
        if endpoint.dialect == told.dialect or told.root_path:
            if told.root_path:
                start = endpoint.base_path.removesuffix(row.dialects[endpoint.dialect].path)
                target = start + told.root_path
            else:
                target = endpoint.base_path + told.path
            headers = tuple(
                (name.encode("ascii"), value.encode("ascii")) for name, value in told.headers.items()
            )
            return ModelSource(endpoint, target.encode("ascii"), told.shape, headers)
    return None


def _parse(name: str, text: str) -> tuple[Literal["http", "https"], str, int, str]:
    """Take an address apart; ConfigError says what is wrong with it."""
    where = f"providers.{name}.base_url: {text!r}"
    if not text or any(character <= " " or character == "\x7f" for character in text):
        raise ConfigError(f"{where} is not a URL")
    try:
        parts = urlsplit(text)
        port = parts.port
        host = parts.hostname or ""
        if ":" not in host:
            host = host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        raise ConfigError(f"{where} is not a URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigError(f"{where} is not a URL: it must begin with http:// or https:// and name a host")
    if "@" in parts.netloc:
        raise ConfigError(f"providers.{name}.base_url holds a user or a password: use api_key_env instead")
    if parts.query or parts.fragment:
        raise ConfigError(f"{where} has a query or a fragment: only a path is understood")
    path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
    if parts.scheme == "https":
        return "https", host, port or 443, path
    return "http", host, port or 80, path


def _root(path: str, known: list[str]) -> str:
    """Return a path without the version path it ends with, or without the beginning of one."""
    for version in sorted(known, key=len, reverse=True):
        segments = version.split("/")[1:]
        for count in range(len(segments), 0, -1):
            beginning = "/" + "/".join(segments[:count])
            if path.endswith(beginning):
                return path[: -len(beginning)]
    return path


def _has_place(path: str, known: list[str]) -> bool:
    """Whether a dialect's version path belongs after the root: not when the address has one of its own."""
    return _root(path, known) != path or not _VERSION.fullmatch(path.rpartition("/")[2])


def _is_field_text(text: str) -> bool:
    return bool(text) and all("!" <= character <= "~" for character in text)
