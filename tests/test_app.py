"""The wiring: a gateway that starts whole or not at all, and ends with nothing open."""

import asyncio
import gc
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from certificate import self_signed
from llm_gateway.app import App
from llm_gateway.config import load
from llm_gateway.errors import ConfigError, RefusedByPolicy
from llm_gateway.ledger.refusal import LedgerBusy
from llm_gateway.server.exposure import confirm
from rawhttp import Reply, parse_replies, request
from scripted import ScriptedUpstream
from websocket_peer import opening

T = TypeVar("T")


def app(home: Path, file: str = "", environ: Mapping[str, str] | None = None, look_again: float = 2.0) -> App:
    home.mkdir(exist_ok=True)
    (home / "gateway.toml").write_text(file)
    environ = {"LLM_GATEWAY_HOME": str(home), "LLM_GATEWAY_SERVER__PORT": "0", **(environ or {})}
    return App(load(flags={}, environ=environ), environ, look_again=look_again)


def running(gateway: App, scene: Callable[[App], Awaitable[T]]) -> T:
    """Play a scene with a gateway that runs."""

    async def play() -> T:
        await gateway.start()
        try:
            return await scene(gateway)
        finally:
            await gateway.close()
            assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []

    return asyncio.run(play())


async def ask(gateway: App, target: str, *, method: str = "GET", key: str = "", body: bytes = b"") -> Reply:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(request(method, target, key=key, body=body, headers=[("Connection", "close")]))
    (reply,) = parse_replies(await reader.read())
    writer.close()
    return reply


def owner(home: Path) -> str:
    return (home / "owner-token").read_text().strip()


def test_it_answers_under_its_address(tmp_path: Path) -> None:
    async def scene(gateway: App) -> None:
        assert gateway.url == f"http://127.0.0.1:{gateway.port}"
        assert (await ask(gateway, "/livez")).body == b"ok\n"
        assert (await ask(gateway, "/readyz")).body == b"ready\n"
        assert (await ask(gateway, "/")).body == b"LLM Gateway is running"
        page = await ask(gateway, "/requests")
        assert page.status == 401 and b"llm-gateway open" in page.body
        asked = json.dumps({"model": "demo/echo", "messages": [{"role": "user", "content": "hi"}]}).encode()
        reply = await ask(gateway, "/v1/chat/completions", method="POST", key=owner(tmp_path), body=asked)
        assert (reply.status, reply.header("x-llm-gateway-provider")) == (200, "demo")
        shown = await ask(gateway, "/api/dashboard/requests", key=owner(tmp_path))
        assert str(reply.header("x-llm-gateway-request-id")) in shown.body.decode()

    running(app(tmp_path), scene)


@pytest.mark.parametrize(("setting", "status"), [("true", 101), ("false", 426)])
def test_websockets_are_a_setting(tmp_path: Path, setting: str, status: int) -> None:
    async def scene(gateway: App) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(opening(key=owner(tmp_path)))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.startswith(b"HTTP/1.1 %d " % status)
        writer.close()

    running(app(tmp_path, f"[server]\nwebsockets = {setting}\n"), scene)


def test_the_collector_leaves_alone_what_the_start_made(tmp_path: Path) -> None:
    async def scene(_: App) -> None:
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold()[0] >= 10_000, "a request makes hundreds of objects and no cycles"

    running(app(tmp_path), scene)


def test_its_gauges_say_what_is(tmp_path: Path) -> None:
    async def scene(gateway: App) -> None:
        text = (await ask(gateway, "/metrics", key=owner(tmp_path))).body.decode()
        lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        assert lines["llm_gateway_ledger_failing"] == "0.0"
        assert lines["llm_gateway_client_connections"] == "1.0"
        assert lines['llm_gateway_upstream_up{provider="demo"}'] == "1.0"
        assert "llm_gateway_upstream_connections" in lines and "llm_gateway_uptime_seconds" in lines

    running(app(tmp_path), scene)


def test_every_route_is_described(tmp_path: Path) -> None:
    async def scene(gateway: App) -> None:
        told = (await ask(gateway, "/openapi.json", key=owner(tmp_path))).json()["paths"]
        assert isinstance(told, dict)
        assert {route.path.replace("{}", "{id}") for route in gateway.routes} == told.keys()

    running(app(tmp_path), scene)


