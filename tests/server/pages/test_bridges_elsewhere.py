"""Bridges of companions on the page: what can be done from here, and what only on their own machine."""

import asyncio
from pathlib import Path

from bridge_stage import FakeBridge
from companion_place import Desk, eventually
from ledger_samples import Failures
from llm_gateway.app import App
from llm_gateway.bridges.health import Health
from llm_gateway.companion.caps import Caps
from llm_gateway.config import load
from llm_gateway.tasks import Tasks
from rawhttp import parse_replies, request


class Place:
    """A whole gateway, and a desktop that dials in."""

    def __init__(self, home: Path, gateway: App) -> None:
        self.home = home
        self.gateway = gateway
        self.tasks = Tasks(Failures())
        self.bridge = FakeBridge()

    @property
    def url(self) -> str:
        return self.gateway.url

    async def ask(self, method: str, target: str) -> str:
        """Return a page, or a piece of one, as the owner gets it."""
        token = (self.home / "owner-token").read_text().strip()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
        headers = [("Connection", "close"), ("Accept", "text/html")]
        writer.write(request(method, target, key=token, headers=headers))
        (reply,) = parse_replies(await reader.read())
        writer.close()
        assert reply.status == 200, reply
        return reply.body.decode()


async def scene(place: Place) -> None:
    companions = place.gateway._companions
    desk = Desk(place, place.home / "desk", {"mine": place.bridge}, Caps())
    desk.start((await companions.registry.invite("mac", "")).token.reveal())
    await eventually(lambda: any(each.offered for each in companions.engines.values()))

    html = await place.ask("GET", "/bridges")
    assert 'id="mine"' in html and "the companion on mac" in html and "Done on mac alone" in html
    assert "llm-gateway login mine" in html and "/api/bridge-pauses/mine" not in html
    assert ">connected</span>" in html

    place.bridge.state = Health("auth_required", "nobody is logged in there")
    html = await place.ask("PUT", "/bridges/mine")
    assert "nobody is logged in there" in html and "What helps on mac:" in html

    place.bridge.state = Health("ok", verified="login_seen")
    await place.ask("PUT", "/bridges/mine")
    assert ">answered</span>" in await place.ask("POST", "/bridge-smokes/mine")
    assert len(place.bridge.asked) == 1

    html = await place.ask("DELETE", "/companions/mac")
    assert ">revoked</span>" in html and 'id="mine"' not in await place.ask("GET", "/bridges")


def test_a_bridge_elsewhere_is_looked_at_and_asked_here_and_logged_in_there(tmp_path: Path) -> None:
    async def play() -> None:
        environ = {"LLM_GATEWAY_HOME": str(tmp_path), "LLM_GATEWAY_SERVER__PORT": "0"}
        gateway = App(load(flags={}, environ=environ), environ, look_again=60)
        await gateway.start()
        place = Place(tmp_path, gateway)
        try:
            async with asyncio.timeout(30):
                await scene(place)
        finally:
            await place.tasks.close()
            await gateway.close()

    asyncio.run(play())
