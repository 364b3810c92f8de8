"""Limits from the outside: many requests at once, a restart, a kill, and what a client is told."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any  # JSON of many shapes, read by the tests that know them

import pytest

from gateway_process import GatewayProcess, configuration
from rawhttp import Reply, request
from scripted import Hang, Pause, ScriptedUpstream, chat

# A provider of the catalog is one that is to be paid, wherever it is.
PAID = """
[[providers]]
name = "openai"
base_url = "{url}"
dialects = ["chat"]
api_key_env = "SCRIPTED_API_KEY"
models = ["m"]

[[prices.models]]
model = "openai/m"
input = 1
output = 1000
"""
ASKED = [{"role": "user", "content": "x"}]
LIMIT = """
[[limits]]
scope = "key"
name = "bootstrap"
"""


@pytest.fixture
def paid(tmp_path: Path, upstream: ScriptedUpstream) -> Iterator[GatewayProcess]:
    """Start a gateway whose provider `openai` costs a dollar for a thousand tokens, for ten a day."""
    more = PAID.format(url=upstream.url) + LIMIT + "usd_per_day = 10\n"
    with GatewayProcess(tmp_path, configuration(upstream.url, more=more)) as gateway:
        yield gateway


def ask(gateway: GatewayProcess, tokens: int = 1000) -> Reply:
    return gateway.chat("openai/m", max_tokens=tokens)


def owned(gateway: GatewayProcess, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
    """Return what the owner's API answers, as JSON."""
    owner = (gateway.home / "gateway" / "owner-token").read_text().strip()
    with gateway.client() as client:
        client.send(request(method, path, body=body, key=owner))
        return dict(client.read_reply().json())


def made_key(gateway: GatewayProcess, name: str) -> str:
    return str(owned(gateway, "POST", "/api/keys", json.dumps({"name": name}).encode())["key"])


def used(gateway: GatewayProcess) -> float:
    limits = gateway.dashboard("limits")["limits"]
    assert isinstance(limits, list)
    return float(limits[0]["used"])


def test_two_hundred_at_once_do_not_overshoot(paid: GatewayProcess, upstream: ScriptedUpstream) -> None:
    usage = {"prompt_tokens": 40, "completion_tokens": 999, "total_tokens": 1039}
    upstream.on("m", (Pause(0.5), *chat.plain("m", usage=usage)))
    with ThreadPoolExecutor(200) as crowd:
        replies = list(crowd.map(lambda _: ask(paid), range(200)))
    answered = [reply for reply in replies if reply.status == 200]
    refused = [reply for reply in replies if reply.status == 429]
    assert len(answered) + len(refused) == 200
    assert 9 <= len(answered) <= 10, "each costs a little less than the dollar that is held for it"
    assert len(upstream.asked()) == len(answered), "what is refused is not sent"
    spent = sum(float(reply.header("x-llm-gateway-cost-usd") or 0) for reply in answered)
    assert spent == pytest.approx(used(paid)) and spent <= 10
    assert len(paid.rows()) >= 50 and {row["status"] for row in paid.rows()} <= {"ok", "error"}


def test_a_spent_budget_says_until_when(paid: GatewayProcess, upstream: ScriptedUpstream) -> None:
    never = ask(paid, 20_000)
    assert (never.status, never.header("retry-after")) == (429, None)
    assert str(never.error()["message"]).endswith("; it is more than the limit by itself")
    usage = {"prompt_tokens": 40, "completion_tokens": 6000, "total_tokens": 6040}
    upstream.on("m", chat.plain("m", usage=usage))
    assert ask(paid, 6000).status == 200
    reply = ask(paid, 5000)
    assert reply.status == 429
    assert reply.error()["code"] == "budget_reached"
    assert 0 < int(reply.header("retry-after") or 0) <= 86_400
    assert "this key has reached its limit of $10.0000 per day" in str(reply.error()["message"])
    row = paid.row(reply.header("x-llm-gateway-request-id"))
    assert (row["status"], row["http_status"], row["error"]) == ("error", 429, "budget_reached")
    assert paid.chat("scripted/other").status == 200, "what costs nothing is not held back"
    assert upstream.asked()[-1].json()["model"] == "other"


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_what_was_spent_is_remembered(paid: GatewayProcess, upstream: ScriptedUpstream, kill: bool) -> None:
    usage = {"prompt_tokens": 40, "completion_tokens": 6000, "total_tokens": 6040}
    upstream.on("m", chat.plain("m", usage=usage))
    assert ask(paid, 6000).status == 200
    if kill:
        upstream.on("m", (Hang(),))
        with ThreadPoolExecutor(1) as other:
            other.submit(ask, paid, 3000)
            upstream.wait_asked(2)
            paid.kill()
    paid.restart()
    expected = 9 if kill else 6  # of the one that was killed nobody knows more than what was held for it
    assert used(paid) == pytest.approx(expected, abs=0.001)
    assert ask(paid, 5000).status == 429


DIALECTS: dict[str, tuple[dict[str, object], str]] = {
    "/v1/chat/completions": ({"messages": ASKED}, "limit_reached"),
    "/v1/messages": ({"max_tokens": 5, "messages": ASKED}, "rate_limit_error"),
    "/v1/responses": ({"input": "x"}, "limit_reached"),
    "/v1beta/models/scripted/other:generateContent": (
        {"contents": [{"role": "user", "parts": [{"text": "x"}]}]},
        "RESOURCE_EXHAUSTED",
    ),
    "/api/chat": ({"messages": ASKED, "stream": False}, "limit"),
}


