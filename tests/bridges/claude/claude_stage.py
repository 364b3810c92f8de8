"""A small program that answers like `claude` 2.1.330, as a test tells it, and a bridge with it."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path

import msgspec
import psutil

from fakes import FakeClock
from llm_gateway.bridges.claude.bridge import ClaudeBridge, open_bridge
from llm_gateway.bridges.claude.program import Program
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.faults import BridgeFault
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.parts import Part, Text
from llm_gateway.canonical.request import Format, Message, Request, Tool, ToolChoice
from llm_gateway.canonical.response import Folding, Response
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.stream import Lost, Said
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Upstream

__all__ = [
    "END",
    "Json",
    "Played",
    "Stage",
    "assistant",
    "calls",
    "fault_of",
    "made",
    "piece",
    "played",
    "says",
    "spoken",
    "stops",
    "system",
    "user",
]

Json = Mapping[str, object]

_FREE = ToolChoice()
_USUAL = BridgeSettings("claude")
_USAGE = {"input_tokens": 12, "cache_read_input_tokens": 8, "output_tokens": 1}
END: Json = {"type": "result", "subtype": "success", "is_error": False, "num_turns": 1}
"""A turn that went well is over."""

_PROGRAM = """
import json, os, sys, time
here = os.path.dirname(os.path.abspath(__file__))
told = json.load(open(here + "/told.json"))
arguments = sys.argv[1:]
if arguments == ["--version"]:
    print(told["version"] + " (Claude Code)"); sys.exit()
if arguments[-2:] == ["auth", "status"]:
    print(json.dumps(told["login"])); sys.exit(0 if told["login"].get("loggedIn") else 1)
if arguments[-2:] == ["auth", "logout"]:
    sys.exit(told["logout"])
number = len(os.listdir(here + "/sessions"))
log = open(here + "/sessions/%03d" % number, "w")
def note(what, value):
    log.write(json.dumps([what, value]) + "\\n"); log.flush()
def say(frame):
    print(json.dumps(frame), flush=True)
history = [each[9:] for each in arguments if each.startswith("--resume=")]
note("arguments", arguments)
note("environ", dict(os.environ))
session = "fresh"
for path in history:
    lines = [json.loads(line) for line in open(path)]
    note("history", lines)
    session = told["resumes"] and lines[0].get("sessionId", "")
ready = {"type": "system", "subtype": "init", "session_id": session}
turns = list((told["sessions"] or [[]])[min(number, len(told["sessions"]) - 1)])
waits = {}
def mcp(request_id, message):
    say({"type": "control_request", "request_id": request_id,
         "request": {"subtype": "mcp_message", "server_name": "c", "message": message}})
def play(steps):
    for place, step in enumerate(steps):
        if "call" in step:
            rpc = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {
                "name": step["call"], "arguments": {}, "_meta": {"claudecode/toolUseId": step["id"]}}}
            mcp(step["id"], rpc)
            waits[step["id"]] = steps[place + 1:]
            return
        if "ask" in step:
            say({"type": "control_request", "request_id": "ask", "request": step["ask"]})
        elif "until" in step:
            while not os.path.exists(here + "/" + step["until"]):
                time.sleep(0.005)
        elif "stderr" in step:
            print(step["stderr"], file=sys.stderr, flush=True)
        elif "again" in step:
            while True:
                say(step["again"])
        elif "exit" in step:
            sys.exit(step["exit"])
        else:
            say(step)
