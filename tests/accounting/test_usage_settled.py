"""Every recorded answer through the gateway as a person would start it: the ledger's row has the figure.

Asked in the provider's own dialect and in another one, so that nothing of a count is lost on either way, and
priced at prices by which every class of tokens can be told from every other.
"""

import sqlite3
from collections.abc import Iterator

import msgspec
import pytest

from faults.asking import Asking
from gateway_process import GatewayProcess
from llm_gateway.canonical.usage import Special, Usage
from rawhttp import Reply
from recorded import BY_DIALECT, FORWARDED, Case, cost
from scripted import Close, Script, ScriptedUpstream, Send
from scripted.wording import LAST_CHUNK, chunk, head, response

ANOTHER = {
    "chat": "messages",
    "responses": "chat",
    "messages": "chat",
    "gemini": "responses",
    "ollama": "gemini",
}
"""A dialect of a client for each of a provider: not its own."""

# Names of vendors that are to be paid; one that nobody knows, on loopback, is somebody's own.
NAMES = {
    "chat": "openai",
    "responses": "xai",
    "messages": "anthropic",
    "gemini": "gemini",
    "ollama": "nvidia",
}

PRICES = """
input = 1
output = 10
cache_read = 0.1
cache_write = 1.25
cache_write_1h = 2
audio_in = 5
audio_out = 20
search = 10
batch = 0.5
flex = 1
priority = 1
"""
_COLUMNS = (
    "outcome, uncached, cache_read, cache_write, output, reasoning, estimated, cache_write_1h, special, "
    "tier, counted, cost_nano"
)
ALL = [
    (dialect, client, case)
    for dialect, cases in BY_DIALECT.items()
    for client in (dialect, ANOTHER[dialect])
    for case in cases
]
IDS = [f"{dialect}-for-{client}-{case.name}" for dialect, client, case in ALL]


