"""The page of settings and the doctor: how the gateway is, what is wrong, how it is set, who is signed in."""

import asyncio
import os
from collections.abc import Callable, Mapping

import msgspec

from llm_gateway.config import Loaded
from llm_gateway.config.effective import Effective, effective
from llm_gateway.errors import ConfigError
from llm_gateway.http.exchange import Exchange
from llm_gateway.ledger import queries
from llm_gateway.ledger.audit import Entry
from llm_gateway.ledger.filters import Filter
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.server.diagnosis import Diagnosed, Diagnosis
from llm_gateway.server.exposure import ExposureView, exposure_view
from llm_gateway.server.pages.page import Asked, Page, wants_html
from llm_gateway.server.parts import Apis, Parts
from llm_gateway.server.routes import Route
from llm_gateway.server.sign_in import SessionView, SignIn, session_view
from llm_gateway.server.support import Bundle, bundle, versions
from llm_gateway.server.views import HealthView

__all__ = ["AuditLine", "Settings", "SettingsView"]

_AUDITED = 20
_FAILED = 20
# A page is not to wait for a look at everything; its script asks again.
_PATIENCE_S = 0.02
_DOCS = (
    ("configuration.md", "every setting"),
    ("limits.md", "limits and budgets"),
    ("exposure.md", "listening beyond this machine"),
    ("storage.md", "the ledger, backups, damage"),
    ("content.md", "keeping what was said"),
    ("bridges.md", "subscriptions"),
    ("connecting.md", "connecting applications"),
    ("metrics.md", "metrics"),
    ("errors.md", "every error and what helps"),
)


class AuditLine(msgspec.Struct, frozen=True):
    """What was administered: when, by whom, what, to which thing."""

    seq: int
    at: str
    actor: str
    action: str
    target: str
    detail: str


class SettingsView(msgspec.Struct, frozen=True):
    """What the page shows. `found` is None while it is being looked; `refused` are lines of what is wrong."""

    health: HealthView
    url: str
    versions: dict[str, str]
    found: Diagnosed | None
    refused: list[str]
    settings: list[Effective]
    own: int
    file: str
    file_exists: bool
    home: str
    exposure: ExposureView | None
    exposure_error: str
    sessions: list[SessionView]
    audit: list[AuditLine]
    audit_error: str
    docs: list[tuple[str, str]]


class Settings:
    """Make the page, and the bundle for support."""

    def __init__(self, parts: Parts, apis: Apis) -> None:
        self._gateway: Gateway = parts.gateway
        self._dashboard = apis.dashboard
        self._configured: Callable[[], tuple[Loaded, Mapping[str, str]]] = parts.configured
        self._url = parts.url
        self._sign_in: SignIn = parts.sign_in
        self._refused = parts.refused
        self._diagnosis = Diagnosis(
            apis.dashboard, parts.configured, parts.url, parts.gateway.clock, parts.tasks
        )

    def pages(self) -> tuple[Page, ...]:
        """Return the page."""
        return (
            Page("/settings", "settings", self.make, "Settings & doctor: how the gateway is, and is set"),
        )

    def routes(self) -> tuple[Route, ...]:
        """Return the route of the bundle."""
        summary = "A bundle for support, to be saved: no secret, no prompt and no person is in it"
        return (Route("GET", "/settings/support.json", self.support, summary, "dashboard"),)

    async def make(self, asked: Asked) -> SettingsView:
        """Return what the page shows; `settings=all` is with the defaults, `fresh=1` looks anew."""
        loaded = self._configured()[0]
        whole = asked.query.get("part") == "checks" or not wants_html(asked.exchange)
        found = await self._diagnosis.look(
            0.0 if asked.query.get("fresh") == "1" else 30.0, None if whole else _PATIENCE_S
        )
        settings = effective(loaded)
        own = [each for each in settings if not each.is_default]
        audit, audit_error = await asyncio.to_thread(self._audit)
        exposure, exposure_error = self._exposure(loaded)
        return SettingsView(
            health=self._dashboard.health_view(),
            url=self._url(),
            versions=versions(),
            found=found,
            refused=self._refused().splitlines(),
            settings=settings if asked.query.get("settings") == "all" else own,
            own=len(own),
            file=str(loaded.file),
            file_exists=loaded.file.exists(),
            home=str(loaded.home),
            exposure=exposure,
            exposure_error=exposure_error,
            sessions=self._sessions(asked.exchange),
            audit=audit,
            audit_error=audit_error,
            docs=list(_DOCS),
        )

    async def support(self, exchange: Exchange, _: str) -> None:
        """Answer with the bundle, as a file."""
        found = await self._bundle()
        name = f"llm-gateway-support-{found.made_at[:10]}.json"
        fields = f'content-type: application/json\r\ncontent-disposition: attachment; filename="{name}"\r\n'
        body = msgspec.json.format(msgspec.json.encode(found), indent=1)
        exchange.respond(200, f"{fields}cache-control: no-store\r\n".encode(), body)

    async def _bundle(self) -> Bundle:
        loaded, environ = self._configured()
        checked = await self._diagnosis.look()
        which = Filter(outcome="error")
        failed = await self._gateway.ledger.read(queries.page, which, before="", limit=_FAILED)
        return bundle(
            loaded,
            environ,
            self._dashboard.health_view(),
            checked.checks if checked is not None else (),
            (await self._dashboard.providers_view()).providers,
            (self._gateway.clock.now_us(), failed),
        )

    def _sessions(self, exchange: Exchange) -> list[SessionView]:
        sessions = self._sign_in.sessions
        asking = sessions.of(exchange.headers)
        current = asking.id if asking is not None else ""
        return [session_view(each, current) for each in sessions.listed()]

    def _audit(self) -> tuple[list[AuditLine], str]:
        try:
            return [_line(entry) for entry in self._gateway.ledger.audit.latest(_AUDITED)], ""
        except OSError as error:
            return [], error.strerror or os.strerror(error.errno or 0)

    def _exposure(self, loaded: Loaded) -> tuple[ExposureView | None, str]:
        try:
            now_us = self._gateway.clock.now_us()
            return exposure_view(loaded.home, loaded.settings.server, now_us), ""
        except (ConfigError, OSError) as error:
            return None, str(error)


def _line(entry: Entry) -> AuditLine:
    detail = ", ".join(f"{name} {value}" for name, value in entry.detail.items())
    return AuditLine(entry.seq, entry.at, entry.actor, entry.action, entry.target, detail)
