"""The stage of compression: what it does to calls and tells of them, and that its failures cost nothing."""

import asyncio
import json
from collections.abc import Sequence

import msgspec

from fakes import FakeClock
from llm_gateway.canonical.gather import Recall
from llm_gateway.canonical.slots import Slots
from llm_gateway.canonical.usage import Usage
from llm_gateway.compression.decisions import Forgetful
from llm_gateway.config.compression import CompressionMode, CompressionSettings
from llm_gateway.dialects.contract import Call, Dialect, Path
from llm_gateway.dialects.messages import MESSAGES
from llm_gateway.ledger.records import Compressed, Removed
from llm_gateway.pipeline.compress import Compressing, Compression, Request
from llm_gateway.pipeline.compression_terms import Asker
from llm_gateway.pipeline.counting import Extents, Unlearned
from llm_gateway.pipeline.plan import Plan, Step
from llm_gateway.wire.jsonedit import Document
from tool_talk import Call as Called
from tool_talk import Result, Said, Turn, body

FILE = "\n".join(
    f"{number:>6}\t    value_{number} = compute({number * 7919 % 1013})" for number in range(1, 900)
)
FIRST: list[Turn] = [Said("user", "read"), Called("Read", {"file_path": "/a"}), Result(FILE, "Read")]
SECOND: list[Turn] = [*FIRST, Called("Read", {"file_path": "/a"}, "call-2"), Result(FILE, "Read", "call-2")]
THIRD: list[Turn] = [
    *SECOND,
    Called("Read", {"file_path": "/b"}, "call-3"),
    Result(FILE[9:], "Read", "call-3"),
]
EXTENTS = Extents("p", "m", 1000, 10)


class Stage:
    """A stage with a clock of its own; `failed` is what it was told of failures."""

    def __init__(self, mode: CompressionMode = "on", **settings: object) -> None:
        self.failed: list[tuple[str, str]] = []
        self.clock = FakeClock()
        settings |= {"mode": mode}
        told = msgspec.convert(settings, CompressionSettings)
        self.compression = Compression(told, self.clock, self.fail)

    def fail(self, what: str, error: BaseException) -> None:
        self.failed.append((what, str(error)))

    def of(
        self,
        turns: Sequence[Turn],
        *,
        asked: CompressionMode | None = None,
        model: str = "m",
        kind: str = "generate",
        dialect: Dialect = MESSAGES,
        **fields: object,
    ) -> tuple[Call, Compressing | None]:
        whole = {**json.loads(body("messages", turns)), "max_tokens": 5, **fields}
        call = MESSAGES.read_call(json.dumps(whole).encode(), Path("messages"))
        step = Step("p", model, "messages", None, None, asks_usage=False, counts=True, headers=b"")
        plan = Plan("m", (step,), kind)  # type: ignore[arg-type]
        asker = Asker("ada", "curl", ("m", f"p/{model}"), asked)
        self.clock.advance(1)
        request = Request(asker, "key", call, dialect, plan, self.clock.now_us())
        return asyncio.run(self.compression.of(request))

    def gauge(self, name: str) -> object:
        return self.compression.gauges()[f"llm_gateway_compression_{name}"]()


def ended(
    compressing: Compressing | None, usage: Usage | None = None, *, counted: bool = True
) -> tuple[Removed | None, Compressed]:
    assert compressing is not None
    return compressing.ended(EXTENTS, usage, Unlearned(), counted=counted)


def test_what_is_said_twice_is_sent_once() -> None:
    stage = Stage()
    call, compressing = stage.of(SECOND)
    assert compressing is not None and len(call) < 0.6 * len(body("messages", SECOND))
    assert compressing.header.startswith(b"x-llm-gateway-compression: on; results=2; encoded=1; bytes=")
    removed, told = ended(compressing, Usage(9000))
    assert told.before - told.after == compressing.bytes_removed
    assert removed == Removed(uncached=told.tokens) and told.tokens == compressing.bytes_removed // 4
    assert (
        stage.gauge("requests_total") == 1 and stage.gauge("saved_bytes_total") == compressing.bytes_removed
    )


