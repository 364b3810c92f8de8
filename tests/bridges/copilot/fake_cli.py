"""A small program that speaks as the Copilot CLI's server does, and what it was asked. Nobody's real one.

Shapes are those of version 1.0.102, trimmed. What it does is in `scene.json` of its HOME.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["IDLE", "PROMPTED", "Scene", "message", "piece", "request", "used"]

Told = tuple[str, Mapping[str, object]]

IDLE: Told = ("session.idle", {"mode": "interactive"})

PROMPTED = "session.send"

_PROGRAM = """#!PYTHON
import json, os, sys, time
home = os.environ["HOME"]
scene = json.load(open(home + "/scene.json"))
log = open(home + "/asked.jsonl", "a")
def note(**what):
    log.write(json.dumps(what) + "\\n"); log.flush()
note(argv=sys.argv[1:], environ=sorted(os.environ), cwd=os.getcwd())
def say(message):
    data = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n" % len(data) + data); sys.stdout.buffer.flush()
def hear():
    length = 0
    while True:
        line = sys.stdin.buffer.readline()
        if not line:
            sys.exit(0)
        name, _, value = line.strip().partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        elif not name:
            return json.loads(sys.stdin.buffer.read(length))
if sys.argv[1] == "login":
    for line in scene["printed"]:
        print(line, flush=True)
    sys.exit(scene["status"])
say({"method": "session.lifecycle", "params": {"type": "session.created"}})
RESULTS = {
    "connect": {"ok": True, "protocolVersion": scene["protocol"], "version": "1.0.102"},
    "auth.getStatus": {"isAuthenticated": scene["login"], "login": "octocat"},
    "account.getCurrentAuth": {"authInfo": {"type": "user", "login": "octocat",
        "copilotUser": {"login": "octocat", "copilot_plan": "individual"}}} if scene["login"] else {},
    "account.getQuota": {"quotaSnapshots": scene["quota"]},
    "models.list": {"models": scene["models"]},
}
def event(session, kind, data):
    told = {"type": kind, "data": data, "id": "e", "timestamp": "t", "parentId": None}
    say({"method": "session.event", "params": {"sessionId": session, "event": told}})
turns = list(scene["turns"])
asked = 0
while True:
    message = hear()
    note(**{key: message.get(key) for key in ("method", "params", "result", "error")})
    method, params, own = message.get("method"), message.get("params") or {}, message.get("id")
    if method is None:
        continue
    if method in scene["silent"]:
        continue
    if method in scene["refused"]:
        say({"id": own, "error": {"code": -32603, "message": scene["refused"][method]}})
        continue
    if method == "auth.getStatus" and scene["login"] == "after":
        RESULTS[method] = {"isAuthenticated": os.path.exists(home + "/token")}
    say({"id": own, "result": RESULTS.get(method)})
    session = params.get("sessionId")
    if method == "session.resume":
        asked += 1
        say({"id": asked, "method": "sessionFs.readFile",
             "params": {"sessionId": session, "path": "/state/events.jsonl"}})
    goes_on = method == "session.tools.handlePendingToolCall" and params["requestId"] in scene["last"]
    if method == "session.send" or goes_on:
        for kind, data in turns.pop(0) if turns else ():
            if kind == "ask":
                asked += 1
                wanted = {"sessionId": session, **data["params"]}
                say({"id": asked, "method": data["method"], "params": wanted})
            elif kind == "end":
                sys.exit(1)
            else:
                event(session, kind, data)
"""


def piece(text: str, message_id: str = "m1") -> Told:
    """Return more of an answer's text."""
    return "assistant.message_delta", {"messageId": message_id, "deltaContent": text}


def message(text: str, *calls: tuple[str, str], message_id: str = "m1") -> Told:
    """Return an answer that is complete; `calls` are ids and names."""
    asked = [
        {"toolCallId": call, "name": name, "arguments": {"a": 1}, "type": "function"} for call, name in calls
    ]
    return "assistant.message", {"messageId": message_id, "content": text, "toolRequests": asked}


def request(call_id: str) -> Told:
    """Return that a call waits for its result; the request's name is made of the call's."""
    return "external_tool.requested", {"requestId": f"r-{call_id}", "toolCallId": call_id, "toolName": "look"}


def used(finish: str = "stop") -> Told:
    """Return what a call of the model used."""
    told = {"inputTokens": 40, "outputTokens": 12, "cacheReadTokens": 8, "cacheWriteTokens": 20}
    return "assistant.usage", {"model": "m", **told, "reasoningTokens": 2, "finishReason": finish}


class Scene:
    """What the program does, and its HOME."""

    def __init__(self, home: Path, *turns: Sequence[Told]) -> None:
        self.home = home
        self.told: dict[str, object] = {
            "login": True,
            "protocol": 3,
            "models": [],
            "quota": {},
            "silent": [],
            "refused": {},
            "last": [],
            "turns": turns,
            "printed": [],
            "status": 0,
        }
        self.program = home / "copilot"
        home.mkdir(parents=True, exist_ok=True)
        self.program.write_text(_PROGRAM.replace("PYTHON", sys.executable), encoding="utf-8")
        self.program.chmod(0o755)

    def environ(self, **changes: object) -> dict[str, str]:
        """Return the environment in which it does that; `changes` are of what it does."""
        self.told |= changes
        (self.home / "scene.json").write_text(json.dumps(self.told), encoding="utf-8")
        return {"HOME": str(self.home), "PATH": os.pathsep.join((str(self.home), os.environ["PATH"]))}

    def asked(self, method: str = "") -> list[dict[str, object]]:
        """Return the parameters of what it was asked by this name; without one, all that it took note of."""
        lines = (self.home / "asked.jsonl").read_text(encoding="utf-8").splitlines()
        noted = [json.loads(line) for line in lines]
        return [each["params"] for each in noted if each.get("method") == method] if method else noted
