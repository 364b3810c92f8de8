"""A small agent of the Agent Client Protocol, a bridge to it, and what it was asked. Nobody's real one.

What it does is in `scene.json` of its HOME; shapes are those of real agents, trimmed.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path

import msgspec

from fakes import FakeClock
from llm_gateway.bridges.acp.agent import Agent
from llm_gateway.bridges.acp.bridge import AcpBridge, open_bridge
from llm_gateway.bridges.contract import Ask
from llm_gateway.bridges.process import scrubbed
from llm_gateway.bridges.surroundings import Surroundings
from llm_gateway.canonical.parts import Part, Text
from llm_gateway.canonical.request import Message, Request
from llm_gateway.config.bridges import BridgeSettings
from llm_gateway.dialects.bridge.stream import Said
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Upstream

__all__ = ["Scene", "Stage", "chunk", "end", "played", "until", "user"]

Told = tuple[str, object]

_PROGRAM = """#!PYTHON
import json, os, sys
home = os.environ["HOME"]
scene = json.load(open(home + "/scene.json"))
log = open(home + "/asked.jsonl", "a")
def note(**what):
    log.write(json.dumps(what) + "\\n"); log.flush()
note(argv=sys.argv[1:], environ=sorted(os.environ))
def say(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
print("a word of greeting", flush=True)
sessions = 0
turns = list(scene["turns"])
prompting = None
for line in sys.stdin:
    message = json.loads(line)
    note(**{key: message.get(key) for key in ("method", "params", "result", "error")})
    method, params, own = message.get("method"), message.get("params") or {}, message.get("id")
    if method is None or method in scene["silent"]:
        continue
    if method in scene["refused"]:
        say(id=own, error={"code": scene["refused"][method], "message": "s3cret words of the vendor"})
    elif method == "initialize":
        say(id=own, result=scene["greeting"])
    elif method == "session/new":
        if scene["login"] and not os.path.exists(home + "/token"):
            say(id=own, error={"code": -32000, "message": "Authentication required"})
            continue
        note(folder=sorted(os.listdir(params["cwd"])), mode=oct(os.stat(params["cwd"]).st_mode & 0o777))
        sessions += 1
        say(id=own, result={"sessionId": "s%d" % sessions, **scene["opened"]})
    elif method == "session/cancel":
        if prompting is not None and "session/cancel" not in scene["deaf"]:
            say(id=prompting, result={"stopReason": "cancelled"})
            prompting = None
    elif method == "session/prompt":
        prompting = own
        for kind, data in turns.pop(0) if turns else ():
            if kind == "end":
                say(id=own, result=data)
                prompting = None
            elif kind == "exit":
                sys.exit(1)
            elif kind == "ask":
                wanted = {"sessionId": params["sessionId"], "options": scene["options"]}
                say(id="p1", method=data, params=wanted)
            else:
                told = {"sessionUpdate": kind, "content": data}
                say(method="session/update", params={"sessionId": params["sessionId"], "update": told})
    elif own is not None:
        say(id=own, result=None)
"""


def chunk(text: str, kind: str = "agent_message_chunk") -> Told:
    """Return a piece of what the agent says."""
    return kind, {"type": "text", "text": text}


def end(reason: str = "end_turn", usage: Mapping[str, int] | None = None) -> Told:
    """Return the end of a turn; `usage` is what was used in all of its session."""
    return "end", {"stopReason": reason, **({} if usage is None else {"usage": usage})}


def user(*parts: Part | str) -> Message:
    """Return what the user says."""
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


async def until(true: Callable[[], object]) -> None:
    """Wait until something is true; fail when it does not become so."""
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


class Scene:
    """What the agent does, and its HOME. With `login` no session opens until there is a file `token`."""

    def __init__(self, home: Path, *turns: Sequence[Told]) -> None:
        self.home = home
        self.told: dict[str, object] = {
            "login": False,
            "greeting": {
                "protocolVersion": 1,
                "agentCapabilities": {
                    "auth": {"logout": {}},
                    "promptCapabilities": {"image": True},
                    "sessionCapabilities": {"close": {}},
                },
                "agentInfo": {"name": "fake", "version": "7"},
                "authMethods": [{"id": "a", "name": "Log in with a browser"}],
            },
            "opened": {},
            "silent": [],
            "deaf": [],
            "refused": {},
            "options": [],
            "turns": list(turns),
        }
        self.program = home / "agent"
        self.program.write_text(_PROGRAM.replace("PYTHON", sys.executable), encoding="utf-8")
        self.program.chmod(0o755)

    def greets(self, **changes: object) -> None:
        """Change what the agent says of itself."""
        greeting = self.told["greeting"]
        assert isinstance(greeting, dict)
        greeting |= changes

    def environ(self, **changes: object) -> dict[str, str]:
        """Return the environment in which it does that; `changes` are of what it does."""
        self.told |= changes
        (self.home / "scene.json").write_text(json.dumps(self.told), encoding="utf-8")
        return {"HOME": str(self.home), "PATH": os.pathsep.join((str(self.home), os.environ["PATH"]))}

    def noted(self) -> list[Mapping[str, object]]:
        """Return all that it took note of."""
        lines = (self.home / "asked.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def asked(self, method: str) -> list[dict[str, object]]:
        """Return the parameters of what it was asked by this name."""
        found = [each["params"] for each in self.noted() if each.get("method") == method]
        return [each for each in found if isinstance(each, dict)]


class Stage:
    """What a scene plays with."""

    def __init__(self, scene: Scene, settings: BridgeSettings) -> None:
        self.failures: list[BaseException] = []
        self.scene = scene
        self.clock = FakeClock()
        self.tasks = Tasks(lambda _, error: self.failures.append(error))
        upstream = Upstream(Pool(connect_timeout=1.0, max_idle=1), Patience(1.0, 1.0, 1.0))
        self.environ = {**scene.environ(), "OPENAI_API_KEY": "k"}
        self.settings = settings
        self.around = Surroundings(self.environ, self.clock, self.tasks, upstream, scene.home / "bridge")
        self.bridge: AcpBridge = open_bridge(settings, self.around)

    async def agent(self) -> Agent:
        """Return the agent itself, without the bridge."""
        return await Agent.start("fake", self.scene.program, ("acp",), scrubbed(self.environ), self.tasks)

    async def hear(self, request: Request | str, model: str = "default") -> list[Said]:
        """Ask, and return all that is said."""
        asked = Request((user(request),)) if isinstance(request, str) else request
        return [said async for said in self.bridge.turn(Ask(model, asked))]


def played(
    scene: Scene, play: Callable[[Stage], Coroutine[object, object, None]], **settings: object
) -> None:
    """Play a scene with the bridge; `settings` are those that differ from the usual."""

    async def run() -> None:
        usual = BridgeSettings("fake", command=("agent", "acp"))
        stage = Stage(scene, msgspec.structs.replace(usual, **settings))
        try:
            async with asyncio.timeout(20):
                await play(stage)
        finally:
            await stage.bridge.close()
            await stage.tasks.close()
        assert not stage.failures, stage.failures

    asyncio.run(run())
