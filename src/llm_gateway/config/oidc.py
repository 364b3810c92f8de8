"""The settings of the dashboard: a provider of logins, and which of its users are let in."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from llm_gateway.config.addresses import reach, wrong_url
from llm_gateway.config.problems import shown

__all__ = ["DashboardSettings", "OidcSettings", "wrong_oidc"]


class OidcSettings(msgspec.Struct, frozen=True):
    """A provider of logins (OpenID Connect) that people sign in to the dashboard with; see dashboard.md."""

    issuer: Annotated[
        str, Meta(description="URL of the provider, as it calls itself; https, or http on this machine.")
    ] = ""
    client_id: Annotated[str, Meta(description="What this gateway is called at the provider.")] = ""
    client_secret_env: Annotated[str, Meta(description="Environment variable that holds its secret.")] = ""
    client_secret_file: Annotated[
        str, Meta(description="File that holds its secret and nothing else, mode 0600.")
    ] = ""
    allowed: Annotated[
        tuple[str, ...],
        Meta(
            description="Who is let in: e-mail addresses, which the provider has to have verified, all of an "
            "`@domain`, or subjects (`sub`) without an `@`."
        ),
    ] = ()
    scopes: Annotated[tuple[str, ...], Meta(description="What is asked for.")] = ("openid", "email")
    url: Annotated[
        str,
        Meta(
            description="Address by which browsers reach this gateway, such as https://gw.example.org; left "
            "out: the one they ask by."
        ),
    ] = ""


class DashboardSettings(msgspec.Struct, frozen=True):
    """Who may look at the dashboard, beside those who have its token."""

    oidc: OidcSettings = OidcSettings()


def wrong_oidc(oidc: OidcSettings) -> Iterator[tuple[str, str]]:
    """Yield each setting that cannot be, and why."""
    if not oidc.issuer:
        if oidc != OidcSettings():
            yield "issuer", "there is no issuer, the URL of the provider"
        return
    for name in ("issuer", "url"):
        value = getattr(oidc, name)
        if value and (wrong := _wrong_address(value)):
            yield name, f"{shown(value)} {wrong}"
    if not oidc.client_id:
        yield "client_id", "there is none; the provider names it when this gateway is registered there"
    if oidc.client_secret_env and oidc.client_secret_file:
        yield "client_secret_file", "client_secret_env is set too; keep one of them"
    if "openid" not in oidc.scopes:
        yield "scopes", "openid is not among them, and nobody is told who signed in without it"
    if not oidc.allowed:
        yield "allowed", "nobody is let in; name e-mail addresses, an @domain, or subjects"
    for each in oidc.allowed:
        if not each.strip() or each != each.strip() or each == "@":
            yield "allowed", f"{shown(each)} is nobody"


def _wrong_address(text: str) -> str:
    if wrong := wrong_url(text):
        return wrong
    url = urlsplit(text)
    if url.username is not None or url.password is not None:
        return "holds a user or a password"
    if url.scheme != "https" and reach(url.hostname or "") != "loopback":
        return "is not an https URL, and only on this machine may it be http"
    return ""
