"""Compression from the outside: what is sent shorter, for whom, that it stays so, and what is told of it."""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from gateway_process import GatewayProcess, configuration
from llm_gateway.wire.jsonedit import Document
from rawhttp import Reply, request
from scripted import ScriptedUpstream, Send, chat, wording
from terminal import program
from tool_talk import Call, Result, Said, Turn, body
from upstream_answers import UPSTREAMS

PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "ollama": "/api/chat",
    "gemini": "/v1beta/models/{model}:generateContent",
}
FILE = "\n".join(
    f"{number:>6}\t    value_{number} = compute({number * 7919 % 1013}, name)" for number in range(1, 900)
)
LISTING = json.dumps([{"id": n, "name": f"item {n}", "state": "open"} for n in range(300)], indent=2)
FIRST: list[Turn] = [Said("user", "read it"), Call("Read", {"file_path": "/a.py"}), Result(FILE, "Read")]
SECOND: list[Turn] = [
    *FIRST,
    Said("assistant", "Again."),
    Call("Read", {"file_path": "/a.py"}, "call-2"),
    Result(FILE, "Read", "call-2"),
]
THIRD: list[Turn] = [
    *SECOND,
    Said("assistant", "And the list."),
    Call("list", {}, "call-3"),
    Result(LISTING, "list", "call-3"),
]
COMPRESSION = (
    '[compression]\nmode = "{mode}"\nask = ["bootstrap"]\n[compression.models]\n"up-chat/never" = "off"\n'
)


@pytest.fixture(scope="module")
def _upstream() -> Iterator[ScriptedUpstream]:
    answers = tuple(each.responder for each in UPSTREAMS.values())
    with ScriptedUpstream(("m", "never", "counted"), answers) as upstream:
        yield upstream


@pytest.fixture
def upstream(_upstream: ScriptedUpstream) -> ScriptedUpstream:
    _upstream.forget()
    return _upstream


def configured(upstream: ScriptedUpstream, mode: str = "on") -> str:
    rows = [
        f'[[providers]]\nname = "up-{name}"\nbase_url = "{upstream.url}"\ndialects = ["{name}"]\n'
        f'api_key_env = "SCRIPTED_API_KEY"\nmodels = ["m", "never", "counted"]\n'
        for name in UPSTREAMS
    ]
    login = f'[[providers]]\nname = "claude-login"\nbase_url = "{upstream.url}"\n'
    more = "\n".join([*rows, login, "[routing]\nretries = 0\n", COMPRESSION.format(mode=mode)])
    return configuration(upstream.url, models=("m",), more=more)


