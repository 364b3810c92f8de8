"""A desktop's door: what comes in goes to the gateway, or to an engine here while that is away."""

import asyncio
import json
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest

from gateway_process import GatewayProcess
from llm_gateway.clock import SystemClock
from llm_gateway.companion.door import Told
from llm_gateway.config import Loaded, load
from llm_gateway.errors import ConfigError
from llm_gateway.server.local_door import OpenDoor, line_to_gateway, stand_ins
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.fleet import Fleet
from llm_gateway.upstream.opening import open_upstream
from pipeline_stage import closed_port
from scripted import ScriptedUpstream, chat


def configured(home: Path, text: str) -> Loaded:
    """Return a configuration with a door."""
    (home / "gateway.toml").write_text(f"[companion]\ndoor = {closed_port()}\n{text}")
    return load(flags={"home": str(home)}, environ={})


def asked(loaded: Loaded, gateway: str, body: bytes, key: str = "") -> tuple[int, bytes, list[Told]]:
    """Ask once through the door of a desktop."""
    told: list[Told] = []

    async def play() -> tuple[int, bytes]:
        tasks = Tasks(lambda what, error: None)
        upstream = open_upstream(loaded.settings.upstream)
        engines = await stand_ins(loaded, {}, Fleet(upstream, SystemClock(), lambda: None), pytest.fail)
        door = await OpenDoor.open(loaded, line_to_gateway(gateway), engines, tasks, told.append)
        assert door.port == loaded.settings.companion.door

        def ask() -> tuple[int, bytes]:
            connection = HTTPConnection("127.0.0.1", door.port, timeout=10)
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
            connection.request("POST", "/v1/chat/completions", body, headers)
            reply = connection.getresponse()
            answer = reply.read()
            connection.close()
            return reply.status, answer

        answer = await asyncio.to_thread(ask)
        await door.close()
        await tasks.close()
        upstream.close()
        return answer

    status, answer = asyncio.run(play())
    return status, answer, told


def say(model: str) -> bytes:
    return msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": "hi"}]})


def test_a_request_goes_to_the_gateway_with_its_key(tmp_path: Path) -> None:
    loaded = configured(tmp_path, "")
    with GatewayProcess(tmp_path, "") as gateway:
        status, answer, told = asked(
            loaded, f"http://127.0.0.1:{gateway.port}", say("demo/echo"), gateway.key
        )
        assert status == 200 and told == []
        assert json.loads(answer)["model"] == "demo/echo"
        refused, _, _ = asked(loaded, f"http://127.0.0.1:{gateway.port}", say("demo/echo"), "lgw_wrong")
        assert refused == 401


def test_while_it_is_away_an_error_says_so(tmp_path: Path) -> None:
    status, answer, _ = asked(configured(tmp_path, ""), f"http://127.0.0.1:{closed_port()}", say("m"))
    assert (status, json.loads(answer)["error"]["code"]) == (503, "gateway_away")


def test_or_an_engine_here_answers_where_that_is_wanted(tmp_path: Path) -> None:
    with ScriptedUpstream(responders=(chat.respond,)) as engine:
        provider = f'[[providers]]\nname = "ollama"\nbase_url = "http://127.0.0.1:{engine.port}"\n'
        loaded = configured(tmp_path, f'when_away = "local"\n{provider}dialects = ["chat"]\nmodels = ["m"]\n')
        status, _, told = asked(loaded, f"http://127.0.0.1:{closed_port()}", say("gone/model"))
    assert status == 200
    assert [(each.provider, each.model, each.status) for each in told] == [("ollama", "m", 200)]


@pytest.mark.parametrize("url", ["gateway.example", "ftp://gateway.example", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is not the address of a gateway"):
        line_to_gateway(url)