def test_models_are_looked_for_and_aliases_lead_to_them(tmp_path: Path) -> None:
    with ScriptedUpstream(["m"]) as upstream:
        file = f'[[providers]]\nname = "here"\nbase_url = "{upstream.url}"\n[aliases]\nfast = ["here/m"]\n'

        async def scene(gateway: App) -> None:
            listed = (await ask(gateway, "/v1/models", key=owner(tmp_path))).json()["data"]
            assert isinstance(listed, list)
            assert {"fast", "here/m", "demo/echo"} <= {entry["id"] for entry in listed}
            for name in ("fast", "m"):
                body = json.dumps({"model": name, "messages": []}).encode()
                reply = await ask(
                    gateway, "/v1/chat/completions", method="POST", key=owner(tmp_path), body=body
                )
                assert reply.header("x-llm-gateway-provider") == "here"

        running(app(tmp_path, file), scene)


def test_a_provider_whose_address_is_not_whole_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scene(gateway: App) -> None:
        assert "cloudflare" not in gateway.fleet.members

    running(app(tmp_path, environ={"CLOUDFLARE_API_TOKEN": "t" * 20, "LLM_GATEWAY_HOEM": "x"}), scene)
    logged = capsys.readouterr().err
    assert "CLOUDFLARE_ACCOUNT_ID" in logged and "did you mean LLM_GATEWAY_HOME?" in logged


def test_a_model_file_of_the_users_is_listed_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "tiny-one.gguf").write_bytes(b"not read before somebody asks")

    async def scene(gateway: App) -> None:
        assert gateway.fleet.members["local"].models == ("tiny-one",)

    running(app(tmp_path, f'[local]\nmodel_path = "{tmp_path / "tiny-one.gguf"}"\n'), scene)


# the first key


def test_the_first_key_is_made_once_and_opens_the_door(tmp_path: Path) -> None:
    async def first(gateway: App) -> str:
        assert gateway.first_key is not None
        key = gateway.first_key.key.reveal()
        assert (await ask(gateway, "/v1/models", key=key)).status == 200
        return key

    async def second(gateway: App) -> None:
        assert gateway.first_key is None
        assert (await ask(gateway, "/v1/models", key=key)).status == 200

    key = running(app(tmp_path), first)
    running(app(tmp_path), second)


def test_a_key_that_is_given_makes_a_first_one_needless(tmp_path: Path) -> None:
    given = "k3y-of-an-automaton-9f2c"

    async def scene(gateway: App) -> None:
        assert gateway.first_key is None
        assert (await ask(gateway, "/v1/models", key=given)).status == 200

    running(app(tmp_path, environ={"LLM_GATEWAY_BOOTSTRAP_KEY": given}), scene)


def test_the_dashboards_token_opens_the_dashboard_alone(tmp_path: Path) -> None:
    token = "t0ken-of-the-dashboard-9f2c"

    async def scene(gateway: App) -> None:
        assert (await ask(gateway, "/api/dashboard/health", key=token)).status == 200
        for target in ("/v1/models", "/api/keys"):
            assert (await ask(gateway, target, key=token)).status == 401

    running(app(tmp_path, environ={"LLM_GATEWAY_DASHBOARD_TOKEN": token}), scene)


# starts that fail


def refused(gateway: App) -> ConfigError:
    with pytest.raises(ConfigError) as error:
        asyncio.run(gateway.start())
    return error.value


def test_a_start_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    async def scene(gateway: App) -> None:
        assert gateway.first_key is not None, "none was made where nobody would have seen it"

    with socket.create_server(("127.0.0.1", 0)) as other:
        used = {"LLM_GATEWAY_SERVER__PORT": str(other.getsockname()[1])}
        assert "Address already in use" in str(refused(app(tmp_path, environ=used)))
    assert "is not set" in str(
        refused(app(tmp_path, '[[providers]]\nname = "openai"\napi_key_env = "NOT_THERE"\n'))
    )
    assert "no such file" in str(refused(app(tmp_path, '[local]\nmodel_path = "none.gguf"\n')))
    running(app(tmp_path), scene)


def test_tls_files_that_are_no_pair_are_said(tmp_path: Path) -> None:
    certificate, _ = self_signed(tmp_path)
    file = f'[server]\ntls_cert = "{certificate}"\ntls_key = "{certificate}"\n'
    assert "server.tls_cert: " in str(refused(app(tmp_path / "home", file)))


def test_one_home_has_one_gateway(tmp_path: Path) -> None:
    async def scene(gateway: App) -> None:
        with pytest.raises(LedgerBusy, match="pid"):
            await app(tmp_path).start()
        assert (await ask(gateway, "/livez")).status == 200

    running(app(tmp_path), scene)


