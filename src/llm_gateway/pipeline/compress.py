"""Compression on a request's way: results are sent with less said twice, or what that saves is measured.

How a result is encoded, and that it stays so, is `compression/`'s; for whom, `compression_terms.py`'s. What
cannot be done here costs no request: it is sent as it came, and counted. Off, all of this is one test.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b

import msgspec

from llm_gateway.canonical.slots import Slots
from llm_gateway.canonical.usage import Usage
from llm_gateway.clock import Clock
from llm_gateway.compression.cacheable import least_bytes, ttl_us
from llm_gateway.compression.conversation import Compressed as Encoded
from llm_gateway.compression.conversation import Compressor, Plan, Wish, rewritten
from llm_gateway.compression.decisions import RAW, STOPPED, Decisions, Forgetful, Kept, Measured
from llm_gateway.compression.elsewhere import read_elsewhere
from llm_gateway.compression.removal import Removal
from llm_gateway.compression.watch import Seen, Watch
from llm_gateway.config.compression import CompressionSettings
from llm_gateway.dialects.contract import Call, Dialect
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.records import Compressed, Removed
from llm_gateway.pipeline.compression_terms import Asker, Terms, Told
from llm_gateway.pipeline.counting import Counting, Extents, Took, classed
from llm_gateway.pipeline.plan import Plan as Targets
from llm_gateway.telemetry.metrics import Reading
from llm_gateway.vault import key_digest

__all__ = ["Compressing", "Compression", "Request"]

_AT_ONCE = 24 << 10  # bytes of text that are gone through on the event loop: about two milliseconds
_MEASURED = b"shadow "  # before the scope of what is only measured
_NOTHING = "nothing of it is worth a reference"
_STOPPED = "stopped: "
_NO_MEMBERS = frozenset(("metadata", "stream", "stream_options"))


class Request(msgspec.Struct, frozen=True):
    """A request that is planned, and when it began; `owner` is the key whose conversation it is."""

    asker: Asker
    owner: str
    call: Call
    dialect: Dialect
    plan: Targets
    at_us: int


class Compression:
    """Whoever compresses, in a running gateway. `kept` outlasts it; `failed` is told of what went wrong.

    `pepper` is a secret of the gateway: without it nobody can find out by trying whether a decision that is
    kept is one of a conversation that he guesses.
    """

    @classmethod
    def open(
        cls,
        settings: CompressionSettings,
        clock: Clock,
        ledger: Ledger,
        failed: Callable[[str, BaseException], None],
        pepper: bytes,
    ) -> "Compression":
        """Return one whose decisions are on record."""
        kept = ledger.compressions
        return cls(settings, clock, failed, kept, pepper=pepper, ever=kept.any())

    def __init__(
        self,
        settings: CompressionSettings,
        clock: Clock,
        failed: Callable[[str, BaseException], None],
        kept: Kept | None = None,
        *,
        pepper: bytes = b"",
        ever: bool = False,
    ) -> None:
        self._clock = clock
        self._failed = failed
        self._pepper = pepper
        self._compressor = Compressor(Decisions(kept), seconds=clock.monotonic)
        # What is only measured decides nothing of what is sent.
        self._shadow = Compressor(Decisions(Measured(kept or Forgetful())), seconds=clock.monotonic)
        self._watch = Watch()
        self._ever = ever
        self._requests = self._encoded = self._bytes = self._shadow_bytes = 0
        self._seconds = 0.0
        self._raw: Counter[str] = Counter()
        self.use(settings)

    def use(self, settings: CompressionSettings) -> None:
        """Go by these settings from now on, for what is new; what was sent shorter stays so."""
        self._terms = Terms(settings)
        self._ever = self._ever or not self._terms.never
        self.active = self._ever
        """Whether a request has to be looked at: some are compressed, or were once."""

    async def of(self, request: Request) -> tuple[Call, "Compressing | None"]:
        """Return a request as it is sent, and what was done; None for one without results of tools."""
        call = request.call
        if request.plan.kind != "generate":
            return call, None
        began = self._clock.monotonic()
        try:
            slots = request.dialect.slots(call.document, self._compressor.recall)
            if not slots.starts:
                return call, None
            return await self._compress(request, slots)
        except Exception as error:  # the edge of compression: what it cannot do must not cost a request
            self._raw["failed"] += 1
            self._failed("compress", _without_text(error))
            size = len(call)
            return call, Compressing(Compressed(0, before=size, after=size, why="it failed"))
        finally:
            self._seconds += self._clock.monotonic() - began

    def gauges(self) -> dict[str, Callable[[], Reading]]:
        """Return what is to be shown of it, by the name of the metric."""
        return {
            "llm_gateway_compression_requests_total": lambda: float(self._requests),
            "llm_gateway_compression_results_total": lambda: float(self._encoded),
            "llm_gateway_compression_saved_bytes_total": lambda: float(self._bytes),
            "llm_gateway_compression_shadow_bytes_total": lambda: float(self._shadow_bytes),
            "llm_gateway_compression_raw_total": lambda: {why: float(n) for why, n in self._raw.items()},
            "llm_gateway_compression_seconds_total": lambda: self._seconds,
        }

    # details

    async def _compress(self, request: Request, slots: Slots) -> tuple[Call, "Compressing"]:
        told = self._wanted(request, slots)
        scope = key_digest(self._pepper, request.owner)
        mode = self._terms.policy if told.mode == "on" else "off"
        least = max((least_bytes(step.model) for step in request.plan.steps), default=0)
        plan = self._compressor.plan(slots, Wish(mode, least, scope))
        watched = self._watch.find(plan.chains)
        reason = watched.reason if watched is not None and mode != "off" else ""
        encoded = await _run(self._compressor, plan, stopped=bool(reason))
        call = request.call
        if encoded.replacements:
            document = call.document.respelt(slots.member, rewritten(slots, encoded))
            call = msgspec.structs.replace(call, document=document)
        compressed = _told(slots, encoded, len(request.call), why=_why(told, encoded, reason))
        removal = Removal(slots, encoded)
        self._count(slots, encoded, told.mode, reason)
        if told.mode == "shadow" and not encoded.replacements:
            wish = Wish(self._terms.policy, least, _MEASURED + scope)
            shadow = await _run(self._shadow, self._shadow.plan(slots, wish))
            compressed = msgspec.structs.replace(_told(slots, shadow, len(request.call), why=""), shadow=True)
            removal = Removal(slots, shadow)
            self._shadow_bytes += compressed.before - compressed.after
        watching = (
            _Watching(self._watch, encoded, slots, request, self._clock)
            if mode != "off" or encoded.replacements
            else None
        )
        return call, Compressing(compressed, removal, watching)

    def _wanted(self, request: Request, slots: Slots) -> Told:
        """Return what is done with a request: nothing where what is referred to may not be read."""
        told = self._terms.of(request.asker)
        why = read_elsewhere(request.call.document.fields, slots) if told.mode != "off" else ""
        return Told("off", why) if why else told

    def _count(self, slots: Slots, encoded: Encoded, mode: str, reason: str) -> None:
        self._requests += bool(encoded.replacements)
        self._bytes += _saved(encoded)
        self._encoded += sum(each.slot >= slots.read for each in encoded.replacements)
        left = {"failed": encoded.failures, "large": encoded.large, "slow": encoded.slow}
        self._raw.update({why: count for why, count in left.items() if count})
        if reason:
            self._raw["stopped"] += 1
        elif mode != "on":
            self._raw[mode] += 1
        elif not encoded.replacements:
            self._raw["nothing"] += 1


class _Watching(msgspec.Struct, frozen=True):
    """A request whose provider's cache is looked at when it has been answered."""

    watch: Watch
    encoded: Encoded
    slots: Slots
    request: Request
    clock: Clock

    def look(self, extents: Extents, usage: Usage) -> int:
        """Take in what was read of the cache; return how many tokens it missed that nothing explains."""
        chains = self.encoded.chains
        before = self.watch.find(chains)
        seen = Seen(
            self.request.at_us,
            usage.cache_read,
            usage.cache_write,
            f"{extents.provider}/{extents.model} {_members(self.request.call, self.slots.member)}",
            bool(self.encoded.replacements),
            self.encoded.changed,
            ttl_us(extents.model, usage),
            self.clock.now_us(),
            self.slots.marked,
        )
        after = self.watch.look(chains, seen)
        if before is None or after.misses == before.misses:
            return 0
        return max(before.last.read + before.last.written - usage.cache_read, 0)


