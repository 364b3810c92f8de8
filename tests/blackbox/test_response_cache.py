"""The response cache from the outside: every language, streams and whole answers, and what a kill leaves."""

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway_process import TOKEN, GatewayProcess, configuration
from rawhttp import Reply, request
from scripted import Hang, Pause, ScriptedUpstream, chat, faults
from upstream_answers import UPSTREAMS

SAID = {"role": "user", "content": "Guten Tag"}
CONTENTS = [{"role": "user", "parts": [{"text": "Guten Tag"}]}]
WHOLE = "/v1beta/models/{model}:generateContent"
STREAM = "/v1beta/models/{model}:streamGenerateContent?alt=sse"
# Path, body; both as a whole answer and as a stream are asked for.
ASKED: dict[tuple[str, bool], tuple[str, dict[str, object]]] = {
    ("chat", False): ("/v1/chat/completions", {"messages": [SAID]}),
    ("chat", True): ("/v1/chat/completions", {"messages": [SAID], "stream": True}),
    ("responses", False): ("/v1/responses", {"input": "Guten Tag", "store": False}),
    ("responses", True): ("/v1/responses", {"input": "Guten Tag", "store": False, "stream": True}),
    ("messages", False): ("/v1/messages", {"max_tokens": 5, "messages": [SAID]}),
    ("messages", True): ("/v1/messages", {"max_tokens": 5, "messages": [SAID], "stream": True}),
    ("gemini", False): (WHOLE, {"contents": CONTENTS}),
    ("gemini", True): (STREAM, {"contents": CONTENTS}),
    ("ollama", False): ("/api/chat", {"messages": [SAID], "stream": False}),
    ("ollama", True): ("/api/chat", {"messages": [SAID]}),
}
EMBEDDINGS: dict[str, tuple[str, dict[str, object]]] = {
    "chat": ("/v1/embeddings", {"input": "Guten Tag"}),
    "gemini": ("/v1beta/models/{model}:embedContent", {"content": CONTENTS[0]}),
    "ollama": ("/api/embed", {"input": "Guten Tag"}),
}
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

