"""Where OpenAI answers: the public API, and the service that people sign in at. Values alone.

developers.openai.com, siwc/token-sharing-open-source/sign-in and models-and-inference.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from llm_gateway.errors import ConfigError
from llm_gateway.providers.endpoint import Endpoint

__all__ = ["API_URL", "LOGIN_URL", "Places", "places_of"]

API_URL = "CHATGPT_API_URL"
"""The variable that names another address of the API: a proxy of one's own, or a test's."""

LOGIN_URL = "CHATGPT_LOGIN_URL"
"""The same for the service that people sign in at."""

_API = "https://api.openai.com/v1"
_ACCOUNTS = "https://auth.openai.com/api/accounts"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Places(msgspec.Struct, frozen=True):
    """`site` is the issuer of tokens, where its keys are; `accounts` is below it."""

    api: Endpoint
    accounts: Endpoint
    site: Endpoint

    @property
    def authorize(self) -> str:
        """Return the page where a person agrees, without its query."""
        return f"{self.accounts.url}/authorize"

    @property
    def issuer(self) -> str:
        """Return what a token says of who made it."""
        return self.site.url


def places_of(environ: Mapping[str, str]) -> Places:
    """Return OpenAI's addresses, or those that the environment names; ConfigError for one that is none."""
    accounts = _endpoint(LOGIN_URL, environ.get(LOGIN_URL) or _ACCOUNTS)
    return Places(
        _endpoint(API_URL, environ.get(API_URL) or _API),
        accounts,
        msgspec.structs.replace(accounts, base_path=""),
    )


def _endpoint(name: str, text: str) -> Endpoint:
    """Take an address apart. Tokens go there: without TLS only to this machine."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    path = parts.path.rstrip("/")
    if not host or not text.isascii() or " " in text or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError(f"{name} is not the URL of a server; unset it to ask OpenAI itself")
    if parts.scheme == "https":
        return Endpoint("chatgpt", "responses", "https", host, port or 443, path, auth="none")
    if parts.scheme == "http" and host in _LOOPBACK:
        return Endpoint("chatgpt", "responses", "http", host, port or 80, path, auth="none")
    raise ConfigError(
        f"{name} must begin with https://, because tokens are sent there: {parts.scheme}://{host}"
    )