class Row(msgspec.Struct, frozen=True):
    """What the ledger says of a turn."""

    outcome: str
    usage: Usage | None
    tier: str
    counted: str
    cost: int | None


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream(("m",)) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gateway(upstream: ScriptedUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Start a gateway with a provider for each dialect."""
    rows = ['[server]\ndefault_provider = "openai"\n']
    for dialect, name in NAMES.items():
        rows.append(
            f'[[providers]]\nname = "{name}"\nbase_url = "{upstream.url}"\ndialects = ["{dialect}"]\n'
            f'api_key_env = "SCRIPTED_API_KEY"\nmodels = ["m"]\n'
        )
        rows.append(f'[[prices.models]]\nmodel = "{name}/*"\n{PRICES}')
    rows.append("[routing]\nretries = 0\nlongest_cool_down = 0")
    with GatewayProcess(tmp_path_factory.mktemp("settled"), "\n".join(rows)) as gateway:
        yield gateway


def script(case: Case, kind: str) -> Script:
    """Return how a provider answers; one whose answer breaks off closes its connection."""
    if not case.stream:
        return (Send(response(200, case.body)),)
    stream = head(200, (("content-type", kind), ("transfer-encoding", "chunked"))) + chunk(case.body)
    return (Send(stream + LAST_CHUNK),) if case.whole else (Send(stream), Close())


def settled(gateway: GatewayProcess, reply: Reply) -> Row:
    """Return the row of a request, read from the database itself."""
    request_id = reply.header("x-llm-gateway-request-id")
    gateway.row(request_id)  # which waits until it is there
    with sqlite3.connect(f"file:{gateway.database}?mode=ro", uri=True) as database:
        (row,) = database.execute(f"SELECT {_COLUMNS} FROM turns WHERE id = ?", (request_id,)).fetchall()
    outcome, uncached, read, write, output, reasoning, estimated, kept_1h, told, tier, counted, nano = row
    usage = None
    if uncached is not None:
        special = msgspec.json.decode(told, type=Special) if told else None
        usage = Usage(uncached, read, write, output, reasoning, bool(estimated), kept_1h or 0, special)
    return Row(outcome, usage, tier or "", counted or "", nano)


def asked(gateway: GatewayProcess, asking: Asking) -> Reply:
    with gateway.client() as client:
        client.send(asking.request(gateway.key))
        return client.read_reply()


@pytest.mark.parametrize(("dialect", "client", "case"), ALL, ids=IDS)
def test_the_row_has_the_figure(
    dialect: str, client: str, case: Case, upstream: ScriptedUpstream, gateway: GatewayProcess
) -> None:
    kind = "application/x-ndjson" if dialect == "ollama" else "text/event-stream"
    upstream.queue(script(case, kind))
    row = settled(gateway, asked(gateway, Asking(client, f"{NAMES[dialect]}/m", case.stream)))
    assert row.outcome == ("ok" if case.whole else "truncated")
    assert row.usage is not None
    if case.usage is None:  # nobody counted: an estimate, which says that it is one
        assert row.usage.estimated
        assert row.counted != "provider"
        return
    assert row.tier == case.tier
    if case.whole:
        assert row.usage == case.usage
        assert row.counted == "provider"
    else:  # what came after the last count is added to it, marked
        assert row.usage.output >= case.usage.output
        counted = msgspec.structs.replace(row.usage, output=case.usage.output, estimated=False)
        assert counted == case.usage
    if case.tier in ("", "flex", "priority"):
        assert row.cost == cost(row.usage)
    if case.tier == "batch":
        assert row.cost == cost(row.usage) // 2


@pytest.mark.parametrize("case", FORWARDED, ids=lambda case: case.name)
def test_the_row_of_what_is_passed_on_has_the_figure(
    case: Case, upstream: ScriptedUpstream, gateway: GatewayProcess
) -> None:
    upstream.queue(script(case, "text/event-stream"))
    row = settled(gateway, gateway.post(f"/v1/{case.operation}", b'{"model": "openai/m"}'))
    assert (row.outcome, row.usage) == ("ok", case.usage)
    if case.usage is not None:
        assert (row.tier, row.cost) == (case.tier, cost(case.usage))


BATCH = Usage(1000, 1000, 0, 300)  # 2000 went in, 1000 of them from a cache
RESULT = {"input_tokens": 10, "cache_read_input_tokens": 100, "output_tokens": 7, "service_tier": "batch"}
RESULTS = (
    b"".join(
        msgspec.json.encode(
            {
                "custom_id": f"{number}",
                "result": {"type": "succeeded", "message": {"id": "msg", "model": "m", "usage": RESULT}},
            }
        )
        + b"\n"
        for number in range(3)
    )
    + b'{"custom_id":"3","result":{"type":"errored","error":{"type":"invalid_request"}}}\n'
)
EACH = 10 * 1_000 + 100 * 100 + 7 * 10_000


def looked_at(gateway: GatewayProcess, upstream: ScriptedUpstream, path: str, answer: Script) -> Row:
    upstream.on("", answer)
    return settled(gateway, gateway.get(path))


def test_what_a_batch_has_used_is_counted_by_one_look(
    upstream: ScriptedUpstream, gateway: GatewayProcess
) -> None:
    """It is told with every look, and would be billed with every look: the first that tells it counts."""
    (made,) = [case for case in FORWARDED if case.name == "batch-made"]
    running = (Send(response(200, made.body.replace(b'"completed"', b'"in_progress"'))),)
    over = (Send(response(200, made.body)),)
    rows = [looked_at(gateway, upstream, "/v1/batches/batch_1", each) for each in (running, over, over)]
    assert [row.usage for row in rows] == [None, BATCH, None]
    assert [row.outcome for row in rows] == ["ok"] * 3
    # Half of 1000 x 1000 + 1000 x 100 + 300 x 10000
    assert (rows[1].tier, rows[1].cost) == ("batch", 2_050_000)
    assert not rows[0].cost
    assert not rows[2].cost


def test_the_results_of_a_batch_are_counted_when_all_of_them_have_come(
    upstream: ScriptedUpstream, gateway: GatewayProcess
) -> None:
    kind = (("content-type", "application/x-jsonl"), ("transfer-encoding", "chunked"))
    broken = (Send(head(200, kind) + chunk(RESULTS[:300])), Close())
    whole = (Send(head(200, kind) + chunk(RESULTS[:300]) + chunk(RESULTS[300:]) + LAST_CHUNK),)
    path = "/v1/messages/batches/msgbatch_1/results"
    with pytest.raises(AssertionError, match="closed in the middle"):
        looked_at(gateway, upstream, path, broken)
    assert gateway.rows()[0]["tokens_in"] in (None, 0)
    rows = [looked_at(gateway, upstream, path, each) for each in (whole, whole)]
    assert [row.usage for row in rows] == [Usage(30, 300, 0, 21), None]
    assert [row.outcome for row in rows] == ["ok", "ok"]
    assert (rows[0].tier, rows[0].cost) == ("batch", 3 * EACH // 2)