def test_the_world_needs_more_than_an_address(tmp_path: Path) -> None:
    gateway = app(tmp_path, '[server]\nhost = "0.0.0.0"\n')
    assert isinstance(refused(gateway), RefusedByPolicy)
    assert not (tmp_path / "ledger").exists(), "refused before anything is opened"


def test_a_confirmed_exposure_starts(tmp_path: Path) -> None:
    """The address is one that this machine does not have: it is allowed, and then cannot be bound."""
    file = '[server]\nhost = "192.0.2.1"\nexpose = true\nallow_from = ["192.0.2.0/24"]\n'
    gateway = app(tmp_path, file)
    assert isinstance(refused(gateway), RefusedByPolicy)
    loaded = load(flags={"home": tmp_path}, environ={"LLM_GATEWAY_SERVER__PORT": "0"})
    confirm(tmp_path, loaded.settings.server)
    assert "cannot be listened on" in str(refused(app(tmp_path, file)))


# what others are told


# a configuration that changes


def test_a_changed_file_is_taken_over_while_it_runs(tmp_path: Path) -> None:
    with ScriptedUpstream(["m"]) as upstream:
        more = f'[[providers]]\nname = "here"\nbase_url = "{upstream.url}"\n[aliases]\nfast = ["here/m"]\n'

        async def names(gateway: App) -> set[object]:
            listed = (await ask(gateway, "/v1/models", key=owner(tmp_path))).json()["data"]
            assert isinstance(listed, list)
            return {entry["id"] for entry in listed}

        async def scene(gateway: App) -> None:
            assert "fast" not in await names(gateway)
            (tmp_path / "gateway.toml").write_text(more)
            while "fast" not in await names(gateway):
                pass  # each look is a request, so the gateway gets its turn
            assert {"fast", "here/m", "demo/echo"} <= await names(gateway)
            body = json.dumps({"model": "m", "messages": []}).encode()
            reply = await ask(gateway, "/v1/chat/completions", method="POST", key=owner(tmp_path), body=body)
            assert reply.header("x-llm-gateway-provider") == "here"
            (tmp_path / "gateway.toml").write_text("")
            while "fast" in await names(gateway):
                pass
            assert "here/m" not in await names(gateway)

        running(app(tmp_path, look_again=0.01), scene)


def test_a_file_that_cannot_be_used_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = '[aliases]\nfast = ["demo/echo"]\n'

    async def scene(gateway: App) -> None:
        for bad in ("[aliasses]\n", '[[providers]]\nname = "openai"\napi_key_env = "NOT_THERE"\n'):
            (tmp_path / "gateway.toml").write_text(bad)
            assert not await gateway.reload()
            assert (await ask(gateway, "/v1/models/fast", key=owner(tmp_path))).status == 200
        (tmp_path / "gateway.toml").write_text(f"{good}[server]\nmax_headers = 77\n[log]\nlevel = 'error'\n")
        assert await gateway.reload()

    running(app(tmp_path, good), scene)
    logged = capsys.readouterr().err
    assert "did you mean aliases?" in logged and "NOT_THERE is not set" in logged
    assert "server.max_headers has changed; it takes effect at the next start" in logged


def test_what_was_said_on_the_command_line_stays_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gateway.toml").write_text("[server]\nport = 9\n")
    flags = {"home": str(tmp_path), "server.port": 0}

    async def scene(gateway: App) -> None:
        assert await gateway.reload()

    running(App(load(flags=flags, environ={}), {}, flags), scene)
    assert "has changed" not in capsys.readouterr().err


# the end


def test_closing_waits_for_an_answer_unless_it_is_hurried(tmp_path: Path) -> None:
    words = {"model": "demo/slow", "messages": [{"role": "user", "content": "word " * 200}], "stream": True}

    async def scene() -> bytes:
        gateway = app(tmp_path)
        await gateway.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        body = json.dumps(words).encode()
        writer.write(request("POST", "/v1/chat/completions", key=owner(tmp_path), body=body))
        received = await reader.readuntil(b"data: ")
        closing = asyncio.create_task(gateway.close())
        await reader.readuntil(b"\n\n")
        assert not closing.done()
        gateway.hurry()
        await closing
        try:
            received += await reader.read()
        except ConnectionResetError:
            pass
        writer.close()
        return received

    assert b"[DONE]" not in asyncio.run(scene())
