"""A client that works on a big file: the model that has it do so, and what of each request came and arrived.

The scripted model plays a list of steps, a call of one of the client's own tools each, and counts them by the
results that it is told. Nothing of what a turn is (`stage.py`) is here, and nothing that compresses.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from clients_e2e.rows import Client
from clients_e2e.running import Outcome, RefusingProxy, run
from clients_e2e.scripted_model import bytes_of
from clients_e2e.speech import SPEECHES, Call, Said
from clients_e2e.tap import Tap
from gateway_process import GatewayProcess
from scripted import Received, Script, ScriptedUpstream, Send

__all__ = ["FILE", "SAID", "Asked", "Step", "Work", "working"]

SAID = "The big file is changed."
_PROMPT = "Change the big file as you were told."
_HEAD = re.compile(rb"POST (\S+) HTTP/1\.1\r\n(.*?)\r\n\r\n", re.DOTALL)
_LENGTH = re.compile(rb"^content-length: *(\d+)\r?$", re.MULTILINE | re.IGNORECASE)
_SETTLED_S = 10.0

FILE = "".join(
    f"    total_{number} = weigh(rows[{number}], {number * 7919 % 1013}, until={number * 31 % 97})\n"
    for number in range(1, 401)
)
"""Four hundred lines, no two of them alike."""


@dataclass(frozen=True)
class Step:
    """A call of a tool; in its arguments `$file` is the big file."""

    tool: str
    given: Mapping[str, object] | str


@dataclass(frozen=True)
class Asked:
    """One request of the conversation: its body as the client sent it and as the provider got it."""

    sent: bytes
    received: bytes
    detail: Mapping[str, object]
    """What the ledger tells of it."""

    @property
    def id(self) -> str:
        """Return the gateway's id of it."""
        request = self.detail["request"]
        assert isinstance(request, dict)
        return str(request["id"])

    @property
    def compression(self) -> Mapping[str, object]:
        """Return what the ledger tells of its compression."""
        told = self.detail["compression"]
        assert isinstance(told, dict), self.detail
        return told


@dataclass
class _Model:
    """Answers with the next step, until there is none."""

    dialect: str
    steps: Sequence[Step] = ()
    file: str = ""
    answers: int = 0
    refused: list[str] = field(default_factory=list)

    def __call__(self, request: Received, names: Sequence[str]) -> Script | None:
        """Answer a request for the model."""
        if request.method != "POST":
            return None
        speech = SPEECHES[self.dialect]
        heard = speech.hear(request.target.partition("?")[0], request.json())
        if heard.refused:
            self.refused.append(heard.refused)
            return speech.refuse(400, heard.refused)
        self.answers += 1
        done = len(heard.results)
        thought = f"After {done} results." if heard.thinks else ""
        if not _is_work(request.body) or done >= len(self.steps):
            return self._with_id(speech.say(heard, Said(SAID, thought)))
        step = self.steps[done]
        tool = next((tool for tool in heard.tools if tool.name == step.tool), None)
        if tool is None:
            return speech.say(
                heard, Said(f"There is no {step.tool} among {[each.name for each in heard.tools]}")
            )
        given = json.loads(json.dumps(step.given).replace("$file", self.file))
        return self._with_id(speech.say(heard, Call(tool, given, f"call_{done}", thought)))

    def _with_id(self, script: Script) -> Script:
        """Return an answer with ids of its own: clients put together what has the same."""
        mark = b"_%03d" % self.answers
        return tuple(Send(bytes_of(step).replace(b"_e2e", mark)) for step in script)


@dataclass
class Work:
    """A gateway before the scripted model, and a client that works there."""

    client: Client
    home: Path
    gateway: GatewayProcess
    upstream: ScriptedUpstream
    model: _Model
    tap: Tap
    ways: tuple[str, RefusingProxy]

    @property
    def file(self) -> Path:
        """Return the big file."""
        return self.home / "project" / "big.py"

    def play(self, steps: Sequence[Step], *more: str) -> Outcome:
        """Have the client take the steps that it has not taken yet; its command may end with more words."""
        if not self.file.exists():
            self.file.parent.mkdir(parents=True)
            self.file.write_text(FILE)
        self.model.steps, self.model.file = steps, str(self.file)
        client = replace(self.client, command=(*self.client.command, *more))
        path, proxy = self.ways
        words = {"url": f"http://{self.tap.name}", "key": self.gateway.key, "prompt": _PROMPT}
        return run(client, self.home, words, path=path, proxy=proxy.url)

    def asked(self) -> list[Asked]:
        """Return the requests of the conversation so far."""
        received = [each.body for each in self.upstream.asked() if _is_work(each.body)]
        sent = [body for body in _bodies(self.tap.sent) if _is_work(body)]
        details = [self._detail(len(body)) for body in sent]
        return [Asked(*each) for each in zip(sent, received, details, strict=True)]

    def _detail(self, size: int) -> Mapping[str, object]:
        until = time.monotonic() + _SETTLED_S
        while time.monotonic() < until:
            for row in self.gateway.rows():
                detail = self.gateway.dashboard(f"requests/{row['id']}")
                if detail["request_bytes"] == size and row["status"] == "ok":
                    return detail
            time.sleep(0.05)
        raise AssertionError(f"no request of {size} bytes is in the ledger")


@contextmanager
def working(
    client: Client, home: Path, ways: tuple[str, RefusingProxy], configured: Callable[[str, str], str]
) -> Iterator[Work]:
    """Start a scripted model and a gateway before it; `configured` takes the model's URL and a host."""
    model = _Model(client.dialect)
    with (
        ScriptedUpstream([client.model], [model]) as upstream,
        Tap() as tap,
        GatewayProcess(home, configured(upstream.url, tap.name)) as gateway,
    ):
        tap.behind = gateway.port
        yield Work(client, home / "client", gateway, upstream, model, tap, ways)


def _is_work(body: bytes) -> bool:
    return _PROMPT.encode() in body and b'"tools"' in body


def _bodies(sent: bytes) -> Iterator[bytes]:
    for head in _HEAD.finditer(sent):
        length = _LENGTH.search(head[2])
        assert length is not None, head
        yield sent[head.end() : head.end() + int(length[1])]