def test_a_limit_is_told_in_each_dialect_and_another_key_has_room(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    more = LIMIT + "requests_per_minute = 1\ntokens_per_minute = 100000\n"
    with GatewayProcess(tmp_path, configuration(upstream.url, more=more)) as gateway:
        other = made_key(gateway, "other")
        began = time.time()
        assert gateway.chat("scripted/other", max_tokens=5).status == 200
        for path, (fields, told) in DIALECTS.items():
            body = json.dumps({"model": "scripted/other", **fields}).encode()
            reply = gateway.post(path, body)
            assert reply.status == 429 and told in reply.body.decode(), path
            # Counted to the second: there is room when that of the first one is a minute old.
            left = int(began) + 60 - time.time()
            assert left - 1 <= int(reply.header("retry-after") or 0) <= left + 2, path
            assert reply.header("x-ratelimit-limit-requests") == "1"
            assert reply.header("x-ratelimit-remaining-requests") == "0"
            assert 0 < int((reply.header("x-ratelimit-reset-requests") or "0s")[:-1]) <= 60
            assert reply.header("x-ratelimit-limit-tokens") == "100000"
            assert 0 < int(reply.header("x-ratelimit-remaining-tokens") or 0) < 100_000
            assert reply.header("anthropic-ratelimit-requests-remaining") == "0"
            resets = datetime.fromisoformat(reply.header("anthropic-ratelimit-requests-reset") or "")
            assert left - 1 <= resets.timestamp() - time.time() <= left + 2
            row = gateway.row(reply.header("x-llm-gateway-request-id"))
            assert (row["http_status"], row["error"]) == (429, "limit_reached")
            with gateway.client() as client:
                client.send(request("POST", path, body=body, key=other))
                allowed = client.read_reply()
            assert allowed.status == 200, (path, allowed.body)
        assert len(upstream.asked()) == 1 + len(DIALECTS)


def test_a_provider_without_room_is_passed_over(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    more = f"""
[[providers]]
name = "second"
base_url = "{upstream.url}"
models = ["other"]

[aliases]
both = ["scripted/other", "second/other"]

[[limits]]
scope = "provider"
name = "scripted"
requests_per_minute = 1
"""
    with GatewayProcess(tmp_path, configuration(upstream.url, more=more)) as gateway:
        told = [gateway.chat("both") for _ in range(2)]
        assert [reply.header("x-llm-gateway-provider") for reply in told] == ["scripted", "second"]
        assert told[1].header("x-llm-gateway-attempts") == "1", "who has no room is not tried"
        explained = gateway.dashboard("explain?model=both")["targets"]
        assert isinstance(explained, list)
        assert [each["order"] for each in explained] == [None, 1]
        assert explained[0]["why"].startswith("left out: it has room again in ")
        reply = gateway.chat("scripted/other")
        assert reply.status == 429 and "the provider scripted" in str(reply.error()["message"])
        assert reply.error()["code"] == "limit_reached"
        assert 0 < int(reply.header("retry-after") or 0) <= 60
        assert gateway.row(reply.header("x-llm-gateway-request-id"))["error"] == "limit_reached"


def test_models_that_a_key_may_not_ask_for(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    more = LIMIT + 'models = ["scripted/small*"]\n'
    with GatewayProcess(tmp_path, configuration(upstream.url, more=more)) as gateway:
        assert gateway.chat("scripted/small-1").status == 200
        reply = gateway.chat("scripted/large")
        assert reply.status == 403 and "may ask for scripted/small*" in str(reply.error()["message"])


def test_a_limit_that_is_close_is_told_in_three_places(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    more = LIMIT + "requests_per_minute = 4\nwarn_at = 0.5\n"
    with GatewayProcess(tmp_path, configuration(upstream.url, more=more)) as gateway:
        warnings = [gateway.chat("scripted/other").header("x-llm-gateway-limit-warning") for _ in range(3)]
        assert warnings == [None, "key requests_per_minute 50%", "key requests_per_minute 75%"]
        limits = gateway.dashboard("limits")["limits"]
        assert isinstance(limits, list)
        ((told, name, share),) = [(each["warned"], each["name"], each["share"]) for each in limits]
        assert (told, name, share) == (True, "bootstrap", 0.75)
        gateway.stop()
        lines = [json.loads(line) for line in gateway.stderr().splitlines() if '"a limit is close"' in line]
        (line,) = lines
        del line["at"]
        assert line == {
            "level": "warning",
            "event": "a limit is close",
            "scope": "key",
            "name": "bootstrap",
            "limit": "requests_per_minute",
            "used": 2,
            "most": 4,
        }, "once, not with every request"


def test_a_keys_own_limits_outlast_a_restart_and_the_stricter_holds(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    more = LIMIT.replace("bootstrap", "other") + "requests_per_minute = 5\nparallel = 3\n"
    with GatewayProcess(tmp_path, configuration(upstream.url, more=more)) as gateway:
        made_key(gateway, "other")
        (key_id,) = [row["id"] for row in owned(gateway, "GET", "/api/keys")["keys"]]
        said = json.dumps({"requests_per_minute": 9, "parallel": 2, "usd_per_day": 1}).encode()
        owned(gateway, "PUT", f"/api/key-limits/{key_id}", said)
        expected = {"requests_per_minute": 5, "parallel": 2, "usd_per_day": 1}
        for restart in (False, True):
            if restart:
                gateway.restart()
            limits = gateway.dashboard("limits")["limits"]
            assert isinstance(limits, list)
            assert {each["limit"]: each["most"] for each in limits} == expected
