"""What Codex says of a turn, as events: in its order, once, and to its end."""

from collections.abc import Mapping

import msgspec
import pytest
from msgspec import Raw

from bridges.codex.fake_codex import call, completed, delta, error, raw, raw_end, thought, used
from llm_gateway.bridges.codex.protocol import Breakdown
from llm_gateway.bridges.codex.reading import Reading, usage_of
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.canonical.events import (
    CallDelta,
    CallStarted,
    Event,
    Finished,
    Measured,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
)
from llm_gateway.canonical.parts import Seal
from llm_gateway.canonical.usage import Usage

USED = Measured(Usage(uncached=30, cache_read=8, cache_write=2, output=12, reasoning=3))
BEGUN = {"method": "turn/started", "params": {"threadId": "THREAD", "turn": {"id": "TURN"}}}


def reading(names: dict[str, str] | None = None) -> Reading:
    return Reading("gpt-6", names or {}, lambda told: BridgeFault("bridge_failed", told.message))


def hear(reading: Reading, *told: Mapping[str, object]) -> list[Event]:
    for message in told:
        method, params = message["method"], Raw(msgspec.json.encode(message["params"]))
        if method == "item/tool/call":
            reading.called(params)
        else:
            reading.notice(str(method), params)
    said = list(reading.events)
    reading.events.clear()
    return said


def item(kind: str, begins: bool, **told: object) -> dict[str, object]:
    method = "item/started" if begins else "item/completed"
    return {"method": method, "params": {"threadId": "THREAD", "item": {"type": kind, **told}}}


def test_texts_and_thinking_are_blocks_of_their_own() -> None:
    said = hear(
        reading(),
        BEGUN,
        thought("one"),
        thought("two", part=1),
        thought("other", item="rs_2"),
        delta("a"),
        delta("", "msg_2"),
        delta("b", "msg_2"),
        used(),
        completed(),
    )
    assert said == [
        Started("TURN", "gpt-6"),
        ThinkingDelta("one"),
        ThinkingDelta("\n\ntwo"),
        ThinkingDelta("other", new=True),
        TextDelta("a"),
        TextDelta("b", new=True),
        USED,
        Finished("stop"),
    ]


def test_thinking_in_full_is_told_where_there_is_no_summary() -> None:
    def full(text: str, item: str) -> dict[str, object]:
        params = {"threadId": "THREAD", "itemId": item, "delta": text, "contentIndex": 0}
        return {"method": "item/reasoning/textDelta", "params": params}

    said = hear(
        reading(),
        BEGUN,
        full("all", "rs_1"),
        full(" of it", "rs_1"),
        thought("short", "rs_2"),
        full("x", "rs_2"),
    )
    assert said[1:] == [ThinkingDelta("all"), ThinkingDelta(" of it"), ThinkingDelta("short", new=True)]


def test_nothing_is_said_before_there_is_something() -> None:
    turn = reading()
    assert hear(turn, BEGUN, item("agentMessage", True, id="m")) == []
    assert not turn.over


def test_a_message_without_pieces_is_told_whole_and_one_in_pieces_once() -> None:
    whole = item("agentMessage", False, id="msg_1", text="Hello")
    assert hear(reading(), BEGUN, whole)[1:] == [TextDelta("Hello")]
    assert hear(reading(), BEGUN, delta("Hello"), whole)[1:] == [TextDelta("Hello")]
    assert hear(reading(), BEGUN, item("reasoning", False, id="r")) == []


def test_a_message_that_never_ends_was_a_refusal() -> None:
    begins = item("agentMessage", True, id="msg_1")
    assert hear(reading(), BEGUN, begins, completed())[1:] == [Finished("refusal")]
    ends = item("agentMessage", False, id="msg_1", text="")
    assert hear(reading(), BEGUN, begins, ends, completed())[1:] == [Finished("stop")]


def test_calls_are_told_once_and_as_the_model_wrote_them() -> None:
    turn = reading({"client_mcp__x": "mcp__x"})
    said = hear(
        turn,
        BEGUN,
        raw(type="function_call", name="client_mcp__x", arguments='{ "a":1}', call_id="c1"),
        call("c1", "client_mcp__x", {"a": 1}),
        call("c2", "b", {"z": [1]}),
        raw(type="function_call", name="b", arguments='{"z":[1]}', call_id="c2"),
        raw_end(),
        completed("interrupted"),
    )
    assert said[1:] == [
        CallStarted(0, "c1", "mcp__x"),
        CallDelta(0, '{ "a":1}'),
        CallStarted(1, "c2", "b"),
        CallDelta(1, '{"z":[1]}'),
        USED,
        Finished("tool_calls"),
    ]
    assert turn.over
    assert turn.ended
    assert turn.fault is None


def test_without_raw_events_silence_tells_that_all_calls_were_made() -> None:
    turn = reading()
    hear(turn, BEGUN, call("c1", "a", {}))
    assert turn.waits_for_more_calls
    turn.enough()
    assert hear(turn) == [Finished("tool_calls")]