def test_tokens_have_the_class_that_they_would_have_had() -> None:
    stage = Stage()
    _, compressing = stage.of(SECOND)
    removed, told = ended(compressing, Usage(5, cache_write=9000))
    assert removed == Removed(cache_write=told.tokens)
    _, again = stage.of(THIRD)
    removed, told = ended(again, Usage(5, cache_read=9000, cache_write=500))
    assert removed is not None and removed.cache_read > 0 and removed.cache_write > 0
    assert removed.cache_read + removed.cache_write == told.tokens
    stage.clock.advance(600)  # by then no provider has any of it in its cache
    _, without = stage.of(THIRD)
    removed, told = ended(without, Usage(9000))
    assert removed == Removed(uncached=told.tokens)


def test_nothing_is_reckoned_where_nobody_counted() -> None:
    removed, told = ended(Stage().of(SECOND)[1], None, counted=False)
    assert removed is None and told.tokens > 0


def test_a_miss_that_nothing_explains_is_charged_and_two_end_it() -> None:
    stage = Stage()
    ended(stage.of(SECOND)[1], Usage(5, cache_write=9000))
    removed, told = ended(stage.of(THIRD)[1], Usage(5, cache_read=0, cache_write=9500))
    assert told.missed == 9000
    assert removed == Removed(cache_read=9000, cache_write=told.tokens - 9000)
    assert removed.cache_write < told.tokens
    more: list[Turn] = [*THIRD, Called("Read", {}, "call-4"), Result(FILE[20:], "Read", "call-4")]
    ended(stage.of(more)[1], Usage(5, cache_read=0, cache_write=9600))
    last: list[Turn] = [*more, Called("Read", {}, "call-5"), Result(FILE[40:], "Read", "call-5")]
    call, compressing = stage.of(last)
    _, told = ended(compressing, Usage(5))
    assert told.why.startswith("stopped: the provider read 0 tokens")
    assert json.dumps(FILE[40:]).encode() in call.document.body
    assert stage.gauge("raw_total") == {"stopped": 1.0}


def test_off_is_every_byte_as_it_came() -> None:
    stage = Stage("off", ask=("ada",))
    call, compressing = stage.of(SECOND)
    assert call.document.fields["messages"] == stage.of(SECOND)[0].document.fields["messages"]
    removed, told = ended(compressing, Usage(1))
    assert removed is None
    assert (told.results, told.encoded, told.before - told.after, told.why) == (2, 0, 0, "it is off")
    assert stage.gauge("raw_total") == {"off": 2.0}


def test_shadow_measures_and_sends_everything() -> None:
    stage = Stage("shadow")
    call, compressing = stage.of(SECOND)
    removed, told = ended(compressing, Usage(9000))
    assert removed is None and told.shadow and told.encoded == 1 and told.tokens > 1000
    assert len(call) == told.before > told.after
    assert compressing is not None and compressing.header.startswith(b"x-llm-gateway-compression: shadow; ")
    assert compressing.bytes_removed == 0
    assert stage.gauge("shadow_bytes_total") == told.before - told.after
    assert stage.gauge("requests_total") == 0


def test_what_was_measured_decides_nothing() -> None:
    stage = Stage("shadow")
    stage.of(SECOND)
    stage.compression.use(CompressionSettings(mode="on"))
    more: list[Turn] = [*SECOND, Said("assistant", "So.")]
    call, _ = stage.of(more)
    assert call.document.body.count(json.dumps(FILE).encode()) == 2


def test_switched_off_what_was_sent_shorter_stays_so() -> None:
    stage = Stage()
    before, _ = stage.of(SECOND)
    stage.compression.use(CompressionSettings())
    assert stage.compression.active
    after, compressing = stage.of(THIRD)
    kept = bytes(before.document.fields["messages"])[:-1]
    assert bytes(after.document.fields["messages"]).startswith(kept)
    assert ended(compressing, Usage(1))[1].encoded == 1
    assert json.dumps(FILE[9:]).encode() in after.document.body


def test_never_switched_on_it_is_not_looked_at() -> None:
    clock = FakeClock()
    assert not Compression(CompressionSettings(), clock, print).active
    assert Compression(CompressionSettings(), clock, print, ever=True).active


def test_no_prompt_is_made_too_short_to_be_cached() -> None:
    turns: list[Turn] = [
        Called("Read", {}),
        Result(FILE[:9000], "Read"),
        Called("Read", {}),
        Result(FILE[:9000], "Read"),
    ]
    call, compressing = Stage().of(turns)
    assert compressing is not None and compressing.bytes_removed == 0
    assert Stage().of(turns, model="gpt-6")[1] is not None
    assert len(Stage().of(turns, model="gpt-6")[0]) < len(call)


