"""A small program that speaks as `codex` does, and what it was asked. Nobody's real one.

Shapes are those of 0.169, trimmed. What it does is in `scene.json` of its home.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

__all__ = [
    "CATALOGUE",
    "SCHEMA",
    "Scene",
    "call",
    "completed",
    "delta",
    "error",
    "raw",
    "raw_end",
    "thought",
    "used",
]

Said = dict[str, object]

SCHEMA = Path(__file__).parents[2] / "fixtures" / "bridges" / "codex" / "schema.json"

CATALOGUE: Said = {
    "models": [
        {
            "slug": "gpt-6",
            "context_window": 272_000,
            "default_reasoning_level": "medium",
            "supported_reasoning_levels": [{"effort": "low"}, {"effort": "medium"}, {"effort": "high"}],
            "tool_mode": "code_mode_only",
            "truncation_policy": {"mode": "tokens", "limit": 10_000},
        },
        {"slug": "gpt-5", "context_window": None, "supported_reasoning_levels": []},
    ]
}

_PROGRAM = """#!PYTHON
import json, os, pathlib, sys, time
home = pathlib.Path(os.environ["CODEX_HOME"])
scene = json.loads((home / "scene.json").read_text())
log = open(home / "asked.jsonl", "a")
def note(told):
    log.write(json.dumps(told) + "\\n"); log.flush()
def say(**message):
    print(json.dumps(message), flush=True)
arguments = sys.argv[1:]
note({"run": arguments, "environ": sorted(os.environ)})
if arguments == ["--version"]:
    print(scene["version"]); sys.exit()
if arguments[:2] == ["debug", "models"]:
    if not scene["online"] and "--bundled" not in arguments:
        sys.exit(1)
    print(scene["models"]); sys.exit()
if arguments[:2] == ["app-server", "generate-json-schema"]:
    if scene["schema"] is not None:
        pathlib.Path("codex_app_server_protocol.v2.schemas.json").write_text(scene["schema"])
    sys.exit()
print("its own words", file=sys.stderr, flush=True)
if scene["dies"]:
    sys.exit(3)
turns, threads, waiting, place, forgotten = list(scene["turns"]), 0, set(), (), set()
def play(thread, turn):
    global place
    place = thread, turn
    for step in turns.pop(0) if turns else []:
        if step == "die":
            sys.exit(3)
        told = json.loads(json.dumps(step).replace("THREAD", thread).replace("TURN", turn))
        if told["method"] == "item/tool/call":
            waiting.add(told["id"])
        say(**told)
for line in sys.stdin:
    asked = json.loads(line); note(asked)
    if "method" not in asked:
        waiting.discard(asked["id"])
        if not waiting:
            turns.append(scene["results_are"]); play(*place)
    method, number, params = asked.get("method"), asked.get("id"), asked.get("params") or {}
    if method is None or number is None:
        continue
    for step in scene["before"].get(method, []):
        say(**step)
    if method in scene["slow"]:
        time.sleep(0.2)
    if params.get("threadId") in forgotten:
        say(id=number, error={"code": -32600, "message": "thread not found"})
    elif method in scene["answers"]:
        if (answer := scene["answers"][method]) is not None:
            say(id=number, **answer)
    elif method == "initialize":
        say(id=number, result={"userAgent": "llm_gateway/0.169.0"})
    elif method == "config/read":
        say(id=number, result={"config": scene["config"]})
    elif method == "account/read":
        account = {"type": "chatgpt", "email": "person@example.com", "planType": "plus"}
        say(id=number, result={"account": account, "requiresOpenaiAuth": True})
    elif method == "account/rateLimits/read":
        say(id=number, result={"rateLimits": scene["limits"]})
    elif method == "thread/start":
        threads += 1
        say(id=number, result={"thread": {"id": f"thread-{threads}"}, "instructionSources": scene["sources"]})
    elif method == "turn/start":
        thread = params["threadId"]; turn = thread.replace("thread", "turn")
        say(method="turn/started", params={"threadId": thread, "turn": {"id": turn, "status": "inProgress"}})
        say(id=number, result={"turn": {"id": turn, "status": "inProgress"}})
        play(thread, turn)
        forgotten.update({thread} & set(scene["forgets"]))
    elif method == "turn/interrupt":
        say(id=number, result={})
        say(method="turn/completed", params={"threadId": params["threadId"],
            "turn": {"id": params["turnId"], "status": "interrupted"}})
    else:
        say(id=number, result=scene["results"].get(method, {}))
        for step in scene["after"].get(method, []):
            say(**step)
