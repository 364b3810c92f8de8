"""Microsoft 365 Copilot through the real gateway, in the languages that clients speak, login and all."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from bridges.m365.fake_vendor import CANARY, CLIENT_ID, Answer, Microsoft, Refusal
from gateway_process import GatewayProcess
from rawhttp import Reply
from scripted import Gate, ScriptedUpstream
from server_stage import home_files

MODEL = "m365-copilot/m365-copilot"
TEXT = "Hello from Copilot."


class Stage:
    """A gateway whose bridge is logged in at the fake vendor."""

    def __init__(self, gateway: GatewayProcess, upstream: ScriptedUpstream, vendor: Microsoft) -> None:
        self.gateway = gateway
        self.upstream = upstream
        self.vendor = vendor

    def run(self, *arguments: str) -> str:
        """Run a command of the gateway's beside it; return what it says on stdout."""
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.gateway.home / "user"),
            "LLM_GATEWAY_HOME": str(self.gateway.home / "gateway"),
            "LLM_GATEWAY_CONFIG": str(self.gateway.home / "gateway.toml"),
            **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
        }
        done = subprocess.run(
            [sys.executable, "-m", "llm_gateway", *arguments],
            check=False, capture_output=True, text=True, env=environ, timeout=30,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    vendor = Microsoft()
    vendor.now_s = time.time()
    with ScriptedUpstream(responders=(vendor.respond,)) as upstream:
        environ = {
            "MICROSOFT_CLIENT_ID": CLIENT_ID,
            "M365_COPILOT_SERVICE_URL": upstream.url,
            "M365_COPILOT_LOGIN_URL": upstream.url,
        }
        with GatewayProcess(tmp_path_factory.mktemp("gateway"), "", environ=environ) as gateway:
            stage = Stage(gateway, upstream, vendor)
            steps = [json.loads(line) for line in stage.run("login", "m365-copilot", "--json").splitlines()]
            assert [step["kind"] for step in steps] == ["code", "done"]
            assert steps[0]["code"] == "FAKE2CODE"
            yield stage


def chat(stage: Stage, **fields: object) -> Reply:
    return stage.gateway.chat(MODEL, **fields)  # type: ignore[arg-type] # the fields of a body are of any kind


def test_chat_is_answered_whole(stage: Stage) -> None:
    reply = chat(stage, temperature=0.1)
    assert reply.status == 200, reply
    told = reply.json()
    assert TEXT in json.dumps(told)
    row = stage.gateway.row(reply.header("x-llm-gateway-request-id"))
    assert (row["provider"], row["status"]) == ("m365-copilot", "ok")
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
    whole = {"model": MODEL, "stream": True, **body}
    reply = stage.gateway.post(path, json.dumps(whole).encode())
    assert reply.status == 200, reply
    for piece in ("Hello", " from", " Copilot."):
        assert f'"{piece}"'.encode() in reply.body
    assert CANARY.encode() not in reply.body


@pytest.mark.parametrize(
    ("refusal", "status", "says"),
    [
        (Refusal(403, "Forbidden"), 403, "licence"),
        (Refusal(400, "BadRequest"), 400, "BadRequest"),
    ],
)
def test_a_refusal_comes_in_the_clients_language(
    stage: Stage, refusal: Refusal, status: int, says: str
) -> None:
    stage.vendor.turns.append(refusal)
    reply = chat(stage)
    assert reply.status == status, reply
    assert says in json.dumps(reply.json()["error"])


def test_what_it_cannot_do_is_refused_before_anybody_is_asked(stage: Stage) -> None:
    stage.upstream.forget()
    reply = chat(stage, tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}])
    assert reply.status == 400, reply
    assert "unsupported_by_bridge" in json.dumps(reply.json())
    assert not stage.upstream.asked()


def test_a_client_that_leaves_ends_the_turn(stage: Stage) -> None:
    stage.upstream.forget()
    stage.vendor.turns.append(Answer(before=(Gate("held"),)))
    with stage.gateway.client() as client:
        client.send(stage.gateway.chat_request(MODEL, stream=True))
        stage.upstream.wait_gate("held")
        turn = stage.upstream.asked()[-1]
        left = time.monotonic()
    assert stage.upstream.wait_closed(turn.connection) - left < 1.0


def test_a_turn_that_was_late_is_asked_again(stage: Stage) -> None:
    stage.vendor.turns.append(Refusal(504, "GatewayTimeout"))
    reply = chat(stage)
    assert (reply.status, reply.header("x-llm-gateway-attempts")) == (200, "2")


@pytest.mark.control("T10")
def test_nothing_of_the_login_is_written_in_plain(stage: Stage) -> None:
    stored = home_files(stage.gateway.home)
    assert b"m365-copilot" in stored
    assert CANARY.encode() not in stored
    assert (stage.gateway.home / "gateway" / "bridges" / "m365-copilot" / "login.sealed").exists()


def test_a_login_that_is_taken_back_is_gone(stage: Stage) -> None:
    stage.run("logout", "m365-copilot")
    reply = chat(stage)
    assert reply.status == 401, reply
    assert "llm-gateway login m365-copilot" in json.dumps(reply.json())
    assert not (stage.gateway.home / "gateway" / "bridges" / "m365-copilot" / "login.sealed").exists()
