"""OTLP over HTTP: who may send what, what is answered in which encoding, and that nothing is kept twice."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from clients.otlp.told import CANARY, EXPORTS, event, in_json, in_protobuf, logs
from fakes import FakeClock
from ledger_samples import Failures
from llm_gateway.clients.otlp.batches import Signal, Value
from llm_gateway.clients.watching import Watching
from llm_gateway.errors import LedgerUnavailable
from llm_gateway.ledger.ledger import Ledger
from llm_gateway.ledger.sightings import Sighting, since
from llm_gateway.pipeline.authenticate import Credential, Identity, KeyRing
from llm_gateway.server.otlp_routes import Receive, Receiver, otlp_routes
from llm_gateway.telemetry.metrics import Metrics
from llm_gateway.vault import key_digest
from rawhttp import Reply
from server_stage import Door, home_files

PEPPER = b"p" * 32
KEY = "lgw_of-a-desk"
JSON = (b"content-type", b"application/json")
PROTOBUF = (b"content-type", b"application/x-protobuf")
MAX_BODY = 100_000
ACCEPTED = [("/v1/" + signal, signal, export) for signal, export in EXPORTS.values()]


def door(receive: Receive, max_body: int = MAX_BODY) -> Door:
    """Return an edge with the receiver's routes alone, and one key that was made for a machine."""
    ring = KeyRing(PEPPER, FakeClock())
    identity = Identity("key_1", "ada", machine="desk")
    ring.replace([Credential(identity, key_digest(PEPPER, KEY.encode()))])
    metrics = Metrics()
    return Door(*otlp_routes(Receiver(ring, FakeClock(), metrics, receive, max_body)), metrics=metrics)


def ask(body: bytes, *headers: tuple[bytes, bytes], path: str = "/v1/logs", token: str = KEY) -> Reply:
    """Return the answer to an export, having made sure that nothing is kept of one that is refused."""
    kept: list[Sighting] = []

    async def receive(sightings: Sequence[Sighting]) -> None:
        kept.extend(sightings)

    async def play() -> Reply:
        return await door(receive).ask(path, *headers, method="POST", token=token, body=body)

    reply = asyncio.run(play())
    assert reply.status == 200 or not kept
    return reply


@pytest.mark.parametrize(("path", "signal", "export"), ACCEPTED)
def test_an_export_is_accepted_in_its_own_encoding(path: str, signal: Signal, export: object) -> None:
    reply = ask(in_json(export), (JSON[0], b"application/json; charset=utf-8"), path=path)
    assert (reply.status, reply.header("content-type"), reply.json()) == (200, "application/json", {})
    reply = ask(in_protobuf(export, signal), PROTOBUF, path=path)
    assert (reply.status, reply.header("content-type")) == (200, "application/x-protobuf")
    assert ExportLogsServiceResponse.FromString(reply.body) == ExportLogsServiceResponse()
    zipped = gzip.compress(in_protobuf(export, signal))
    assert ask(zipped, PROTOBUF, (b"content-encoding", b"gzip"), path=f"/v1{path}").status == 200
    assert ask(b"{}", JSON, path="/v1/metrics").status == 200


@pytest.mark.parametrize(
    ("body", "headers", "token", "status", "code"),
    [
        (b"{", [JSON], KEY, 400, 3),
        (b"{}", [JSON, (b"content-encoding", b"gzip")], KEY, 400, 3),
        (b"{}", [JSON], "lgw_another", 401, 16),
        (b"{}", [JSON], "", 401, 16),
        (b" " * (MAX_BODY + 1), [JSON], KEY, 413, 8),
        (gzip.compress(b" " * (MAX_BODY + 1)), [JSON, (b"content-encoding", b"gzip")], KEY, 413, 8),
        (b"{}", [JSON, (b"content-encoding", b"lzma")], KEY, 415, 3),
        (b"{}", [(b"content-type", b"text/plain")], KEY, 415, 3),
        (b"{}", [], KEY, 415, 3),
    ],
)
def test_what_is_refused_says_why(
    body: bytes, headers: list[tuple[bytes, bytes]], token: str, status: int, code: int
) -> None:
    reply = ask(body, *headers, token=token)
    told = reply.json()
    assert (reply.status, told["code"]) == (status, code)
    assert len(str(told["message"])) > 20
    assert (reply.header("www-authenticate") == "Bearer") == (status == 401)


