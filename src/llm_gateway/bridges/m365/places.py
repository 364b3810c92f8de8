"""Where Microsoft answers, and what a login has to be allowed to there. Values; nothing connects here.

MicrosoftDocs/m365copilot-docs: docs/api/ai-services/chat (Graph, a preview) and docs/work-iq/rest. Both take
the same requests; they differ in address, permissions and who pays.
"""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from llm_gateway.errors import ConfigError
from llm_gateway.providers.endpoint import Endpoint

__all__ = ["LOGIN_URL", "SERVICE_URL", "Backend", "Place", "login_endpoint", "place_of"]

Backend = Literal["graph", "workiq"]

SERVICE_URL = "M365_COPILOT_SERVICE_URL"
"""The variable that names another address of the service: a proxy of one's own, or a test's."""

LOGIN_URL = "M365_COPILOT_LOGIN_URL"
"""The same for Microsoft's identity platform."""

_LOGIN = "https://login.microsoftonline.com"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Place(msgspec.Struct, frozen=True):
    """One of Microsoft's services that answer as Copilot.

    `name` is short, `label` for a sentence. `conversations` is the path of its conversations; `resource`
    stands before each of its `permissions` in a scope; `entitled` is what a person needs beside them;
    `allowed` is what an administrator does about it.
    """

    backend: Backend
    name: str
    label: str
    endpoint: Endpoint
    conversations: str
    resource: str
    permissions: tuple[str, ...]
    entitled: str
    allowed: str

    @property
    def scope(self) -> str:
        """Return the scopes that a login asks for; `offline_access` makes it last longer than an hour."""
        return " ".join((*(f"{self.resource}/{name}" for name in self.permissions), "offline_access"))

    def missing(self, granted: tuple[str, ...]) -> tuple[str, ...]:
        """Return the permissions that are not among the granted ones; none where nothing is known of them."""
        held = {name.rpartition("/")[2].lower() for name in granted}
        return tuple(name for name in self.permissions if name.lower() not in held) if held else ()


def place_of(backend: Backend, environ: Mapping[str, str]) -> Place:
    """Return the service of this name; ConfigError when the environment names an address that is none."""
    if backend == "graph":
        return Place(
            backend=backend,
            name="Graph",
            label="the Copilot Chat API of Microsoft Graph",
            endpoint=_endpoint(SERVICE_URL, environ.get(SERVICE_URL) or "https://graph.microsoft.com"),
            conversations="beta/copilot/conversations",
            resource="https://graph.microsoft.com",
            permissions=(
                "Sites.Read.All",
                "Mail.Read",
                "People.Read.All",
                "OnlineMeetingTranscript.Read.All",
                "Chat.Read",
                "ChannelMessage.Read.All",
                "ExternalItem.Read.All",
            ),
            entitled="a Microsoft 365 Copilot licence",
            allowed="consent to the app's permissions for the organisation",
        )
    return Place(
        backend=backend,
        name="Work IQ",
        label="Work IQ",
        endpoint=_endpoint(SERVICE_URL, environ.get(SERVICE_URL) or "https://workiq.svc.cloud.microsoft"),
        conversations="rest/conversations",
        resource="api://workiq.svc.cloud.microsoft",
        permissions=("WorkIQAgent.Ask",),
        entitled="a place in a usage-based billing plan of Copilot Credits",
        allowed="enable Work IQ (`az ad sp create --id fdcc1f02-fc51-4226-8753-f668596af7f7`) and consent to "
        "WorkIQAgent.Ask for the organisation",
    )


def login_endpoint(environ: Mapping[str, str]) -> Endpoint:
    """Return where Microsoft's identity platform answers; ConfigError as above."""
    return _endpoint(LOGIN_URL, environ.get(LOGIN_URL) or _LOGIN)


def _endpoint(name: str, text: str) -> Endpoint:
    """Take an address apart. Tokens go there: without TLS only to this machine."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    path = parts.path.rstrip("/")
    if not host or not text.isascii() or parts.query or parts.fragment or "@" in parts.netloc:
        raise ConfigError(f"{name}: {text!r} is not the URL of a server")
    if parts.scheme == "https":
        return Endpoint("m365-copilot", "bridge", "https", host, port or 443, path, auth="none")
    if parts.scheme == "http" and host in _LOOPBACK:
        return Endpoint("m365-copilot", "bridge", "http", host, port or 80, path, auth="none")
    raise ConfigError(f"{name}: {text!r} must begin with https://, because tokens are sent there")
