"""A ChatGPT plan through the real gateway, in the languages that clients speak, sign-in and all."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from bridges.chatgpt.chatgpt_stage import browse
from bridges.chatgpt.fake_accounts import CANARY, Refusal
from bridges.chatgpt.fake_vendor import Answer, FakeOpenAi, namespaced, sharing
from gateway_process import GatewayProcess
from rawhttp import Reply
from scripted import Gate, Hang, ScriptedUpstream
from server_stage import home_files

MODEL = "chatgpt/gpt-5.6"
LOOKUP = {"type": "object", "properties": {"city": {"type": "string"}}}


class Stage:
    """A gateway whose bridge is signed in at the fake vendor."""

    def __init__(self, gateway: GatewayProcess, upstream: ScriptedUpstream, vendor: FakeOpenAi) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self.vendor = vendor

    def command(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command of the gateway's beside it."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.gateway.home / "user"),
            "LLM_GATEWAY_HOME": str(self.gateway.home / "gateway"),
            "LLM_GATEWAY_CONFIG": str(self.gateway.home / "gateway.toml"),
            "PYTHONUNBUFFERED": "1",  # the first step is read before the last one is there
            **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
        }
        return subprocess.Popen(
            [sys.executable, "-m", "llm_gateway", *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=environ,
        )  # fmt: skip

    def log_in(self) -> list[str]:
        """Sign in by the command line, with a browser on this machine; return the kinds of steps."""
        with self.command("login", "chatgpt", "--json") as process:
            assert process.stdout is not None
            first = json.loads(process.stdout.readline())
            assert "Thank you" in browse(first["url"]).text
            others = [json.loads(line) for line in process.stdout]
        assert process.returncode == 0
        return [step["kind"] for step in (first, *others)]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    vendor = FakeOpenAi()
    vendor.accounts.now_s = time.time()
    with ScriptedUpstream(responders=(vendor.respond,)) as upstream:
        environ = {
            "CHATGPT_API_URL": f"{upstream.url}/v1",
            "CHATGPT_LOGIN_URL": f"{upstream.url}/api/accounts",
        }
        with GatewayProcess(tmp_path_factory.mktemp("gateway"), "", environ=environ) as gateway:
            stage = Stage(gateway, upstream, vendor)
            assert stage.log_in() == ["open", "paste", "done"]
            yield stage
    assert not vendor.accounts.violations


def chat(stage: Stage, **fields: object) -> Reply:
    return stage.gateway.chat(MODEL, **fields)  # type: ignore[arg-type] # the fields of a body are of any kind


def test_chat_is_answered_whole_with_the_vendors_usage(stage: Stage) -> None:
    reply = chat(stage, temperature=0.1)
    assert reply.status == 200, reply
    told = reply.json()
    assert "Hello." in json.dumps(told)
    usage = told["usage"]
    assert isinstance(usage, dict)
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (40, 12)
    row = stage.gateway.row(reply.header("x-llm-gateway-request-id"))
    assert (row["provider"], row["status"], row["tokens_in"], row["tokens_out"]) == ("chatgpt", "ok", 40, 12)
    assert "temperature" in (reply.header("x-llm-gateway-losses") or "")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
        ("/v1/messages", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 99}),
        ("/v1/responses", {"input": "Hi"}),
    ],
)
def test_every_language_is_streamed(stage: Stage, path: str, body: dict[str, object]) -> None:
    reply = stage.gateway.post(path, json.dumps({"model": MODEL, "stream": True, **body}).encode())
    assert reply.status == 200, reply
    for piece in ("He", "ll", "o."):
        assert f'"{piece}"'.encode() in reply.body
    assert CANARY.encode() not in reply.body


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/v1/chat/completions",
            {
                "messages": [{"role": "user", "content": "Hi"}],
                "tools": [{"type": "function", "function": {"name": "lookup", "parameters": LOOKUP}}],
            },
        ),
        (
            "/v1/messages",
            {
                "messages": [{"role": "user", "content": "Hi"}],
                "max_tokens": 99,
                "tools": [{"name": "lookup", "input_schema": LOOKUP}],
            },
        ),
        (
            "/v1/responses",
            {"input": "Hi", "tools": [{"type": "function", "name": "lookup", "parameters": LOOKUP}]},
        ),
    ],
)
def test_every_language_calls_tools(stage: Stage, path: str, body: dict[str, object]) -> None:
    stage.vendor.turns.append(Answer((namespaced("lookup", {"city": "Bonn"}),)))
    reply = stage.gateway.post(path, json.dumps({"model": MODEL, **body}).encode())
    assert reply.status == 200, reply
    assert b'"lookup"' in reply.body and b"Bonn" in reply.body and b"client_tools" not in reply.body


@pytest.mark.parametrize(
    ("refusal", "status", "says"),
    [
        (sharing("user_not_eligible"), 403, "Plus or Pro"),
        (sharing("unsupported_capability", "input"), 400, "`input`"),
        (Refusal(400, {"detail": "Unsupported parameter: text"}), 400, "`text`"),
    ],
)
def test_a_refusal_comes_in_the_clients_language(
    stage: Stage, refusal: Refusal, status: int, says: str
) -> None:
    stage.vendor.turns.append(refusal)
    reply = chat(stage)
    assert reply.status == status, reply
    assert says in json.dumps(reply.json()["error"])
    assert CANARY.encode() not in reply.body


def test_a_client_that_leaves_ends_the_turn(stage: Stage) -> None:
    stage.upstream.forget()
    stage.vendor.turns.append(Answer(before=(Gate("held"),), end=(Hang(),)))
    with stage.gateway.client() as client:
        client.send(stage.gateway.chat_request(MODEL, stream=True))
        stage.upstream.wait_gate("held")
        turn = next(each for each in stage.upstream.requests if each.target.endswith("/responses"))
        left = time.monotonic()
    assert stage.upstream.wait_closed(turn.connection) - left < 1.0


@pytest.mark.control("T10")
def test_nothing_of_the_login_is_written_in_plain(stage: Stage) -> None:
    stored = home_files(stage.gateway.home)
    assert b"chatgpt" in stored
    assert CANARY.encode() not in stored
    assert (stage.gateway.home / "gateway" / "bridges" / "chatgpt" / "login.sealed").exists()


def test_a_sign_in_that_is_taken_back_is_gone(stage: Stage) -> None:
    with stage.command("logout", "chatgpt") as process:
        pass
    assert process.returncode == 0 and len(stage.vendor.accounts.revoked) == 1
    reply = chat(stage)
    assert reply.status == 401, reply
    assert "llm-gateway login chatgpt" in json.dumps(reply.json())


def test_somebody_who_signs_in_again_meets_the_limit_of_the_plan(stage: Stage) -> None:
    assert stage.log_in() == ["open", "paste", "done"]
    assert stage.vendor.accounts.pages[-1]["client_id"] == "oaiapp_1"
    stage.vendor.turns.append(sharing("usage_limit_exceeded"))
    reply = chat(stage)
    assert reply.status == 429, reply
    assert "chatgpt.com/settings/usage" in json.dumps(reply.json())
    assert (reply.header("x-should-retry"), reply.header("retry-after")) == ("false", "30")
