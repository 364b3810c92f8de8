"""What happened when: bars that begin and end where it did, within the picture."""

import msgspec

from ledger_samples import intent, settlement
from llm_gateway.ledger.records import Attempt, Turn
from llm_gateway.server.pages.waterfall import WIDE, Bar, waterfall
from llm_gateway.server.views import request_detail

LOST = Attempt("openai", "chat", "gpt", 100_000, 300_000, status=503, error_kind="upstream_status")
WON = Attempt("ollama", "chat", "qwen", 500_000, 500_000, status=200)


def bars(*attempts: Attempt, **end: object) -> list[Bar]:
    told = {"latency_us": 1_000_000, "ttft_us": 750_000, "attempts": attempts, **end}
    detail = request_detail(Turn(intent("1"), settlement("1", **told)), {})
    return waterfall(detail.request, detail.attempts)


def test_each_begins_where_it_did() -> None:
    found = bars(LOST, WON)
    assert [(each.what, each.x, each.width, each.tone) for each in found] == [
        ("In the gateway", 0, 100, "wait"),
        ("Attempt 1", 100, 300, "bad"),
        ("Until the first token", 500, 250, "good"),
        ("Until the end", 750, 250, "flow"),
    ]
    assert found[1].text == "openai/gpt" and found[1].start_ms == 100.0 and found[1].length_ms == 300.0


def test_without_a_first_token_it_is_an_attempt() -> None:
    assert [each.what for each in bars(WON, ttft_us=None)] == ["In the gateway", "Attempt 1"]


def test_what_was_kept_was_asked_of_nobody() -> None:
    (bar,) = bars(cached_from="2")
    assert bar.what == "Answered from the response cache" and bar.width == WIDE


def test_absurd_times_stay_within_the_picture() -> None:
    odd = msgspec.structs.replace(WON, started_us=10**15, duration_us=10**15)
    for found in (bars(odd), bars(LOST, odd, latency_us=0), bars(latency_us=0, ttft_us=None)):
        assert all(each.x >= 0 and each.width > 0 and each.x + each.width <= WIDE for each in found)


def test_what_runs_has_none() -> None:
    detail = request_detail(Turn(intent("1")), {})
    assert waterfall(detail.request, detail.attempts) == []