def test_with_raw_events_their_end_is_waited_for() -> None:
    turn = reading()
    hear(turn, BEGUN, raw(type="function_call", name="a", arguments="{}", call_id="c1"))
    assert not turn.waits_for_more_calls


def test_an_answer_goes_on_after_its_first_response_without_calls() -> None:
    turn = reading()
    assert hear(turn, BEGUN, delta("a"), raw_end())[1:] == [TextDelta("a")]
    assert not turn.over


def test_thinking_is_sealed() -> None:
    sealed = raw(type="reasoning", id="rs_1", encrypted_content="ENC")
    said = hear(reading(), BEGUN, sealed, raw(type="reasoning", id="rs_2", encrypted_content=None))
    assert said[1:] == [Sealed(Seal("responses", "rs_1.ENC"))]


def test_raw_events_may_become_anything() -> None:
    odd = {"method": "rawResponseItem/completed", "params": {"turnId": 3, "item": "x"}}
    end = {"method": "rawResponse/completed", "params": {"usage": "much"}}
    turn = reading()
    said = hear(turn, BEGUN, odd, raw(type="function_call", name="a", arguments="", call_id="c"), end)
    assert said[1:] == [CallStarted(0, "c", "a")]
    assert turn.waits_for_more_calls, "what it says at the end is not relied on"


def test_what_was_given_is_not_what_is_said_but_a_lost_picture_is_told() -> None:
    turn = reading()
    given = raw("auto-compact-0", type="function_call", name="a", arguments="{}", call_id="c0")
    assert hear(turn, given, BEGUN, given) == []
    kinds = {"content_item_kinds": ["unknown", "images.preparation_error"]}
    hear(turn, raw("auto-compact-0", type="message", internal_chat_message_metadata_passthrough=kinds))
    assert turn.fault is not None
    assert (turn.fault.kind, turn.fault.param) == ("refused", "messages.image")


def test_another_model_may_answer() -> None:
    other = {"method": "model/rerouted", "params": {"threadId": "THREAD", "toModel": "gpt-5"}}
    assert hear(reading(), BEGUN, other, delta("a"))[0] == Started("TURN", "gpt-5")


def test_codex_may_try_again_as_long_as_nothing_was_told() -> None:
    again = error({"responseStreamDisconnected": {"httpStatusCode": 200}}, retries=True)
    turn = reading()
    assert hear(turn, BEGUN, again, delta("a"))[1:] == [TextDelta("a")]
    hear(turn, again)
    assert turn.fault is not None, "it would be told twice"
    vain = reading()
    hear(vain, BEGUN, error({"responseStreamDisconnected": {"httpStatusCode": 401}}, retries=True))
    assert vain.over


def test_an_answer_that_was_cut_by_the_vendor_is_an_answer() -> None:
    cut = error("other", message="Incomplete response returned, reason: max_output_tokens")
    assert hear(reading(), BEGUN, delta("a"), cut)[1:] == [TextDelta("a"), Finished("length")]
    filtered = error(
        {"responseStreamDisconnected": {"httpStatusCode": None}},
        retries=True,
        details="Incomplete response returned, reason: content_filter",
    )
    assert hear(reading(), BEGUN, filtered)[1:] == [Finished("content_filter")]


def test_a_turn_that_fails_or_is_given_up_is_told() -> None:
    for end in (
        completed("failed", {"message": "why", "codexErrorInfo": "other"}),
        completed("failed"),
        completed("interrupted"),
        completed("in some new way"),
    ):
        turn = reading()
        hear(turn, BEGUN, end)
        assert turn.over
        assert turn.fault is not None


def test_the_first_reason_counts() -> None:
    turn = reading()
    turn.broken(BridgeFault("bridge_failed", "first"))
    turn.broken(BridgeFault("bridge_failed", "second"))
    assert hear(turn, BEGUN, delta("late")) == []
    assert turn.fault is not None
    assert turn.fault.message == "first"


@pytest.mark.fault("B10")
def test_another_form_of_the_protocol_is_another_version() -> None:
    for method, params in (
        ("item/agentMessage/delta", b'{"itemId": 1}'),
        ("turn/completed", b'{"turn": {"id": "t"}, "x": '),
        ("thread/tokenUsage/updated", b"{}"),
    ):
        turn = reading()
        turn.notice(method, Raw(params))
        assert turn.fault is not None
        assert turn.fault.kind == "version_mismatch"


@pytest.mark.fault("B10")
def test_what_is_not_read_is_not_in_the_way() -> None:
    turn = reading()
    assert hear(turn, BEGUN, {"method": "turn/somethingNew", "params": {"x": 1}}) == []
    assert not turn.over


def test_tokens_are_counted_so_that_their_parts_do_not_overlap() -> None:
    told = Breakdown(100, 60, 10, 20, 5)
    assert usage_of(told) == Usage(30, 60, 10, 20, 5)
    assert usage_of(Breakdown(10, 60)).uncached == 0
