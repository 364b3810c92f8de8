"""The response cache at work: who uses it, recording an answer as it passes, and giving one again.

Exact, and for one caller alone. An answer is kept as its client got it, under the target that gave it, and is
found where that target would be asked first. Which ones may be given twice is decided in `repeatable.py`;
bounds and time are those of `cache.py`. Equal requests at one time are all asked: none waits for another.
"""

from collections.abc import Callable
from typing import Protocol

from llm_gateway.canonical.loss import Loss
from llm_gateway.clock import Clock
from llm_gateway.config.settings import CacheSettings
from llm_gateway.dialects.contract import Call, Dialect, Seen, StreamMeter
from llm_gateway.engines.prepared import PreparedAnswer
from llm_gateway.errors import GatewayError
from llm_gateway.pipeline.cache import Cache, Entry, Found
from llm_gateway.pipeline.passage import Passage, Passages
from llm_gateway.pipeline.plan import Plan, Step
from llm_gateway.pipeline.repeatable import is_good, name_of, targeted, why_not
from llm_gateway.pipeline.sender import Sender
from llm_gateway.pipeline.turn import Turn
from llm_gateway.pipeline.wish import UNASKED
from llm_gateway.upstream.answer import Answer

__all__ = ["Consulted", "Dispatching", "Replays"]


class Dispatching(Protocol):
    """Who gets the answer for a plan."""

    @property
    def free(self) -> bool:
        """Return whether nobody will be asked."""
        ...

    async def dispatch(self, plan: Plan, passages: Passages, turn: Turn) -> tuple[Answer, Passage]:
        """Return an answer and its way back."""
        ...


class Replays:
    """The response cache, and who uses it."""

    def __init__(self, dispatcher: Dispatching, clock: Clock, settings: CacheSettings) -> None:
        self._dispatcher = dispatcher
        self._cache = Cache(clock)
        self._hits = 0
        self._misses = 0
        self.use(settings)

    def use(self, settings: CacheSettings) -> None:
        """Go by these settings from now on; what they leave no room or no time for is forgotten."""
        self._on = settings.enabled
        self._largest = settings.max_entry_bytes
        self._keys = frozenset(settings.keys) if settings.enabled else frozenset()
        self._clients = frozenset(settings.clients) if settings.enabled else frozenset()
        self._unasked = bool(self._keys or self._clients)
        self._cache.use(settings.ttl, settings.max_bytes if settings.enabled else 0)

    def consult(self, sender: Sender, call: Call, dialect: Dialect, plan: Plan) -> "Consulted | None":
        """Return what the cache has to do with a request that is planned; None where nothing."""
        wish = sender.wish
        if wish is None:
            if not self._unasked:
                return None
            caller = sender.caller
            if caller.identity.caller not in self._keys and caller.client not in self._clients:
                return None
            wish = UNASKED
        if not wish.uses:
            return None
        why = why_not(call, dialect, results=wish.asked) if self._on else "off"
        if why:
            return Consulted(self._dispatcher, f"bypass; {why}")
        name, step = name_of(sender, call, dialect), plan.steps[0]
        found = self._cache.find(targeted(name, step), wish.oldest)
        if found is not None:
            self._hits += 1
            return Consulted(self._dispatcher, f"hit; age={int(found.age)}", hit=(step, found))
        self._misses += 1
        return Consulted(self._dispatcher, "miss", keep=_Keeping(self._cache, self._largest, name))

    def gauges(self) -> dict[str, Callable[[], float]]:
        """Return what is to be shown of it, by the name of the metric."""
        return {
            "llm_gateway_response_cache_hits_total": lambda: float(self._hits),
            "llm_gateway_response_cache_misses_total": lambda: float(self._misses),
            "llm_gateway_response_cache_answers": lambda: float(len(self._cache)),
            "llm_gateway_response_cache_bytes": lambda: float(self._cache.size),
        }


class _Keeping:
    """Where the answer to one request is to be kept."""

    __slots__ = ("_cache", "_name", "largest")

    def __init__(self, cache: Cache, largest: int, name: bytes) -> None:
        self._cache = cache
        self._name = name
        self.largest = largest

    def keep(self, turn: Turn, entry: Entry) -> None:
        """Keep it under the target that gave it."""
        if turn.step is not None:
            self._cache.keep(targeted(self._name, turn.step), entry)


