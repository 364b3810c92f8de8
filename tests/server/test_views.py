"""What the dashboard API shows of turns, sums and providers."""

from decimal import Decimal

import msgspec
import pytest

from ledger_samples import NOON, intent, settlement
from llm_gateway.canonical.usage import Usage
from llm_gateway.ledger.queries import ProviderSeen
from llm_gateway.ledger.records import Attempt, Money, Turn
from llm_gateway.ledger.tariff import Card, Tariff
from llm_gateway.providers.catalog import ProviderRow, Speaks
from llm_gateway.providers.discovery import ModelEntry
from llm_gateway.providers.endpoint import Endpoint
from llm_gateway.server import views
from llm_gateway.upstream.client import Line
from llm_gateway.upstream.fleet import Member
from llm_gateway.vault import Secret

AT = "2023-11-14T22:13:20.000Z"


def shown(view: msgspec.Struct) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(view)
    return fields


@pytest.mark.parametrize(
    ("at_us", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (NOON, AT),
        (NOON + 1_999, "2023-11-14T22:13:20.001Z"),
        (NOON + 999_999, "2023-11-14T22:13:20.999Z"),
    ],
)
def test_times_are_utc_to_the_millisecond(at_us: int, text: str) -> None:
    assert views.iso(at_us) == text


def test_a_turn_that_runs_shows_what_is_known_of_it() -> None:
    begun = intent("a", label="title", told_by="key", session="s-1")
    assert shown(views.request_view(Turn(begun))) == {
        "id": "a",
        "at": AT,
        "caller": "ada",
        "client": "codex-desktop",
        "model": "qwen2.5:14b",
        "model_asked": "fast",
        "provider": "ollama",
        "dialect": "chat",
        "operation": "chat/completions",
        "status": "running",
        "http_status": None,
        "error": None,
        "stream": True,
        "purpose": "request",
        "tokens_in": None,
        "tokens_out": None,
        "tokens_cached": None,
        "tokens_reasoning": None,
        "estimated": False,
        "cost_usd": None,
        "latency_ms": None,
        "ttft_ms": None,
        "cached": False,
        "label": "title",
        "told_by": "key",
        "session": "s-1",
    }


def test_a_turn_that_ended_shows_how() -> None:
    view = shown(views.request_view(Turn(intent("a"), settlement("a"))))
    assert (view["status"], view["http_status"], view["error"]) == ("ok", 200, None)
    assert (view["tokens_in"], view["tokens_out"]) == (123, 50)
    assert (view["tokens_cached"], view["tokens_reasoning"], view["estimated"]) == (20, 7, False)
    assert (view["latency_ms"], view["ttft_ms"]) == (12.345, 2.345)


def test_what_answered_counts_and_not_what_was_planned() -> None:
    end = settlement("a", provider="openai", model="gpt", usage=Usage(1, output=2, estimated=True))
    view = views.request_view(Turn(intent("a"), end))
    assert (view.provider, view.model, view.model_asked, view.estimated) == ("openai", "gpt", "fast", True)


@pytest.mark.parametrize("ended", [True, False])
def test_a_turn_that_nobody_answered_is_shown_under_what_was_asked_for(ended: bool) -> None:
    end = settlement("a", provider="", model="", usage=None, ttft_us=None, http_status=0) if ended else None
    view = views.request_view(Turn(intent("a", provider="", model=""), end))
    assert (view.model, view.provider) == ("fast", "")
    assert (view.http_status, view.tokens_in, view.ttft_ms) == (None, None, None)


def test_an_error_is_shown_by_its_kind() -> None:
    end = settlement("a", outcome="truncated", http_status=502, error_kind="upstream_truncated")
    view = views.request_view(Turn(intent("a"), end))
    assert (view.status, view.http_status, view.error) == ("truncated", 502, "upstream_truncated")


ATTEMPTS = [
    {
        "provider": "openai",
        "endpoint": "chat",
        "model": "gpt",
        "started_ms": 0.005,
        "duration_ms": 0.07,
        "status": 503,
        "error": "upstream_status",
        "upstream_request_id": None,
        "why": None,
        "tokens_in": None,
        "tokens_out": None,
        "cost_usd": None,
    },
    {
        "provider": "ollama",
        "endpoint": "chat",
        "model": "qwen2.5:14b",
        "started_ms": 0.08,
        "duration_ms": 12.0,
        "status": 200,
        "error": None,
        "upstream_request_id": None,
        "why": "it is local",
        "tokens_in": None,
        "tokens_out": None,
        "cost_usd": None,
    },
]


