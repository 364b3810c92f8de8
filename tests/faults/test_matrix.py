"""One name for three upstreams of different dialects: it answers while any of them lives.

Every fault, with one or two of the three broken, in an order that the seed draws, for clients of every
dialect, whole and streamed.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import combinations
from random import Random

import pytest

from faults.asking import DIALECTS, Asking
from faults.proxy import FaultProxy, drawn
from faults.stage import Stage, Start, Targets, seed
from gateway_process import GatewayProcess
from rawhttp import Reply
from scripted import Close, Hang, Received, Reset, Script, ScriptedUpstream, Send, chat, faults
from scripted.wording import head, response, stream_head
from upstream_answers import UPSTREAMS

_KINDS = ("chat", "messages", "gemini")
_JSON = ("content-type", "application/json")


def _answering(status: int, fields: Sequence[tuple[str, str]] = ()) -> Callable[[str], Script]:
    """Answer with an error in the upstream's own dialect."""
    return lambda kind: (Send(response(status, UPSTREAMS[kind].error(f"scripted {status}"), fields)),)


def _same(script: Script) -> Callable[[str], Script]:
    return lambda kind: script


BROKEN: dict[str, Callable[[str], Script]] = {
    "silent": _same((Hang(),)),
    "closed": _same((Close(),)),
    "reset": _same((Reset(),)),
    "half-a-head": _same((Send(b"HTTP/1.1 200 OK\r\ncontent-type: appl"), Reset())),
    "not-http": _same(faults.BROKEN_ANSWERS["not HTTP"]),
    "two-lengths": _same(faults.BROKEN_ANSWERS["content-length twice, differing"]),
    "two-framings": _same(faults.BROKEN_ANSWERS["transfer-encoding and content-length"]),
    "header-flood": _same(faults.BROKEN_ANSWERS["header flood"]),
    "switching": _same(faults.BROKEN_ANSWERS["switching protocols unasked"]),
    "redirect": _same(faults.redirect("/elsewhere")),
    "401": _answering(401),
    "402": _answering(402),
    "403": _answering(403),
    "404": _answering(404),
    "429": _answering(429),
    "429-later": _answering(429, (("retry-after", "3600"),)),
    "429-quota": _same((Send(response(429, chat.error("no money", "insufficient_quota"))),)),
    "500": _answering(500),
    "502": _answering(502),
    "503": _answering(503),
    "529": _same(faults.overloaded()),
    "no-body": _same((Send(head(200, (_JSON, ("content-length", "99")))), Close())),
    "no-stream": _same((Send(stream_head()), Reset())),
    "bad-chunk": _same(faults.BROKEN_ANSWERS["chunk size not a number"]),
    "not-gzip": _same(faults.BROKEN_ANSWERS["gzip that is not gzip"]),
    "page": _same(faults.failing(502, html=True)),
}
"""What an upstream does instead of answering, by name; `refused` is one that is not there."""

NAMES = ("refused", *BROKEN)


def _responder(kind: str) -> Callable[[Received, Sequence[str]], Script | None]:
    """Break as the first segment of the path says; without one answer as the dialect does."""

    def respond(request: Received, names: Sequence[str]) -> Script | None:
        fault = request.target.split("/")[1].removeprefix("fault-")
        if request.method == "POST" and fault in BROKEN:
            return BROKEN[fault](kind)
        return UPSTREAMS[kind].responder(request, names)

    return respond


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, ScriptedUpstream]]:
    with ExitStack() as stack:
        yield {kind: stack.enter_context(ScriptedUpstream(("m",), (_responder(kind),))) for kind in _KINDS}