@pytest.fixture(scope="module")
def gateway(
    _upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    with GatewayProcess(tmp_path_factory.mktemp("compressing"), configured(_upstream)) as gateway:
        yield gateway


def said(dialect: str, turns: Sequence[Turn], model: str = "m", *, stream: bool = False) -> bytes:
    whole = json.loads(body(dialect, turns))
    if dialect == "messages":
        whole["max_tokens"] = 5
    return json.dumps({**whole, "model": f"up-{dialect}/{model}", "stream": stream}).encode()


def send(gateway: GatewayProcess, dialect: str, text: bytes, compression: str = "") -> Reply:
    model = json.loads(text)["model"]
    headers = [("x-llm-gateway-compression", compression)] if compression else []
    reply = gateway.post(PATHS[dialect].format(model=model), text, headers=headers)
    assert reply.status == 200, reply
    return reply


def detail(gateway: GatewayProcess, reply: Reply) -> dict[str, object]:
    shown = gateway.dashboard(f"requests/{reply.header('x-llm-gateway-request-id')}")["compression"]
    assert isinstance(shown, dict)
    return shown


def sent(upstream: ScriptedUpstream) -> bytes:
    return upstream.asked()[-1].body


def raw(text: bytes, dialect: str) -> bytes:
    return text.replace(b'"up-%b/' % dialect.encode(), b'"')


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages", "ollama", "gemini"])
def test_what_was_read_before_is_said_once_and_every_other_byte_stays(
    gateway: GatewayProcess, upstream: ScriptedUpstream, dialect: str
) -> None:
    text = said(dialect, SECOND)
    reply = send(gateway, dialect, text)
    whole, short = raw(text, dialect), sent(upstream)
    assert len(short) < 0.6 * len(whole)
    told = detail(gateway, reply)
    assert told["results"] == 2 and not told["shadow"], told
    assert (told["bytes_before"], told["policy"]) == (len(text), "strict-1")
    header = reply.header("x-llm-gateway-compression") or ""
    assert header.startswith("on; results=2; encoded="), header
    before = json.loads(whole)
    after = json.loads(short)
    member = {"responses": "input", "gemini": "contents"}.get(dialect, "messages")
    assert {**before, member: None} == {**after, member: None}


def test_what_was_sent_is_sent_again_in_the_same_bytes(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    bodies = []
    for turns in (FIRST, SECOND, THIRD):
        send(gateway, "messages", said("messages", [Said("user", "stays"), *turns], stream=True))
        bodies.append(sent(upstream))
    said_so_far = [bytes(Document.parse(each).fields["messages"]) for each in bodies]
    for before, after in pairwise(said_so_far):
        assert after.startswith(before.removesuffix(b"]"))
    assert len(bodies[-1]) < len(said("messages", THIRD)) * 0.7


def test_asked_for_nothing_every_byte_passes(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    text = said("messages", [Said("user", "off"), *THIRD])
    reply = send(gateway, "messages", text, "off")
    assert sent(upstream) == raw(text, "messages")
    assert (reply.header("x-llm-gateway-compression") or "").startswith("off; results=3; encoded=0; bytes=0")
    assert detail(gateway, reply)["why"] == "the request asks for that"
    again = send(gateway, "messages", text)  # what was sent as it came stays as it came, but for what is new
    assert detail(gateway, again)["bytes_after"] == len(text)


def test_a_model_for_which_it_is_off_gets_every_byte(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    text = said("chat", [Said("user", "never"), *THIRD], "never")
    reply = send(gateway, "chat", text, "on")
    assert sent(upstream) == raw(text, "chat")
    assert detail(gateway, reply)["why"] == "it is off for this model"


def test_shadow_says_what_would_have_been_saved(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    text = said("messages", [Said("user", "shadow"), *SECOND])
    reply = send(gateway, "messages", text, "shadow")
    assert sent(upstream) == raw(text, "messages")
    told = detail(gateway, reply)
    assert told["shadow"] is True
    assert isinstance(told["tokens"], int) and told["tokens"] > 1000


def test_a_terminal_says_what_was_done(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    def shown(compression: str) -> str:
        text = said("messages", [Said("user", f"shown {compression}"), *SECOND])
        reply = send(gateway, "messages", text, compression)
        request_id = reply.header("x-llm-gateway-request-id") or ""
        config = {"LLM_GATEWAY_CONFIG": str(gateway.home / "gateway.toml")}
        done = program(gateway.home / "gateway", "requests", "show", request_id, environ=config)
        (line,) = (line for line in done.out.splitlines() if line.startswith("compression "))
        return " ".join(line.split())

    on, shadow, off = (shown(mode) for mode in ("on", "shadow", "off"))
    assert on.startswith("compression 1 of 2 results were sent shorter, ") and on.endswith("(by strict-1)")
    assert shadow.startswith("compression 1 of 2 results would have been sent shorter, ")
    assert off == "compression 0 of 2 results were sent shorter (the request asks for that)"


def test_another_dialect_gets_it_translated(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    whole = json.loads(said("messages", [Said("user", "translated"), *SECOND]))
    text = json.dumps({**whole, "model": "up-chat/m", "max_tokens": 5}).encode()
    send(gateway, "messages", text)
    tools = [each["content"] for each in json.loads(sent(upstream))["messages"] if each["role"] == "tool"]
    assert len(tools) == 2
    assert len(tools[1]) < 300 and "result 1" in tools[1], tools[1]


def test_a_login_is_left_alone(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    whole = json.loads(body("messages", [Said("user", "login"), *THIRD]))
    text = json.dumps({**whole, "model": "claude-opus-4-5", "max_tokens": 5, "stream": False}).encode()
    headers = [
        ("authorization", "Bearer sk-ant-oat01-canary-of-a-login"),
        ("user-agent", "claude-cli/2.1.330 (external, sdk-cli)"),
        ("x-llm-gateway-key", gateway.key),
        ("x-llm-gateway-compression", "on"),
    ]
    with gateway.client() as client:
        client.send(request("POST", "/v1/messages", body=text, key="", headers=headers))
        reply = client.read_reply()
    assert reply.status == 200, reply
    assert sent(upstream) == text
    assert detail(gateway, reply)["why"] == "it brings a login of its own"


def test_a_word_that_is_none_is_refused(gateway: GatewayProcess) -> None:
    headers = [("x-llm-gateway-compression", "max")]
    reply = gateway.post(PATHS["chat"], said("chat", FIRST), headers=headers)
    assert reply.status == 400 and b"`off`, `shadow` or `on`" in reply.body


def test_sums_and_metrics_have_it(gateway: GatewayProcess, upstream: ScriptedUpstream) -> None:
    usage = {"prompt_tokens": 9000, "completion_tokens": 9, "total_tokens": 9009}
    upstream.on("counted", (Send(wording.response(200, chat.completion("counted", "ok", usage=usage))),))
    send(gateway, "chat", said("chat", [Said("user", "sums"), *SECOND], "counted"))
    metrics = gateway.dashboard("request-metrics")
    operations, saved = metrics["compression_operations"], metrics["compression_tokens_saved"]
    assert isinstance(operations, int) and operations > 0
    assert isinstance(saved, int) and saved > 1000
    text = gateway.get("/metrics", key="dashboard-token-for-tests-0123456789").body.decode()
    assert "llm_gateway_compression_requests_total " in text
    assert 'llm_gateway_compression_raw_total{why="off"}' in text


def test_a_kill_forgets_nothing_that_was_decided(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, configured(upstream)) as gateway:
        send(gateway, "messages", said("messages", SECOND))
        before = sent(upstream)
        gateway.rows()  # waits for the ledger, as whoever pulls the plug need not
        gateway.kill()
        (tmp_path / "gateway.toml").write_text(configured(upstream, "off"))
        gateway.start()
        send(gateway, "messages", said("messages", SECOND))
        assert sent(upstream) == before
        reply = send(gateway, "messages", said("messages", THIRD))
        assert LISTING in json.dumps(json.loads(sent(upstream))).encode().decode("unicode_escape")
        assert detail(gateway, reply)["encoded"] == 1


def test_a_change_of_the_file_holds_for_what_is_new(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, configured(upstream, "off")) as gateway:
        send(gateway, "messages", said("messages", FIRST))
        (tmp_path / "gateway.toml").write_text(configured(upstream, "on"))
        deadline = time.monotonic() + 20
        turns = [Said("user", "look"), *SECOND]
        while detail(gateway, send(gateway, "messages", said("messages", turns)))["encoded"] == 0:
            assert time.monotonic() < deadline
            turns = [Said("user", f"look at {time.monotonic()}"), *SECOND]
            time.sleep(0.2)
        reply = send(gateway, "messages", said("messages", [*FIRST, *SECOND[3:]]))
        before, after = json.loads(raw(said("messages", SECOND), "messages")), json.loads(sent(upstream))
        assert before["messages"][:3] == after["messages"][:3], "what was sent stays as it was sent"
        assert detail(gateway, reply)["encoded"] == 1


def test_a_database_that_takes_nothing_and_tells_nothing_costs_no_request(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    with GatewayProcess(tmp_path, configured(upstream)) as gateway:
        send(gateway, "messages", said("messages", SECOND))
        before = bytes(Document.parse(sent(upstream)).fields["messages"])
        gateway.rows()
        (database,) = tmp_path.rglob("ledger.sqlite3")
        with closing(sqlite3.connect(database)) as other:
            other.execute("ALTER TABLE compressions RENAME TO elsewhere")
            send(gateway, "messages", said("messages", THIRD))
            after = bytes(Document.parse(sent(upstream)).fields["messages"])
            assert after.startswith(before.removesuffix(b"]"))
            send(gateway, "messages", said("messages", [Said("user", "another"), *SECOND]))
            other.execute("ALTER TABLE elsewhere RENAME TO compressions")


def test_what_is_measured_goes_on_after_a_restart(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    with GatewayProcess(tmp_path, configured(upstream, "shadow")) as gateway:
        send(gateway, "messages", said("messages", FIRST))
        before = detail(gateway, send(gateway, "messages", said("messages", SECOND)))
        gateway.rows()
        gateway.kill()
        gateway.start()
        after = detail(gateway, send(gateway, "messages", said("messages", SECOND)))
        assert after["shadow"] and after["encoded"] == before["encoded"] == 2
        assert after["bytes_after"] == before["bytes_after"]


def test_what_google_keeps_of_a_conversation_is_not_referred_to(
    gateway: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    whole = json.loads(said("gemini", [Said("user", "kept there"), *SECOND]))
    reply = send(gateway, "gemini", json.dumps({**whole, "cachedContent": "cachedContents/1"}).encode())
    assert detail(gateway, reply)["why"] == "a part of the conversation is at its provider"
    assert json.loads(sent(upstream))["contents"] == whole["contents"]


def test_off_leaves_no_trace(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    config = configured(upstream, "off").replace('ask = ["bootstrap"]', "")
    with GatewayProcess(tmp_path, config) as gateway:
        text = said("messages", THIRD)
        reply = send(gateway, "messages", text)
        assert sent(upstream) == raw(text, "messages")
        assert reply.header("x-llm-gateway-compression") is None
        shown = gateway.dashboard(f"requests/{reply.header('x-llm-gateway-request-id')}")
        assert shown["compression"] is None