"""


class _Line(msgspec.Struct):
    """What the program noted: how it was run, or a message that came."""

    run: list[str] = []
    environ: list[str] = []
    method: str = ""
    id: int | str | None = None
    params: dict[str, object] | None = None
    result: object = None
    error: object = None


@dataclass
class Scene:
    """What the program says, and the folder where it is at home. `turns` are played one after another.

    `answers` are whole ones, or None for silence; `results` have `after` them what is said next.
    `before` is said before a method is answered, and `slow` ones are answered late.
    It `forgets` threads after their turn. `results_are` what is said when its tools' results are there.
    """

    home: Path
    turns: list[list[object]] = field(default_factory=list)
    answers: Mapping[str, object] = field(default_factory=dict)
    results: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, list[Said]] = field(default_factory=dict)
    before: Mapping[str, list[Said]] = field(default_factory=dict)
    slow: list[str] = field(default_factory=list)
    forgets: list[str] = field(default_factory=list)
    results_are: list[object] = field(default_factory=list)
    config: Said = field(default_factory=dict)
    limits: Said = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    version: str = "codex-cli 0.169.0"
    models: str = json.dumps(CATALOGUE)
    schema: str | None = field(default_factory=SCHEMA.read_text)
    online: bool = True
    dies: bool = False

    @property
    def program(self) -> Path:
        """Return where the program is."""
        return self.home / "codex"

    def place(self) -> None:
        """Put the program and its scene where they are found."""
        self.program.write_text(_PROGRAM.replace("PYTHON", sys.executable))
        self.program.chmod(0o755)
        told = {name: value for name, value in vars(self).items() if name != "home"}
        (self.home / "scene.json").write_text(json.dumps(told))

    def asked(self, method: str) -> list[Said]:
        """Return what the app server was asked by this method."""
        return [line.params or {} for line in self._log() if line.method == method]

    def methods(self) -> list[str]:
        """Return what the app server was asked, in order."""
        return [line.method for line in self._log() if line.method]

    def answered(self) -> list[tuple[object, object]]:
        """Return the ids of what it asked itself, and how that was answered."""
        return [
            (line.id, line.result or line.error) for line in self._log() if not line.method and not line.run
        ]

    def runs(self) -> list[list[str]]:
        """Return the arguments of each time that it was run."""
        return [line.run for line in self._log() if line.run]

    def environ(self) -> frozenset[str]:
        """Return the names of the variables that it was given."""
        return frozenset(name for line in self._log() for name in line.environ)

    def _log(self) -> list[_Line]:
        log = self.home / "asked.jsonl"
        return (
            [msgspec.json.decode(line, type=_Line) for line in log.read_bytes().splitlines()]
            if log.exists()
            else []
        )


def _notice(method: str, **params: object) -> Said:
    return {"method": method, "params": {"threadId": "THREAD", "turnId": "TURN", **params}}


def delta(text: str, item: str = "msg_1") -> Said:
    """Return more of a text."""
    return _notice("item/agentMessage/delta", itemId=item, delta=text)


def thought(text: str, item: str = "rs_1", part: int = 0) -> Said:
    """Return more of a summary of thinking."""
    return _notice("item/reasoning/summaryTextDelta", itemId=item, delta=text, summaryIndex=part)


def call(call_id: str, tool: str, arguments: object) -> Said:
    """Return the request to run a tool of the client's."""
    return {**_notice("item/tool/call", callId=call_id, tool=tool, arguments=arguments), "id": call_id}


def raw(turn: str = "TURN", **item: object) -> Said:
    """Return an item of the Responses API."""
    return {
        "method": "rawResponseItem/completed",
        "params": {"threadId": "THREAD", "turnId": turn, "item": item},
    }


def _breakdown(tokens: int) -> Said:
    return {
        "inputTokens": tokens,
        "cachedInputTokens": 8,
        "cacheWriteInputTokens": 2,
        "outputTokens": 12,
        "reasoningOutputTokens": 3,
    }


def raw_end(tokens: int = 40) -> Said:
    """Return the end of what the model says, before its tools are called."""
    return _notice("rawResponse/completed", responseId="r", usage=_breakdown(tokens))


def used(tokens: int = 40) -> Said:
    """Return what the thread has used."""
    return _notice("thread/tokenUsage/updated", tokenUsage={"total": _breakdown(tokens), "last": {}})


def completed(status: str = "completed", failure: object = None) -> Said:
    """Return the end of the turn."""
    return _notice("turn/completed", turn={"id": "TURN", "items": [], "status": status, "error": failure})


def error(info: object, *, retries: bool = False, message: str = "", details: str | None = None) -> Said:
    """Return the notice of an error."""
    told = {"message": message, "codexErrorInfo": info, "additionalDetails": details}
    return _notice("error", error=told, willRetry=retries)