@pytest.fixture(scope="module")
def stage(
    upstreams: dict[str, ScriptedUpstream], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Start a gateway that knows every upstream once in order and once with every fault."""
    targets = Targets()
    with socket.socket() as nobody, ExitStack() as stack:
        nobody.bind(("127.0.0.1", 0))
        for kind, upstream in upstreams.items():
            targets.add(f"{kind}-good", upstream.url, kind)
            targets.add(f"{kind}-refused", f"http://127.0.0.1:{nobody.getsockname()[1]}", kind)
            for name in BROKEN:
                targets.add(f"{kind}-{name}", f"{upstream.url}/fault-{name}", kind)
        for name in NAMES:
            for number, broken in enumerate(_broken_sets()):
                steps = [f"{kind}-{name if kind in broken else 'good'}/m" for kind in _KINDS]
                Random(f"{seed()}/{name}/{number}").shuffle(steps)
                targets.alias(f"{name}-{number}", *steps)
        config = targets.configuration(upstream="first_byte_timeout = 0.5\nconnect_timeout = 0.5")
        home = tmp_path_factory.mktemp("matrix")
        yield Stage(stack.enter_context(GatewayProcess(home, config)), targets)


def _broken_sets() -> list[tuple[str, ...]]:
    return [broken for count in (1, 2) for broken in combinations(_KINDS, count)]


@pytest.mark.parametrize("name", NAMES)
def test_an_alias_answers_while_any_of_its_targets_lives(
    stage: Stage, upstreams: dict[str, ScriptedUpstream], name: str
) -> None:
    cases = [
        Asking(dialect, f"{name}-{number}", stream)
        for number in range(len(_broken_sets()))
        for dialect in DIALECTS
        for stream in (False, True)
    ]

    def answered(asking: Asking) -> str:
        reply = stage.ask(asking.model, asking.dialect, stream=asking.stream)
        said = asking.text(reply).strip()
        good = asking.ends_well(reply) and said == chat.TEXT
        by = str(reply.header("x-llm-gateway-provider"))
        return (
            "" if good and by.endswith("-good") else f"{asking}: {reply.status} by {by}: {reply.body[:200]!r}"
        )

    with ThreadPoolExecutor(20) as pool:
        wrong = list(filter(None, pool.map(answered, cases)))
    assert not wrong, f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong)


def test_every_dialect_says_the_same(upstreams: dict[str, ScriptedUpstream]) -> None:
    assert {UPSTREAMS[kind].text for kind in upstreams} == {chat.TEXT}


# what chance does


Carried = tuple[list[Asking], list[Reply], Stage]


@pytest.fixture
def carry(
    start: Start, upstreams: dict[str, ScriptedUpstream], random: Random, full: bool
) -> Iterator[Callable[[str, bool], Carried]]:
    """Return a way to ask every upstream through a proxy that plays a plan by chance for each connection."""
    rounds = 100 if full else 6
    with ExitStack() as stack:

        def ask(client: str, corrupting: bool) -> Carried:
            targets = Targets()
            for kind, upstream in upstreams.items():
                proxy = stack.enter_context(FaultProxy(upstream.port))
                targets.add(kind, proxy.url, kind)
                proxy.queue(*[drawn(random, 900, corrupting=corrupting) for _ in range(2 * rounds + 1)])
            patience = "first_byte_timeout = 1.0\nidle_timeout = 1.0\nmax_idle_connections = 0"
            stage = start(targets, upstream=patience)
            cases = [
                Asking(client, f"{kind}/m", stream)
                for kind in _KINDS
                for stream in (False, True)
                for _ in range(rounds)
            ]
            with ThreadPoolExecutor(24) as pool:
                replies = list(
                    pool.map(lambda each: stage.ask(each.model, client, stream=each.stream), cases)
                )
            return cases, replies, stage

        yield ask


@pytest.mark.parametrize("client", DIALECTS)
def test_however_a_connection_fails_an_answer_is_right_or_an_error(
    carry: Callable[[str, bool], Carried], client: str
) -> None:
    cases, replies, stage = carry(client, False)
    for asking, reply in zip(cases, replies, strict=True):
        if asking.ends_well(reply):
            assert asking.text(reply).strip() == chat.TEXT
        else:
            assert reply.status >= 500 or asking.error(reply), (asking, reply.body[-300:])
    assert len(cases) // 5 < sum(map(Asking.ends_well, cases, replies)) < len(cases)
    for reply in replies[-10:]:
        assert stage.row(reply)["status"] in ("ok", "error", "truncated")


@pytest.mark.parametrize("client", DIALECTS)
def test_whatever_is_corrupted_every_answer_ends(carry: Callable[[str, bool], Carried], client: str) -> None:
    """What was said may be wrong then, and nobody can know; nothing hangs, breaks or goes unaccounted."""
    _, replies, stage = carry(client, True)
    assert all(reply.whole for reply in replies)
    assert stage.gateway.alive and "Traceback" not in stage.gateway.stderr()
    for reply in replies[-10:]:
        assert stage.row(reply)["status"] in ("ok", "error", "truncated")
