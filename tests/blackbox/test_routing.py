"""From the outside: what `explain` says of a request is what the ledger says became of it.

The fleet is scripted and changes its state all the time: it answers, fails, and asks to be left alone.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from gateway_process import TOKEN, GatewayProcess, configuration
from rawhttp import RawClient, Reply, request
from scripted import Script, ScriptedUpstream, chat, faults

SEED, REQUESTS = 4, 1000
MODELS = ("m1", "m2", "m3", "m4")
# Every provider is the same upstream; what it answers goes by the model.
PROVIDER = """
[[providers]]
name = "{name}"
base_url = "{url}"
dialects = ["chat"]
models = ["{model}"]
subscription = {subscription}
"""
ALIASES = """
[routing]
retries = 0

[aliases]
list = ["p1/m1", "p2/m2", "p3/m3"]

[aliases.subscribed]
prefer = "subscription"
targets = ["p1/m1", "p2/m2", { target = "p3/m3", tools = false }, { target = "p4/m4", images = false }]

[aliases.drawn]
targets = [
  { target = "p1/m1", weight = 3 },
  { target = "p2/m2", weight = 1, max_input_tokens = 400 },
  { target = "p4/m4", weight = 1, dialects = ["chat"] },
  "p3/m3",
]

[aliases.quick]
prefer = "fastest"
sticky = false
targets = ["p1/m1", "p2/m2", "p3/m3"]
"""
STATES: tuple[Script, ...] = (
    faults.failing(500),
    faults.failing(503, retry_after="1"),
    faults.failing(429, retry_after="1"),
)
LEFT = re.compile(r"for (\d+\.\d) s more")


@pytest.fixture
def fleet(tmp_path: Path, upstream: ScriptedUpstream) -> Iterator[GatewayProcess]:
    """Start a gateway with four providers and four aliases over them."""
    providers = [
        PROVIDER.format(name=f"p{n}", url=upstream.url, model=f"m{n}", subscription=str(n == 3).lower())
        for n in range(1, 5)
    ]
    config = configuration(upstream.url, models=["other"], more="".join(providers) + ALIASES)
    with GatewayProcess(tmp_path, config) as gateway:
        yield gateway


class Asked:
    """One random request: as it is sent, and as it is explained."""

    def __init__(self, chances: random.Random) -> None:
        self.alias = chances.choice(("list", "subscribed", "drawn", "quick"))
        self.session = f"conversation {chances.randrange(40)}"
        self.tools, self.images = chances.random() < 0.4, chances.random() < 0.4
        self.long = chances.random() < 0.4
        content: list[object] = [{"type": "text", "text": "word " * (2000 if self.long else 10)}]
        if self.images:
            content.append({"type": "image_url", "image_url": {"url": "https://pictures.test/1.png"}})
        fields: dict[str, object] = {"messages": [{"role": "user", "content": content}]}
        if self.tools:
            fields["tools"] = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
        self.body = json.dumps({"model": self.alias, "stream": chances.random() < 0.3, **fields}).encode()

    @property
    def query(self) -> str:
        """Return what is to be explained."""
        told = {"model": self.alias, "session": self.session, "input_tokens": len(self.body) // 4}
        return urlencode({**told, "tools": int(self.tools), "images": int(self.images)})


class Client:
    """One connection to the gateway."""

    def __init__(self, gateway: GatewayProcess, client: RawClient) -> None:
        self._gateway = gateway
        self._client = client

    def json(self, path: str) -> dict[str, object]:
        self._client.send(request("GET", f"/api/dashboard/{path}", key=TOKEN))
        reply = self._client.read_reply()
        assert reply.status == 200, reply
        return reply.json()

    def ask(self, asked: Asked) -> Reply:
        headers = [("session-id", asked.session)]
        key = self._gateway.key
        self._client.send(request("POST", "/v1/chat/completions", body=asked.body, key=key, headers=headers))
        return self._client.read_reply()


def order(explained: dict[str, object]) -> list[str]:
    targets = explained["targets"]
    assert isinstance(targets, list)
    asked = [each for each in targets if each["order"] is not None]
    return [str(each["provider"]) for each in sorted(asked, key=lambda each: int(each["order"]))]


def is_about_to_change(explained: dict[str, object]) -> bool:
    """Whether somebody's rest ends so soon that the request may see it otherwise."""
    return any(float(seconds) < 0.1 for seconds in LEFT.findall(json.dumps(explained)))


def compare(client: Client, asked: Asked, seen: Counter[str]) -> bool:
    """Explain a request, ask it, and compare; False where time may have changed what was explained."""
    explained = client.json(f"explain?{asked.query}")
    reply = client.ask(asked)
    if is_about_to_change(explained):
        return False
    attempts = client.json(f"requests/{reply.header('x-llm-gateway-request-id')}")["attempts"]
    assert isinstance(attempts, list)
    names = [str(each["provider"]) for each in attempts]
    assert names == order(explained)[: len(names)], (asked.query, explained, attempts)
    assert bool(names) is not bool(explained["refused"]), (explained, attempts)
    seen.update(str(each["why"]) for each in attempts)
    seen[f"status {reply.status}"] += 1
    return True


def test_a_thousand_explanations_agree_with_the_ledger(
    fleet: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    chances = random.Random(SEED)
    seen: Counter[str] = Counter()
    compared = number = 0
    with fleet.client() as connection:
        client = Client(fleet, connection)
        while compared < REQUESTS:
            number += 1
            assert number < 2 * REQUESTS, "rests end all the time"
            if number % 10 == 0:
                model = chances.choice(MODELS)
                fails = chances.random() < 0.4
                upstream.on(model, chances.choice(STATES) if fails else chat.plain(model))
            compared += compare(client, Asked(chances), seen)
    told = " ".join(seen)
    for reason in (
        "answered this conversation last",
        "weight 3 of",
        "a subscription pays",
        "answers begin after",
    ):
        assert reason in told, seen
    assert seen["status 200"] > REQUESTS / 10 and seen["status 429"] and seen["status 500"], seen
