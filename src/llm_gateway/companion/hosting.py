"""A companion that runs: dial, join or come back, serve, tell, report, and all of that again after a break.

A link that was lost is dialled again at once, and later and later when that keeps failing, never after more
than seconds and never all machines in step. What cannot get better by trying again ends it.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from llm_gateway.clock import Clock
from llm_gateway.companion import identity as identities
from llm_gateway.companion.channel import Bounds, Channel, ChannelFull
from llm_gateway.companion.dialing import DialledSocket, address_of, dial, trusting
from llm_gateway.companion.flows import FlowBroken
from llm_gateway.companion.frames import Open
from llm_gateway.companion.identity import Identity
from llm_gateway.companion.introduction import Refused, introduce
from llm_gateway.companion.link import Link
from llm_gateway.companion.offers import write_news
from llm_gateway.companion.reporting import Reporter
from llm_gateway.companion.serving import Serving
from llm_gateway.errors import ConfigError
from llm_gateway.tasks import Tasks

__all__ = ["Companion", "Course", "Progress", "pause_before"]

_SHORTEST, _LONGEST, _HOPELESS = 0.2, 4.0, 30.0
_HELD = 10.0  # a link that lasted so long was a good one
_TELL_EVERY, _TELL_GAP = 5.0, 0.2
_BOUNDS = Bounds(streams=128)

_FINAL = frozenset(
    (
        "never_enrolled",
        "revoked",
        "bad_token",
        "token_used",
        "token_expired",
        "wrong_proof",
        "another_gateway",
    )
)
_SLOW = frozenset(("tls_failed", "version_mismatch", "already_connected"))


class Course(msgspec.Struct, frozen=True):
    """Where a companion dials: `url`, "" for where it did before; `token` to join with, "" to come back.

    `folder` is its own in the home; `ca` certificates in PEM to trust instead of the system's authorities.
    `report_every` is how often it reports, in seconds; `drain` how long it waits for turns when it stops.
    """

    folder: Path
    url: str = ""
    token: str = ""
    ca: str = ""
    report_every: float = 60.0
    drain: float = 10.0

    def way(self, known: Identity | None) -> tuple[str, str]:
        """Return the URL to dial and the certificates to trust there: as is said here, else as is known.

        What was trusted at one address is not for another.
        """
        if known is None or self.url not in ("", known.url):
            return self.url, self.ca
        return known.url, self.ca or known.ca


class Progress(msgspec.Struct, frozen=True):
    """How it goes: `connected`, or `away` with the kind of reason; `message` is for a person."""

    state: str
    message: str
    kind: str = ""


class Companion:
    """The companion of a machine. `told` hears how it goes; `chance` gives numbers from 0 to 1."""

    def __init__(
        self,
        course: Course,
        serving: Serving,
        reporter: Callable[[str], Reporter] | None,
        owned: tuple[Tasks, Clock],
        told: Callable[[Progress], None],
        chance: Callable[[], float],
    ) -> None:
        self._course = course
        self.serving = serving
        self._make_reporter = reporter
        self._reporter: Reporter | None = None
        self._tasks, self._clock = owned
        self._told = told
        self._chance = chance
        self._news = asyncio.Event()
        self._link: Link | None = None
        self._trouble = ""
        serving.changed = self._news.set

    async def run(self) -> None:
        """Be a companion for as long as that is possible; Refused says why it is not any more."""
        identity, fresh = self._identity()
        address = address_of(self._course.way(identity)[0])
        watching = self._tasks.start("watch the companion's switch", self.serving.watch())
        failures = 0
        first: Refused | None = None
        token = self._course.token if fresh else ""
        try:
            while True:
                try:
                    identity, lasted = await self._once(address, identity, token)
                    failures = 0 if lasted >= _HELD else failures + 1
                    wait, token = pause_before(failures, self._chance()), ""
                except Refused as refused:
                    joining = bool(self._course.token) and not token
                    if joining and first is None and refused.kind in ("never_enrolled", "revoked"):
                        first, identity, token = refused, self._anew(identity), self._course.token
                        continue
                    if first is not None and refused.kind == "token_used":
                        raise first from None  # the token is the one that it had joined with
                    if refused.kind in _FINAL:
                        raise
                    failures += 1
                    wait = self._after(refused, failures)
                await asyncio.sleep(wait)
        finally:
            watching.cancel()

    async def close(self) -> None:
        """Take nothing new and let turns end, for as long as the course says."""
        if self._link is not None:
            await self._link.drain(self._course.drain)

    # details

    def _identity(self) -> tuple[Identity, bool]:
        """Return who this is, and whether that is new."""
        known = identities.load(self._course.folder)
        if known is not None:
            return known, False
        if not self._course.token or not self._course.url:
            raise ConfigError(
                "this machine has joined no gateway yet: run `llm-gateway enroll NAME` on the gateway, then "
                "`llm-gateway companion --gateway URL --join TOKEN` here"
            )
        return self._anew(None), True

    def _anew(self, before: Identity | None) -> Identity:
        """Make a key, and keep it before anybody hears of it."""
        made = identities.make(*self._course.way(before))
        made.keep(self._course.folder)
        return made

    async def _once(self, address: str, identity: Identity, token: str) -> tuple[Identity, float]:
        """Dial, and be there until the link ends; return for how long that was."""
        present = await self.serving.present() if token else ()
        url, ca = self._course.way(identity)
        socket = await dial(address, self._tasks, trusting(ca))
        try:
            welcomed = await introduce(socket, identity, token, present)
            known = msgspec.structs.replace(
                identity, gateway=welcomed.gateway, machine=welcomed.machine, url=url, ca=ca
            )
            if known != identity:
                known.keep(self._course.folder)
            self.serving.allow(welcomed.bridges)
            began = self._clock.monotonic()
            await self._linked(socket, known)
            return known, self._clock.monotonic() - began
        finally:
            await socket.close()

    async def _linked(self, socket: DialledSocket, identity: Identity) -> None:
        owned = self._tasks, self._clock
        channel = Channel(dials=True, bounds=_BOUNDS)
        link = self._link = Link(socket, channel, self.serving.serve, lambda _: None, owned)
        beside = [self._tasks.start("tell how bridges are", self._tell(link))]
        if self._make_reporter is not None:
            self._reporter = self._reporter or self._make_reporter(identity.machine)
            beside.append(self._tasks.start("report applications", self._report(link, self._reporter)))
        self._told(Progress("connected", f"connected as {identity.machine}"))
        try:
            ended = await link.run()
        finally:
            self._link = None
            for task in beside:
                task.cancel()
        self._trouble = f"{ended.kind}: {ended.message}"[:300]
        self._told(Progress("away", ended.message, ended.kind))

    async def _tell(self, link: Link) -> None:
        """Say how bridges are, whenever that has changed."""
        said = b""
        while True:
            self._news.clear()
            news = write_news(await self.serving.news(self._trouble))
            if news != said:
                link.tell(news)
                said = news
            await asyncio.sleep(_TELL_GAP)
            try:
                async with asyncio.timeout(_TELL_EVERY):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def _report(self, link: Link, reporter: Reporter) -> None:
        """Report again and again what there is; what did not arrive is reported with the next link."""

        async def send(body: bytes) -> None:
            call = link.open(Open("report"))
            try:
                head = await call.ask(body)
            finally:
                call.leave()
            if head.status >= 400:
                raise _NotTaken

        while True:
            try:
                await reporter.report(send)
            except (FlowBroken, ChannelFull, _NotTaken, ConfigError):
                pass
            await asyncio.sleep(self._course.report_every)

    def _after(self, refused: Refused, failures: int) -> float:
        """Say why there is no link, and return how long to wait before the next attempt."""
        self._trouble = f"{refused.kind}: {refused.message}"[:300]
        self._told(Progress("away", refused.message, refused.kind))
        if refused.retry_after:
            return refused.retry_after + self._chance()
        if refused.kind in _SLOW:
            return _HOPELESS * (0.5 + self._chance() / 2)
        return pause_before(failures, self._chance())


class _NotTaken(Exception):
    """The gateway did not take a report."""


def pause_before(failures: int, chance: float) -> float:
    """Return for how long to wait before dialling again, after so many failures in a row."""
    longest = min(_LONGEST, _SHORTEST * 2.0 ** min(failures, 10))
    return _SHORTEST / 2 + (longest - _SHORTEST / 2) * chance