if any(each.startswith("--mcp-config") for each in arguments):
    version = {"protocolVersion": "2025-11-25"}
    mcp("m1", {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": version})
    mcp("m2", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
for line in sys.stdin:
    frame = json.loads(line)
    note("told", frame)
    if frame["type"] == "control_request" and frame["request"]["subtype"] == "initialize":
        models = [{"value": "opus", "displayName": "Opus"}]
        say({"type": "control_response", "response": {"subtype": "success", "request_id": "x",
             "response": {"models": models, "account": {"email": "who@example.org"}}}})
        if os.environ.get("CLAUDE_CODE_RESUME_INTERRUPTED_TURN"):
            say(ready); play(turns.pop(0))
    elif frame["type"] == "control_request":
        say({"type": "result", "subtype": "error_during_execution", "is_error": True, "num_turns": 1})
    elif frame["type"] == "user":
        say(ready); play(turns.pop(0))
    elif frame["response"]["request_id"] in waits:
        play(waits.pop(frame["response"]["request_id"]))
"""


class Played:
    """The program in a folder, what it says, and what it was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._told: dict[str, object] = {
            "version": "2.1.330",
            "login": {"loggedIn": True, "authMethod": "claude.ai", "subscriptionType": "max"},
            "logout": 0,
            "resumes": True,
            "sessions": [],
        }
        (folder / "sessions").mkdir()
        self.program = folder / "claude"
        self.program.write_text(f"#!{sys.executable} -ISs\n{_PROGRAM}")
        self.program.chmod(0o755)
        self.tell()

    def tell(self, **told: object) -> None:
        """Say how the program is: `version`, `login`, `logout` (its status), `resumes`."""
        self._told |= told
        (self.folder / "told.json").write_text(json.dumps(self._told))

    def sessions(self, *sessions: Sequence[Sequence[Json]]) -> None:
        """Say what each session says, turn by turn; the last is played again for those that follow."""
        self.tell(sessions=sessions)

    @property
    def started(self) -> int:
        """Return how many sessions were started."""
        return len(list((self.folder / "sessions").iterdir()))

    def heard(self, session: int, what: str) -> list[object]:
        """Return what a session was told, of one kind."""
        log = self.folder / "sessions" / f"{session:03d}"
        lines = log.read_text().splitlines(keepends=True) if log.exists() else []
        whole = [json.loads(line) for line in lines if line.endswith("\n")]
        return [value for kind, value in whole if kind == what]

    def prompts(self, session: int) -> list[object]:
        """Return the contents of a session's prompts."""
        told = self.heard(session, "told")
        return [each["message"]["content"] for each in told if isinstance(each, dict) and "message" in each]


class Stage(Played):
    """A bridge, its program, and what the program was told."""

    def __init__(self, folder: Path, settings: BridgeSettings) -> None:
        super().__init__(folder)
        self.clock = FakeClock()
        self.failures: list[BaseException] = []
        self.tasks = Tasks(lambda _, error: self.failures.append(error))
        environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "ANTHROPIC_API_KEY": "sk-x",
            "ANTHROPIC_BASE_URL": "x",
        }
        upstream = Upstream(Pool(connect_timeout=1.0, max_idle=1), Patience(1.0, 1.0, 1.0))
        self.around = Surroundings(environ, self.clock, self.tasks, upstream, folder / "ours")
        settings = msgspec.structs.replace(settings, program=settings.program or str(self.program))
        self.own = Program(settings, self.around)
        self.bridge: ClaudeBridge = open_bridge(settings, self.around)

    async def turn(
        self,
        *messages: Message,
        tools: tuple[Tool, ...] = (),
        choice: ToolChoice = _FREE,
        form: Format | None = None,
    ) -> list[Said]:
        """Play a turn to its end."""
        asked = Request(messages, tools, choice, format=form)
        return [said async for said in self.bridge.turn(Ask("sonnet", asked))]

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true of another process."""
        while not true():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.005)


def played(
    folder: Path,
    scene: Callable[[Stage], Coroutine[object, object, None]],
    settings: BridgeSettings = _USUAL,
) -> Stage:
    """Play a scene with a bridge, and close it."""

    async def play() -> Stage:
        before = {each.pid for each in psutil.Process().children()}  # another test's, or Python's own
        stage = Stage(folder, settings)
        try:
            async with asyncio.timeout(20):
                await scene(stage)
        finally:
            await stage.bridge.close()
            stage.own.close()
            await stage.tasks.close()
        assert not stage.failures, stage.failures
        left = [
            (p.pid, p.status(), p.cmdline()[-3:]) for p in psutil.Process().children() if p.pid not in before
        ]
        assert not left, left
        return stage

    return asyncio.run(play())


async def fault_of(turn: Coroutine[object, object, object]) -> BridgeFault:
    """Return the fault with which a turn ends."""
    try:
        await turn
    except BridgeFault as fault:
        return fault
    raise AssertionError("it was answered")


def piece(**event: object) -> Json:
    """Return an event of the API as the program hands it on."""
    return {"type": "stream_event", "event": event, "parent_tool_use_id": None}


def says(text: str, stop: str = "end_turn", *, begins: bool = True, number: int = 0) -> list[Json]:
    """Return an answer of text, or its block alone."""
    block = {"type": "text", "text": ""}
    begun = [piece(type="message_start", message={"id": "msg_1", "model": "claude-x", "usage": _USAGE})]
    return [
        *(begun if begins else ()),
        piece(type="content_block_start", index=number, content_block=block),
        piece(type="content_block_delta", index=number, delta={"type": "text_delta", "text": text}),
        piece(type="content_block_stop", index=number),
        *(stops(stop) if stop else ()),
    ]


def calls(*made: tuple[str, str, str], stop: str = "tool_use", begins: bool = True) -> list[Json]:
    """Return calls of tools, each an id, the model's name of the tool, and arguments."""
    begun = [piece(type="message_start", message={"id": "msg_1", "model": "claude-x", "usage": _USAGE})]
    told = begun if begins else []
    for number, (call_id, name, arguments) in enumerate(made, 1):
        block = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": arguments}
        told += [
            piece(type="content_block_start", index=number, content_block=block),
            piece(type="content_block_delta", index=number, delta=delta),
            piece(type="content_block_stop", index=number),
        ]
    return [*told, *stops(stop)]


def stops(reason: str) -> list[Json]:
    """Return the end of an answer of the API."""
    usage = {**_USAGE, "output_tokens": 5}
    return [
        piece(type="message_delta", delta={"stop_reason": reason}, usage=usage),
        piece(type="message_stop"),
    ]


def user(*parts: str | Part) -> Message:
    """Return what the user says."""
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: str | Part) -> Message:
    """Return what the model said."""
    return Message("assistant", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def system(text: str) -> Message:
    """Return a system prompt."""
    return Message("system", (Text(text),))


def made(said: Sequence[Said]) -> Response:
    """Return the answer that events make."""
    folding = Folding()
    for event in said:
        if not isinstance(event, Lost):
            folding.take(event)
    return folding.response()


def spoken(said: Sequence[Said]) -> str:
    """Return the text of an answer."""
    return "".join(part.text for part in made(said).parts if isinstance(part, Text))