class Compressing:
    """What was done with one request, until it is known what that came to."""

    __slots__ = ("_compressed", "_watching", "removal")

    def __init__(
        self, compressed: Compressed, removal: Removal | None = None, watching: _Watching | None = None
    ) -> None:
        self._compressed = compressed
        self._watching = watching
        self.removal = removal
        """What was sent shorter, or would have been; None where compression failed."""

    @property
    def bytes_removed(self) -> int:
        """Return by how many bytes the body that was sent is shorter than the one that came."""
        told = self._compressed
        return 0 if told.shadow else told.before - told.after

    @property
    def header(self) -> bytes:
        """Return the header line that tells the client."""
        told = self._compressed
        is_on = told.encoded or told.why == _NOTHING or told.why.startswith(_STOPPED)
        done = "shadow" if told.shadow else "on" if is_on else "off"
        line = f"{done}; results={told.results}; encoded={told.encoded}; bytes={told.before - told.after}"
        return f"x-llm-gateway-compression: {line}\r\n".encode()

    def ended(
        self, extents: Extents, usage: Usage | None, counting: Counting, *, counted: bool
    ) -> tuple[Removed | None, Compressed]:
        """Return which tokens were not sent, by the class that they would have had, and all that is told.

        `counted`: the usage is the provider's own, of a whole answer.
        """
        told = self._compressed
        removal, took = self.removal, Took()
        if removal is not None and told.encoded:
            took = counting.took_out(extents, removal)
            told = took.told(told)
        missed = (
            self._watching.look(extents, usage) if self._watching is not None and usage and counted else 0
        )
        if missed:
            told = msgspec.structs.replace(told, missed=missed)
        if told.shadow or not took.counted or usage is None:
            return None, told
        return classed(took, usage, missed), told


