"""The providers there are: how each is reached, what it serves, how it fared when it was last asked.

Which of them answers a request is the pipeline's business; what stands in the configuration, the app's.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.errors import UpstreamBroken, UpstreamFault
from llm_gateway.http.client import Patience
from llm_gateway.providers.catalog import ProviderRow
from llm_gateway.providers.discovery import ModelEntry, UnreadableModelList, model_names, read_models
from llm_gateway.providers.endpoint import Endpoint, ModelSource, model_source
from llm_gateway.upstream.answer import read_whole
from llm_gateway.upstream.client import Line, Upstream

__all__ = ["Fleet", "Member", "Presence", "State"]

State = Literal[
    "unknown",
    "ok",
    "auth_required",
    "unreachable",
    "degraded",
    "disabled",
    "not_installed",
    "starting",
    "consent_required",
    "not_entitled",
    "rate_limited",
    "busy",
    "version_mismatch",
    "error",
]
"""How a provider is; those from `disabled` on are of bridges alone."""

Presence = Literal["configured", "key found", "found running", "built in", "bridge"]

_MAX_LIST = 16 * 1024 * 1024
_PATIENCE = Patience(3.0, 3.0)


class Member(msgspec.Struct):
    """A provider and what is known of it now."""

    row: ProviderRow
    presence: Presence
    lines: Mapping[str, Line] = {}
    source: ModelSource | None = None
    fixed: tuple[str, ...] = ()
    entries: tuple[ModelEntry, ...] = ()
    state: State = "unknown"
    reason: str = ""
    checked_us: int = 0

    @property
    def models(self) -> tuple[str, ...]:
        """Return the names of its models: what the configuration says, else what it lists."""
        return self.fixed or model_names(self.entries)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return its endpoints, in its order of preference."""
        return tuple(line.endpoint for line in self.lines.values())


class Fleet:
    """All providers, and the candidates that join when they are found running."""

    def __init__(
        self, upstream: Upstream, clock: Clock, changed: Callable[[], None], *, deadline: float = 5.0
    ) -> None:
        self._upstream = upstream
        self._clock = clock
        self._changed = changed
        self._deadline = deadline
        self._asking = asyncio.Lock()
        self._members: dict[str, Member] = {}
        self._candidates: dict[str, Member] = {}
        self._logins: dict[str, Member] = {}

    @property
    def logins(self) -> Mapping[str, Member]:
        """Return the vendors to whom clients' own logins are passed on, by name; nobody else asks them."""
        return self._logins

    @property
    def members(self) -> Mapping[str, Member]:
        """Return the providers by name."""
        return self._members

    def add(
        self,
        row: ProviderRow,
        endpoints: Iterable[Endpoint],
        *,
        presence: Presence,
        models: tuple[str, ...] = (),
    ) -> None:
        """Add a provider; one that is `found running` waits until it is."""
        kept = tuple(endpoints)
        member = Member(
            row,
            presence,
            lines={endpoint.dialect: Line(endpoint) for endpoint in kept},
            source=model_source(row, kept),
            fixed=models,
        )
        if row.kind == "builtin":
            member.state = "ok"
        elif row.bridge is not None:
            member.state = "starting"
        if row.login is not None:
            self._logins[row.name] = member
        elif presence == "found running":
            self._candidates[row.name] = member
        else:
            self._members[row.name] = member

    def told(
        self, name: str, state: State, reason: str, entries: tuple[ModelEntry, ...] | None = None
    ) -> None:
        """Take note of what a bridge says of itself; `entries` None: its models are as they were."""
        member = self._members.get(name)
        if member is None or member.row.bridge is None:
            return
        before = self._known([member])
        member.state, member.reason = state, reason
        member.checked_us = self._clock.now_us()
        if entries is not None:
            member.entries = entries
        if before != self._known([member]):
            self._changed()

    def leave(self, name: str) -> None:
        """Know a provider no longer."""
        if self._members.pop(name, None) is not None:
            self._changed()

    async def become(self, other: "Fleet") -> None:
        """Take over the providers of another fleet in place of all of these."""
        async with self._asking:
            self._members, self._candidates = other._members, other._candidates
            self._logins = other._logins
            self._changed()

    def gauges(self) -> dict[str, Callable[[], dict[str, float]]]:
        """Return what is measured: which providers answer, but for bridges that nobody asked for."""
        return {
            "llm_gateway_upstream_up": lambda: {
                name: float(member.state == "ok")
                for name, member in self._members.items()
                if member.presence != "bridge" or member.state == "ok"
            }
        }

    def lines(self, members: Mapping[str, Member] | None = None) -> dict[tuple[str, str], Line]:
        """Return every line of the providers, or of other members, by name and dialect."""
        return {
            (name, dialect): line
            for name, member in (self._members if members is None else members).items()
            for dialect, line in member.lines.items()
        }

    async def keep_fresh(self, every: float) -> None:
        """Ask the providers for their models again and again, until cancelled."""
        while True:
            await self.refresh(older_than=every / 2)
            await asyncio.sleep(every)

    async def refresh(self, *, older_than: float = 0.0) -> None:
        """Ask the providers for their models, all at once; those asked within `older_than` seconds are left.

        Whoever comes while they are being asked waits for the answers.
        """
        async with self._asking:
            now = self._clock.now_us()
            due = [
                member
                for member in (*self._members.values(), *self._candidates.values())
                if member.source is not None and now - member.checked_us >= older_than * 1e6
            ]
            before = self._known(due)
            try:
                await asyncio.gather(*(self._ask(member) for member in due))
            finally:  # whoever asked may have left: what was learnt by then is learnt
                if before != self._known(due):
                    self._changed()

    def _known(self, members: list[Member]) -> tuple[list[tuple[tuple[str, ...], State]], int]:
        return [(member.models, member.state) for member in members], len(self._members)

    async def _ask(self, member: Member) -> None:
        assert member.source is not None
        try:
            member.entries = await self._list(member, member.source)
        except UpstreamFault as error:
            member.state, member.reason = "unreachable", error.message
        except _Refused as error:
            member.state, member.reason = error.state, error.reason
        else:
            member.state, member.reason = "ok", ""
            if self._candidates.pop(member.row.name, None) is not None:
                self._members[member.row.name] = member
        member.checked_us = self._clock.now_us()

    async def _list(self, member: Member, source: ModelSource) -> tuple[ModelEntry, ...]:
        line = Line(source.endpoint)
        extra = b"".join(b"%b: %b\r\n" % field for field in source.headers)
        try:
            async with asyncio.timeout(self._deadline):
                answer = await self._upstream.send(line, line.get(source.target, extra), b"", _PATIENCE)
                try:
                    body = await read_whole(answer, _MAX_LIST) if answer.status == 200 else b""
                finally:
                    answer.release()
        except TimeoutError:
            raise UpstreamBroken(f"its model list did not come within {self._deadline:g} seconds") from None
        if answer.status in (401, 403):
            raise _Refused(
                "auth_required", f"it answered {answer.status}: its API key is missing or not valid"
            )
        if answer.status != 200:
            raise _Refused("degraded", f"its model list answered {answer.status}")
        try:
            return read_models(body, source.shape, prefix=member.row.quirks.model_prefix)
        except UnreadableModelList as error:
            raise _Refused("degraded", str(error)) from None


class _Refused(Exception):
    """A provider that answered, but not with a model list."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason
