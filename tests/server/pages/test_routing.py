"""The page of models and routing: a choice explained, names near a wrong one, many models, no markup."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from llm_gateway.providers.alias import Alias, AliasTarget
from llm_gateway.providers.catalog import BridgeRow, ProviderRow, Speaks
from llm_gateway.providers.discovery import ModelEntry
from llm_gateway.providers.names import Directory, Target
from llm_gateway.server.explain import Explaining
from llm_gateway.server.pages.page import Frame
from llm_gateway.server.pages.routing import Routing, helps_of, presence_of
from llm_gateway.upstream.fleet import Fleet, Member, State
from pipeline_stage import Stage, endpoint, on_stage
from rawhttp import Reply
from server_stage import DASHBOARD, Door

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
HTML = (b"accept", b"text/html")
FRAGMENT = (b"hx-request", b"true")
TERMS = Alias(
    (
        AliasTarget(Target("first", "m"), tools=False, max_input_tokens=1000, max_price=Decimal("20.0")),
        AliasTarget(Target("nobody", "m"), weight=3, images=False, dialects=("messages",)),
        AliasTarget(Target("demo", "echo")),
    ),
    prefer="local",
    sticky=True,
)


class Desk:
    """Somebody before the page of a gateway with three providers, one of which lists 400 models."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.fleet = Fleet(stage.upstream, stage.clock, lambda: None)
        speaks = {"chat": Speaks("/v1")}
        scripted = [endpoint("first", stage.scripted.port)]
        self.fleet.add(ProviderRow("first", HOSTILE, "hosted", speaks), scripted, presence="configured")
        self.fleet.add(
            ProviderRow("demo", "Demo", "builtin", speaks), (), presence="built in", models=("echo",)
        )
        self.fleet.add(ProviderRow("many", "Many", "hosted", speaks), (), presence="key found")
        self.many = self.fleet.members["many"]
        self.many.entries = tuple(ModelEntry(f"maker/model-{number}") for number in range(400))
        self.fleet.members["first"].entries = (ModelEntry("m", label=HOSTILE),)
        self.fleet.members["first"].state = "unreachable"
        self.fleet.members["first"].reason = HOSTILE
        models = {name: member.models for name, member in self.fleet.members.items()}
        names = {"smart": TERMS.names, "fast": (Target("demo", "echo"),)}
        stage.router.replace(Directory(models, names), stage.lines, stage.engines, {"smart": TERMS})
        page = Routing(stage.gateway, self.fleet, Explaining(stage.router, stage.routing, self.fleet))
        frame = Frame(stage.clock, lambda exchange: "", lambda: "ok")
        self.door = Door(*(frame.route(each) for each in page.pages()))

    async def ask(self, target: str, *headers: tuple[bytes, bytes]) -> Reply:
        return await self.door.ask(target, *headers, token=DASHBOARD)

    async def html(self, target: str) -> str:
        reply = await self.ask(target, HTML)
        assert reply.status == 200, reply
        return reply.body.decode()


def seated(home: Path, scene: Callable[[Desk], Awaitable[None]]) -> None:
    async def play(stage: Stage) -> None:
        desk = Desk(stage)
        await scene(desk)
        assert stage.scripted.asked() == [], "nobody is asked"

    on_stage(home, play)


