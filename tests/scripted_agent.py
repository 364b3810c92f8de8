"""An agent that speaks the Agent Client Protocol and says what it is told to: a program, for tests.

It plays a subscription's program: `play TAG COUNT PAUSE_MS SIZE` in a prompt makes it say COUNT pieces, each
`TAG-number ` and SIZE letters more. Into the file of its one argument goes a line for a prompt as it comes,
and one as it ends. Standard library only, and of the protocol (agentclientprotocol.com) only what every agent
has: initialize, session/new, session/prompt, session/cancel. Started with `-S -E` it is there at once.
"""

import itertools
import json
import re
import sys
import threading

__all__ = ["PLAY", "Agent", "asks", "says"]

PLAY = re.compile(r"play (\S+) (\d+) (\d+) (\d+)")
_UNKNOWN = -32601


def asks(tag: str, count: int = 3, pause_ms: int = 0, size: int = 0) -> str:
    """Return the words that make it say so many pieces."""
    return f"play {tag} {count} {pause_ms} {size}"


def says(tag: str, count: int = 3, size: int = 0) -> str:
    """Return all that it says then."""
    return "".join(_piece(tag, number, size) for number in range(count))


def _piece(tag: str, number: int, size: int) -> str:
    return f"{tag}-{number} {'x' * size}"


class Agent:
    """The program. Prompts are answered side by side, each in a thread of its own."""

    def __init__(self, record: str) -> None:
        self._record = record
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._cancelled: dict[str, threading.Event] = {}

    def run(self) -> None:
        """Answer until nobody asks any more."""
        for line in sys.stdin:
            message = json.loads(line)
            number = message.get("id")
            params = message.get("params") or {}
            match message.get("method"):
                case "initialize":
                    capable = {"loadSession": False, "promptCapabilities": {}}
                    answer = {"protocolVersion": 1, "agentCapabilities": capable, "authMethods": []}
                    self._say({"id": number, "result": answer})
                case "session/new":
                    session = f"session-{next(self._numbers)}"
                    self._cancelled[session] = threading.Event()
                    self._say({"id": number, "result": {"sessionId": session}})
                case "session/prompt":
                    threading.Thread(target=self._prompt, args=(number, params), daemon=True).start()
                case "session/cancel":
                    self._cancelled[params["sessionId"]].set()
                case str() as method if number is not None:
                    self._say({"id": number, "error": {"code": _UNKNOWN, "message": f"no {method} here"}})

    def _prompt(self, number: object, params: dict[str, object]) -> None:
        session = str(params["sessionId"])
        cancelled = self._cancelled[session]
        cancelled.clear()
        tag, count, pause_ms, size = PLAY.findall(json.dumps(params["prompt"]))[-1]
        self._note(f"begin {tag}")
        reason = "end_turn"
        for at in range(int(count)):
            content = {"type": "text", "text": _piece(tag, at, int(size))}
            update = {"sessionUpdate": "agent_message_chunk", "content": content}
            self._say({"method": "session/update", "params": {"sessionId": session, "update": update}})
            if cancelled.wait(int(pause_ms) / 1000):
                reason = "cancelled"
                break
        self._note(f"{reason} {tag}")
        self._say({"id": number, "result": {"stopReason": reason}})

    def _say(self, message: dict[str, object]) -> None:
        line = json.dumps({"jsonrpc": "2.0", **message})
        with self._lock:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    def _note(self, line: str) -> None:
        with self._lock, open(self._record, "a", encoding="utf-8") as record:
            record.write(f"{line}\n")


if __name__ == "__main__":
    Agent(sys.argv[1]).run()