def test_without_results_there_is_nothing_to_tell() -> None:
    stage = Stage()
    call, compressing = stage.of([Said("user", "hi")])
    assert compressing is None and b"hi" in call.document.body
    assert stage.of(SECOND, kind="count")[1] is None


def test_what_fails_is_sent_as_it_came_and_told_without_a_word_of_it() -> None:
    class Broken:
        def slots(self, document: Document, recall: Recall) -> Slots:
            raise ValueError("a secret of the request")

    stage = Stage()
    call, compressing = stage.of(SECOND, dialect=Broken())  # type: ignore[arg-type]
    assert json.loads(call.document.body)["messages"] == json.loads(body("messages", SECOND))["messages"]
    assert ended(compressing, Usage(1))[1].why == "it failed"
    assert stage.gauge("raw_total") == {"failed": 1.0}
    ((what, told),) = stage.failed
    assert what == "compress" and told.startswith("ValueError in slots:") and "secret" not in told


class Kept(Forgetful):
    def __init__(self) -> None:
        self.rows: dict[bytes, str] = {}

    def find(self, chains: Sequence[bytes]) -> dict[bytes, str]:
        return {chain: self.rows[chain] for chain in chains if chain in self.rows}

    def keep(self, decided: object) -> None:
        assert isinstance(decided, dict)
        self.rows |= decided


def test_what_is_measured_goes_on_after_a_restart_and_decides_nothing_then() -> None:
    kept = Kept()

    def stage(mode: CompressionMode) -> Stage:
        stage = Stage()
        stage.compression = Compression(CompressionSettings(mode=mode), stage.clock, print, kept)
        return stage

    def measured(stage: Stage, turns: Sequence[Turn]) -> int:
        told = ended(stage.of(turns)[1], Usage(9000))[1]
        return told.before - told.after

    steady = stage("shadow")
    once, then = measured(steady, SECOND), measured(steady, THIRD)
    assert 0 < once < then
    assert set(kept.rows.values()) == {"shadow strict-1"}
    assert measured(stage("shadow"), THIRD) == then
    call, _ = stage("on").of([*SECOND, Said("assistant", "So.")])
    assert call.document.body.count(json.dumps(FILE).encode()) == 2


def test_nobody_finds_a_conversation_by_its_digest_who_has_not_the_secret() -> None:
    one, other = Kept(), Kept()
    for kept, pepper in ((one, b"a"), (other, b"b")):
        stage = Stage()
        stage.compression = Compression(
            CompressionSettings(mode="on"), stage.clock, print, kept, pepper=pepper
        )
        stage.of(SECOND)
    assert one.rows and other.rows and one.rows.keys().isdisjoint(other.rows)


def test_nothing_refers_to_what_a_provider_may_take_out() -> None:
    stage = Stage()
    clearing = {"edits": [{"type": "clear_tool_uses_20250919"}]}
    call, compressing = stage.of(SECOND, context_management=clearing)
    assert call.document.body.count(json.dumps(FILE).encode()) == 2
    assert ended(compressing, Usage(9000))[1].why == "its provider may take out what is referred to"
    assert stage.gauge("raw_total") == {"off": 1.0}
    thinking = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    _, compressing = Stage().of(SECOND, context_management=thinking)
    assert ended(compressing, Usage(9000))[1].encoded == 1


def test_on_is_on_with_nothing_to_encode_too() -> None:
    _, compressing = Stage().of([*FIRST[:2], Result("short", "Read")])
    assert compressing is not None
    assert compressing.header == b"x-llm-gateway-compression: on; results=1; encoded=0; bytes=0\r\n"


def test_what_ran_at_once_is_no_miss() -> None:
    stage = Stage()
    running = [stage.of(SECOND)[1] for _ in range(4)]
    told = [ended(each, Usage(5, cache_write=9000))[1] for each in running]
    assert [each.missed for each in told] == [0] * 4


def test_decisions_that_are_kept_are_gone_by() -> None:
    kept = Kept()
    one, other = Stage(), Stage()
    for stage in (one, other):
        stage.compression = Compression(CompressionSettings(mode="on"), stage.clock, print, kept)
    before, _ = one.of(SECOND)
    after, _ = other.of(SECOND)
    assert before.document.body == after.document.body