class Consulted:
    """What the cache has for one request, and whose answer that is; else who is asked."""

    __slots__ = ("_dispatcher", "_hit", "_keep", "_told")

    def __init__(
        self,
        dispatcher: Dispatching,
        told: str,
        *,
        hit: tuple[Step, Found] | None = None,
        keep: _Keeping | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._told = told
        self._hit = hit
        self._keep = keep

    @property
    def free(self) -> bool:
        """Return whether nobody will be asked."""
        return self._hit is not None

    async def dispatch(self, plan: Plan, passages: Passages, turn: Turn) -> tuple[Answer, Passage]:
        """Return the answer that was kept, or that of whoever is asked, which is kept as it passes."""
        turn.told += b"x-llm-gateway-cache: %b\r\n" % self._told.encode()
        if self._hit is not None:
            step, found = self._hit
            turn.replay(step, found.entry)
            return PreparedAnswer(found.entry.status, [], [found.entry.body]), _Replayed(found, turn.seen)
        answer, passage = await self._dispatcher.dispatch(plan, passages, turn)
        if self._keep is None or answer.status >= 300:
            return answer, passage
        return answer, _Recorded(passage, answer, turn, self._keep)


class _Replayed:
    """The way of an answer that was kept: it is given as it was."""

    path = ""
    headers = b""
    body = b""
    ready: bytes | None = None
    __slots__ = ("_found", "_seen")

    def __init__(self, found: Found, seen: Seen) -> None:
        self._found = found
        self._seen = seen

    @property
    def losses(self) -> tuple[Loss, ...]:
        return self._found.entry.losses

    def is_stream(self, answer: Answer) -> bool:
        return self._found.entry.stream

    def meter(self) -> StreamMeter:
        return _Known(self._seen)

    def whole(self, answer: Answer, body: bytes) -> tuple[bytes, Seen]:
        return body, self._seen

    def failed(self, answer: Answer, body: bytes) -> bytes:
        raise AssertionError("no error is kept")

    def fields(self, answer: Answer) -> bytes:
        found = self._found
        return b"content-type: %b\r\nage: %d\r\n" % (found.entry.content_type, found.age)


class _Known(StreamMeter):
    """The meter of a stream of which all is known."""

    __slots__ = ("seen",)

    seen: Seen

    def __init__(self, seen: Seen) -> None:
        self.seen = seen

    def feed(self, data: bytes) -> bytes:
        return data

    def close(self) -> bytes:
        return b""

    def fail(self, error: GatewayError) -> bytes:
        return b""


class _Recorded:
    """A passage whose answer is kept, if it turns out to be a good one."""

    __slots__ = ("_answer", "_keep", "_passage", "_turn", "body", "headers", "path", "ready")

    def __init__(self, passage: Passage, answer: Answer, turn: Turn, keep: _Keeping) -> None:
        self._passage = passage
        self._answer = answer
        self._turn = turn
        self._keep = keep
        self.path = passage.path
        self.headers = passage.headers
        self.body = passage.body
        self.ready = passage.ready

    @property
    def losses(self) -> tuple[Loss, ...]:
        return self._passage.losses

    def is_stream(self, answer: Answer) -> bool:
        return self._passage.is_stream(answer)

    def meter(self) -> StreamMeter:
        return _Recording(self._passage.meter(), self._keep.largest, self.ended)

    def whole(self, answer: Answer, body: bytes) -> tuple[bytes, Seen]:
        out, seen = self._passage.whole(answer, body)
        if len(out) <= self._keep.largest:
            self.ended(out, seen, stream=False)
        return out, seen

    def failed(self, answer: Answer, body: bytes) -> bytes:
        return self._passage.failed(answer, body)

    def fields(self, answer: Answer) -> bytes:
        return self._passage.fields(answer)

    def ended(self, body: bytes, seen: Seen, *, stream: bool = True) -> None:
        """Keep an answer that has passed as a whole, if it is good."""
        if not is_good(seen, body):
            return
        entry = Entry(
            self._turn.intent.id,
            self._answer.status,
            _content_type(self.fields(self._answer)),
            stream,
            body,
            seen.usage,
            seen.content_bytes,
            seen.response_id,
            seen.finish_reason,
            self.losses,
            seen.tier,
            seen.model,
        )
        self._keep.keep(self._turn, entry)


class _Recording(StreamMeter):
    """A meter that records what goes out, until it is too much."""

    __slots__ = ("_ended", "_largest", "_meter", "_pieces", "_size", "seen")

    seen: Seen

    def __init__(self, meter: StreamMeter, largest: int, ended: Callable[[bytes, Seen], None]) -> None:
        self._meter = meter
        self._largest = largest
        self._ended = ended
        self._pieces: list[bytes] = []
        self._size = 0
        self.seen = meter.seen

    def feed(self, data: bytes) -> bytes:
        out = self._meter.feed(data)
        self._record(out)
        return out

    def close(self) -> bytes:
        out = self._meter.close()
        self._record(out)
        if self._size <= self._largest:
            self._ended(b"".join(self._pieces), self.seen)
        self._pieces = []
        return out

    def fail(self, error: GatewayError) -> bytes:
        self._pieces = []
        return self._meter.fail(error)

    def _record(self, out: bytes) -> None:
        self._size += len(out)
        if self._size <= self._largest:
            self._pieces.append(out)
        else:
            self._pieces = []


def _content_type(lines: bytes) -> bytes:
    """Return the content type that header lines tell."""
    for line in lines.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-type":
            return value.strip()
    return b"application/json"