def test_the_detail_of_a_turn_holds_everything_but_its_text() -> None:
    detail = shown(views.request_detail(Turn(intent("a"), settlement("a")), {}))
    request = detail.pop("request")
    assert isinstance(request, dict) and request["id"] == "a"
    assert detail == {
        "key_id": "key_1",
        "request_bytes": 1024,
        "response_bytes": 4096,
        "response_id": "chatcmpl-abc",
        "upstream_request_id": "req_abc",
        "finish_reason": "stop",
        "attempts": ATTEMPTS,
        "losses": ["logit_bias"],
        "held_usd": 0.003,
        "price_source": "configuration",
        "cached_from": None,
        "saved_tokens_in": None,
        "saved_tokens_out": None,
        "saved_estimated": None,
        "saved_usd": None,
        "tier": None,
        "counted": None,
        "error_percent": None,
        "money": None,
        "compression": None,
    }


def test_the_detail_of_a_turn_shows_how_its_money_was_reckoned() -> None:
    tariff = Tariff(Card("here", "p", "m", "exact", {"input": ((0, Decimal(1)),)}, version="7"))
    tries = (Attempt("p", usage=Usage(5, output=2), cost_nano=5000, tariff=tariff.id),)
    end = settlement(
        "a",
        usage=Usage(1000),
        cost_nano=1_000_000,
        price="",
        attempts=tries,
        tier="flex",
        counted="calibrated",
        error_permille=125,
        money=Money(1, tariff.id, "", "medium", 1_000_000, retried_nano=5000),
    )
    detail = views.request_detail(Turn(intent("a"), end), {tariff.id: tariff.card})
    assert (detail.tier, detail.counted, detail.error_percent) == ("flex", "calibrated", 12.5)
    assert detail.price_source == "here 7" and detail.money is not None and detail.money.reproduces
    (attempt,) = detail.attempts
    assert (attempt.tokens_in, attempt.tokens_out, attempt.cost_usd) == (5, 2, 0.000005)


def test_a_turn_from_the_response_cache_shows_what_it_saved() -> None:
    end = settlement("b", usage=Usage(), cost_nano=0, cached_from="a", saved=Usage(5, 2, output=3))
    end = msgspec.structs.replace(end, saved_nano=1_500_000_000)
    detail = views.request_detail(Turn(intent("b"), end), {})
    assert (detail.request.cached, detail.cached_from, detail.request.tokens_in) == (True, "a", 0)
    assert (detail.saved_tokens_in, detail.saved_tokens_out, detail.saved_estimated) == (7, 3, False)
    assert (detail.request.cost_usd, detail.saved_usd) == (0.0, 1.5)


def test_the_detail_of_a_running_turn_is_empty_where_nothing_is_known() -> None:
    detail = views.request_detail(Turn(intent("a")), {})
    assert (detail.response_bytes, detail.response_id, detail.attempts, detail.losses) == (None, None, [], [])
    assert (detail.upstream_request_id, detail.finish_reason) == (None, None)


ROW = ProviderRow("openai", "OpenAI", "hosted", {"chat": Speaks("/v1")})
SECRET = Secret("sk-very-secret")
LINE = Line(Endpoint("openai", "chat", "https", "api.openai.test", 443, "/v1", secret=SECRET))


def test_a_provider_is_shown_with_how_it_fared() -> None:
    member = Member(
        ROW,
        "key found",
        lines={"chat": LINE},
        entries=(ModelEntry("gpt"),),
        state="ok",
        checked_us=NOON,
    )
    seen = ProviderSeen("openai", 7, NOON, NOON + 1_000, "upstream_status", 429)
    view = views.provider_view(member, seen)
    assert shown(view) == {
        "name": "openai",
        "label": "OpenAI",
        "kind": "hosted",
        "presence": "key found",
        "state": "ok",
        "reason": "",
        "metered": True,
        "endpoints": [{"dialect": "chat", "url": "https://api.openai.test/v1"}],
        "models": ["gpt"],
        "checked_at": AT,
        "requests": 7,
        "last_ok_at": AT,
        "last_error_at": "2023-11-14T22:13:20.001Z",
        "last_error": "upstream_status (429)",
    }
    assert "sk-very-secret" not in repr(view) + repr(member)


@pytest.mark.parametrize("seen", [None, ProviderSeen("openai", 0)])
def test_a_provider_that_was_never_asked_shows_nothing_it_did(seen: ProviderSeen | None) -> None:
    view = views.provider_view(Member(ROW, "configured", fixed=("a",)), seen)
    assert (view.checked_at, view.requests, view.last_ok_at, view.last_error_at) == (None, 0, None, None)
    assert (view.last_error, view.state, view.models, view.endpoints) == (None, "unknown", ["a"], [])
