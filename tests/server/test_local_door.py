"""A desktop's door: what comes in goes to the gateway, or to an engine here while that is away."""

import asyncio
import json
import socket
import ssl
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest

from certificate import self_signed
from gateway_process import GatewayProcess
from llm_gateway.clock import SystemClock
from llm_gateway.companion.door import Told
from llm_gateway.config import Loaded, load
from llm_gateway.errors import ConfigError
from llm_gateway.server.local_door import OpenDoor, WayOut, line_to_gateway, stand_ins
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.fleet import Fleet
from llm_gateway.upstream.opening import open_upstream
from pipeline_stage import closed_port
from scripted import ScriptedUpstream, chat


def configured(home: Path, text: str) -> Loaded:
    """Return a configuration with a door."""
    home.mkdir(exist_ok=True)
    (home / "gateway.toml").write_text(f"[companion]\ndoor = {closed_port()}\n{text}")
    return load(flags={"home": str(home)}, environ={})


def asked(
    loaded: Loaded, gateway: str, body: bytes, key: str = "", trust: ssl.SSLContext | None = None
) -> tuple[int, bytes, list[Told]]:
    """Ask once through the door of a desktop."""
    told: list[Told] = []

    async def play() -> tuple[int, bytes]:
        tasks = Tasks(lambda what, error: None)
        upstream = open_upstream(loaded.settings.upstream)
        engines = await stand_ins(loaded, {}, Fleet(upstream, SystemClock(), lambda: None), pytest.fail)
        way = WayOut(line_to_gateway(gateway), trust)
        door = await OpenDoor.open(loaded, way, engines, tasks, told.append)
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


def test_the_certificate_that_was_trusted_is_the_doors_too(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    loaded = configured(tmp_path / "desk", "")
    server = f'tls_cert = "{certificate}"\ntls_key = "{key}"\n'
    with GatewayProcess(tmp_path, f"[server]\n{server}") as gateway:
        url = f"https://127.0.0.1:{gateway.port}"
        trust = ssl.create_default_context(cafile=str(certificate))
        assert asked(loaded, url, say("demo/echo"), gateway.key, trust)[0] == 200
        status, answer, _ = asked(loaded, url, say("demo/echo"), gateway.key)
    assert status == 503 and "self-signed certificate" in json.loads(answer)["error"]["message"]


def test_a_port_that_somebody_has_is_told(tmp_path: Path) -> None:
    loaded = configured(tmp_path, "")
    taken = socket.create_server(("127.0.0.1", loaded.settings.companion.door))
    with taken, pytest.raises(ConfigError, match=r"is taken, .* choose another port"):
        asked(loaded, "gateway.example", b"")


def test_an_address_without_a_scheme_is_one_by_tls() -> None:
    assert line_to_gateway("gateway.example:8443/gw/").endpoint.url == "https://gateway.example:8443/gw"


@pytest.mark.parametrize("url", ["https://", "ftp://gateway.example", "http://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is not the address of a gateway"):
        line_to_gateway(url)
