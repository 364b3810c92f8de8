"""The clients: gaps first, the one that is open with its connection, and nothing runs that others wrote."""

import asyncio
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from clients.homes import make_home
from fakes import FakeClock, FakeWire
from gateway_process import TOKEN, GatewayProcess, configuration
from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.connections import Connection, FileShown, PutBack
from llm_gateway.clients.coverage import Day
from llm_gateway.server.client_views import ClientView, Coverage
from llm_gateway.server.pages.clients import ClientsPage, Shown
from llm_gateway.server.pages.page import Asked, Frame, Page
from rawhttp import Reply, request

HOSTILE = "<img src=x onerror=alert(1)>\"'`{{7*7}}&"
SETTINGS = ".claude/settings.json"
_TAG = re.compile(r"<(?:img|script|iframe|svg[^>]+on)\b[^>]*onerror|<img")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(catalog()["claude-code"], "linux", tmp_path_factory.mktemp("machine")).home


@pytest.fixture(scope="module")
def gateway(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    environ = {
        "HOME": str(home),
        "LLM_GATEWAY_CLIENTS__DETECT": "true",
        "LLM_GATEWAY_CLIENTS__MACHINE": "laptop",
    }
    with GatewayProcess(
        tmp_path_factory.mktemp("gateway"), configuration("http://127.0.0.1:9"), environ=environ
    ) as gateway:
        for client in ("zed", HOSTILE):
            gateway.post(
                "/v1/chat/completions",
                gateway.chat_body("demo/echo"),
                headers=[("x-llm-gateway-client", client)],
            )
        yield gateway


def ask(gateway: GatewayProcess, target: str, accept: str = "application/json") -> Reply:
    with gateway.client() as client:
        client.send(request("GET", target, key=TOKEN, headers=[("Accept", accept)]))
        return client.read_reply()


def view(gateway: GatewayProcess, query: str = "") -> ClientsPage:
    reply = ask(gateway, f"/clients{query}")
    assert reply.status == 200, reply
    return msgspec.json.decode(reply.body, type=ClientsPage)


def page(gateway: GatewayProcess, query: str = "") -> str:
    reply = ask(gateway, f"/clients{query}", "text/html")
    assert reply.status == 200 and (reply.header("content-type") or "").startswith("text/html")
    return reply.body.decode()


def named(shown: list[Shown], client: str) -> Shown:
    (found,) = [each for each in shown if each.client.id == client]
    return found


def test_what_was_found_is_told_with_what_helps(gateway: GatewayProcess) -> None:
    told = view(gateway)
    assert told.machine == "laptop" and told.looks and not told.show_missing
    claude = named(told.clients, "claude-code")
    assert claude.here and claude.connectable and claude.is_command
    assert claude.status in ("installed", "running"), "the machine of a test may run the real one"
    assert claude.client.fix == "llm-gateway connect claude-code" and claude.limits
    assert claude.connection is None and not claude.is_open
    assert named(told.clients, "zed").verdict == "captured"
    known = {each.client.id for each in [*told.clients, *told.missing]}
    assert set(catalog()) <= known, "every application of the catalog is somewhere"
    cursor = named(told.missing, "cursor")
    assert not cursor.connectable and any("cannot be connected" in line for line in cursor.limits)
    part = named(told.missing, "codex-ide")
    assert part.connectable and any("connecting one connects both" in line for line in part.limits)


def test_a_browser_sees_the_verdict_first(gateway: GatewayProcess) -> None:
    text = page(gateway)
    assert text.count("<h1>") == 1 and text.index("running AI client") < text.index("Claude Code")
    assert 'data-copy="llm-gateway connect claude-code"' in text
    assert 'href="/requests?client=zed"' in text
    assert "plan=1#c-claude-code-laptop" in html.unescape(text)
    assert "style=" not in text and "<script>" not in text
    assert re.search(r'<details class="card" id="missing">', text)
    assert re.search(r'<details class="card" id="missing" open>', page(gateway, "?show=all"))


def test_the_one_that_is_open_has_its_plan(gateway: GatewayProcess, home: Path) -> None:
    before = (home / SETTINGS).read_bytes()
    claude = named(view(gateway, "?client=claude-code").clients, "claude-code")
    assert claude.is_open and claude.connection is not None and claude.connection.plan
    text = page(gateway, "?client=claude-code&machine=laptop&plan=1")
    assert "+    &#34;ANTHROPIC_BASE_URL&#34;" in text and "lgw_…0new" in text
    assert '<button type="button" class="primary" data-send="POST"' in text
    login = page(gateway, "?client=claude-code&plan=1&way=login")
    assert "x-llm-gateway-key: lgw_…0new" in login and "llm-gateway connect claude-code --way login" in login
    assert (home / SETTINGS).read_bytes() == before
    assert "Not connected by the gateway" in page(gateway, "?client=claude-code&way=nonsense")
    missing = view(gateway, "?client=gemini-cli")
    assert missing.show_missing and named(missing.missing, "gemini-cli").connection is not None


def test_another_machines_and_no_ones_are_not_opened(gateway: GatewayProcess) -> None:
    for query in ("?client=claude-code&machine=other", "?client=nothing", f"?client={'%3C' * 9}"):
        told = view(gateway, query)
        assert not [each for each in [*told.clients, *told.missing] if each.is_open]


def test_what_is_applied_from_its_page_can_be_put_back(gateway: GatewayProcess, home: Path) -> None:
    before = (home / SETTINGS).read_bytes()
    text = page(gateway, "?client=claude-code&machine=laptop&plan=1")
    sent = re.search(r'data-send="POST" data-url="([^"]+)" data-body="([^"]+)"', text)
    assert sent is not None
    with gateway.client() as client:
        body = html.unescape(sent[2]).encode()
        client.send(request("POST", html.unescape(sent[1]), body=body, key=TOKEN))
        assert client.read_reply().status == 200
    key = json.loads((home / SETTINGS).read_bytes())["env"]["ANTHROPIC_AUTH_TOKEN"]
    done = page(gateway, "?client=claude-code&machine=laptop&did=connected")
    assert "is set to the gateway" in done and "Undo…" in done and key not in done
    undo = page(gateway, "?client=claude-code&machine=laptop&undo=1")
    assert 'data-send="DELETE"' in undo and "llm-gateway disconnect claude-code" in undo and key not in undo
    with gateway.client() as client:
        client.send(request("DELETE", "/api/dashboard/clients/claude-code/connection", key=TOKEN))
        assert client.read_reply().status == 200
    assert (home / SETTINGS).read_bytes() == before
    assert "Its settings are as they were" in page(gateway, "?client=claude-code&did=undone")


def test_a_browser_changes_nothing_without_what_its_pages_hold(gateway: GatewayProcess, home: Path) -> None:
    def asked(method: str, target: str, headers: list[tuple[str, str]], body: bytes = b"") -> Reply:
        with gateway.client() as client:
            client.send(request(method, target, body=body, headers=headers))
            return client.read_reply()

    before = (home / SETTINGS).read_bytes()
    signed = asked("POST", "/sign-in", [], json.dumps({"token": TOKEN}).encode())
    cookie = (signed.header("set-cookie") or "").partition(";")[0]
    path = "/api/dashboard/clients/claude-code/connection"
    shown = asked("GET", "/clients", [("Cookie", cookie), ("Accept", "text/html")])
    csrf = re.search(r'<meta name="csrf" content="([^"]+)">', shown.body.decode())
    assert csrf is not None
    plan = json.dumps({"plan": asked("GET", path, [("Cookie", cookie)]).json()["plan"]}).encode()
    elsewhere = [("Cookie", cookie), ("Origin", "http://evil.test"), ("X-LLM-Gateway-CSRF", csrf[1])]
    for headers in ([("Cookie", cookie)], [("Cookie", cookie), ("X-LLM-Gateway-CSRF", "wrong")], elsewhere):
        assert asked("POST", path, headers, plan).status == 403
        assert asked("DELETE", path, headers).status == 403
    assert (home / SETTINGS).read_bytes() == before
    ours = [("Cookie", cookie), ("X-LLM-Gateway-CSRF", csrf[1])]
    assert asked("POST", path, ours, plan).status == 200
    assert (home / SETTINGS).read_bytes() != before
    assert asked("DELETE", path, ours).status == 200
    assert (home / SETTINGS).read_bytes() == before


def test_a_file_that_cannot_be_edited_is_said_in_the_card(gateway: GatewayProcess, home: Path) -> None:
    before = (home / SETTINGS).read_bytes()
    try:
        (home / SETTINGS).write_text("{ not json")
        text = page(gateway, "?client=claude-code&plan=1")
        assert "not possible" in text and "cannot be edited" in text and "data-body" not in text
    finally:
        (home / SETTINGS).write_bytes(before)


def hostile() -> ClientsPage:
    """Return a page on which every text is somebody's attempt."""
    coverage = Coverage("partly", 1, 2, 3, 4, 0, 0.5, "2026-11-01T00:00:00Z", [HOSTILE], [Day(HOSTILE, 1, 2)])
    client = ClientView(
        HOSTILE, HOSTILE, "running", 7, "2026-11-02T00:00:00Z", HOSTILE, coverage, HOSTILE, HOSTILE, None
    )
    file = FileShown(HOSTILE, "changed", f"-{HOSTILE}\n+{HOSTILE}")
    connection = Connection(
        HOSTILE,
        HOSTILE,
        way="key",
        ways=("key", "login"),
        possible=True,
        connected=True,
        connected_way=HOSTILE,
        settings="rewritten",
        missing=(HOSTILE,),
        takes_model=True,
        changes=True,
        files=(file,),
        said=(HOSTILE,),
        note=HOSTILE,
        steps=(HOSTILE,),
        command=HOSTILE,
        plan=HOSTILE,
        undo=PutBack((file,), (HOSTILE,), (HOSTILE,)),
    )
    shown = Shown(
        client, HOSTILE, HOSTILE, "warn", HOSTILE, True, True, True, True, True, [HOSTILE], True, connection
    )
    impossible = msgspec.structs.replace(
        shown, connection=msgspec.structs.replace(connection, possible=False, why=HOSTILE, hint=HOSTILE)
    )
    troubled = msgspec.structs.replace(shown, is_command=False, here=False, trouble=HOSTILE)
    return ClientsPage(2, 1, HOSTILE, False, [shown, impossible, troubled], [shown], True)


@pytest.mark.parametrize("query", ["", "?plan=1", "?undo=1", "?did=connected", f"?plan=1&model={'%3Cb%3E'}"])
def test_nothing_that_others_wrote_is_more_than_text(query: str) -> None:
    async def make(asked: Asked) -> ClientsPage:
        return hostile()

    frame = Frame(FakeClock(), lambda exchange: "the-token", lambda: "ok")
    wire = FakeWire()
    exchange = wire.exchange(b"GET", f"/clients{query}".encode(), [(b"accept", b"text/html")])
    asyncio.run(frame.route(Page("/clients", "clients", make, "")).answer(exchange, ""))
    text = wire.reply.body.decode()
    assert wire.reply.status == 200 and "&lt;img src=x onerror=alert(1)&gt;" in text
    assert not _TAG.search(text) and "49" not in re.sub(r"<svg.*?</svg>", "", text, flags=re.DOTALL)
    for address in re.findall(r'(?:href|data-url|data-then|action)="([^"]*)"', text):
        assert html.unescape(address).startswith(("/", "#")) and "<" not in html.unescape(address), address
    assert "<b>" not in text


def test_without_any_there_is_a_next_step() -> None:
    async def make(asked: Asked) -> ClientsPage:
        return ClientsPage(0, 0, "laptop", True, [], [], False)

    frame = Frame(FakeClock(), lambda exchange: "", lambda: "ok")
    wire = FakeWire()
    exchange = wire.exchange(b"GET", b"/clients", [(b"accept", b"text/html")])
    asyncio.run(frame.route(Page("/clients", "clients", make, "")).answer(exchange, ""))
    assert "No AI client was found yet" in wire.reply.body.decode()
    assert 'data-copy="llm-gateway run -- claude"' in wire.reply.body.decode()
