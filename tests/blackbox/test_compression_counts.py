"""What compression took out is counted after the answer, and is known to whatever follows, killed or not."""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from gateway_process import GatewayProcess, configuration
from llm_gateway.compression.asked import asked
from llm_gateway.compression.tokenizer import load
from scripted import ScriptedUpstream, chat
from scripted.records import Received
from scripted.script import Script
from terminal import program
from tool_talk import Call, Result, Said, Turn, body

FILE = "\n".join(f"{n:>6}\t    value_{n} = compute({n * 7919 % 1013}, name)" for n in range(1, 600))
LISTING = json.dumps([{"id": n, "name": f"item {n}", "state": "open"} for n in range(300)], indent=2)
TALK: list[Turn] = [Said("user", "read it"), Call("Read", {"file_path": "/a.py"}), Result(FILE, "Read")]
MORE: list[Turn] = [
    *TALK,
    Said("assistant", "More."),
    Call("list", {}, "call-2"),
    Result(LISTING, "list", "call-2"),
]
TOKENS = load()
USED = 2_000 * 2_000 + 2_000 * 200 + 9 * 8_000
PRICES = '[[prices.models]]\nmodel = "openai/gpt-5.5"\ninput = 2\noutput = 8\ncache_read = 0.2\n'
COMPRESSION = f'{PRICES}[compression]\nmode = "on"\n'


def answer(got: Received, names: Sequence[str]) -> Script | None:
    """Answer, and tell that half of the prompt was read from a cache."""
    if not got.target.endswith("/completions"):
        return chat.respond(got, names)
    cached = {"cached_tokens": 2_000}
    told = {"prompt_tokens": 4_000, "completion_tokens": 9, "total_tokens": 4_009}
    return chat.plain(got.model, usage={**told, "prompt_tokens_details": cached})


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("gpt-5.5",), (answer,)) as upstream:
        yield upstream


def place(home: Path, upstream: ScriptedUpstream, mode: str = "on") -> GatewayProcess:
    config = configuration(upstream.url, models=["gpt-5.5"], more=COMPRESSION.replace('"on"', f'"{mode}"'))
    return GatewayProcess(home, config.replace('"scripted"', '"openai"'))


def send(gateway: GatewayProcess, turns: Sequence[Turn]) -> tuple[str, bytes]:
    """Send a conversation; return the turn's id and the request."""
    text = json.dumps({**json.loads(body("chat", turns)), "model": "openai/gpt-5.5"}).encode()
    reply = gateway.post("/v1/chat/completions", text)
    assert reply.status == 200, reply
    return reply.header("x-llm-gateway-request-id") or "", text


def counted(gateway: GatewayProcess, turn_id: str) -> dict[str, object]:
    """Return what is told of compression once it is counted."""
    until = time.monotonic() + 30
    while True:
        told = gateway.dashboard(f"requests/{turn_id}")["compression"]
        assert isinstance(told, dict)
        if told["counted"] == "tokenizer":
            return told
        assert time.monotonic() < until, told
        time.sleep(0.05)


def difference(raw: bytes, sent: bytes) -> int:
    """Return by how many tokens of o200k a body was sent shorter."""
    one, other = (asked("chat", each) for each in (raw, sent))
    assert one is not None and other is not None
    return sum(map(TOKENS, one.texts)) - sum(map(TOKENS, other.texts))


def rows(gateway: GatewayProcess, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{gateway.database}?mode=ro", uri=True)) as database:
        return database.execute(sql).fetchall()


def agreed(gateway: GatewayProcess) -> int:
    """Check sums and amounts of a gateway that has stopped; return how many tokens they say were removed."""
    home, config = gateway.home / "gateway", {"LLM_GATEWAY_CONFIG": str(gateway.home / "gateway.toml")}
    assert program(home, "db", "check", environ=config).code == 0
    assert program(home, "savings", "recompute", environ=config).code == 0
    ((removed,),) = rows(gateway, "SELECT sum(removed) FROM usage_hours")
    assert isinstance(removed, int)
    return removed


def test_what_was_not_sent_is_counted_and_priced(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with place(tmp_path, upstream) as gateway:
        first, text = send(gateway, TALK)
        saved = difference(text, upstream.asked()[-1].body)
        told = counted(gateway, first)
        assert told["tokens"] == saved > 500 and isinstance(told["error_percent"], float)
        found = rows(gateway, "SELECT removed, compression_nano, counted, cost_nano FROM turns")
        assert found == [(f'{{"uncached":{saved}}}', saved * 2_000, "provider", USED)]
        second, text = send(gateway, MORE)
        both = difference(text, upstream.asked()[-1].body)
        assert counted(gateway, second)["tokens"] == both > saved
        (_, found_then) = rows(gateway, "SELECT compression_nano FROM turns ORDER BY seq")
        assert found_then == ((both - saved) * 2_000 + saved * 200,), "what was there before is read again"
        again, _ = send(gateway, MORE)
        shown = gateway.dashboard(f"requests/{again}")["compression"]
        assert isinstance(shown, dict) and shown["counted"] == "tokenizer", "it is known at once"
        config = {"LLM_GATEWAY_CONFIG": str(tmp_path / "gateway.toml")}
        done = program(tmp_path / "gateway", "requests", "show", first, environ=config)
        assert f"about {saved} tokens less by tokenizer, within " in done.out
    assert agreed(gateway) == saved + 2 * both


@pytest.mark.parametrize("killed", [True, False])
def test_it_is_known_after_an_end(tmp_path: Path, upstream: ScriptedUpstream, *, killed: bool) -> None:
    with place(tmp_path, upstream) as gateway:
        first, text = send(gateway, TALK)
        saved = difference(text, upstream.asked()[-1].body)
        counted(gateway, first)
        if killed:
            gateway.kill()
        else:
            gateway.stop()
            assert rows(gateway, "SELECT tokens FROM removals") == [(saved,)]
        gateway.start()
        assert counted(gateway, first)["tokens"] == saved
        second, text = send(gateway, MORE)
        both = difference(text, upstream.asked()[-1].body)
        assert counted(gateway, second)["tokens"] == both > saved
    assert agreed(gateway) == saved + both


def test_what_is_only_measured_is_counted_and_in_no_sum(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with place(tmp_path, upstream, "shadow") as gateway:
        first, _ = send(gateway, TALK)
        told = counted(gateway, first)
        assert told["shadow"] and isinstance(told["tokens"], int) and told["tokens"] > 500
    assert agreed(gateway) == 0


def test_off_nothing_is_counted(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    with place(tmp_path, upstream, "off") as gateway:
        send(gateway, TALK)
        time.sleep(0.5)
        assert not psutil.Process(gateway.pid).children()
    assert agreed(gateway) == 0