async def _run(compressor: Compressor, plan: Plan, *, stopped: bool = False) -> Encoded:
    if plan.work <= _AT_ONCE:
        return compressor.compress(plan, stopped=stopped)
    return await asyncio.to_thread(compressor.compress, plan, stopped=stopped)


def _told(slots: Slots, encoded: Encoded, size: int, why: str) -> Compressed:
    versions = encoded.decisions
    return Compressed(
        len(slots.starts),
        len(encoded.replacements),
        size,
        size - _saved(encoded),
        policy=next((each for each in reversed(versions) if each not in (RAW, STOPPED)), ""),
        why=why,
    )


def _why(told: Told, encoded: Encoded, reason: str) -> str:
    if reason:
        return _STOPPED + reason
    if told.why or encoded.replacements:
        return told.why
    return _NOTHING if told.mode == "on" else ""


def _saved(encoded: Encoded) -> int:
    return sum(each.size - len(each.literal) for each in encoded.replacements)


def _members(call: Call, member: str) -> str:
    """Return a digest of what else a cache depends on: tools, system prompt, how the model is to think."""
    digest = blake2b(digest_size=16)
    for name, value in call.document.fields.items():
        if name != member and name not in _NO_MEMBERS:
            digest.update(b"%b\0%b\0" % (name.encode("utf-8", "replace"), bytes(value)))
    return digest.hexdigest()


def _without_text(error: Exception) -> Exception:
    """Return an error that says where something went wrong, and nothing of what a request said."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f"{at.tb_frame.f_code.co_name}:{at.tb_lineno}" if at is not None else "?"
    return RuntimeError(f"{type(error).__name__} in {where}")