[[limits]]
scope = "key"
name = "bootstrap"
usd_per_day = 10
"""


@pytest.fixture(scope="module")
def _upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",), tuple(each.responder for each in UPSTREAMS.values())) as upstream:
        yield upstream


@pytest.fixture
def upstream(_upstream: ScriptedUpstream) -> ScriptedUpstream:
    _upstream.forget()
    return _upstream


@pytest.fixture(scope="module")
def _gateway(
    _upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    rows = [
        f'[[providers]]\nname = "up-{name}"\nbase_url = "{_upstream.url}"\ndialects = ["{name}"]\n'
        f'api_key_env = "SCRIPTED_API_KEY"\nmodels = ["m"]\n'
        for name in UPSTREAMS
    ]
    more = "\n".join(
        [*rows, PAID.format(url=_upstream.url), "[routing]\nretries = 0\nlongest_cool_down = 0\n"]
    )
    config = configuration(_upstream.url, models=("m",), more=more)
    with GatewayProcess(tmp_path_factory.mktemp("cached"), config) as gateway:
        yield gateway


@pytest.fixture
def gateway(_gateway: GatewayProcess) -> GatewayProcess:
    """Return a gateway in whose cache nothing is."""
    _gateway.restart()
    return _gateway


def send(
    gateway: GatewayProcess, asked: tuple[str, dict[str, object]], model: str, cache: str = "on"
) -> Reply:
    path, body = asked
    if "{model}" not in path:
        body = {"model": model, **body}
    headers = [("x-llm-gateway-cache", cache)] if cache else []
    return gateway.post(path.format(model=model), json.dumps(body).encode(), headers=headers)


def told(reply: Reply) -> str:
    assert reply.status == 200, reply
    return (reply.header("x-llm-gateway-cache") or "").partition("=")[0]


def detail(gateway: GatewayProcess, reply: Reply) -> dict[str, object]:
    return gateway.dashboard(f"requests/{reply.header('x-llm-gateway-request-id')}")


@pytest.mark.parametrize("there", UPSTREAMS)
def test_every_language_gets_the_same_bytes_again(
    gateway: GatewayProcess, upstream: ScriptedUpstream, there: str
) -> None:
    for (dialect, stream), asked in ASKED.items():
        before = len(upstream.asked())
        first, again = (send(gateway, asked, f"up-{there}/m") for _ in range(2))
        case = f"{dialect} {'stream' if stream else 'whole'} over {there}"
        assert (told(first), told(again)) == ("miss", "hit; age"), case
        assert len(upstream.asked()) == before + 1, case
        assert again.body == first.body and first.body, case
        assert again.header("content-type") == first.header("content-type"), case
        assert again.header("x-llm-gateway-losses") == first.header("x-llm-gateway-losses") or stream, case
        assert again.header("transfer-encoding") == first.header("transfer-encoding"), case
        found, origin = detail(gateway, again), first.header("x-llm-gateway-request-id")
        assert found["cached_from"] == origin and found["attempts"] == [], case
        saved = detail(gateway, first)["request"]
        assert isinstance(saved, dict)
        assert found["saved_tokens_in"] == saved["tokens_in"] and saved["tokens_in"], case
        told_ids = {value for name, value in again.headers if name.endswith("request-id")}
        assert not any(str(origin) in value for value in told_ids), case


@pytest.mark.parametrize("dialect", EMBEDDINGS)
def test_embeddings_are_kept(gateway: GatewayProcess, upstream: ScriptedUpstream, dialect: str) -> None:
    replies = [send(gateway, EMBEDDINGS[dialect], f"up-{dialect}/m") for _ in range(2)]
    assert [told(reply) for reply in replies] == ["miss", "hit; age"]
    assert replies[0].body == replies[1].body and len(upstream.asked()) == 1


def test_a_hit_costs_nothing_and_the_sums_keep_it_apart(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 6000, "total_tokens": 7000}
    upstream.on("m", chat.plain("m", usage=usage))
    body: dict[str, object] = {"messages": [SAID], "max_tokens": 6000}
    asked = ("/v1/chat/completions", body)
    before = gateway.dashboard("request-metrics")
    first, again = (send(gateway, asked, "openai/m") for _ in range(2))
    assert (first.header("x-llm-gateway-cost-usd"), again.header("x-llm-gateway-cost-usd")) == ("6.001", "0")
    assert send(gateway, asked, "openai/m", "off").status == 429, "the budget is spent"
    assert told(send(gateway, asked, "openai/m")) == "hit; age", "and what is kept is there all the same"
    row = gateway.row(again.header("x-llm-gateway-request-id"))
    assert (row["status"], row["cached"], row["tokens_in"], row["cost_usd"]) == ("ok", True, 0, 0.0)
    assert detail(gateway, again)["saved_usd"] == 6.001
    after = gateway.dashboard("request-metrics")
    assert isinstance(before["total_tokens"], int) and isinstance(after["total_tokens"], int)
    assert after["total_tokens"] - before["total_tokens"] == 7000
    cached, cached_before = after["response_cache"], before["response_cache"]
    assert isinstance(cached, dict) and isinstance(cached_before, dict)
    assert cached["hits"] - cached_before["hits"] == 2
    assert cached["tokens_saved"] - cached_before["tokens_saved"] == 14_000
    assert cached["usd_saved"] - cached_before["usd_saved"] == pytest.approx(12.002)
    metrics = gateway.get("/metrics", key=TOKEN).body
    assert b"llm_gateway_response_cache_hits_total 2.0" in metrics
    assert b"llm_gateway_response_cache_misses_total 1.0" in metrics


def test_a_packed_request_is_the_one_that_is_in_it(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    send(gateway, ASKED["chat", False], "up-chat/m")
    body = json.dumps({"model": "up-chat/m", "messages": [SAID]}).encode()
    headers = [("x-llm-gateway-cache", "on"), ("content-encoding", "gzip")]
    assert told(gateway.post("/v1/chat/completions", gzip.compress(body), headers=headers)) == "hit; age"
    assert len(upstream.asked()) == 1


def test_another_key_gets_an_answer_of_its_own(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    owner = (gateway.home / "gateway" / "owner-token").read_text().strip()
    with gateway.client() as client:
        client.send(request("POST", "/api/keys", body=b'{"name": "other"}', key=owner))
        other = str(client.read_reply().json()["key"])
    send(gateway, ASKED["chat", False], "up-chat/m")
    body = json.dumps({"model": "up-chat/m", "messages": [SAID]}).encode()
    with gateway.client() as client:
        headers = [("x-llm-gateway-cache", "on")]
        client.send(request("POST", "/v1/chat/completions", body=body, key=other, headers=headers))
        assert told(client.read_reply()) == "miss"


def test_what_failed_and_what_is_stored_is_asked_for_again(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    upstream.queue(faults.failing(500))
    assert send(gateway, ASKED["chat", False], "up-chat/m").status == 500
    assert told(send(gateway, ASKED["chat", False], "up-chat/m")) == "miss"
    upstream.queue(faults.cut_stream("eof"))
    assert b"[DONE]" not in send(gateway, ASKED["chat", True], "up-chat/m").body
    assert told(send(gateway, ASKED["chat", True], "up-chat/m")) == "miss"
    body: dict[str, object] = {"input": "Guten Tag"}
    stored = ("/v1/responses", body)
    assert [told(send(gateway, stored, "up-responses/m")) for _ in range(2)] == ["bypass; stored"] * 2


def test_a_client_that_leaves_leaves_nothing_behind(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    upstream.queue((*chat.stream(chat.events("m"))[:3], Hang()))
    body = json.dumps({"model": "up-chat/m", "messages": [SAID], "stream": True}).encode()
    headers = [("x-llm-gateway-cache", "on")]
    with gateway.client() as client:
        client.send(request("POST", "/v1/chat/completions", body=body, key=gateway.key, headers=headers))
        upstream.wait_asked(1)
    assert told(send(gateway, ASKED["chat", True], "up-chat/m")) == "miss"
    assert told(send(gateway, ASKED["chat", True], "up-chat/m")) == "hit; age"


def test_equal_requests_at_one_time_are_all_answered(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    upstream.on("m", (Pause(0.2), *chat.plain("m")))
    with ThreadPoolExecutor(20) as crowd:
        replies = list(crowd.map(lambda _: send(gateway, ASKED["chat", False], "up-chat/m"), range(20)))
    assert {reply.body for reply in replies} == {chat.completion("m")}
    assert told(send(gateway, ASKED["chat", False], "up-chat/m")) == "hit; age"
    assert len(upstream.asked()) == [told(reply) for reply in replies].count("miss")


def test_a_kill_loses_it_and_nothing_of_it_is_on_the_disk(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    mark = "A MARK THAT NO FILE MAY SHOW"
    upstream.on("m", chat.plain("m", mark))
    first = send(gateway, ASKED["chat", False], "up-chat/m")
    again = send(gateway, ASKED["chat", False], "up-chat/m")
    assert mark.encode() in first.body and told(again) == "hit; age"
    gateway.kill()
    for path in gateway.home.rglob("*"):
        assert not path.is_file() or mark.encode() not in path.read_bytes(), path
    gateway.start()
    assert gateway.row(again.header("x-llm-gateway-request-id"))["cached"] is True
    assert told(send(gateway, ASKED["chat", False], "up-chat/m")) == "miss"
    assert len(upstream.asked()) == 2


def test_keys_and_clients_of_the_configuration_use_it(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    more = '[cache]\nkeys = ["bootstrap"]\n'
    with GatewayProcess(tmp_path, configuration(upstream.url, models=("m",), more=more)) as gateway:
        asked = ASKED["chat", False]
        assert [told(send(gateway, asked, "scripted/m", "")) for _ in range(2)] == ["miss", "hit; age"]
        tools: dict[str, object] = {"messages": [SAID, {"role": "tool", "content": "3", "tool_call_id": "c"}]}
        with_results = ("/v1/chat/completions", tools)
        replies = [send(gateway, with_results, "scripted/m", "") for _ in range(2)]
        assert [told(reply) for reply in replies] == ["bypass; tool-results"] * 2
        assert len(upstream.asked()) == 3
        assert send(gateway, asked, "scripted/m", "perhaps").status == 400