def test_a_refusal_in_protobuf_is_a_status() -> None:
    for body, token, code in ((b"\x07", KEY, 3), (b"", "", 16)):
        reply = ask(body, PROTOBUF, token=token)
        status = Status.FromString(reply.body)
        assert reply.header("content-type") == "application/x-protobuf"
        assert (status.code, len(status.message) > 20) == (code, True)


@pytest.mark.parametrize("name", [b"x-llm-gateway-key", b"x-api-key", b"api-key"])
def test_a_key_may_stand_where_exporters_can_put_it(name: bytes) -> None:
    assert ask(b"{}", JSON, (name, KEY.encode()), token="").status == 200


def test_only_posts_are_taken() -> None:
    async def receive(_: Sequence[Sighting]) -> None: ...

    reply = asyncio.run(door(receive).ask("/v1/logs", token=KEY))
    assert (reply.status, reply.header("allow")) == (405, "POST")


def test_a_ledger_that_takes_nothing_is_asked_again_later() -> None:
    async def receive(_: Sequence[Sighting]) -> None:
        raise LedgerUnavailable("the database takes nothing")

    async def play() -> tuple[Reply, Reply]:
        at = door(receive)
        full = await at.ask("/v1/logs", JSON, method="POST", token=KEY, body=in_json(EXPORTS["claude"][1]))
        return full, await at.ask("/v1/logs", JSON, method="POST", token=KEY, body=b"{}")

    full, empty = asyncio.run(play())
    assert (full.status, full.header("retry-after"), full.json()["code"]) == (503, "5", 14)
    assert empty.status == 200, "there was nothing to keep"


def test_refusals_are_counted() -> None:
    async def receive(_: Sequence[Sighting]) -> None: ...

    async def play() -> str:
        at = door(receive)
        await at.ask("/v1/logs", JSON, method="POST", token=KEY, body=b"{")
        return at.metrics.render().decode()

    assert 'llm_gateway_refused_total{kind="invalid_request"} 1' in asyncio.run(play())


Scene = Callable[[Ledger, Door], Awaitable[None]]


def kept(home: Path, scene: Scene) -> None:
    async def play() -> None:
        ledger = await Ledger.open(home, FakeClock(), on_failure=Failures())
        try:
            await scene(ledger, door(Watching(ledger, FakeClock(), "laptop", None).receive))
        finally:
            await ledger.close()

    asyncio.run(play())


def test_an_export_that_is_sent_again_is_kept_once_and_without_a_word(tmp_path: Path) -> None:
    async def scene(ledger: Ledger, at: Door) -> None:
        for again in (False, True):
            for path, signal, export in ACCEPTED:
                plain = await at.ask(path, JSON, method="POST", token=KEY, body=in_json(export))
                body = in_protobuf(export, signal)
                coded = await at.ask(path, PROTOBUF, method="POST", token=KEY, body=body)
                assert plain.status == coded.status == 200
                assert CANARY.encode() not in plain.body + coded.body
            found = await ledger.read(since, 0)
            assert len(found) == len(ACCEPTED), again
            assert {each.sighting.machine for each in found} == {"desk"}
        refused = await at.ask("/v1/logs", JSON, method="POST", token=KEY, body=in_json([CANARY]))
        assert refused.status == 400 and CANARY.encode() not in refused.body
        assert CANARY not in json.dumps(at.log_lines())

    kept(tmp_path, scene)
    assert CANARY.encode() not in home_files(tmp_path)


def test_a_large_export_is_read_whole(tmp_path: Path) -> None:
    told: dict[str, Value] = {
        "conversation.id": "c",
        "event.kind": "response.completed",
        "input_token_count": 1,
    }
    many = [event("codex.sse_event", told, 2 * 10**18 + number * 1000) for number in range(50)]

    async def scene(ledger: Ledger, at: Door) -> None:
        body = in_protobuf(logs("codex_exec", "", *many), "logs")
        reply = await at.ask("/v1/logs", PROTOBUF, method="POST", token=KEY, body=body)
        assert reply.status == 200
        assert len(await ledger.read(since, 0)) == 50

    kept(tmp_path, scene)