def test_a_choice_is_explained_in_the_order_in_which_it_is_asked(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        html = await desk.html("/routing?model=smart&tools=1&input_tokens=10")
        assert "an alias for 3 targets; asked first are local ones" in html
        assert (
            html.index(">demo/echo</code></th>") < html.index(">first/m</code>") < html.index("aliases-title")
        )
        assert "its price is not known" in html and "no such provider is configured" in html
        assert 'name="tools" value="1" checked' in html and 'value="10"' in html
        told = (await desk.ask("/routing?model=smart&tools=1")).json()
        why = msgspec.convert(told["why"], dict[str, object])
        targets = msgspec.convert(why["explained"], dict[str, object])["targets"]
        assert len(msgspec.convert(targets, list[object])) == 3 and why["wrong"] is None

    seated(tmp_path, scene)


@pytest.mark.parametrize(
    ("query", "says", "near"),
    [
        ("model=model-77", "nothing configured serves the model", "/routing?model=many/maker/model-7"),
        ("model=echoo", "near it: demo/echo", "/routing?model=demo/echo"),
        ("model=x&dialect=klingon", "is not a dialect", ""),
        ("model=smart&input_tokens=many", "is not a number of tokens", ""),
    ],
)
def test_a_wrong_name_says_what_is_near(tmp_path: Path, query: str, says: str, near: str) -> None:
    async def scene(desk: Desk) -> None:
        html = await desk.html(f"/routing?{query}")
        assert "The client would be refused" in html and says in html
        assert (near in html) if near else ("Meant may be" not in html)

    seated(tmp_path, scene)


def test_a_name_of_two_providers_says_whose_they_are(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.stage.router.replace(Directory({"a": ("m",), "b": ("m",)}), {}, {})
        html = await desk.html("/routing?model=m")
        assert "say which one" in html and "?model=a/m&amp;" in html and "?model=b/m&amp;" in html

    seated(tmp_path, scene)


def test_aliases_and_providers_say_their_terms_and_what_helps(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        html = await desk.html("/routing")
        assert "no tools, at most 1,000 tokens in, at most $20 for a million tokens" in html
        assert "weight 3, no images, for messages alone" in html and "not configured" in html
        assert "local ones first; a conversation stays where it is" in html
        assert "see whether its address can be reached from here" in html
        assert "its key is in the environment" in html and "part of the gateway" in html

    seated(tmp_path, scene)


def test_many_models_are_folded_and_come_in_pages(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        html = await desk.html("/routing")
        assert "400 models" in html and "maker/model-1" not in html
        assert len(html) < 40_000
        html = await desk.html("/routing?q=model-3&page=2")
        assert "111 models, page 2 of 3" in html and "page=3#models" in html and "page=1#models" in html
        part = (await desk.ask("/routing?part=models&provider=many", HTML, FRAGMENT)).body.decode()
        assert "400 models, page 1 of 8" in part and "<h1" not in part
        assert "No model fits" in await desk.html("/routing?q=nowhere")
        assert (await desk.ask("/routing?page=-1", HTML)).status == 400
        models = msgspec.convert(
            (await desk.ask("/routing?provider=many")).json()["models"], dict[str, object]
        )
        assert models["total"] == 400

    seated(tmp_path, scene)


def test_what_others_say_is_text_and_no_markup(tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        desk.many.entries = (ModelEntry(HOSTILE, label=HOSTILE), ModelEntry("javascript:alert(1)"))
        asked = "model=%3Cscript%3Ealert(1)%3C/script%3E&q=%22%3E%3Cimg%20src=x%3E&input_tokens=%22%3E"
        html = ""
        for query in ("provider=many", "provider=first", asked, "model=smart"):
            html = await desk.html(f"/routing?{query}")
            assert "<script>alert" not in html and "<img" not in html
            assert 'href="javascript:' not in html
        assert "&lt;script&gt;" in html

    seated(tmp_path, scene)


@pytest.mark.parametrize(
    ("state", "kind", "says"),
    [
        ("auth_required", "hosted", "set its key as X_KEY"),
        ("unreachable", "local", "start it"),
        ("degraded", "hosted", "otherwise than is known"),
        ("ok", "hosted", ""),
        ("unknown", "hosted", ""),
    ],
)
def test_each_state_of_a_provider_says_what_helps(state: State, kind: str, says: str) -> None:
    told = {"name": "x", "label": "X", "kind": kind, "dialects": {}, "api_key_env": ["X_KEY"]}
    member = Member(msgspec.convert(told, ProviderRow), "found running", state=state)
    text, command = helps_of(member)
    assert says in text and bool(text) == bool(says) == bool(command)
    assert presence_of(member) == "found running on this machine"


def test_a_bridge_is_helped_on_its_own_page() -> None:
    row = ProviderRow("b", "B", "subscription", {}, bridge=BridgeRow("b", "terms"))
    assert helps_of(Member(row, "bridge", state="auth_required")) == ("what helps stands with its bridge", "")
    assert helps_of(Member(row, "bridge", state="ok")) == ("", "")


def test_providers_are_asked_again_when_that_is_wanted(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        desk = Desk(stage)
        await desk.html("/routing?fresh=1")
        assert [each.target for each in stage.scripted.requests] == ["/v1/models"]

    on_stage(tmp_path, scene)
