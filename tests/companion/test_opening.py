"""Companions' bridges as members of the fleet: by their names, with their states, and gone when they are."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path

from bridge_stage import FakeBridge
from companion_place import Desk, eventually
from ledger_samples import Failures
from llm_gateway.app import App
from llm_gateway.canonical.abilities import Abilities
from llm_gateway.companion.caps import Caps
from llm_gateway.companion.opening import abilities_of
from llm_gateway.config import load
from llm_gateway.tasks import Tasks
from rawhttp import parse_replies, request

ELSEWHERE = '[[providers]]\nname = "mine"\nbase_url = "http://127.0.0.1:9/v1"\n'


class Joined:
    """A whole gateway, and a desktop that dials in."""

    def __init__(self, home: Path, gateway: App) -> None:
        self.gateway = gateway
        self.home = home
        self.tasks = Tasks(Failures())

    @property
    def url(self) -> str:
        return self.gateway.url

    async def desk(self, person: str, *names: str) -> Desk:
        """Return a machine that has joined, with bridges of these names."""
        companions = self.gateway._companions
        desk = Desk(self, self.home / "desk", {name: FakeBridge() for name in names}, Caps())
        desk.start((await companions.registry.invite("mac", person)).token.reveal())
        await eventually(
            lambda: len([each for each in companions.engines.values() if each.offered]) == len(names)
        )
        return desk

    async def asked(self, model: str) -> int:
        """Ask the gateway as its owner; return the status."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
        key = (self.home / "owner-token").read_text().strip()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
        writer.write(
            request("POST", "/v1/chat/completions", key=key, body=body, headers=[("Connection", "close")])
        )
        (reply,) = parse_replies(await reader.read())
        writer.close()
        return reply.status


def joined(home: Path, file: str, scene: Callable[[Joined], Coroutine[object, object, None]]) -> None:
    async def play() -> None:
        (home / "gateway.toml").write_text(file)
        environ = {"LLM_GATEWAY_HOME": str(home), "LLM_GATEWAY_SERVER__PORT": "0"}
        gateway = App(load(flags={}, environ=environ), environ, look_again=60)
        place = Joined(home, gateway)
        await gateway.start()
        try:
            async with asyncio.timeout(20):
                await scene(place)
        finally:
            await place.tasks.close()
            await gateway.close()

    asyncio.run(play())


def test_a_bridge_can_do_what_the_catalog_says_and_an_agent_little() -> None:
    assert abilities_of("codex").tools
    assert not abilities_of("m365-copilot").tools
    assert abilities_of("somebodys-agent") == Abilities(images=True, system=False)


def test_no_companion_gets_what_is_asked_of_a_provider(tmp_path: Path) -> None:
    """By a bridge of its name, a desktop would be sent what is meant for that one."""

    async def scene(place: Joined) -> None:
        desk = await place.desk("", "mine", "demo", "openai", "claude")
        assert set(place.gateway._companions.engines) == {"mine@mac", "demo@mac", "openai@mac", "claude"}
        assert await place.asked("mine/m") == 502
        assert await place.asked("demo/echo") == 200
        assert await place.asked("openai/m") == 404
        assert not any(bridge.asked for bridge in desk.bridges.values())
        assert await place.asked("mine@mac/m") == await place.asked("claude/m") == 200

    joined(tmp_path, ELSEWHERE, scene)


def test_a_provider_that_is_configured_later_takes_its_name_back(tmp_path: Path) -> None:
    async def scene(place: Joined) -> None:
        await place.desk("", "mine")
        gateway = place.gateway
        assert await place.asked("mine/m") == 200
        (place.home / "gateway.toml").write_text(ELSEWHERE)
        assert await gateway.reload()
        assert await place.asked("mine/m") == 502
        assert await place.asked("mine@mac/m") == 200
        assert await gateway._companions.hub.revoke("mac")
        assert await place.asked("mine@mac/m") == 404
        assert gateway.fleet.members["mine"].presence == "configured"

    joined(tmp_path, "", scene)


def test_who_leaves_while_the_configuration_is_read_is_gone_afterwards(tmp_path: Path) -> None:
    async def scene(place: Joined) -> None:
        gateway = place.gateway
        await place.desk("", "mine")
        async with gateway.fleet._asking:  # the reload waits for this
            reloading = place.tasks.start("reload", gateway.reload())
            await asyncio.sleep(0.2)
            assert await gateway._companions.hub.revoke("mac")
        assert await reloading
        assert "mine" not in gateway.fleet.members

    joined(tmp_path, "", scene)


def test_whom_a_bridge_is_shared_with_is_settled_by_a_reload(tmp_path: Path) -> None:
    async def scene(place: Joined) -> None:
        engine = place.gateway._bridges.engines["codex"]
        assert engine.people == frozenset(("", "ada"))
        (place.home / "gateway.toml").write_text("")
        assert await place.gateway.reload()
        assert engine.people == frozenset(("",))

    joined(tmp_path, '[[bridges]]\nname = "codex"\nshare_with = ["ada"]\n', scene)
